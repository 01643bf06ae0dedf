//! The workspace's own commands: `cargo xtask up`, `cargo xtask token`, `cargo xtask keys`, `cargo xtask test`.

mod bench;
mod build;
mod doctor;
mod drill;
mod gslb;
mod keys;
mod ns;
mod process;
mod progress;
mod region;
mod regions;
mod routes;
mod rules;
mod settings;
mod task;
mod test;
mod token;
mod up;
mod workspace;

use std::process::ExitCode;

use clap::Parser;

use crate::process::Interrupted;
use crate::task::{Cli, run};

fn main() -> ExitCode {
    match run(Cli::parse().task) {
        Ok(code) => code,
        Err(error) if error.is::<Interrupted>() => {
            eprintln!("stopped");
            ExitCode::from(130)
        }
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
