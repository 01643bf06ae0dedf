//! The relay's decisions: how one region's logs are copied into another, whatever breaks on the way. The rules are
//! `docs/redis.md`'s, under `tg_relay`.
//!
//! Pure: no Redis client, no clock. A shell asks a [`Pair`] what to read, what to send and what else to do, does it, and says
//! what came of it. Times are ms of any clock that does not go back; randomness is a number from outside.

mod backoff;
pub mod limits;
mod pair;
mod shard;
mod takeback;

pub use backoff::Backoff;
pub use pair::{Pair, ReadPlan};
pub use shard::{Effect, Refused, ShardRelay, Speed, Todo};
pub use takeback::{Step, TakeBack};
