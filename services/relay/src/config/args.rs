//! Flags and environment, as they are given.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Parser;

/// Copies other regions' logs into this region's Redis, and takes back from them what this one lost.
///
/// One relay a region is enough; a second one stands by. Every flag is a variable too; a `.env` file in the working directory
/// is read for variables that are not set. The same file serves edge and fan-out: what they need as well is named
/// SPIN_VARIABLE_….
#[derive(Debug, Parser)]
#[command(name = "relay", version, max_term_width = 110)]
pub struct Args {
    /// This region's name.
    #[arg(long, env = "SPIN_VARIABLE_REGION", value_name = "NAME")]
    pub region: String,

    /// This region's Redis, `redis://[USER:PASSWORD@]HOST:PORT[/DB]`; `rediss://` with TLS.
    #[arg(
        long,
        env = "SPIN_VARIABLE_REDIS_URL",
        value_name = "URL",
        hide_env_values = true
    )]
    pub redis_url: String,

    /// USER:PASSWORD or :PASSWORD for it, if the address holds none.
    #[arg(
        long,
        env = "SPIN_VARIABLE_REDIS_AUTH",
        value_name = "TEXT",
        hide_env_values = true
    )]
    pub redis_auth: Option<String>,

    /// Another region and its Redis, NAME=URL as above; again for each, or with commas between them. Its user needs to read
    /// only (docs/operations.md).
    #[arg(
        long,
        env = "TIDEGATE_RELAY_FROM",
        value_name = "NAME=URL",
        value_delimiter = ',',
        hide_env_values = true
    )]
    pub from: Vec<String>,

    /// PEM file of the authorities that alone may sign the certificates of all these Redis [default: the system's authorities].
    #[arg(long, env = "TIDEGATE_REDIS_CA_FILE", value_name = "FILE")]
    pub redis_ca_file: Option<PathBuf>,

    /// This relay's name, 1 to 32 of a-z 0-9 - [default: a random one].
    #[arg(long, env = "TIDEGATE_RELAY_NAME", value_name = "NAME")]
    pub name: Option<String>,

    /// Where operators look: /healthz, /readyz, /metrics. Port 0 takes a free one. Keep it from the public.
    #[arg(
        long,
        env = "TIDEGATE_RELAY_ADMIN",
        default_value = "127.0.0.1:7201",
        value_name = "ADDR"
    )]
    pub admin: SocketAddr,

    /// What every key in Redis begins with, in all regions.
    #[arg(
        long,
        env = "SPIN_VARIABLE_PREFIX",
        default_value = "tg",
        value_name = "PREFIX"
    )]
    pub prefix: String,

    /// Most chat messages that a room keeps here of each region.
    #[arg(long, env = "SPIN_VARIABLE_CHAT_MAX", value_name = "N")]
    pub chat_max: Option<u32>,

    /// Most gifts and control messages.
    #[arg(long, env = "SPIN_VARIABLE_KEEP_MAX", value_name = "N")]
    pub keep_max: Option<u32>,

    /// Most entries that the copy of a shard's log keeps.
    #[arg(long, env = "SPIN_VARIABLE_LOG_MAX", value_name = "N")]
    pub log_max: Option<u32>,

    /// For how long, ms.
    #[arg(long, env = "SPIN_VARIABLE_RETENTION_MS", value_name = "MS")]
    pub retention_ms: Option<u64>,
}
