//! `cargo xtask bench`: figures, always beside those of somebody else who does the same in the same run.

pub mod cores;
mod edge;
mod fanout;
mod row;

use std::process::ExitCode;

use anyhow::Result;

use crate::process::Family;
use crate::progress::Progress;
use crate::workspace::Workspace;

/// What is measured.
#[derive(Debug, Clone, clap::Subcommand)]
pub enum Args {
    /// The edge: an authenticated, limited, moderated publish; a constant answer by the same host; the same two in a native
    /// axum handler. By the CPU that the server takes.
    /// Then how the edge grows with routes and limits, how it starts, and how large its components are.
    Edge(edge::Args),
    /// The fan-out: what a delivery takes, and a connection, idle and opening, beside a bare loop of `send(2)` and other
    /// people's servers. By the CPU that the server takes.
    Fanout(fanout::Args),
}

/// Measures, and prints what came out.
///
/// # Errors
/// When something is missing, does not build or start, or an answer is not as it should be.
pub fn run(
    workspace: &Workspace,
    family: &Family,
    progress: &Progress,
    args: &Args,
) -> Result<ExitCode> {
    match args {
        Args::Edge(args) => edge::run(workspace, family, progress, args)?,
        Args::Fanout(args) => fanout::run(workspace, family, progress, args)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// How long a turn may be.
fn seconds(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(seconds) if (0.1..=600.0).contains(&seconds) => Ok(seconds),
        _ => Err("a number of seconds between 0.1 and 600 is meant".to_owned()),
    }
}
