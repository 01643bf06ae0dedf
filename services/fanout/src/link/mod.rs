//! Redis: one connection that comes back by itself, and the commands that a node sends.

mod connection;
mod lookup;
mod start;

pub use connection::{Link, LinkError, flatten, strings, words};
pub use lookup::{Refused, banned, is_open, look_up, positions, read_room};
pub use start::{Ground, prepare};
