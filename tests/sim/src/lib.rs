//! The link, its cursors and its nodes as a deterministic simulation: virtual time, one seed, no threads, no sockets.
//!
//! What is simulated is the world around the code, not the code: the function library is the one that Redis runs, in
//! Lua 5.1 over a Redis in memory ([`redis`]); nodes are the real hub. See `tests/sim/README.md`.

mod check;
mod plan;
mod report;
mod run;
mod world;

pub mod redis;

pub use plan::{Breakage, Plan};
pub use report::{Report, Tally};
pub use run::{run, run_broken, sweep};
