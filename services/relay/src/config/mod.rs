//! What a relay runs with, checked before anything starts.

mod args;

use std::net::SocketAddr;

use anyhow::{Context, ensure};
use tidegate_stream::calls::Bounds;
use tidegate_stream::cursor::COMPONENTS;
use tidegate_stream::{NodeName, Region};

pub use args::Args;

/// A region that is copied from.
#[derive(Debug, Clone)]
pub struct Source {
    /// Its name.
    pub region: Region,
    /// Its Redis.
    pub redis: redis::Client,
}

/// A checked configuration.
#[derive(Debug)]
pub struct Config {
    /// This region.
    pub region: Region,
    /// This region's Redis.
    pub redis: redis::Client,
    /// The others.
    pub sources: Vec<Source>,
    /// This relay, in leases.
    pub name: NodeName,
    /// Operators' listener.
    pub admin: SocketAddr,
    /// What keys begin with.
    pub prefix: String,
    /// How much is kept here of what comes from elsewhere.
    pub bounds: Bounds,
}

impl Config {
    /// Checks what was given. The error says which setting is wrong and what to do about it.
    pub fn new(args: Args) -> anyhow::Result<Self> {
        let region: Region = args
            .region
            .parse()
            .context("region (SPIN_VARIABLE_REGION)")?;
        let name = match &args.name {
            Some(name) => name.parse().context("--name")?,
            None => random_name()?,
        };
        let plain = !args.prefix.is_empty()
            && args.prefix.len() <= 32
            && args
                .prefix
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        ensure!(
            plain,
            "prefix (SPIN_VARIABLE_PREFIX) is 1 to 32 of A-Z a-z 0-9 - _"
        );
        let ca_file = args.redis_ca_file.as_deref();
        let redis = service_link::client(
            "redis_url (SPIN_VARIABLE_REDIS_URL)",
            &args.redis_url,
            args.redis_auth.as_deref(),
            ca_file,
        )?;
        let sources = sources(&args, &region)?;
        let default = Bounds::default();
        let bounds = Bounds::new(
            args.chat_max.unwrap_or(500),
            args.keep_max.unwrap_or(2_000),
            args.log_max.unwrap_or(100_000),
            args.retention_ms.unwrap_or(default.retention_ms()),
        )
        .context("SPIN_VARIABLE_…")?;
        Ok(Self {
            region,
            redis,
            sources,
            name,
            admin: args.admin,
            prefix: args.prefix.clone(),
            bounds,
        })
    }
}

fn sources(args: &Args, own: &Region) -> anyhow::Result<Vec<Source>> {
    let mut sources: Vec<Source> = Vec::new();
    for one in &args.from {
        let (name, url) = one.split_once('=').context(
            "--from (TIDEGATE_RELAY_FROM) is NAME=redis://[USER:PASSWORD@]HOST:PORT[/DB]",
        )?;
        let what = format!("--from {name}");
        let region: Region = name.trim().parse().with_context(|| what.clone())?;
        ensure!(
            region != *own,
            "{what} is this region: name the others, whose logs are to be copied here"
        );
        ensure!(
            sources.iter().all(|other| other.region != region),
            "{what} comes twice"
        );
        let redis = service_link::client(&what, url.trim(), None, args.redis_ca_file.as_deref())?;
        sources.push(Source { region, redis });
    }
    ensure!(
        !sources.is_empty(),
        "--from (TIDEGATE_RELAY_FROM) names no region: there is nothing to copy"
    );
    ensure!(
        sources.len() < COMPONENTS,
        "--from names {} regions; cursors hold {COMPONENTS}, this one included",
        sources.len()
    );
    Ok(sources)
}

fn random_name() -> anyhow::Result<NodeName> {
    let number = crate::run::chance();
    format!("relay-{:08x}", number as u32)
        .parse()
        .context("a name for this relay")
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    fn config(from: &[&str]) -> anyhow::Result<Config> {
        let mut words = vec![
            "relay",
            "--region",
            "eu",
            "--redis-url",
            "redis://127.0.0.1:1",
        ];
        for one in from {
            words.extend(["--from", one]);
        }
        Config::new(Args::try_parse_from(words).unwrap())
    }

    #[test]
    fn other_regions_are_named_with_their_redis() {
        let config = config(&["us=redis://u:p@127.0.0.1:2,ap=rediss://127.0.0.1:3"]).unwrap();
        let names: Vec<_> = config
            .sources
            .iter()
            .map(|one| one.region.as_str())
            .collect();
        assert_eq!(names, ["us", "ap"]);
    }

    #[test]
    fn what_is_refused_says_what_to_do_and_no_password() {
        let many: Vec<_> = (0..16).map(|n| format!("r{n}=redis://h:1")).collect();
        let many = many.join(",");
        for (from, hint) in [
            (&[][..], "nothing to copy"),
            (&["eu=redis://h:1"], "is this region"),
            (&["us=redis://h:1", "us=redis://h:2"], "twice"),
            (&["us"], "NAME=redis://"),
            (&["us=http://u:hidden@h:1"], "--from us"),
            (&["US=redis://h:1"], "--from US"),
            (&[many.as_str()], "cursors hold 16"),
        ] {
            let error = format!("{:#}", config(from).unwrap_err());
            assert!(error.contains(hint) && !error.contains("hidden"), "{error}");
        }
    }
}
