//! Which region a name resolves to: one description of the regions, and what it becomes for a name server.
//!
//! [`Description`] is read from TOML and checked as a whole. [`gdnsd::render`] makes the configuration and the zone of
//! gdnsd 3, [`terraform::render`] the records of Route 53, [`drain::edit`] the state that an operator forces for a while.
//! Everything here is text to text.

pub mod description;
pub mod drain;
pub mod gdnsd;
pub mod limits;
mod member;
mod place;
mod raw;
pub mod terraform;

pub use description::{Checks, Description, DescriptionError, Policy, Scheme, Tier};
pub use member::Member;
pub use place::Place;

/// A file that was rendered: where it goes below the folder that was asked for, and what it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Relative, with `/` between parts.
    pub path: String,
    /// Text.
    pub text: String,
}
