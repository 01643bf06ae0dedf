//! Flags and environment, as they are given.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Parser;

/// Holds viewers' sockets of one region and sends them what is appended to its streams.
///
/// Every flag is a variable too; a `.env` file in the working directory is read for variables that are not set. The same
/// file serves the edge: what both need is named SPIN_VARIABLE_….
#[derive(Debug, Parser)]
#[command(name = "fanout", version, max_term_width = 110)]
pub struct Args {
    /// Where viewers connect: WebSocket at /v1/connect, events at /v1/rooms/{room}/events; balancers ask /readyz here too.
    /// Port 0 takes a free one.
    #[arg(
        long,
        env = "TIDEGATE_LISTEN",
        default_value = "127.0.0.1:7001",
        value_name = "ADDR"
    )]
    pub listen: SocketAddr,

    /// Where operators look: /healthz, /readyz, /metrics, POST /drain. Nothing outside needs it.
    #[arg(
        long,
        env = "TIDEGATE_ADMIN",
        default_value = "127.0.0.1:7101",
        value_name = "ADDR"
    )]
    pub admin: SocketAddr,

    /// What POST /drain on the admin listener must show, `Authorization: Bearer TOKEN`, 16 to 256 signs [default: none, /drain is
    /// refused, SIGTERM does the same].
    #[arg(
        long,
        env = "TIDEGATE_ADMIN_TOKEN",
        value_name = "TOKEN",
        hide_env_values = true
    )]
    pub admin_token: Option<String>,

    /// PEM file of the certificate, its chain after it: viewers then connect with TLS. Read again on SIGHUP.
    #[arg(long, env = "TIDEGATE_TLS_CERT_FILE", value_name = "FILE")]
    pub tls_cert_file: Option<PathBuf>,

    /// PEM file of that certificate's private key.
    #[arg(long, env = "TIDEGATE_TLS_KEY_FILE", value_name = "FILE")]
    pub tls_key_file: Option<PathBuf>,

    /// How viewers reach this node (ws:// or wss://), or the balancer before it. Needed where --listen is every address, 0.0.0.0
    /// or `[::]` [default: the bound address, wss:// with a certificate, else ws://].
    #[arg(long, env = "TIDEGATE_PUBLIC_URL", value_name = "URL")]
    pub public_url: Option<String>,

    /// This node's name, unique in its region, 1 to 32 of a-z 0-9 - [default: a random one].
    #[arg(long, env = "TIDEGATE_NODE", value_name = "NAME")]
    pub node: Option<String>,

    /// Threads that hold sockets [default: as many cores as this process may use].
    #[arg(long, env = "TIDEGATE_CORES", value_name = "N")]
    pub cores: Option<usize>,

    /// Serve the demo page and its small back end here; loopback only.
    #[arg(long, env = "TIDEGATE_DEMO", value_name = "ADDR")]
    pub demo: Option<SocketAddr>,

    /// Where the demo's back end finds the edge [default: this region's edge in `regions`, else http://127.0.0.1:3000].
    #[arg(long, env = "TIDEGATE_EDGE_URL", value_name = "URL")]
    pub edge_url: Option<String>,

    /// Newcomers that a core takes in a second at most; fewer while it is pressed [default: 4000, with TLS 1000].
    #[arg(long, env = "TIDEGATE_ADMIT_PER_S", value_name = "N",
          value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub admit_per_s: Option<u32>,

    /// On SIGTERM, SIGINT and /drain: how long newcomers are still served while /readyz says 503, ms. Longer than the check of the
    /// balancer before it needs: interval x failures + time-out. A second signal ends it.
    #[arg(long, env = "TIDEGATE_DRAIN_WAIT_MS", default_value_t = tidegate_hub::DRAIN_WAIT_MS, value_name = "MS",
          value_parser = clap::value_parser!(u64).range(0..=600_000))]
    pub drain_wait_ms: u64,

    /// After that: over how long viewers are sent away, ms.
    #[arg(long, env = "TIDEGATE_GRACE_MS", default_value_t = 2_000, value_name = "MS",
          value_parser = clap::value_parser!(u64).range(0..=600_000))]
    pub grace_ms: u64,

    /// Send buffer of a viewer's socket, KiB. What a viewer who does not read swallows is about twice that.
    #[arg(long, env = "TIDEGATE_SEND_BUFFER_KIB", default_value_t = 32, value_name = "KIB",
          value_parser = clap::value_parser!(u32).range(4..=4_096))]
    pub send_buffer_kib: u32,

    /// Newest messages of a room that a core keeps for viewers who are behind, KiB.
    #[arg(long, env = "TIDEGATE_RING_KIB", default_value_t = 256, value_name = "KIB",
          value_parser = clap::value_parser!(u32).range(16..=65_536))]
    pub ring_kib: u32,

    /// The longest that a message in a busy room waits to be sent together with others, ms; 0 sends each at once.
    #[arg(long, env = "TIDEGATE_TICK_MS", default_value_t = 50, value_name = "MS",
          value_parser = clap::value_parser!(u64).range(0..=1_000))]
    pub tick_ms: u64,

    /// Chat messages a second that a viewer is sent at most in a room without a `chat_budget` of its own; beyond that, chat
    /// is sampled. 0: all of it.
    #[arg(long, env = "TIDEGATE_CHAT_BUDGET", default_value_t = tidegate_hub::CHAT_BUDGET, value_name = "MESSAGES",
          value_parser = clap::value_parser!(u64).range(0..=100_000))]
    pub chat_budget: u64,

    /// This region's name, for good.
    #[arg(long, env = "SPIN_VARIABLE_REGION", value_name = "NAME")]
    pub region: String,

    /// The region's Redis, `redis://[USER:PASSWORD@]HOST:PORT[/DB]`; `rediss://` with TLS.
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

    /// PEM file of the authorities that alone may sign Redis' certificate [default: the system's authorities].
    #[arg(long, env = "TIDEGATE_REDIS_CA_FILE", value_name = "FILE")]
    pub redis_ca_file: Option<PathBuf>,

    /// What every key in Redis begins with.
    #[arg(
        long,
        env = "SPIN_VARIABLE_PREFIX",
        default_value = "tg",
        value_name = "PREFIX"
    )]
    pub prefix: String,

    /// JWK Set of the keys that sign tickets.
    #[arg(
        long,
        env = "SPIN_VARIABLE_TICKET_KEYS",
        value_name = "JSON",
        hide_env_values = true
    )]
    pub ticket_keys: String,

    /// Pages that may connect, comma separated: `https://example.com,…`
    #[arg(
        long,
        env = "SPIN_VARIABLE_CORS_ORIGINS",
        default_value = "",
        value_name = "LIST"
    )]
    pub cors_origins: String,

    /// Regions as JSON, `[{"name":…,"edge":URL,"socket":URL}]`: where viewers are sent when this one is in trouble, in this
    /// order. What Redis lists (`tg:regions`) wins.
    #[arg(
        long,
        env = "SPIN_VARIABLE_REGIONS",
        default_value = "[]",
        value_name = "JSON"
    )]
    pub regions: String,

    /// Most entries that a shard's log keeps.
    #[arg(long, env = "SPIN_VARIABLE_LOG_MAX", value_name = "N")]
    pub log_max: Option<u32>,

    /// For how long a shard's log keeps entries, ms.
    #[arg(long, env = "SPIN_VARIABLE_RETENTION_MS", value_name = "MS")]
    pub retention_ms: Option<u64>,

    /// JWK Set of the keys that sign tokens; only the demo signs any.
    #[arg(
        long,
        env = "SPIN_VARIABLE_AUTH_KEYS",
        value_name = "JSON",
        hide_env_values = true
    )]
    pub auth_keys: Option<String>,

    /// `iss` of the demo's tokens.
    #[arg(long, env = "SPIN_VARIABLE_AUTH_ISSUER", value_name = "TEXT")]
    pub auth_issuer: Option<String>,

    /// `aud` of the demo's tokens.
    #[arg(long, env = "SPIN_VARIABLE_AUTH_AUDIENCE", value_name = "TEXT")]
    pub auth_audience: Option<String>,
}
