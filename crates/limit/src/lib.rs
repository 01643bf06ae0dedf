//! Rate limits: GCRA as a pure decision, its policies, the answer's headers, and who is counted.
//!
//! The counting itself is done in Redis by `tg_limit` (`docs/redis.md`), with the same arithmetic and Redis' clock; this
//! crate checks policies and makes the numbers that it takes.

pub mod address;
pub mod away;
pub mod gcra;
pub mod header;
pub mod limits;
pub mod policy;
pub mod standing;

pub use away::Allowance;
pub use policy::{Policy, PolicyError, PolicyName};
pub use standing::{Standing, Verdict};
