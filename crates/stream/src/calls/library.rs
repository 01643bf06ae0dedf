//! The library's source, and when to load it.

/// The source of the function library.
pub const SOURCE: &str = include_str!("../../../../infra/redis/tidegate.lua");
/// The version that [`SOURCE`] is.
pub const VERSION: u64 = 6;
/// What to tell an operator whose Redis user may not load functions.
pub const HOW_TO_LOAD: &str = "redis-cli -x FUNCTION LOAD REPLACE < infra/redis/tidegate.lua";

/// Which library lies in a Redis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Library {
    /// None, or one without `tg_version`.
    Missing,
    /// This version.
    Found(u64),
}

impl Library {
    /// Whether to load [`SOURCE`]: only over an older one or none, since loading an older source removes what a newer
    /// one added.
    pub fn must_be_loaded(self) -> bool {
        match self {
            Self::Missing => true,
            Self::Found(version) => version < VERSION,
        }
    }
}

/// The command that loads [`SOURCE`], verb first.
pub fn load_command() -> Vec<Vec<u8>> {
    ["FUNCTION", "LOAD", "REPLACE", SOURCE]
        .into_iter()
        .map(|word| word.as_bytes().to_vec())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_source_says_the_same_version() {
        assert!(SOURCE.starts_with("#!lua name=tidegate\n"));
        assert!(SOURCE.contains(&format!("\nlocal VERSION = {VERSION}\n")));
    }

    #[test]
    fn only_an_older_library_is_replaced() {
        assert!(Library::Missing.must_be_loaded());
        assert!(Library::Found(VERSION - 1).must_be_loaded());
        assert!(!Library::Found(VERSION).must_be_loaded());
        assert!(!Library::Found(VERSION + 1).must_be_loaded());
    }
}
