//! Decisions about rooms and messages: what a body must be, who may do what, where a viewer is sent.
//!
//! Pure: the caller brings time and randomness, and carries out what is decided.

pub mod batch;
pub mod caller;
pub mod endpoint;
pub mod history;
pub mod json;
pub mod key;
pub mod limits;
pub mod listing;
pub mod message;
pub mod named;
pub mod namespace;
pub mod page;
pub mod places;
pub mod ready;
pub mod sanction;
pub mod settings;

pub use batch::BatchItem;
pub use caller::{Acts, Caller, Denied};
pub use json::BodyError;
pub use key::{IdempotencyKey, KeyError};
pub use listing::Listing;
pub use message::{Post, PostKind, Speaker};
pub use namespace::{NamespaceSettings, WhenBroken};
pub use settings::{Access, Creation, Settings};
