//! What `tg:routes` holds: routes and pools, as JSON. It is taken whole or not at all. `docs/routing.md` describes it.

mod raw;
mod target;

use serde::de::DeserializeOwned;
use serde_json::Value;
use tidegate_route::{Found, Method, Miss, Router};

pub use self::target::Target;

use self::raw::{RawBalance, RawBreaker, RawConfig, RawIdentity, RawLoad, RawPool, RawRoute};
use crate::breaker::Rules;
use crate::limits::{
    CONFIG_BYTES, DEFAULT_BYTES, MEMBERS, MIN_CALLS, NAME_BYTES, OPEN_MS, POOLS, PROBES,
    REQUEST_BYTES, REQUEST_BYTES_DEFAULT, RESPONSE_BYTES, RESPONSE_BYTES_DEFAULT, ROUTES, STALE_S,
    TOTAL_MS, WEIGHT, WINDOW_MS,
};
use crate::origin::Origin;
use crate::pool::{Balance, LoadSource, Member, Pool, Times};

/// What is wrong with a configuration, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{at}: {why}")]
pub struct ConfigError {
    /// Such as `routes[2].path`.
    pub at: String,
    /// What is wrong there, and what is meant.
    pub why: String,
}

/// Whether a route asks who calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Identity {
    /// Nobody is asked; a token is not looked at.
    None,
    /// A token that is there must hold; the upstream is told its subject.
    Optional,
    /// There must be one.
    Required,
}

/// What is answered when nothing else is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fallback {
    /// Its status, from 200 to 599.
    pub status: u16,
    /// Its media type.
    pub content_type: String,
    /// Its body.
    pub body: String,
}

/// One route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// Its path, as it was written.
    pub path: String,
    /// The place of its pool in [`Config::pools`].
    pub pool: usize,
    /// The path at the upstream.
    pub target: Target,
    /// Whether it asks who calls.
    pub identity: Identity,
    /// Whether the caller's `Authorization` goes on to the upstream.
    pub forward_authorization: bool,
    /// Longest body of a request.
    pub request_max_bytes: usize,
    /// Longest body of an answer.
    pub response_max_bytes: usize,
    /// How long an answer may be given again when upstreams fail, in seconds; 0: never.
    pub stale_s: u64,
    /// What is answered when they fail and there is no such answer.
    pub default: Option<Fallback>,
}

/// Routes and pools, checked.
#[derive(Debug, Default)]
pub struct Config {
    /// The pools, in the order of their names.
    pub pools: Vec<Pool>,
    routes: Vec<Route>,
    table: Router<usize>,
}

impl Config {
    /// Reads a configuration.
    ///
    /// # Errors
    /// [`ConfigError`], for the first thing that is wrong.
    pub fn parse(body: &str) -> Result<Self, ConfigError> {
        if body.len() > CONFIG_BYTES {
            return Err(wrong(
                "the configuration",
                format!("it is longer than {CONFIG_BYTES} bytes"),
            ));
        }
        let meant = |why: String| {
            wrong(
                "the configuration",
                format!("{why}; {{\"pools\":{{…}},\"routes\":[…]}} is meant"),
            )
        };
        // A list would be read as the members in their order.
        if body.trim_start().starts_with('[') {
            return Err(meant("it is a list".to_owned()));
        }
        let raw: RawConfig =
            serde_json::from_str(body).map_err(|error| meant(error.to_string()))?;
        if raw.pools.len() > POOLS {
            return Err(wrong("pools", format!("there are more than {POOLS}")));
        }
        if raw.routes.len() > ROUTES {
            return Err(wrong("routes", format!("there are more than {ROUTES}")));
        }
        let mut config = Self::default();
        for (name, value) in raw.pools {
            let at = format!("pools.{name}");
            let pool = pool(&name, read(&at, value)?, &at)?;
            config.pools.push(pool);
        }
        for (index, value) in raw.routes.into_iter().enumerate() {
            let at = format!("routes[{index}]");
            config.add(read(&at, value)?, &at)?;
        }
        Ok(config)
    }

    fn add(&mut self, raw: RawRoute, at: &str) -> Result<(), ConfigError> {
        let own = |path: &str| {
            tidegate_route::call::is_own(path) || path.starts_with("/.well-known/spin")
        };
        if own(&raw.path) {
            return Err(wrong(
                format!("{at}.path"),
                "paths under /v1, /healthz, /readyz and /.well-known/spin are taken",
            ));
        }
        let methods = methods(raw.methods.as_deref(), at)?;
        let index = self.routes.len();
        for method in methods {
            self.table
                .add(method, &raw.path, index)
                .map_err(|error| wrong(format!("{at}.path"), error))?;
        }
        let route = route(raw, at, &self.pools)?;
        self.routes.push(route);
        Ok(())
    }

    /// The routes, in their order.
    pub fn routes(&self) -> &[Route] {
        &self.routes
    }

    /// Looks a request up.
    ///
    /// # Errors
    /// See [`Miss`].
    pub fn find<'p>(
        &self,
        method: Option<Method>,
        path: &'p str,
    ) -> Result<(&Route, Found<'_, 'p, usize>), Miss> {
        let found = self.table.find(method, path)?;
        // Places in the table are those of routes that were added.
        let route = self.routes.get(*found.value).ok_or(Miss::NotFound)?;
        Ok((route, found))
    }

    /// Every place that may be connected to, with the name of a pool that has it.
    pub fn origins(&self) -> impl Iterator<Item = (&str, &Origin)> {
        self.pools.iter().flat_map(|pool| {
            pool.members()
                .iter()
                .map(move |member| (pool.name(), &member.origin))
        })
    }
}

fn wrong(at: impl Into<String>, why: impl ToString) -> ConfigError {
    ConfigError {
        at: at.into(),
        why: why.to_string(),
    }
}

fn read<T: DeserializeOwned>(at: &str, value: Value) -> Result<T, ConfigError> {
    serde_json::from_value(value).map_err(|error| wrong(at, error))
}

fn within<T: PartialOrd + std::fmt::Display>(
    at: String,
    value: T,
    least: T,
    most: T,
) -> Result<T, ConfigError> {
    if value < least || value > most {
        return Err(wrong(
            at,
            format!("it is {value}, and from {least} to {most} is meant"),
        ));
    }
    Ok(value)
}

fn pool(name: &str, raw: RawPool, at: &str) -> Result<Pool, ConfigError> {
    let sign = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if !(1..=NAME_BYTES).contains(&name.len()) || !name.bytes().all(sign) {
        return Err(wrong(
            at,
            format!("a pool's name is 1 to {NAME_BYTES} of a-z 0-9 -"),
        ));
    }
    let mut members: Vec<Member> = Vec::new();
    for (index, upstream) in raw.upstreams.iter().enumerate() {
        let at = format!("{at}.upstreams[{index}]");
        let origin: Origin = upstream
            .url
            .parse()
            .map_err(|error| wrong(format!("{at}.url"), error))?;
        if members.iter().any(|member| member.origin == origin) {
            return Err(wrong(
                format!("{at}.url"),
                format!("{origin} is there twice"),
            ));
        }
        if upstream.weight.is_some() && raw.balance != RawBalance::Weighted {
            return Err(wrong(
                format!("{at}.weight"),
                "weights are for \"balance\": \"weighted\"",
            ));
        }
        let weight = within(
            format!("{at}.weight"),
            upstream.weight.unwrap_or(1),
            1,
            WEIGHT,
        )?;
        members.push(Member { origin, weight });
    }
    let balance = match raw.balance {
        RawBalance::RoundRobin => Balance::RoundRobin,
        RawBalance::Weighted => Balance::Weighted,
        RawBalance::LeastLoaded => Balance::LeastLoaded,
    };
    if raw.load.is_some() && balance != Balance::LeastLoaded {
        return Err(wrong(
            format!("{at}.load"),
            "it is for \"balance\": \"least-loaded\"",
        ));
    }
    let mut pool = Pool::new(name, members, balance).ok_or_else(|| {
        wrong(
            format!("{at}.upstreams"),
            format!("from 1 to {MEMBERS} are meant"),
        )
    })?;
    if raw.load == Some(RawLoad::Nodes) {
        pool.loads = LoadSource::Nodes;
    }
    let usual = Times::default();
    let total_ms = within(
        format!("{at}.total_ms"),
        raw.total_ms.unwrap_or(usual.total_ms),
        10,
        TOTAL_MS,
    )?;
    let part = |name: &str, value: Option<u64>, usual: u64| {
        within(
            format!("{at}.{name}"),
            value.unwrap_or(usual.min(total_ms)),
            1,
            total_ms,
        )
    };
    pool.times = Times {
        connect_ms: part("connect_ms", raw.connect_ms, usual.connect_ms)?,
        first_byte_ms: part("first_byte_ms", raw.first_byte_ms, usual.first_byte_ms)?,
        total_ms,
    };
    if let Some(breaker) = raw.breaker {
        pool.rules = rules(&breaker, &format!("{at}.breaker"))?;
    }
    Ok(pool)
}

fn rules(raw: &RawBreaker, at: &str) -> Result<Rules, ConfigError> {
    let usual = Rules::default();
    let name = |name: &str| format!("{at}.{name}");
    Ok(Rules {
        window_ms: within(
            name("window_ms"),
            raw.window_ms.unwrap_or(usual.window_ms),
            100,
            WINDOW_MS,
        )?,
        min_calls: within(
            name("min_calls"),
            raw.min_calls.unwrap_or(usual.min_calls),
            1,
            MIN_CALLS,
        )?,
        open_ms: within(
            name("open_ms"),
            raw.open_ms.unwrap_or(usual.open_ms),
            100,
            OPEN_MS,
        )?,
        probes: within(
            name("probes"),
            raw.probes.unwrap_or(usual.probes),
            1,
            PROBES,
        )?,
    })
}

fn methods(names: Option<&[String]>, at: &str) -> Result<Vec<Method>, ConfigError> {
    let Some(names) = names else {
        // `OPTIONS` is answered here, and `HEAD` comes with `GET`.
        return Ok(vec![
            Method::Get,
            Method::Post,
            Method::Put,
            Method::Patch,
            Method::Delete,
        ]);
    };
    if names.is_empty() {
        return Err(wrong(
            format!("{at}.methods"),
            "name at least one, or leave it out for all",
        ));
    }
    let method = |name: &String| {
        Method::from_name(name).ok_or_else(|| {
            let known = Method::ALL.map(Method::name).join(", ");
            wrong(
                format!("{at}.methods"),
                format!("`{name}` is none of {known}"),
            )
        })
    };
    names.iter().map(method).collect()
}

fn route(raw: RawRoute, at: &str, pools: &[Pool]) -> Result<Route, ConfigError> {
    let pool = pools
        .iter()
        .position(|pool| pool.name() == raw.pool)
        .ok_or_else(|| {
            wrong(
                format!("{at}.pool"),
                format!("there is no pool `{}`", raw.pool),
            )
        })?;
    let target = match &raw.to {
        None => Target::Same,
        Some(to) => Target::read(to, &raw.path)
            .map_err(|why| wrong(format!("{at}.to"), format!("`{to}`: {why}")))?,
    };
    let size = |name: &str, value: Option<usize>, usual: usize, most: usize| {
        within(format!("{at}.{name}"), value.unwrap_or(usual), 0, most)
    };
    Ok(Route {
        pool,
        target,
        identity: match raw.identity {
            RawIdentity::None => Identity::None,
            RawIdentity::Optional => Identity::Optional,
            RawIdentity::Required => Identity::Required,
        },
        forward_authorization: raw.forward_authorization,
        request_max_bytes: size(
            "request_max_bytes",
            raw.request_max_bytes,
            REQUEST_BYTES_DEFAULT,
            REQUEST_BYTES,
        )?,
        response_max_bytes: size(
            "response_max_bytes",
            raw.response_max_bytes,
            RESPONSE_BYTES_DEFAULT,
            RESPONSE_BYTES,
        )?,
        stale_s: within(format!("{at}.stale_s"), raw.stale_s, 0, STALE_S)?,
        default: match raw.default {
            None => None,
            Some(raw) => {
                let at = format!("{at}.default");
                within(format!("{at}.status"), raw.status, 200, 599)?;
                within(
                    format!("{at}.body (its bytes)"),
                    raw.body.len(),
                    0,
                    DEFAULT_BYTES,
                )?;
                let plain = |byte: u8| byte == b' ' || byte.is_ascii_graphic();
                if raw.content_type.is_empty()
                    || raw.content_type.len() > 100
                    || !raw.content_type.bytes().all(plain)
                {
                    return Err(wrong(
                        format!("{at}.content_type"),
                        "a media type such as `application/json` is meant",
                    ));
                }
                Some(Fallback {
                    status: raw.status,
                    content_type: raw.content_type,
                    body: raw.body,
                })
            }
        },
        path: raw.path,
    })
}

#[cfg(test)]
mod tests;
