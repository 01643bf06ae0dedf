//! Holds viewers' sockets and sends them what is appended to their region's streams.

mod admin;
mod away;
mod chance;
mod clock;
mod config;
mod demo;
mod duties;
mod engine;
mod link;
mod metrics;
mod node;
mod probe;
mod regions;
mod reload;
mod run;
mod tail;
mod tls;

use std::io::IsTerminal;
use std::path::Path;
use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;
use tracing_subscriber::EnvFilter;

/// Wrong use, as sysexits.h names it.
const USAGE: u8 = 64;

fn main() -> ExitCode {
    let set = std::env::var_os(config::TICKET_KEYS).is_some();
    if let Err(error) = read_env_file() {
        eprintln!("fanout: .env: {error}");
        return ExitCode::from(USAGE);
    }
    let args = match config::Args::try_parse() {
        Ok(args) => args,
        Err(error) => {
            let asked = matches!(
                error.kind(),
                ErrorKind::DisplayHelp | ErrorKind::DisplayVersion
            );
            // Nothing is left to do if the terminal is gone.
            let _ = error.print();
            return if asked {
                ExitCode::SUCCESS
            } else {
                ExitCode::from(USAGE)
            };
        }
    };
    let filter = EnvFilter::try_from_env("TIDEGATE_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let colour = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(colour)
        .init();
    let config = match config::Config::new(args, !set) {
        Ok(config) => config,
        Err(error) => {
            eprintln!("fanout: {error:#}");
            return ExitCode::from(USAGE);
        }
    };
    match run::run(config) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("fanout: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Variables of the working directory's `.env` that the environment does not have.
fn read_env_file() -> Result<(), dotenvy::Error> {
    match dotenvy::from_path(Path::new(".env")) {
        Err(error) if error.not_found() => Ok(()),
        other => other,
    }
}
