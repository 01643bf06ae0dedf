//! What a node runs with, checked before anything starts.

mod args;

use std::net::SocketAddr;

use anyhow::{Context, bail, ensure};
pub use args::Args;
use tidegate_auth::{KeySet, TicketKeys, example_keys_allowed};
use tidegate_hub::{ADMITTED_PER_S, ADMITTED_TLS_PER_S, HubLimits};
use tidegate_protocol::upgrade::Origins;
use tidegate_room::places::Named;
use tidegate_stream::calls::Bounds;
use tidegate_stream::cursor::COMPONENTS;
use tidegate_stream::host::is_unspecified;
use tidegate_stream::{NodeName, Region};

use crate::admin::Token;
use crate::tls::Tls;

/// The variable with the keys of tickets.
pub const TICKET_KEYS: &str = "SPIN_VARIABLE_TICKET_KEYS";

/// Where the keys of tickets came from, and may come from again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TicketsFrom {
    /// The `.env` file, rather than the environment or a flag.
    pub file: bool,
    /// The example's may be taken.
    pub example: bool,
}

/// A checked configuration.
pub struct Config {
    /// Viewers' listener.
    pub listen: SocketAddr,
    /// TLS of the viewers' listener.
    pub tls: Option<Tls>,
    /// Operators' listener.
    pub admin: SocketAddr,
    /// What `/drain` must be shown.
    pub admin_token: Option<Token>,
    /// As given; else made from the bound address.
    pub public_url: Option<String>,
    /// This node.
    pub node: NodeName,
    /// This region.
    pub region: Region,
    /// Threads that hold sockets.
    pub cores: usize,
    /// Newcomers that a core takes in a second at most.
    pub admitted_per_s: u32,
    /// How long newcomers are still served before the node stops, ms.
    pub drain_wait_ms: u64,
    /// Over how long viewers are sent away, ms.
    pub grace_ms: u64,
    /// `SO_SNDBUF` of viewers' sockets, bytes.
    pub send_buffer_bytes: usize,
    /// Ring and tick.
    pub hub: HubLimits,
    /// Redis.
    pub redis: redis::Client,
    /// What keys begin with.
    pub prefix: String,
    /// How much logs keep.
    pub bounds: Bounds,
    /// Keys of tickets.
    pub tickets: TicketKeys,
    /// Where they came from.
    pub tickets_from: TicketsFrom,
    /// Pages that may connect.
    pub origins: Origins,
    /// Regions as the configuration names them.
    pub named: Vec<Named>,
    /// The demo's back end.
    pub demo: Option<DemoConfig>,
}

/// What the demo's back end needs.
pub struct DemoConfig {
    /// Its listener.
    pub listen: SocketAddr,
    /// Edges, this region's first, without a slash at the end; never empty.
    pub edges: Vec<String>,
    /// Keys that sign tokens.
    pub keys: KeySet,
    /// `iss`.
    pub issuer: String,
    /// `aud`.
    pub audience: String,
}

impl DemoConfig {
    /// This region's edge.
    pub fn edge(&self) -> &str {
        self.edges.first().map_or("", String::as_str)
    }
}

/// Most threads that a node may be told to use.
const MOST_CORES: usize = 256;

impl Config {
    /// Checks what was given; `file`: variables of `.env` may be among it. The error says which setting is wrong and what
    /// to do about it.
    pub fn new(args: Args, file: bool) -> anyhow::Result<Self> {
        let region = args
            .region
            .parse()
            .context("region (SPIN_VARIABLE_REGION)")?;
        let node = match &args.node {
            Some(name) => name.parse().context("--node")?,
            None => random_name()?,
        };
        let usable = std::thread::available_parallelism().map_or(1, usize::from);
        let cores = args.cores.unwrap_or(usable);
        ensure!(
            (1..=MOST_CORES).contains(&cores),
            "--cores must be 1 to {MOST_CORES}"
        );
        check_public_url(&args)?;
        let named = named(&args.regions)?;
        let prefix = args.prefix.clone();
        let plain = !prefix.is_empty()
            && prefix.len() <= 32
            && prefix
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        ensure!(
            plain,
            "prefix (SPIN_VARIABLE_PREFIX) is 1 to 32 of A-Z a-z 0-9 - _"
        );
        let tls = Tls::new(args.tls_cert_file.as_deref(), args.tls_key_file.as_deref())?;
        let local = example_keys_allowed(&args.redis_url);
        let tickets = ticket_keys(&args.ticket_keys, local)?;
        let from_file =
            file && std::env::var(TICKET_KEYS).is_ok_and(|text| text == args.ticket_keys);
        Ok(Self {
            listen: args.listen,
            admitted_per_s: args.admit_per_s.unwrap_or(if tls.is_some() {
                ADMITTED_TLS_PER_S
            } else {
                ADMITTED_PER_S
            }),
            tls,
            admin: args.admin,
            admin_token: args.admin_token.as_deref().map(Token::new).transpose()?,
            public_url: args.public_url.clone(),
            node,
            region,
            cores,
            drain_wait_ms: args.drain_wait_ms,
            grace_ms: args.grace_ms,
            send_buffer_bytes: args.send_buffer_kib as usize * 1024,
            hub: HubLimits {
                ring_bytes: args.ring_kib as usize * 1024,
                tick_ceiling_ms: args.tick_ms,
                chat_budget: args.chat_budget,
            },
            redis: service_link::client(
                "redis_url (SPIN_VARIABLE_REDIS_URL)",
                &args.redis_url,
                args.redis_auth.as_deref(),
                args.redis_ca_file.as_deref(),
            )?,
            prefix,
            bounds: bounds(&args)?,
            tickets,
            tickets_from: TicketsFrom {
                file: from_file,
                example: local,
            },
            origins: Origins::parse(&args.cors_origins)
                .context("cors_origins (SPIN_VARIABLE_CORS_ORIGINS)")?,
            demo: demo(&args, &named, local)?,
            named,
        })
    }
}

/// What is handed to viewers must be somewhere that they can connect to.
fn check_public_url(args: &Args) -> anyhow::Result<()> {
    let Some(url) = &args.public_url else {
        ensure!(
            !args.listen.ip().to_canonical().is_unspecified(),
            "--listen {} is every address of this machine, and none that a viewer could connect to: set --public-url \
             (TIDEGATE_PUBLIC_URL) to how viewers reach this node, wss://live.example.org for one, or --listen to one address",
            args.listen
        );
        return Ok(());
    };
    let good = url.starts_with("ws://") || url.starts_with("wss://");
    ensure!(good, "--public-url must begin with ws:// or wss://");
    ensure!(
        !is_unspecified(url),
        "--public-url {url} is no address that a viewer could connect to: set it to how viewers reach this node, \
         wss://live.example.org for one"
    );
    Ok(())
}

/// Reads the keys of tickets.
pub fn ticket_keys(text: &str, example_allowed: bool) -> anyhow::Result<TicketKeys> {
    let keys = TicketKeys::parse(text).context("ticket_keys (SPIN_VARIABLE_TICKET_KEYS)")?;
    if keys.is_example() && !example_allowed {
        bail!(
            "ticket_keys (SPIN_VARIABLE_TICKET_KEYS) are the published example's, and Redis is not on loopback: make \
             keys of your own, see .env.example"
        );
    }
    Ok(keys)
}

fn bounds(args: &Args) -> anyhow::Result<Bounds> {
    // A node appends to logs only: how much rooms keep is the edge's to say.
    let log_max = args.log_max.unwrap_or(100_000);
    let retention_ms = args
        .retention_ms
        .unwrap_or(Bounds::default().retention_ms());
    Bounds::new(1, 1, log_max, retention_ms).context("log_max or retention_ms (SPIN_VARIABLE_…)")
}

fn named(text: &str) -> anyhow::Result<Vec<Named>> {
    let list: Vec<Named> = match text.trim() {
        "" => Vec::new(),
        text => serde_json::from_str(text).context(
            r#"regions (SPIN_VARIABLE_REGIONS) must be a JSON list of {"name","edge","socket"}"#,
        )?,
    };
    ensure!(
        list.len() <= COMPONENTS,
        "regions (SPIN_VARIABLE_REGIONS) may be {COMPONENTS} at most"
    );
    for line in &list {
        let nowhere = [&line.edge, &line.socket]
            .into_iter()
            .find(|url| is_unspecified(url));
        if let Some(url) = nowhere {
            bail!(
                "regions (SPIN_VARIABLE_REGIONS): {url} of {} is no address that a viewer could connect to",
                line.name
            );
        }
    }
    Ok(list)
}

fn demo(args: &Args, named: &[Named], local_redis: bool) -> anyhow::Result<Option<DemoConfig>> {
    let Some(listen) = args.demo else {
        return Ok(None);
    };
    ensure!(
        listen.ip().is_loopback(),
        "--demo gives a token to whoever asks: it listens on loopback only, 127.0.0.1:8080 for one"
    );
    let text = args
        .auth_keys
        .as_deref()
        .context("--demo needs auth_keys (SPIN_VARIABLE_AUTH_KEYS) to sign tokens")?;
    let keys = KeySet::parse(text).context("auth_keys (SPIN_VARIABLE_AUTH_KEYS)")?;
    if keys.is_example() && !local_redis {
        bail!(
            "auth_keys (SPIN_VARIABLE_AUTH_KEYS) are the published example's, and Redis is not on loopback"
        );
    }
    let edges = edges(args, named);
    let good = |edge: &String| edge.starts_with("http://") || edge.starts_with("https://");
    ensure!(
        edges.iter().all(good),
        "--edge-url, and each `edge` in regions, must begin with http:// or https://"
    );
    ensure!(
        !edges.iter().any(|edge| is_unspecified(edge)),
        "--edge-url is handed to the demo's page: it must be an address that a browser can connect to, not every one of a \
         machine"
    );
    Ok(Some(DemoConfig {
        listen,
        edges,
        keys,
        issuer: args
            .auth_issuer
            .clone()
            .context("--demo needs auth_issuer (SPIN_VARIABLE_AUTH_ISSUER)")?,
        audience: args
            .auth_audience
            .clone()
            .context("--demo needs auth_audience (SPIN_VARIABLE_AUTH_AUDIENCE)")?,
    }))
}

/// This region's edge, then the others'.
fn edges(args: &Args, named: &[Named]) -> Vec<String> {
    let own = named
        .iter()
        .filter(|line| line.name.as_str() == args.region);
    let others = named
        .iter()
        .filter(|line| line.name.as_str() != args.region);
    let mut edges: Vec<String> = args.edge_url.iter().cloned().collect();
    if edges.is_empty() {
        edges.extend(own.map(|line| line.edge.clone()));
    }
    if edges.is_empty() {
        edges.push("http://127.0.0.1:3000".to_owned());
    }
    edges.extend(others.map(|line| line.edge.clone()));
    edges.retain(|edge| !edge.is_empty());
    edges
        .into_iter()
        .map(|edge| edge.trim_end_matches('/').to_owned())
        .collect()
}

fn random_name() -> anyhow::Result<NodeName> {
    let name = format!("node-{:08x}", crate::chance::number() as u32);
    Ok(name.parse()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    const KEYS: &str = r#"{"keys":[{"kty":"oct","alg":"HS256","kid":"example-a","k":"MNGqltnRuZ5_u2zQjqq4ldklIYGnMQ1wYspBrkZxG9E"}]}"#;

    fn config(more: &[&str]) -> anyhow::Result<Config> {
        let mut words = vec![
            "fanout",
            "--region",
            "local",
            "--redis-url",
            "redis://127.0.0.1:1",
            "--ticket-keys",
            KEYS,
        ];
        words.extend(more);
        Config::new(Args::try_parse_from(words)?, false)
    }

    fn refused(more: &[&str]) -> String {
        match config(more) {
            Ok(_) => panic!("{more:?} was taken"),
            Err(error) => format!("{error:#}"),
        }
    }

    #[test]
    fn an_example_is_enough_on_loopback_only() {
        let config = config(&[]).unwrap();
        assert_eq!(config.region.as_str(), "local");
        assert!(config.node.as_str().starts_with("node-"));
        let far = [
            "fanout",
            "--region",
            "r",
            "--redis-url",
            "redis://10.0.0.1",
            "--ticket-keys",
            KEYS,
        ];
        let error = Config::new(Args::try_parse_from(far).unwrap(), false)
            .err()
            .unwrap();
        assert!(error.to_string().contains("published example"));
    }

    #[test]
    fn every_refusal_names_the_setting() {
        assert!(refused(&["--node", "N 1"]).contains("--node"));
        assert!(refused(&["--cores", "0"]).contains("--cores"));
        assert!(refused(&["--public-url", "http://a"]).contains("--public-url"));
        assert!(refused(&["--prefix", "a:b"]).contains("PREFIX"));
        assert!(refused(&["--admin-token", "short"]).contains("TIDEGATE_ADMIN_TOKEN"));
        assert!(refused(&["--cors-origins", "*"]).contains("CORS_ORIGINS"));
        assert!(refused(&["--log-max", "0"]).contains("log_max"));
        assert!(refused(&["--demo", "0.0.0.0:80"]).contains("loopback"));
        assert!(refused(&["--demo", "127.0.0.1:0"]).contains("AUTH_KEYS"));
    }

    #[test]
    fn nobody_is_sent_to_every_address() {
        for listen in ["0.0.0.0:7001", "[::]:7001", "[::ffff:0.0.0.0]:7001"] {
            assert!(refused(&["--listen", listen]).contains("TIDEGATE_PUBLIC_URL"));
            let url = "wss://live.example.org";
            assert!(config(&["--listen", listen, "--public-url", url]).is_ok());
        }
        for url in ["ws://0.0.0.0:7001", "wss://[::]/", "ws://0:7001"] {
            assert!(refused(&["--public-url", url]).contains("--public-url"));
        }
        for line in [
            r#"[{"name":"eu","edge":"http://0.0.0.0:3000","socket":"ws://a"}]"#,
            r#"[{"name":"eu","edge":"http://a","socket":"ws://[::]:7001"}]"#,
        ] {
            assert!(refused(&["--regions", line]).contains("REGIONS"));
        }
        // The admin listener is handed to nobody.
        assert!(config(&["--admin", "0.0.0.0:7101"]).is_ok());
    }

    #[test]
    fn credentials_are_those_of_the_edge() {
        let config = config(&["--redis-auth", "node:secret"]).unwrap();
        let settings = config.redis.get_connection_info().redis_settings();
        assert_eq!(
            (settings.username(), settings.password()),
            (Some("node"), Some("secret"))
        );
    }

    #[test]
    fn a_password_is_not_repeated() {
        let words = [
            "fanout",
            "--region",
            "r",
            "--redis-url",
            "http://u:secret@h",
            "--ticket-keys",
            KEYS,
        ];
        let error = Config::new(Args::try_parse_from(words).unwrap(), false)
            .err()
            .unwrap();
        assert!(!format!("{error:#}").contains("secret"));
    }
}
