//! Waiting longer after each failure, and never all at once.

use crate::limits::{FIRST_WAIT_MS, LONGEST_WAIT_MS};

/// How long to wait before the next attempt.
#[derive(Debug, Clone, Default)]
pub struct Backoff {
    wait_ms: u64,
}

impl Backoff {
    /// After a failure: how long to wait, ms. `random` is any number; it spreads the waits over the upper half.
    pub fn fail(&mut self, random: u64) -> u64 {
        self.wait_ms = (self.wait_ms * 2).clamp(FIRST_WAIT_MS, LONGEST_WAIT_MS);
        let half = self.wait_ms / 2;
        half + random % (half + 1)
    }

    /// After a success.
    pub fn reset(&mut self) {
        self.wait_ms = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn waits_grow_and_stay_within_bounds(randoms in proptest::collection::vec(any::<u64>(), 1..40)) {
            let mut backoff = Backoff::default();
            for random in &randoms {
                let wait_ms = backoff.fail(*random);
                prop_assert!((FIRST_WAIT_MS / 2..=LONGEST_WAIT_MS).contains(&wait_ms));
            }
            if randoms.len() > 8 {
                prop_assert!(backoff.fail(0) >= LONGEST_WAIT_MS / 2);
            }
            backoff.reset();
            prop_assert!(backoff.fail(u64::MAX) <= FIRST_WAIT_MS);
        }
    }
}
