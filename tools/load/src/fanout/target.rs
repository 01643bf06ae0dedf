//! Where a socket goes to.

use std::net::{SocketAddr, ToSocketAddrs};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

/// A WebSocket address, resolved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// IP and port.
    pub addr: SocketAddr,
    /// For the header `Host`.
    pub host: String,
    /// Path and query.
    pub path: String,
}

impl Target {
    /// Reads `ws://HOST:PORT[/PATH]`. Without a path it is `path`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn new(url: &str, path: &str) -> Result<Self> {
        let Some(rest) = url.strip_prefix("ws://") else {
            bail!("{url}: an address like ws://127.0.0.1:7001/v1/connect is meant (no TLS)");
        };
        let (host, given) = match rest.find('/') {
            Some(at) => rest.split_at(at),
            None => (rest, ""),
        };
        let resolved = host
            .to_socket_addrs()
            .with_context(|| format!("{url}: HOST:PORT is meant"))?;
        let addr = resolved
            .into_iter()
            .find(SocketAddr::is_ipv4)
            .with_context(|| format!("{url}: there is no IPv4 address of it"))?;
        Ok(Self {
            addr,
            host: host.to_owned(),
            path: if given.len() > 1 { given } else { path }.to_owned(),
        })
    }

    /// The request that asks for an upgrade (RFC 6455, section 4.1). Its key is that of the standard's example: nobody caches
    /// here, which is all that a fresh one would prevent.
    pub fn request(&self, protocol: Option<&str>, extensions: Option<&str>) -> String {
        let Self { host, path, .. } = self;
        let field = |name: &str, value: Option<&str>| {
            value.map_or_else(String::new, |value| {
                format!("Sec-WebSocket-{name}: {value}\r\n")
            })
        };
        let protocol = field("Protocol", protocol);
        let extensions = field("Extensions", extensions);
        format!(
            "GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n{protocol}{extensions}\r\n"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read() {
        let target = Target::new("ws://127.0.0.1:7001/v1/connect?a=b", "/x").unwrap();
        assert_eq!(target.addr, "127.0.0.1:7001".parse().unwrap());
        assert_eq!(target.path, "/v1/connect?a=b");
        assert!(
            target
                .request(Some("p"), None)
                .contains("Protocol: p\r\n\r\n")
        );
        assert!(
            target
                .request(None, Some("e; f"))
                .contains("Version: 13\r\nSec-WebSocket-Extensions: e; f\r\n\r\n")
        );
        for bare in ["ws://127.0.0.1:7001", "ws://127.0.0.1:7001/"] {
            assert_eq!(Target::new(bare, "/x").unwrap().path, "/x");
        }
        for wrong in [
            "wss://127.0.0.1:1",
            "127.0.0.1:1",
            "ws://",
            "ws://127.0.0.1",
        ] {
            let error = Target::new(wrong, "/").unwrap_err();
            assert!(format!("{error:#}").contains("is meant"), "{error:#}");
        }
    }
}
