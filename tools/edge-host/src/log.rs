//! The log, on stderr.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

/// Starts it, filtered by `RUST_LOG`.
pub fn start(json: bool) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let colour = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(colour);
    if json { log.json().init() } else { log.init() }
}
