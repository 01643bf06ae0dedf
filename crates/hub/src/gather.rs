//! When newcomers are looked up: those of a few milliseconds together, who then share a round trip to Redis.

use crate::limits::{GATHER_MS, TOGETHER};

/// Newcomers of one core who wait to be looked up. The first after a quiet time goes at once; whoever comes within
/// `GATHER_MS` after a look-up waits until these are over, or until one look-up is full. Times are milliseconds of a clock that
/// does not go back.
#[derive(Debug, Clone, Copy, Default)]
pub struct Gather {
    /// Until then newcomers wait for each other.
    until_ms: u64,
}

impl Gather {
    /// When so many are to be looked up, which may have passed; none if nobody waits.
    pub fn due_ms(&self, waiting: usize) -> Option<u64> {
        (waiting > 0).then_some(self.until_ms)
    }

    /// For how many of those who wait a look-up begins now, the first ones; 0: they wait on. To be asked again until it says so.
    pub fn take(&mut self, waiting: usize, now_ms: u64) -> usize {
        let full = waiting >= TOGETHER;
        if waiting == 0 || !full && now_ms < self.until_ms {
            return 0;
        }
        if now_ms >= self.until_ms {
            self.until_ms = now_ms + GATHER_MS;
        }
        waiting.min(TOGETHER)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_first_goes_at_once_and_the_next_together() {
        let mut gather = Gather::default();
        assert_eq!(gather.due_ms(0), None);
        assert_eq!(gather.take(1, 100), 1);
        assert_eq!(gather.due_ms(3), Some(100 + GATHER_MS));
        assert_eq!(gather.take(3, 99 + GATHER_MS), 0);
        assert_eq!(gather.take(4, 100 + GATHER_MS), 4);
        assert_eq!(gather.take(0, 100 + GATHER_MS), 0);
        let quiet_ms = 100 + 2 * GATHER_MS;
        assert!(gather.due_ms(1) <= Some(quiet_ms));
        assert_eq!(gather.take(1, quiet_ms), 1);
    }

    #[test]
    fn a_full_look_up_does_not_wait() {
        let mut gather = Gather::default();
        assert_eq!(gather.take(1, 100), 1);
        assert_eq!(gather.take(TOGETHER + 7, 101), TOGETHER);
        assert_eq!(gather.take(7, 101), 0);
        assert_eq!(gather.due_ms(7), Some(100 + GATHER_MS));
    }

    proptest! {
        /// However they come: nobody waits longer than that, and there are no more look-ups than full ones and one in that time.
        #[test]
        fn nobody_waits_long_and_few_are_sent(
            steps in proptest::collection::vec((0u64..4, 0usize..300), 1..200),
        ) {
            let mut gather = Gather::default();
            let (mut now_ms, mut waiting, mut come, mut sent) = (0, 0, 0, 0);
            let mut oldest_ms = 0;
            for (step_ms, more) in steps {
                now_ms += step_ms;
                // The shell wakes when they are due.
                if let Some(due_ms) = gather.due_ms(waiting).filter(|due_ms| *due_ms < now_ms) {
                    prop_assert!(due_ms <= oldest_ms + GATHER_MS);
                    while let some @ 1.. = gather.take(waiting, due_ms) {
                        waiting -= some;
                        sent += 1;
                    }
                    prop_assert_eq!(waiting, 0);
                }
                if waiting == 0 {
                    oldest_ms = now_ms;
                }
                waiting += more;
                come += more;
                while let some @ 1.. = gather.take(waiting, now_ms) {
                    waiting -= some;
                    sent += 1;
                    // Whoever is left came just now: at the step before, there were not enough.
                    oldest_ms = now_ms;
                }
                prop_assert!(waiting < TOGETHER);
            }
            prop_assert!(sent <= 1 + now_ms / GATHER_MS + (come / TOGETHER) as u64);
        }
    }
}
