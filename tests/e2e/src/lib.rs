//! A whole Tidegate for tests: a real Redis, the edge on `edge-host` or on Spin ([`host`]), fan-out nodes, and clients that
//! talk to them.
//!
//! Needs `edge-host`, `fanout` and the components built; `cargo xtask test e2e` does that first.

pub mod copier;
pub mod forwarder;
mod guard;
pub mod host;
pub mod http;
pub mod issuer;
pub mod judge;
pub mod library;
pub mod names;
pub mod process;
pub mod relay;
pub mod replicas;
pub mod replicated;
pub mod routed;
pub mod signer;
pub mod sse;
pub mod system;
pub mod task;
pub mod tls;
pub mod token;
pub mod upstream;
pub mod viewer;
pub mod wait;

pub use http::{Edge, Reply};
pub use system::{Options, System};
pub use viewer::{End, Viewer};
pub use wait::{soon, within};
