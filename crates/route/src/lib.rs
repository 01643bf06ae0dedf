//! Routing: which handler a method and a path call for.
//!
//! [`Router`] is a radix tree over any number of routes, [`Call`] the table of Tidegate's own. A path is refused before
//! it is looked up if it could mean two things ([`path`]). Then:
//!
//! - A route is looked up by path first: among those that fit, in each segment, the one that is written out wins over a
//!   parameter, and a parameter over a trailing wildcard. Only then is its method looked at.
//! - A trailing slash makes another path: where `/v1/rooms` is a route, `/v1/rooms/` is not found.
//! - What is written out in a route is compared byte for byte, case counts, and an escaped letter is not the letter:
//!   `/v1/%72ooms` is not found. Parameters are decoded after the route is found.
//! - A parameter is one segment, never empty. A trailing wildcard takes the rest, which may be empty.
//! - `HEAD` is answered by a route for `GET`. Every path that has a route answers `OPTIONS`.

pub mod call;
pub mod limits;
pub mod method;
pub mod path;
mod pattern;
mod router;
mod tree;

pub use call::{Call, Calls, RoomsCall, RouteError, Sanction};
pub use method::{Allow, Method};
pub use path::PathError;
pub use pattern::PatternError;
pub use router::{Found, Miss, Params, Router};
