//! The start: `.env`, flags, logging.

use std::fmt::Display;
use std::io::IsTerminal;
use std::path::Path;
use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;
use tracing_subscriber::EnvFilter;

/// Wrong use, as sysexits.h names it (EX_USAGE).
pub const USAGE: u8 = 64;

/// Reads the working directory's `.env` for variables that the environment does not have, then flags and variables, and
/// begins to log to standard error: what `TIDEGATE_LOG` names, else `info`; in colours only on a terminal without `NO_COLOR`.
///
/// # Errors
///
/// What the program is to end with, once it has been said why: also after `--help`.
pub fn begin<Args: Parser>(program: &str) -> Result<Args, ExitCode> {
    if let Err(error) = read_env_file() {
        eprintln!("{program}: .env: {error}");
        return Err(ExitCode::from(USAGE));
    }
    let args = Args::try_parse().map_err(|error| {
        let asked = matches!(
            error.kind(),
            ErrorKind::DisplayHelp | ErrorKind::DisplayVersion
        );
        // Nothing is left to do if the terminal is gone.
        let _ = error.print();
        if asked {
            ExitCode::SUCCESS
        } else {
            ExitCode::from(USAGE)
        }
    })?;
    let filter = EnvFilter::try_from_env("TIDEGATE_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let colour = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(colour)
        .init();
    Ok(args)
}

/// Says why a program ends, and with what: `code`, or 1.
pub fn failed(program: &str, error: impl Display, code: Option<u8>) -> ExitCode {
    eprintln!("{program}: {error:#}");
    code.map_or(ExitCode::FAILURE, ExitCode::from)
}

fn read_env_file() -> Result<(), dotenvy::Error> {
    match dotenvy::from_path(Path::new(".env")) {
        Err(error) if error.not_found() => Ok(()),
        other => other,
    }
}
