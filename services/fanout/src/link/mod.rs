//! Redis: one connection that comes back by itself, and the commands that a node sends.

mod connection;
mod lookup;
mod start;

pub use connection::{Link, LinkError, flatten, strings, words};
pub use lookup::{Found, Refused, State, banned, look_up, positions, read_room, state};
pub use start::{Ground, prepare};
