//! `allowed_outbound_hosts`: where a component may connect, in
//! [Spin's grammar](https://spinframework.dev/v3/http-outbound#granting-http-permissions-to-components):
//! `scheme://host[:port]`, `*` for any of the three, `*.` for the first labels of a host, a network in CIDR notation, a range
//! of ports.

use anyhow::{Context, Result, bail, ensure};
use ipnet::IpNet;
use url::Host;

use crate::template::Template;
use crate::variables::Variables;

/// What a component's `allowed_outbound_hosts` comes to, templates filled.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct AllowedHosts(Vec<Allowed>);

#[derive(Debug, PartialEq, Eq)]
struct Allowed {
    /// `None` is any.
    scheme: Option<String>,
    host: AllowedHost,
    port: AllowedPort,
}

#[derive(Debug, PartialEq, Eq)]
enum AllowedHost {
    Any,
    /// Ends with this, the dot included.
    Subdomain(String),
    One(Host),
    Network(IpNet),
    /// The app itself, which this host does not let it reach.
    Itself,
}

#[derive(Debug, PartialEq, Eq)]
enum AllowedPort {
    Any,
    One(u16),
    /// The end is not part of it, as in Spin.
    Range(std::ops::Range<u16>),
}

impl AllowedHosts {
    /// Fills and parses the entries of a manifest.
    pub fn parse(entries: &[String], variables: &Variables) -> Result<Self> {
        let mut allowed = Vec::new();
        for entry in entries {
            let template = Template::parse(entry)?;
            let filled = variables.fill(&template)?;
            // An entry that a variable leaves empty allows nothing, so that a destination can be optional.
            if !template.is_literal() && ["", "http://", "https://"].contains(&filled.as_str()) {
                continue;
            }
            // The template is named, not its filling, which may hold a secret.
            let parsed = Allowed::parse(&filled)
                .with_context(|| format!("the allowed outbound host {entry:?}"))?;
            allowed.push(parsed);
        }
        Ok(Self(allowed))
    }

    /// Whether a connection may be opened. `host` is a name or an address as in a URL.
    pub fn allow(&self, scheme: &str, host: &str, port: u16) -> bool {
        let Ok(host) = Host::parse(host) else {
            return false;
        };
        self.0.iter().any(|allowed| {
            allowed.scheme.as_ref().is_none_or(|its| its == scheme)
                && allowed.host.allows(&host)
                && allowed.port.allows(port)
        })
    }
}

impl Allowed {
    fn parse(text: &str) -> Result<Self> {
        let (scheme, rest) = text
            .trim()
            .split_once("://")
            .context("is not of the form scheme://host[:port], with `*` for any of the three")?;
        ensure!(
            scheme == "*" || (!scheme.is_empty() && scheme.chars().all(char::is_alphabetic)),
            "has a scheme that is not letters only, nor `*`"
        );
        ensure!(
            !rest.contains('@'),
            "has credentials, and only scheme, host and port can be allowed"
        );
        // The colons of an IPv6 address, and of a network in CIDR notation, belong to the host.
        let (host, port) = match rest.rsplit_once(':') {
            Some((host, port)) if port.is_empty() || AllowedHost::parse(rest).is_err() => {
                (host, port)
            }
            _ => (rest, ""),
        };
        let port = port.strip_suffix('/').unwrap_or(port);
        ensure!(
            !port.contains('/'),
            "has a path, and only scheme, host and port can be allowed"
        );
        let port = AllowedPort::parse(port, scheme)?;
        Ok(Self {
            scheme: (scheme != "*").then(|| scheme.to_owned()),
            host: AllowedHost::parse(host)?,
            port,
        })
    }
}

impl AllowedHost {
    fn parse(host: &str) -> Result<Self> {
        let host = host.trim();
        if host == "*" {
            return Ok(Self::Any);
        }
        if host == "self" || host == "self.alt" {
            return Ok(Self::Itself);
        }
        if let Ok(network) = host.parse::<IpNet>() {
            return Ok(Self::Network(network));
        }
        let host = host.strip_suffix('/').unwrap_or(host);
        ensure!(
            !host.contains('/'),
            "has a path, and only scheme, host and port can be allowed"
        );
        ensure!(
            !host.starts_with('{'),
            "is a list of hosts: write one entry for each"
        );
        if let Some(domain) = host.strip_prefix("*.") {
            match Host::parse(domain) {
                Ok(Host::Domain(domain)) if !domain.contains('*') => {
                    return Ok(Self::Subdomain(format!(".{domain}")));
                }
                _ => bail!("has a `*.` that no domain follows"),
            }
        }
        ensure!(
            !host.contains('*'),
            "has a `*` within the host: it can stand for all of it or for its first labels"
        );
        Ok(Self::One(Host::parse(host).context(
            "has a host that is neither a name nor an address",
        )?))
    }

    fn allows(&self, host: &Host) -> bool {
        match (self, host) {
            (Self::Any, _) => true,
            (Self::Subdomain(suffix), Host::Domain(domain)) => domain.ends_with(suffix.as_str()),
            (Self::One(one), host) => one == host,
            (Self::Network(network), Host::Ipv4(address)) => {
                network.contains(&std::net::IpAddr::V4(*address))
            }
            (Self::Network(network), Host::Ipv6(address)) => {
                network.contains(&std::net::IpAddr::V6(*address))
            }
            (Self::Subdomain(_) | Self::Network(_) | Self::Itself, _) => false,
        }
    }
}

impl AllowedPort {
    fn parse(port: &str, scheme: &str) -> Result<Self> {
        let number = |text: &str| {
            text.parse::<u16>()
                .ok()
                .with_context(|| format!("has the port {text:?}, not a number"))
        };
        match port {
            "" => match scheme {
                "redis" => Ok(Self::One(6379)),
                "http" => Ok(Self::One(80)),
                "https" => Ok(Self::One(443)),
                "postgres" => Ok(Self::One(5432)),
                "mysql" => Ok(Self::One(3306)),
                "mqtt" => Ok(Self::One(1883)),
                _ => bail!("has no port, and the scheme {scheme:?} has no usual one"),
            },
            "*" => Ok(Self::Any),
            range if range.contains("..") => {
                let (start, end) = range.split_once("..").unwrap_or_default();
                Ok(Self::Range(number(start)?..number(end)?))
            }
            one => Ok(Self::One(number(one)?)),
        }
    }

    fn allows(&self, port: u16) -> bool {
        match self {
            Self::Any => true,
            Self::One(one) => *one == port,
            Self::Range(range) => range.contains(&port),
        }
    }
}

#[cfg(test)]
#[path = "hosts_tests.rs"]
mod tests;
