//! Chance, for names and for spreading what would else come all at once. Not for secrets.

use std::hash::{BuildHasher, RandomState};

/// Any number.
pub fn number() -> u64 {
    // Each state is seeded anew by the system.
    RandomState::new().hash_one(0)
}

/// From half of `ms` to all of it.
pub fn jitter(ms: u64) -> u64 {
    ms / 2 + number() % (ms / 2 + 1)
}
