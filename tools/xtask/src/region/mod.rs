//! The Redis of one region, for what is written into each region by hand: rules, settings of namespaces.

pub mod command;
mod member;
pub mod namespace;

use std::net::ToSocketAddrs;

use anyhow::{Context, Result, bail};
use tidegate_stream::{Keys, ShardCount};

use crate::settings::Settings;
use crate::up::resp::Connection;

/// Which Redis.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Place {
    /// redis://host:port of the region, instead of SPIN_VARIABLE_REDIS_URL.
    #[arg(long)]
    redis_url: Option<String>,
}

impl Place {
    /// A place by its address, if there is one.
    pub fn of(redis_url: Option<&str>) -> Self {
        Self {
            redis_url: redis_url.map(str::to_owned),
        }
    }

    /// A place by its address.
    #[cfg(test)]
    pub fn at(redis_url: &str) -> Self {
        Self {
            redis_url: Some(redis_url.to_owned()),
        }
    }

    /// Connects, and shows who it is where Redis asks for it.
    ///
    /// # Errors
    /// When the address is none, nobody answers there, or the credentials are not taken.
    pub fn open(&self, settings: &Settings) -> Result<Connection> {
        let url = match &self.redis_url {
            Some(url) => url,
            None => settings.required("redis_url")?,
        };
        let Some(authority) = url.strip_prefix("redis://") else {
            bail!(
                "this speaks to redis://host:port only; over TLS, set the hash with redis-cli (docs/redis.md names its fields)"
            );
        };
        let (own, address) = match authority.rsplit_once('@') {
            Some((credentials, address)) => (Some(credentials), address),
            None => (None, authority),
        };
        let address = address.trim_end_matches('/');
        let resolved = address
            .to_socket_addrs()
            .ok()
            .and_then(|mut all| all.next())
            .with_context(|| format!("{address:?} is no host:port that can be found"))?;
        let mut redis = Connection::open(resolved).with_context(|| {
            format!("no Redis answers at {address}: start it, or name another with --redis-url")
        })?;
        if let Some(credentials) = own.or_else(|| settings.get("redis_auth")) {
            let (user, password) = credentials
                .split_once(':')
                .context("Redis' credentials are USER:PASSWORD or :PASSWORD")?;
            match user {
                "" => redis.call(&["AUTH", password])?,
                user => redis.call(&["AUTH", user, password])?,
            };
        }
        Ok(redis)
    }
}

/// Names keys as the edge does.
pub fn keys(settings: &Settings) -> Keys {
    let prefix = settings.get("prefix").unwrap_or("tg");
    Keys::new(prefix, ShardCount::default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::Workspace;

    #[test]
    fn what_cannot_be_reached_says_what_to_do() {
        let settings = Settings::load(&Workspace::find().unwrap()).unwrap();
        for (url, hint) in [
            ("rediss://127.0.0.1:1", "redis-cli"),
            ("redis://127.0.0.1", "host:port"),
            ("redis://127.0.0.1:1", "--redis-url"),
        ] {
            let Err(error) = Place::at(url).open(&settings) else {
                panic!("{url} is reached");
            };
            assert!(format!("{error:#}").contains(hint), "{error:#}");
        }
    }
}
