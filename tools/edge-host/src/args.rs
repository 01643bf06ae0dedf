//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::limits;

/// Runs the `spin.toml` of an app on machines without Spin: HTTP trigger, component dependencies, variables, outbound
/// Redis and HTTP.
///
/// When it is ready it prints one line on stdout, `listening on http://ADDRESS`; everything else goes to stderr.
/// Variables come from providers, from SPIN_VARIABLE_NAME in the environment or from the env file, as in Spin.
/// RUST_LOG sets what is logged (default: info). SIGTERM or Ctrl-C ends it, after the requests in flight.
///
/// Exit codes: 0 ended as told, 64 wrong flags, manifest, variables or components, 1 anything else.
#[derive(Debug, Parser)]
#[command(version, about, verbatim_doc_comment)]
pub struct Args {
    /// What to do instead of running the app.
    #[command(subcommand)]
    pub command: Option<Command>,

    /// The app's manifest.
    #[arg(long, value_name = "FILE", default_value = "spin.toml", global = true)]
    pub manifest: PathBuf,

    /// Where to listen; port 0 takes a free one.
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:3000")]
    pub listen: SocketAddr,

    /// File of NAME=VALUE lines, read after the environment [default: `.env` beside the manifest, if there].
    #[arg(long, value_name = "FILE")]
    pub env_file: Option<PathBuf>,

    /// TOML file of `[[variables_provider]]` tables, as Spin's runtime configuration has them; edge-host asks a Vault.
    #[arg(long, value_name = "FILE")]
    pub runtime_config_file: Option<PathBuf>,

    /// Where compiled components are kept [default: edge-host in the user's cache folder].
    #[arg(long, value_name = "DIR")]
    pub cache_dir: Option<PathBuf>,

    /// PEM file of certificate authorities that `https://` and `rediss://` trust beside the system's.
    #[arg(long, value_name = "FILE")]
    pub ca_file: Option<PathBuf>,

    /// Bytes of memory an instance may hold.
    #[arg(long, value_name = "BYTES", default_value_t = limits::MAX_MEMORY_BYTES, value_parser = memory)]
    pub max_memory_bytes: usize,

    /// Milliseconds a request may take; 504 after it.
    #[arg(long, value_name = "MS", default_value_t = limits::REQUEST_TIMEOUT_MS, value_parser = clap::value_parser!(u64).range(1..=3_600_000))]
    pub request_timeout_ms: u64,

    /// Requests at work at once; 503 beyond it.
    #[arg(long, value_name = "N", default_value_t = limits::MAX_CONCURRENT, value_parser = concurrent)]
    pub max_concurrent: usize,

    /// Do not tell guests who connects (`spin-client-addr`), as on hosts that do not know.
    #[arg(long)]
    pub no_client_addr: bool,

    /// Write /tmp/perf-PID.map, by which Linux' perf names the functions of guests.
    #[arg(long)]
    pub perf_map: bool,

    /// Write the log as JSON, one object a line.
    #[arg(long)]
    pub log_json: bool,
}

/// What can be done with an app besides running it.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Writes the app with each component's dependencies composed into it, as `spin registry push` sends it.
    ///
    /// The folder gets one component file for each route's component and a spin.toml without dependencies. Templates
    /// and variables stay as they are.
    Compose {
        /// The folder to write to; it is made if need be.
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
    },
}

fn memory(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(bytes) if (1 << 16..=1 << 32).contains(&bytes) => Ok(bytes),
        _ => Err("a number of bytes between 65536 and 4294967296 is needed".into()),
    }
}

fn concurrent(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(n) if (1..=100_000).contains(&n) => Ok(n),
        _ => Err("a number between 1 and 100000 is needed".into()),
    }
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::Args;

    #[test]
    fn the_command_line_is_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn limits_out_of_range_are_refused() {
        for flags in [
            ["--max-memory-bytes", "1"],
            ["--max-concurrent", "0"],
            ["--request-timeout-ms", "0"],
        ] {
            assert!(
                Args::try_parse_from(["edge-host"].into_iter().chain(flags)).is_err(),
                "{flags:?}"
            );
        }
    }
}
