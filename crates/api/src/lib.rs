//! The HTTP interface as values: requests read, refusals and answers written. No I/O; the router is its shell.
//!
//! Every refusal is one variant of [`Refusal`], and [`Refusal::answer`] is the one place where it becomes a status and
//! problem details (RFC 9457).

pub mod access;
pub mod act;
pub mod answer;
pub mod cors;
#[cfg(test)]
mod described;
pub mod document;
pub mod headers;
pub mod kind;
pub mod limits;
pub mod policies;
pub mod query;
pub mod quota;
mod refusal;
pub mod settings;
mod trace;
pub mod views;

pub use access::Access;
pub use act::{Act, Who};
pub use answer::Answer;
pub use cors::Cors;
pub use headers::Headers;
pub use kind::CallKind;
pub use refusal::{Problem, Refusal};
pub use settings::{Settings, SettingsError};
pub use trace::Trace;
