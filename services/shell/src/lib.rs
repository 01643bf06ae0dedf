//! What every service has around it: how it starts, and how it tells what it counts.

mod begin;
mod metrics;

pub use begin::{USAGE, begin, failed};
pub use metrics::{Number, Text};
