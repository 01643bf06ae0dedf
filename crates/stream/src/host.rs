//! Names of hosts in addresses.

use std::net::IpAddr;

/// Whether a host, an IPv6 one without brackets, is this machine by its very form: nothing is looked up.
pub fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

/// Whether the host of a URL is "every address of this machine" (`0.0.0.0`, `[::]`), which can be listened on and is nowhere to
/// connect to. Nothing is looked up; what is no URL is none of these.
pub fn is_unspecified(url: &str) -> bool {
    let Some((_, rest)) = url.split_once("://") else {
        return false;
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    let host_and_port = authority.rsplit('@').next().unwrap_or(authority);
    let host = match host_and_port.strip_prefix('[') {
        Some(inside) => inside.split(']').next().unwrap_or(inside),
        None => host_and_port.split(':').next().unwrap_or(host_and_port),
    };
    // Clients read a bare number as an address, and 0 as this one.
    host == "0"
        || host
            .parse::<IpAddr>()
            .is_ok_and(|address| address.to_canonical().is_unspecified())
}

#[cfg(test)]
mod tests {
    use super::{is_loopback, is_unspecified};

    #[test]
    fn every_address_is_nowhere_to_connect_to() {
        for url in [
            "ws://0.0.0.0:7001",
            "wss://0.0.0.0",
            "http://0.0.0.0/a?b",
            "ws://[::]:7001/v1/connect",
            "ws://[::ffff:0.0.0.0]",
            "ws://0:7001",
            "redis://user:word@0.0.0.0:6379",
        ] {
            assert!(is_unspecified(url), "{url}");
        }
        for url in [
            "",
            "0.0.0.0",
            "ws://",
            "ws://127.0.0.1:7001",
            "ws://[::1]:7001",
            "wss://live.example.org/0.0.0.0",
            "wss://0.0.0.0.example.org",
            "ws://10.0.0.0",
        ] {
            assert!(!is_unspecified(url), "{url}");
        }
    }

    #[test]
    fn only_what_can_be_no_other_machine_is_this_one() {
        for host in ["localhost", "LocalHost", "127.0.0.1", "127.9.9.9", "::1"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in [
            "",
            "localhost.example",
            "127.1",
            "0.0.0.0",
            "::",
            "10.0.0.1",
            "[::1]",
        ] {
            assert!(!is_loopback(host), "{host}");
        }
    }
}
