//! How much a region keeps: the same four numbers go with every call that appends.

use super::arg;

/// Most entries that a room stream may be told to keep.
const MOST_ROOM: u32 = 100_000;
/// Most entries that a shard log may be told to keep.
const MOST_LOG: u32 = 10_000_000;
/// Longest retention: 30 days.
const MOST_RETENTION_MS: u64 = 30 * 24 * 60 * 60 * 1000;

/// Why bounds were refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} must be 1 to {most}")]
pub struct BoundsError {
    what: &'static str,
    most: u64,
}

/// How much is kept. [`Default`] is what `docs/redis.md` names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    chat_max: u32,
    keep_max: u32,
    log_max: u32,
    retention_ms: u64,
}

impl Bounds {
    /// Entries of `chat` and of `control` and `gift` that a room keeps (at most 100,000 each), entries that a shard
    /// log keeps (at most 10,000,000), and for how long (at most 30 days).
    ///
    /// # Errors
    /// When a number is 0 or above its most.
    pub fn new(
        chat_max: u32,
        keep_max: u32,
        log_max: u32,
        retention_ms: u64,
    ) -> Result<Self, BoundsError> {
        let limits = [
            ("chat_max", u64::from(chat_max), u64::from(MOST_ROOM)),
            ("keep_max", u64::from(keep_max), u64::from(MOST_ROOM)),
            ("log_max", u64::from(log_max), u64::from(MOST_LOG)),
            ("retention_ms", retention_ms, MOST_RETENTION_MS),
        ];
        for (what, value, most) in limits {
            if value == 0 || value > most {
                return Err(BoundsError { what, most });
            }
        }
        Ok(Self {
            chat_max,
            keep_max,
            log_max,
            retention_ms,
        })
    }

    /// How long entries are kept, in ms.
    pub fn retention_ms(&self) -> u64 {
        self.retention_ms
    }

    pub(super) fn of_room(&self) -> [Vec<u8>; 4] {
        [
            arg(self.chat_max),
            arg(self.keep_max),
            arg(self.log_max),
            arg(self.retention_ms),
        ]
    }

    pub(super) fn of_log(&self) -> [Vec<u8>; 2] {
        [arg(self.log_max), arg(self.retention_ms)]
    }
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            chat_max: 500,
            keep_max: 2_000,
            log_max: 100_000,
            retention_ms: 15 * 60 * 1000,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_kept_without_a_bound() {
        assert!(Bounds::new(1, 1, 1, 1).is_ok());
        assert_eq!(
            Bounds::new(1, 0, 1, 1).unwrap_err().to_string(),
            "keep_max must be 1 to 100000"
        );
        assert!(Bounds::new(1, 1, 1, MOST_RETENTION_MS + 1).is_err());
        let default = Bounds::default();
        assert!(
            Bounds::new(
                default.chat_max,
                default.keep_max,
                default.log_max,
                default.retention_ms
            )
            .is_ok()
        );
    }
}
