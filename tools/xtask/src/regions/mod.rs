//! Several regions on this machine, each with its own Redis, edge, fan-out nodes and relays, and a name server before them.

mod banner;
mod commands;
pub mod fleet;
pub mod forward;
pub mod layout;
mod names;
mod net;
mod shell;
pub mod up;
mod ways;

pub use fleet::{Fleet, Role};
pub use layout::{Ports, Site, ZONE};
pub use net::Link;
