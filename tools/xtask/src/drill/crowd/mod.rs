//! Drills of one region: real nodes and a real Redis, and a crowd of viewers in a process of its own that is published to
//! straight through Redis.

pub mod comeback;
mod gauge;
mod load;
mod memory;
mod report;
mod scene;
pub mod soak;
pub mod unread;

/// What each of them may be told.
#[derive(Debug, Clone, clap::Args)]
pub struct Common {
    /// Print the report as JSON.
    #[arg(long)]
    json: bool,
    /// Run the dev profile's nodes, as the tests do. Figures are taken with the release profile's.
    #[arg(long, hide = true)]
    dev: bool,
    /// Run what was built before.
    #[arg(long, hide = true)]
    no_build: bool,
}
