//! Whom an address limit counts: the client's address, as the trusted proxies tell it.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use crate::limits::PROXIES_MAX;

/// What an address limit counts: an IPv4 address, or the first 64 bits of an IPv6 address, since a single household has
/// all the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AddressPartition(IpAddr);

impl AddressPartition {
    /// The partition that an address falls into.
    pub fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Self(address),
            IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
                Some(v4) => Self(IpAddr::V4(v4)),
                None => {
                    let [a, b, c, d, ..] = v6.segments();
                    Self(IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0)))
                }
            },
        }
    }
}

impl fmt::Display for AddressPartition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            IpAddr::V4(v4) => v4.fmt(f),
            IpAddr::V6(v6) => write!(f, "{v6}/64"),
        }
    }
}

/// The client's address behind `trusted_proxies` proxies; none where nobody who is trusted tells it.
///
/// `peer` is who opened the connection, where the host says. Each proxy appends to `X-Forwarded-For` the address that it saw.
/// With 0 trusted proxies the header counts for nothing. With n, the one who connects to the host is the nearest proxy,
/// whether the host says its address or not: it is counted among the n, and stands in no entry. The nth entry from the right
/// is what the farthest trusted one saw; what stands left of it was written by the client and is not read. When the header is
/// shorter, or an entry on the way is no address, the last good one counts, and without any the peer. Several header lines
/// are given in their order.
pub fn client(
    peer: Option<IpAddr>,
    forwarded_for: &[&str],
    trusted_proxies: usize,
) -> Option<IpAddr> {
    forwarded_for
        .iter()
        .rev()
        .flat_map(|line| line.rsplit(','))
        .take(trusted_proxies.min(PROXIES_MAX))
        .map_while(address)
        .last()
        .or(peer)
}

/// Reads an address with or without a port and brackets.
pub fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = || {
        text.strip_prefix('[')?
            .strip_suffix(']')?
            .parse()
            .ok()
            .map(IpAddr::V6)
    };
    let with_port = || text.parse::<SocketAddr>().ok().map(|socket| socket.ip());
    text.parse::<IpAddr>().ok().or_else(bare).or_else(with_port)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn partition(peer: &str, forwarded_for: &[&str], trusted_proxies: usize) -> String {
        match client(address(peer), forwarded_for, trusted_proxies) {
            Some(address) => AddressPartition::of(address).to_string(),
            None => "unknown".to_owned(),
        }
    }

    #[test]
    fn without_trusted_proxies_the_header_counts_for_nothing() {
        assert_eq!(
            partition("203.0.113.9:4711", &["198.51.100.1"], 0),
            "203.0.113.9"
        );
    }

    #[test]
    fn only_what_trusted_proxies_wrote_is_read() {
        let forged = ["1.1.1.1, 2.2.2.2", "198.51.100.7, 10.0.0.2"];
        assert_eq!(partition("10.0.0.1", &forged, 1), "10.0.0.2");
        assert_eq!(partition("10.0.0.1", &forged, 2), "198.51.100.7");
        assert_eq!(partition("10.0.0.1", &["198.51.100.7"], 2), "198.51.100.7");
        assert_eq!(partition("10.0.0.1", &[], 2), "10.0.0.1");
        assert_eq!(
            partition("10.0.0.1", &["2.2.2.2, unknown, 10.0.0.2"], 3),
            "10.0.0.2"
        );
        assert_eq!(partition("10.0.0.1", &["", ","], 3), "10.0.0.1");
    }

    #[test]
    fn a_host_that_does_not_say_who_connects_changes_nothing_of_what_is_trusted() {
        let forged = ["1.1.1.1, 2.2.2.2", "198.51.100.7, 10.0.0.2"];
        assert_eq!(partition("", &forged, 0), "unknown");
        assert_eq!(partition("", &forged, 1), "10.0.0.2");
        assert_eq!(partition("", &forged, 2), "198.51.100.7");
        assert_eq!(partition("", &["198.51.100.7"], 2), "198.51.100.7");
        assert_eq!(partition("", &["2.2.2.2, hidden"], 2), "unknown");
        assert_eq!(partition("", &[], 2), "unknown");
    }

    #[test]
    fn ipv6_counts_by_the_first_64_bits() {
        assert_eq!(
            partition("2001:db8:1:2:3:4:5:6", &[], 0),
            "2001:db8:1:2::/64"
        );
        assert_eq!(
            partition("[2001:db8:1:2::9]:443", &[], 0),
            "2001:db8:1:2::/64"
        );
        assert_eq!(partition("[2001:db8:1:2::9]", &[], 0), "2001:db8:1:2::/64");
        assert_eq!(partition("::ffff:203.0.113.9", &[], 0), "203.0.113.9");
    }

    #[test]
    fn what_is_no_address_is_none() {
        for text in [
            "",
            "unknown",
            "_hidden",
            "1.2.3",
            "1.2.3.4:99999",
            "[::1",
            "::1]",
            "localhost",
        ] {
            assert_eq!(address(text), None, "{text:?}");
        }
    }
}
