//! Names of hosts in addresses.

use std::net::IpAddr;

/// Whether a host, an IPv6 one without brackets, is this machine by its very form: nothing is looked up.
pub fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::is_loopback;

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
