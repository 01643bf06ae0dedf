//! Which web pages may connect: the list that CORS at the edge uses too.

use std::sync::Arc;

/// Origins (RFC 6454) that are allowed, exactly as browsers write them: lower case, without the scheme's own port.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Origins(Vec<Arc<str>>);

/// An origin that is on the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllowedOrigin(Arc<str>);

impl AllowedOrigin {
    /// The origin as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Why a list of origins was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OriginsError {
    /// `*` would let every page act for its visitor.
    #[error("`*` is not an origin: list each, as in https://example.com,http://localhost:8080")]
    Wildcard,
    /// Not `scheme://host[:port]`.
    #[error("`{0}` is not an origin: write scheme://host[:port], http or https, nothing after it")]
    Malformed(String),
}

impl Origins {
    /// Reads a comma-separated list of `scheme://host[:port]`. An empty list allows no page; clients that are no
    /// browser send no `Origin` and are not concerned.
    ///
    /// # Errors
    ///
    /// [`OriginsError`], with the part that is wrong.
    pub fn parse(list: &str) -> Result<Self, OriginsError> {
        list.split(',')
            .map(str::trim)
            .filter(|item| !item.is_empty())
            .map(|item| canonical(item).map(Arc::from))
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// The origin, when it is on the list.
    pub fn allow(&self, origin: &str) -> Option<AllowedOrigin> {
        self.0
            .iter()
            .find(|allowed| ***allowed == *origin)
            .map(|allowed| AllowedOrigin(Arc::clone(allowed)))
    }
}

fn canonical(item: &str) -> Result<String, OriginsError> {
    if item.contains('*') {
        return Err(OriginsError::Wildcard);
    }
    let malformed = || OriginsError::Malformed(item.to_owned());
    let lower = item.to_ascii_lowercase();
    let (scheme, authority) = lower.split_once("://").ok_or_else(malformed)?;
    let default_port = match scheme {
        "http" => ":80",
        "https" => ":443",
        _ => return Err(malformed()),
    };
    let authority = authority.strip_suffix(default_port).unwrap_or(authority);
    let (host, port) = match authority.rfind(':') {
        Some(at) if !authority.ends_with(']') => (&authority[..at], Some(&authority[at + 1..])),
        _ => (authority, None),
    };
    let host_good = match host.strip_prefix('[') {
        Some(rest) => rest
            .strip_suffix(']')
            .is_some_and(|ip| ip.parse::<std::net::Ipv6Addr>().is_ok()),
        None => {
            !host.is_empty()
                && host
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'))
        }
    };
    let port_good = port.is_none_or(|port| {
        port.bytes().all(|b| b.is_ascii_digit())
            && !port.starts_with('0')
            && port.parse::<u16>().is_ok()
    });
    if host_good && port_good {
        Ok(format!("{scheme}://{authority}"))
    } else {
        Err(malformed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_read_as_browsers_write_origins() {
        let origins = Origins::parse(
            "https://Example.com:443, http://localhost:8080,http://[::1]:3000,,http://a_b.test",
        )
        .unwrap();
        for good in [
            "https://example.com",
            "http://localhost:8080",
            "http://[::1]:3000",
            "http://a_b.test",
        ] {
            assert_eq!(origins.allow(good).unwrap().as_str(), good);
        }
        for bad in [
            "https://example.com:443",
            "http://example.com",
            "http://localhost",
            "http://localhost:80801",
            "https://example.com.evil.test",
            "null",
            "",
        ] {
            assert_eq!(origins.allow(bad), None, "{bad}");
        }
        assert_eq!(Origins::parse(" "), Ok(Origins::default()));
    }

    #[test]
    fn what_is_no_origin_is_refused_by_name() {
        assert_eq!(Origins::parse("*"), Err(OriginsError::Wildcard));
        assert_eq!(
            Origins::parse("https://*.a.test"),
            Err(OriginsError::Wildcard)
        );
        for bad in [
            "example.com",
            "ftp://a.test",
            "https://",
            "https://a.test/",
            "https://a.test/path",
            "https://u@a.test",
            "https://a.test:99999",
            "https://a.test:",
            "https://a.test:+1",
            "http://[::1",
            "http://a b",
        ] {
            assert_eq!(
                Origins::parse(bad),
                Err(OriginsError::Malformed(bad.to_owned())),
                "{bad}"
            );
        }
    }
}
