//! Who is calling and what they may do: key sets, tokens, scopes, tickets. Edge and nodes decide with this one crate.
//!
//! Tokens are JWTs (RFC 7519) as compact JWSs (RFC 7515), checked along RFC 8725. Keys are JWK Sets (RFC 7517): the first
//! signs, all verify. Time is an argument, in ms since the epoch.

mod algorithm;
pub mod claims;
pub mod coverage;
mod ec;
pub mod example;
pub mod fetched;
pub mod issuer;
mod jws;
mod key;
pub mod keys;
mod kid;
pub mod limits;
mod members;
mod oct;
mod okp;
pub mod refresh;
pub mod rotate;
mod rsa;
pub mod scope;
pub mod ticket;
pub mod token;
pub mod token_hash;

pub use claims::{Claims, Identity};
pub use coverage::{RoomPattern, Rooms};
pub use example::example_keys_allowed;
pub use fetched::Fetched;
pub use keys::{Algorithm, Key, KeySet, KeySetError, Kid};
pub use refresh::Refresh;
pub use scope::{Scope, Scopes};
pub use ticket::{Grant, TicketKeys, TicketRefusal};
pub use token::{Expected, TokenRefusal};
pub use token_hash::TokenHash;
