//! Redis: one connection that comes back by itself, and the commands that a node sends.

mod address;
mod connection;
mod joins;
mod lookup;
mod start;

pub use address::Address;
pub use connection::{Link, LinkError, flatten, strings, words};
pub use joins::{Asking, Found, Refused, look_up};
pub use lookup::{State, banned, positions, read_room, state};
pub use start::{Ground, prepare};
