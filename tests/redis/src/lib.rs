//! A Redis of one's own for tests: a real `redis-server` on a free port, with a data folder that goes with it.
//!
//! It panics with the reason when something is missing, as a test does.

mod clock;
mod server;

pub use server::RedisServer;
