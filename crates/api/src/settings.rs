//! The edge's settings, read from its variables. Every one is checked before anything is served.

use std::collections::BTreeMap;
use std::str::FromStr;

use serde::Deserialize;
use tidegate_limit::limits::PROXIES_MAX;
use tidegate_room::WhenBroken;
use tidegate_stream::Region;
use tidegate_stream::calls::Bounds;
use tidegate_stream::host::is_unspecified;

use crate::cors::Cors;
use crate::kind;
use crate::limits::{PREFIX_BYTES, REGIONS};
use crate::policies::{Policies, WhenAway};

/// The variables that are read, by name.
pub const NAMES: [&str; 23] = [
    "region",
    "regions",
    "redis_url",
    "redis_auth",
    "prefix",
    "jwks_origin",
    "jwks_path",
    "cors_origins",
    "trusted_proxies",
    "limit_ip",
    "limit_user",
    "limit_room",
    "limit_service",
    "limit_routes",
    "limit_costs",
    "limit_redis_url",
    "limit_redis_auth",
    "limit_when_away",
    "moderation_when_broken",
    "chat_max",
    "keep_max",
    "log_max",
    "retention_ms",
];

/// A variable that is missing or wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("variable `{name}`: {why}")]
pub struct SettingsError {
    /// Its name.
    pub name: &'static str,
    /// What is wrong with it.
    pub why: String,
}

/// One region, as it is reached from outside.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegionPlace {
    /// Its name.
    pub name: Region,
    /// The URL of its edge.
    pub edge: String,
    /// The URL of its sockets.
    pub socket: String,
}

/// How much history is kept, as the variables say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kept {
    /// Entries of `chat` a room.
    pub chat_max: u32,
    /// Entries of `control` and `gift` a room.
    pub keep_max: u32,
    /// Entries of a shard's log.
    pub log_max: u32,
    /// For how long, in ms.
    pub retention_ms: u64,
}

/// All settings of one edge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// This region.
    pub region: Region,
    /// All regions, in the order in which a client tries them.
    pub regions: Vec<RegionPlace>,
    /// Redis, with its credentials if there are any. Never logged.
    pub redis_url: String,
    /// What every key begins with.
    pub prefix: String,
    /// Where the issuer publishes its keys, if it does.
    pub jwks_url: Option<String>,
    /// Pages that may call.
    pub cors: Cors,
    /// Proxies of one's own in front of the edge.
    pub trusted_proxies: usize,
    /// Rate limits.
    pub policies: Policies,
    /// The Redis that counts, with its credentials if there are any: [`Settings::redis_url`] unless it has its own.
    pub limit_redis_url: String,
    /// What holds while that one is out of reach.
    pub limit_when_away: WhenAway,
    /// What holds when moderation is out of order.
    pub moderation_when_broken: WhenBroken,
    /// History.
    pub kept: Kept,
}

impl Settings {
    /// Reads variables by name.
    ///
    /// # Errors
    /// [`SettingsError`], for the first that is missing or wrong.
    pub fn read(variables: &BTreeMap<&'static str, String>) -> Result<Self, SettingsError> {
        let read = Variables(variables);
        let kept = Kept {
            chat_max: read.parse("chat_max")?,
            keep_max: read.parse("keep_max")?,
            log_max: read.parse("log_max")?,
            retention_ms: read.parse("retention_ms")?,
        };
        Bounds::new(
            kept.chat_max,
            kept.keep_max,
            kept.log_max,
            kept.retention_ms,
        )
        .map_err(|error| wrong("chat_max, keep_max, log_max or retention_ms", error))?;
        let trusted_proxies = read.parse("trusted_proxies")?;
        if trusted_proxies > PROXIES_MAX {
            return Err(wrong("trusted_proxies", format!("at most {PROXIES_MAX}")));
        }
        let redis_url = redis_url(&read, "redis_url", "redis_auth")?;
        let limit_redis_url = match read.text("limit_redis_url")? {
            "" => redis_url.clone(),
            _ => self::redis_url(&read, "limit_redis_url", "limit_redis_auth")?,
        };
        read.text("limit_redis_auth")?;
        Ok(Self {
            region: read.parse("region")?,
            regions: regions(read.text("regions")?)?,
            redis_url,
            prefix: prefix(read.text("prefix")?)?,
            jwks_url: tidegate_auth::issuer::url(
                read.text("jwks_origin")?,
                read.text("jwks_path")?,
            )
            .map_err(|why| wrong("jwks_origin, jwks_path", why))?,
            cors: read.parse("cors_origins")?,
            trusted_proxies,
            policies: policies(&read)?,
            limit_redis_url,
            limit_when_away: read.parse("limit_when_away")?,
            moderation_when_broken: read.parse("moderation_when_broken")?,
            kept,
        })
    }
}

fn wrong(name: &'static str, why: impl ToString) -> SettingsError {
    SettingsError {
        name,
        why: why.to_string(),
    }
}

struct Variables<'v>(&'v BTreeMap<&'static str, String>);

impl Variables<'_> {
    fn text(&self, name: &'static str) -> Result<&str, SettingsError> {
        self.0
            .get(name)
            .map(|value| value.trim())
            .ok_or_else(|| wrong(name, "it has no value"))
    }

    fn parse<T: FromStr<Err: ToString>>(&self, name: &'static str) -> Result<T, SettingsError> {
        self.text(name)?
            .parse()
            .map_err(|error: T::Err| wrong(name, error.to_string()))
    }
}

fn prefix(text: &str) -> Result<String, SettingsError> {
    let sign = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    if (1..=PREFIX_BYTES).contains(&text.len()) && text.bytes().all(sign) {
        Ok(text.to_owned())
    } else {
        Err(wrong(
            "prefix",
            format!("1 to {PREFIX_BYTES} of A-Z a-z 0-9 _ -"),
        ))
    }
}

fn regions(json: &str) -> Result<Vec<RegionPlace>, SettingsError> {
    let regions: Vec<RegionPlace> = match json {
        "" => Vec::new(),
        json => serde_json::from_str(json).map_err(|error| {
            wrong(
                "regions",
                format!("a JSON list of {{\"name\",\"edge\",\"socket\"}}: {error}"),
            )
        })?,
    };
    if regions.len() > REGIONS {
        return Err(wrong("regions", format!("at most {REGIONS}")));
    }
    for (index, place) in regions.iter().enumerate() {
        if regions[..index]
            .iter()
            .any(|other| other.name == place.name)
        {
            return Err(wrong("regions", format!("`{}` is there twice", place.name)));
        }
        let scheme =
            |url: &str, schemes: [&str; 2]| schemes.iter().any(|scheme| url.starts_with(scheme));
        if !scheme(&place.edge, ["http://", "https://"])
            || !scheme(&place.socket, ["ws://", "wss://"])
        {
            return Err(wrong(
                "regions",
                format!(
                    "`{}`: `edge` is an http(s) URL, `socket` a ws(s) URL",
                    place.name
                ),
            ));
        }
        if is_unspecified(&place.edge) || is_unspecified(&place.socket) {
            return Err(wrong(
                "regions",
                format!(
                    "`{}`: `edge` and `socket` are handed to clients, who cannot connect to every address of a machine",
                    place.name
                ),
            ));
        }
    }
    Ok(regions)
}

fn policies(read: &Variables<'_>) -> Result<Policies, SettingsError> {
    let policies = Policies {
        ip: read.parse("limit_ip")?,
        user: read.parse("limit_user")?,
        room: read.parse("limit_room")?,
        service: read.parse("limit_service")?,
        routes: kind::table(read.text("limit_routes")?)
            .map_err(|error| wrong("limit_routes", error))?,
        costs: kind::table(read.text("limit_costs")?)
            .map_err(|error| wrong("limit_costs", error))?,
    };
    policies
        .check_costs()
        .map_err(|why| wrong("limit_costs", why))?;
    Ok(policies)
}

/// Puts the credentials into the address. They stand in a variable of their own because the address is also the host that
/// the manifest allows, where credentials have no place.
fn redis_url(
    read: &Variables<'_>,
    name: &'static str,
    auth_name: &'static str,
) -> Result<String, SettingsError> {
    let (url, auth) = (read.text(name)?, read.text(auth_name)?);
    let (scheme, rest) = url
        .split_once("://")
        .filter(|(scheme, rest)| matches!(*scheme, "redis" | "rediss") && !rest.is_empty())
        .ok_or_else(|| wrong(name, "write redis://host:port or rediss://host:port"))?;
    if auth.is_empty() {
        return Ok(url.to_owned());
    }
    if rest.contains('@') {
        return Err(wrong(
            auth_name,
            format!("`{name}` holds credentials already; leave one out"),
        ));
    }
    let sign = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'/' | b'@' | b'?' | b'#');
    if !auth.contains(':') || !auth.bytes().all(sign) {
        return Err(wrong(
            auth_name,
            "write USER:PASSWORD (or :PASSWORD), with / @ ? # % escaped as in a URL",
        ));
    }
    Ok(format!("{scheme}://{auth}@{rest}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(changes: &[(&'static str, &str)]) -> BTreeMap<&'static str, String> {
        let mut all: BTreeMap<&'static str, String> = [
            ("region", "eu"),
            ("regions", r#"[{"name":"eu","edge":"http://a","socket":"ws://a"},{"name":"us","edge":"https://b","socket":"wss://b/"}]"#),
            ("redis_url", "redis://127.0.0.1:6379"),
            ("redis_auth", ""),
            ("prefix", "tg"),
            ("jwks_origin", ""),
            ("jwks_path", "/.well-known/jwks.json"),
            ("cors_origins", "http://127.0.0.1:8080"),
            ("trusted_proxies", "1"),
            ("limit_ip", "600/60"),
            ("limit_user", "20/10"),
            ("limit_room", "1000/10"),
            ("limit_service", "5000/10"),
            ("limit_routes", "create=10/3600, join=60/60"),
            ("limit_costs", "create=5"),
            ("limit_redis_url", ""),
            ("limit_redis_auth", ""),
            ("limit_when_away", "closed"),
            ("moderation_when_broken", "reject"),
            ("chat_max", "500"),
            ("keep_max", "2000"),
            ("log_max", "100000"),
            ("retention_ms", "900000"),
        ]
        .into_iter()
        .map(|(name, value)| (name, value.to_owned()))
        .collect();
        for (name, value) in changes {
            all.insert(name, (*value).to_owned());
        }
        all
    }

    #[test]
    fn settings_are_read_and_every_name_is_asked_for() {
        let variables = variables(&[]);
        let mut names = NAMES.to_vec();
        names.sort_unstable();
        assert!(variables.keys().eq(names.iter()));
        let settings = Settings::read(&variables).unwrap();
        assert_eq!(settings.region.as_str(), "eu");
        let sockets = settings.regions.iter().map(|place| place.socket.as_str());
        assert_eq!(sockets.collect::<Vec<_>>(), ["ws://a", "wss://b/"]);
        for name in NAMES {
            let mut missing = variables.clone();
            missing.remove(name);
            let error = Settings::read(&missing).unwrap_err();
            assert_eq!(error.name, name);
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (name, value) in [
            ("region", "EU"),
            ("regions", "x"),
            (
                "regions",
                r#"[{"name":"eu","edge":"http://a","socket":"http://a"}]"#,
            ),
            (
                "regions",
                r#"[{"name":"eu","edge":"http://a","socket":"ws://a"},{"name":"eu","edge":"http://a","socket":"ws://a"}]"#,
            ),
            (
                "regions",
                r#"[{"name":"eu","edge":"http://a","socket":"ws://0.0.0.0:7001"}]"#,
            ),
            (
                "regions",
                r#"[{"name":"eu","edge":"http://[::]:3000","socket":"ws://a"}]"#,
            ),
            ("redis_url", "127.0.0.1:6379"),
            ("redis_url", "redis://"),
            ("redis_auth", "secret"),
            ("redis_auth", ":se/cret"),
            ("prefix", "t{g}"),
            ("prefix", ""),
            ("cors_origins", "*"),
            ("trusted_proxies", "-1"),
            ("trusted_proxies", "17"),
            ("limit_ip", "many"),
            ("limit_service", "0/1"),
            ("limit_routes", "fly=1/1"),
            ("limit_routes", "join=1"),
            ("limit_costs", "create=0"),
            ("limit_costs", "chat=21"),
            ("limit_costs", "create=11"),
            ("limit_redis_url", "127.0.0.1"),
            ("limit_when_away", "ajar"),
            ("moderation_when_broken", ""),
            ("chat_max", "x"),
        ] {
            let error = Settings::read(&variables(&[(name, value)])).unwrap_err();
            assert_eq!(error.name, name, "{value}: {error}");
        }
        let error = Settings::read(&variables(&[("keep_max", "0")])).unwrap_err();
        assert!(error.to_string().contains("keep_max"));
    }

    #[test]
    fn credentials_go_into_the_address() {
        let url = |auth: &str| {
            Settings::read(&variables(&[("redis_auth", auth)]))
                .unwrap()
                .redis_url
        };
        assert_eq!(url(""), "redis://127.0.0.1:6379");
        assert_eq!(url("edge:s%40cret"), "redis://edge:s%40cret@127.0.0.1:6379");
        assert_eq!(url(":secret"), "redis://:secret@127.0.0.1:6379");
        let own = [
            ("redis_auth", ":secret"),
            ("limit_redis_url", "redis://limits:6379"),
            ("limit_redis_auth", ":other"),
        ];
        let limits = |changes: &[(&'static str, &str)]| {
            Settings::read(&variables(changes)).unwrap().limit_redis_url
        };
        assert_eq!(limits(&own), "redis://:other@limits:6379");
        assert_eq!(limits(&own[..1]), "redis://:secret@127.0.0.1:6379");
        let both = [("redis_url", "redis://a:b@h:1"), ("redis_auth", "c:d")];
        assert!(Settings::read(&variables(&both)).is_err());
    }
}
