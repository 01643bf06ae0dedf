//! Versions, as tools print them.

use semver::Version;

/// From `Redis server v=7.0.15 sha=…`, or Valkey's `Server v=8.0.1 …`.
pub fn of_redis(text: &str) -> Option<Version> {
    let mut words = text.split_whitespace();
    read(words.find_map(|word| word.strip_prefix("v="))?)
}

/// From `spin 4.1.0 (d8f2b6a 2026-05-01)`.
pub fn of_spin(text: &str) -> Option<Version> {
    read(text.split_whitespace().nth(1)?)
}

/// From `v20.20.2`.
pub fn of_node(text: &str) -> Option<Version> {
    read(text.trim().strip_prefix('v')?)
}

fn read(text: &str) -> Option<Version> {
    Version::parse(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redis_names_its_version_after_v() {
        let debian = "Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64 build=ae4d7c971a948f0";
        assert_eq!(of_redis(debian), Some(Version::new(7, 0, 15)));
        assert_eq!(
            of_redis("Valkey server v=8.1.0 sha=0"),
            Some(Version::new(8, 1, 0))
        );
        assert_eq!(of_redis("redis-server: not found"), None);
        assert_eq!(of_redis("v=7.x"), None);
    }

    #[test]
    fn spin_names_its_version_second_and_may_be_a_pre_release() {
        assert_eq!(
            of_spin("spin 4.1.0 (d8f2b6a 2026-05-01)\n"),
            Some(Version::new(4, 1, 0))
        );
        let early = of_spin("spin 4.1.0-pre0 (94a8fc8 2026-08-21)").unwrap();
        assert_eq!(early.to_string(), "4.1.0-pre0");
        assert_eq!(of_spin("SPIN - Verification Tool"), None);
        assert_eq!(of_spin(""), None);
    }

    #[test]
    fn node_puts_a_v_in_front() {
        assert_eq!(of_node("v20.20.2\n"), Some(Version::new(20, 20, 2)));
        assert_eq!(of_node("20.20.2"), None);
    }
}
