//! `allowed_outbound_hosts` of a manifest: `scheme://host[:port]`, with `*` for any of the three, `*.domain` for what lies
//! below a domain, and a network in CIDR notation. As Spin reads it, for http and https.

use std::net::{IpAddr, Ipv6Addr};

use crate::origin::{self, Host, Origin};

/// An entry that is not one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not of the form scheme://host[:port]")]
pub struct AllowedError(String);

/// One entry, templates filled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allowed {
    scheme: Option<String>,
    host: AllowedHost,
    port: AllowedPort,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum AllowedHost {
    Any,
    Below(String),
    One(Host),
    Network {
        base: IpAddr,
        bits: u8,
    },
    /// A form that no upstream of ours has: the app itself, or a host that is written otherwise than an origin's.
    Other,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum AllowedPort {
    Any,
    OfScheme,
    One(u16),
    /// The end is not part of it.
    Range(u16, u16),
}

impl Allowed {
    /// Reads an entry.
    ///
    /// # Errors
    /// [`AllowedError`] for what Spin would refuse, as far as http and https go.
    pub fn parse(entry: &str) -> Result<Self, AllowedError> {
        parse(entry.trim()).ok_or_else(|| AllowedError(entry.chars().take(100).collect()))
    }

    /// Whether connections to an upstream may be opened under it.
    pub fn allows(&self, origin: &Origin) -> bool {
        let scheme = self
            .scheme
            .as_ref()
            .is_none_or(|its| its == origin.scheme());
        let port = match self.port {
            AllowedPort::Any => true,
            AllowedPort::OfScheme => matches!(
                (origin.scheme(), origin.port()),
                ("http", 80) | ("https", 443)
            ),
            AllowedPort::One(port) => port == origin.port(),
            AllowedPort::Range(from, to) => (from..to).contains(&origin.port()),
        };
        scheme && port && self.host.allows(origin.host())
    }
}

impl AllowedHost {
    fn allows(&self, host: &Host) -> bool {
        match (self, host) {
            (Self::Any, _) => true,
            (Self::Below(suffix), Host::Name(name)) => name.ends_with(suffix.as_str()),
            (Self::One(one), host) => one == host,
            (Self::Network { base, bits }, Host::V4(address)) => {
                within(*base, *bits, IpAddr::V4(*address))
            }
            (Self::Network { base, bits }, Host::V6(address)) => {
                within(*base, *bits, IpAddr::V6(*address))
            }
            _ => false,
        }
    }
}

fn within(base: IpAddr, bits: u8, address: IpAddr) -> bool {
    let (base, address, width) = match (base, address) {
        (IpAddr::V4(base), IpAddr::V4(address)) => (
            u128::from(base.to_bits()),
            u128::from(address.to_bits()),
            32,
        ),
        (IpAddr::V6(base), IpAddr::V6(address)) => (base.to_bits(), address.to_bits(), 128),
        _ => return false,
    };
    let free = width - u32::from(bits);
    base.checked_shr(free) == address.checked_shr(free)
}

fn parse(entry: &str) -> Option<Allowed> {
    let (scheme, rest) = entry.split_once("://")?;
    let scheme = match scheme {
        "*" => None,
        letters if !letters.is_empty() && letters.chars().all(char::is_alphabetic) => {
            Some(letters.to_owned())
        }
        _ => return None,
    };
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    if rest.contains('@') || rest.is_empty() {
        return None;
    }
    if let Some((base, bits)) = rest.split_once('/') {
        let bits: u8 = bits.parse().ok()?;
        let base: IpAddr = base.parse().ok()?;
        let width = if base.is_ipv4() { 32 } else { 128 };
        return (bits <= width).then_some(Allowed {
            scheme,
            host: AllowedHost::Network { base, bits },
            port: AllowedPort::OfScheme,
        });
    }
    let (host, port) = match rest.parse::<Ipv6Addr>() {
        Ok(_) => (rest, None),
        Err(_) => origin::split_port(rest)?,
    };
    let port = match port {
        None | Some("") => AllowedPort::OfScheme,
        Some("*") => AllowedPort::Any,
        Some(range) => match range.split_once("..") {
            Some((from, to)) => AllowedPort::Range(from.parse().ok()?, to.parse().ok()?),
            None => AllowedPort::One(range.parse().ok()?),
        },
    };
    let host = match host {
        "*" => AllowedHost::Any,
        host => match host.strip_prefix("*.") {
            Some(domain) => AllowedHost::Below(format!(".{domain}")),
            None => Host::parse(host).map_or(AllowedHost::Other, AllowedHost::One),
        },
    };
    Some(Allowed { scheme, host, port })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(entry: &str, origin: &str) -> bool {
        Allowed::parse(entry)
            .unwrap()
            .allows(&origin.parse().unwrap())
    }

    #[test]
    fn entries_are_read_as_spin_reads_them() {
        for (entry, origin, expected) in [
            ("http://a.example", "http://a.example", true),
            ("http://a.example", "http://a.example:8080", false),
            ("http://a.example", "https://a.example", false),
            ("*://a.example:*", "https://a.example:9", true),
            ("https://*:443", "https://b.example", true),
            ("https://*:443", "https://b.example:444", false),
            ("https://*.example.org", "https://a.example.org", true),
            ("https://*.example.org", "https://example.org", false),
            ("https://*.example.org", "https://badexample.org", false),
            ("http://10.0.0.0/8", "http://10.9.8.7", true),
            ("http://10.0.0.0/8", "http://11.9.8.7", false),
            ("http://0.0.0.0/0", "http://11.9.8.7", true),
            ("http://10.0.0.1:8080", "http://10.0.0.1:8080", true),
            ("http://[::1]:80", "http://[::1]", true),
            ("http://127.0.0.1:3000..3010", "http://127.0.0.1:3009", true),
            (
                "http://127.0.0.1:3000..3010",
                "http://127.0.0.1:3010",
                false,
            ),
            ("http://self", "http://a.example", false),
            ("redis://a.example:6379", "http://a.example:6379", false),
        ] {
            assert_eq!(allows(entry, origin), expected, "{entry} {origin}");
        }
    }

    #[test]
    fn what_is_no_entry_is_refused() {
        for entry in [
            "",
            "a.example",
            "http://",
            "http://u:p@a",
            "http://a:b",
            "http://a/b",
            "http://10.0.0.0/33",
            "1://a",
        ] {
            assert!(Allowed::parse(entry).is_err(), "{entry}");
        }
    }
}
