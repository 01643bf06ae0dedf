//! A Redis in memory, with as much of it as the function library and its callers use. `tests/against_redis.rs` holds it
//! to a real one.

mod command;
mod hashes;
mod json;
mod lua;
mod reply;
mod sorted;
mod store;
mod stream;
mod streams;
mod texts;
mod value;

pub use lua::Library;
pub use reply::Answer;
pub use store::{Added, Fail, Store};
pub use stream::{Fields, Stream};
pub use value::Value;
