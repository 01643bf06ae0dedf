//! Versions, as tools print them.

use std::fmt;

/// `major.minor.patch`; what follows a `-` or `+` is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    major: u32,
    minor: u32,
    patch: u32,
}

impl Version {
    /// A version.
    pub const fn new(major: u32, minor: u32, patch: u32) -> Self {
        Self {
            major,
            minor,
            patch,
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let number = text.split(['-', '+']).next()?;
        let mut parts = number.split('.').map(|part| part.parse::<u32>().ok());
        let version = Self::new(
            parts.next()??,
            parts.next()??,
            parts.next().unwrap_or(Some(0))?,
        );
        parts.next().is_none().then_some(version)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

/// From `Redis server v=7.0.15 sha=…`, or Valkey's `Server v=8.0.1 …`.
pub fn of_redis(text: &str) -> Option<Version> {
    text.split_whitespace()
        .find_map(|word| word.strip_prefix("v="))
        .and_then(Version::parse)
}

/// From `spin 4.1.0 (d8f2b6a 2026-05-01)`.
pub fn of_spin(text: &str) -> Option<Version> {
    text.split_whitespace().nth(1).and_then(Version::parse)
}

/// From `v20.20.2`.
pub fn of_node(text: &str) -> Option<Version> {
    text.trim().strip_prefix('v').and_then(Version::parse)
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
    }

    #[test]
    fn spin_names_its_version_second_and_may_be_a_pre_release() {
        assert_eq!(
            of_spin("spin 4.1.0 (d8f2b6a 2026-05-01)\n"),
            Some(Version::new(4, 1, 0))
        );
        assert_eq!(
            of_spin("spin 4.2.0-pre0 (d8f2b6a 2026-05-01)"),
            Some(Version::new(4, 2, 0))
        );
        assert_eq!(of_spin("SPIN - Verification Tool"), None);
        assert_eq!(of_spin(""), None);
    }

    #[test]
    fn node_puts_a_v_in_front() {
        assert_eq!(of_node("v20.20.2\n"), Some(Version::new(20, 20, 2)));
        assert_eq!(of_node("20.20.2"), None);
    }

    #[test]
    fn versions_compare_by_number_not_by_text() {
        assert!(of_spin("spin 4.10.0") > of_spin("spin 4.9.9"));
        assert!(of_redis("v=6.2.14") < Some(Version::new(7, 0, 0)));
        assert_eq!(of_redis("v=7.0"), Some(Version::new(7, 0, 0)));
        assert_eq!(of_redis("v=7.0.0.1"), None);
        assert_eq!(of_redis("v=7.x"), None);
    }
}
