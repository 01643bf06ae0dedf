//! Where an upstream is: scheme, host and port, and nothing else.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use crate::limits::HOST_BYTES;

/// What is no origin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no upstream: write http://host, http://host:port or https://…, with a name in lower case or an address, and no \
     path, query or credentials"
)]
pub struct OriginError(String);

/// An upstream's place. Two texts that mean one place are one value.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Origin {
    tls: bool,
    host: Host,
    port: u16,
}

/// A host, in the only form in which it is written.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Host {
    /// A name of labels with letters, digits and hyphens, in lower case.
    Name(String),
    /// An IPv4 address.
    V4(Ipv4Addr),
    /// An IPv6 address.
    V6(Ipv6Addr),
}

impl Origin {
    /// `http` or `https`.
    pub fn scheme(&self) -> &'static str {
        if self.tls { "https" } else { "http" }
    }

    /// Its host.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// What `Host` says: the port only where it is not the scheme's own (RFC 9110, section 7.2).
    pub fn authority(&self) -> String {
        if self.port == default_port(self.tls) {
            self.host.to_string()
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

fn default_port(tls: bool) -> u16 {
    if tls { 443 } else { 80 }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme(), self.authority())
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::V4(address) => address.fmt(f),
            Self::V6(address) => write!(f, "[{address}]"),
        }
    }
}

impl FromStr for Origin {
    type Err = OriginError;

    fn from_str(text: &str) -> Result<Self, OriginError> {
        parse(text).ok_or_else(|| OriginError(text.chars().take(100).collect()))
    }
}

fn parse(text: &str) -> Option<Origin> {
    let (scheme, authority) = text.split_once("://")?;
    let tls = match scheme {
        "http" => false,
        "https" => true,
        _ => return None,
    };
    let (host, port) = split_port(authority)?;
    let port = match port {
        None => default_port(tls),
        Some(port) => self::port(port)?,
    };
    Some(Origin {
        tls,
        host: Host::parse(host)?,
        port,
    })
}

/// Host and port of `host`, `host:port`, `[v6]`, `[v6]:port`.
pub(crate) fn split_port(authority: &str) -> Option<(&str, Option<&str>)> {
    if authority.starts_with('[') {
        let end = authority.find(']')? + 1;
        let (host, rest) = authority.split_at(end);
        return match rest.strip_prefix(':') {
            Some(port) => Some((host, Some(port))),
            None if rest.is_empty() => Some((host, None)),
            None => None,
        };
    }
    match authority.split_once(':') {
        Some((host, port)) => Some((host, Some(port))),
        None => Some((authority, None)),
    }
}

/// A port from 1, written without a sign or zeros in front.
pub(crate) fn port(text: &str) -> Option<u16> {
    text.parse()
        .ok()
        .filter(|&port: &u16| port != 0 && port.to_string() == text)
}

impl Host {
    /// Reads a host. What clients read in more ways than one is none: `0x7f.1`, `127.1`, `2130706433`, `EXAMPLE.org`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if let Some(inner) = text.strip_prefix('[') {
            return inner.strip_suffix(']')?.parse().ok().map(Self::V6);
        }
        if let Ok(address) = text.parse() {
            return Some(Self::V4(address));
        }
        let sign = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let label = |label: &str| {
            (1..=63).contains(&label.len())
                && label.bytes().all(sign)
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        let last = text.rsplit('.').next()?;
        let is_name = text.len() <= HOST_BYTES
            && text.split('.').all(label)
            && last
                .bytes()
                .next()
                .is_some_and(|byte| byte.is_ascii_lowercase());
        is_name.then(|| Self::Name(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_place_is_one_value() {
        for (text, canonical, authority) in [
            ("http://a.example", "http://a.example", "a.example"),
            ("http://a.example:80", "http://a.example", "a.example"),
            ("https://a.example:443", "https://a.example", "a.example"),
            (
                "https://a.example:80",
                "https://a.example:80",
                "a.example:80",
            ),
            (
                "http://10.0.0.1:8080",
                "http://10.0.0.1:8080",
                "10.0.0.1:8080",
            ),
            ("http://[::1]:8080", "http://[::1]:8080", "[::1]:8080"),
            ("http://[0:0::1]", "http://[::1]", "[::1]"),
        ] {
            let origin: Origin = text.parse().unwrap();
            assert_eq!(origin.to_string(), canonical);
            assert_eq!(origin.authority(), authority);
        }
    }

    #[test]
    fn what_could_mean_another_place_is_refused() {
        for text in [
            "",
            "a.example",
            "ftp://a.example",
            "http://",
            "http://a.example/",
            "http://a.example/x",
            "http://a.example?x",
            "http://a.example#x",
            "http://user@a.example",
            "http://user:pw@a.example",
            "http://a.example:",
            "http://a.example:0",
            "http://a.example:080",
            "http://a.example:+80",
            "http://a.example:65536",
            "http://a.example:80:80",
            "http://A.example",
            "http://caf\u{e9}.example",
            "http://a..example",
            "http://-a.example",
            "http://a.example.",
            "http://127.1",
            "http://2130706433",
            "http://0x7f.0.0.1",
            "http://0x7f000001",
            "http://a.0x10",
            "http://010.0.0.1",
            "http://::1",
            "http://[::1",
            "http://[::1]x",
            "http://[fe80::1%eth0]",
            "http://a b",
            "http://a\\b",
            " http://a",
            "http://a\r\nx: y",
        ] {
            assert!(text.parse::<Origin>().is_err(), "{text:?}");
        }
    }
}
