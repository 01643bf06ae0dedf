//! How a node stops: when newcomers are still served, and when they are no more.

use crate::limits::HANDSHAKE_MS;

/// How far a stop is. It only goes forward.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// It says that it is about to stop, and serves who comes all the same.
    Open,
    /// No further connection begins; those that have begun are made, and served.
    Closing,
    /// The listeners close, and the viewers are sent away.
    Closed,
}

/// A stop under way. Times are milliseconds of a clock that does not go back.
#[derive(Debug, Clone, Copy)]
pub struct Stop {
    begun_ms: u64,
    wait_ms: u64,
}

impl Stop {
    /// Begins now; for `wait_ms` newcomers are still served.
    pub const fn new(now_ms: u64, wait_ms: u64) -> Self {
        Self {
            begun_ms: now_ms,
            wait_ms,
        }
    }

    /// The wait ends now.
    pub fn hurry(&mut self, now_ms: u64) {
        let waited_ms = now_ms.saturating_sub(self.begun_ms);
        self.wait_ms = self.wait_ms.min(waited_ms);
    }

    /// How far it is.
    pub fn stage(&self, now_ms: u64) -> Stage {
        match self.closed_ms() {
            closed_ms if now_ms >= closed_ms => Stage::Closed,
            _ if now_ms >= self.closing_ms() => Stage::Closing,
            _ => Stage::Open,
        }
    }

    /// In how many ms the next stage comes; none after the last.
    pub fn next_in_ms(&self, now_ms: u64) -> Option<u64> {
        let next_ms = match self.stage(now_ms) {
            Stage::Open => self.closing_ms(),
            Stage::Closing => self.closed_ms(),
            Stage::Closed => return None,
        };
        Some(next_ms - now_ms)
    }

    fn closed_ms(&self) -> u64 {
        self.begun_ms + self.wait_ms
    }

    fn closing_ms(&self) -> u64 {
        self.closed_ms()
            .saturating_sub(HANDSHAKE_MS)
            .max(self.begun_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn newcomers_are_served_until_the_wait_is_over() {
        let stop = Stop::new(1_000, 5_000);
        for (now_ms, stage, next_in_ms) in [
            (1_000, Stage::Open, Some(4_700)),
            (5_699, Stage::Open, Some(1)),
            (5_700, Stage::Closing, Some(300)),
            (5_999, Stage::Closing, Some(1)),
            (6_000, Stage::Closed, None),
        ] {
            assert_eq!(stop.stage(now_ms), stage, "{now_ms}");
            assert_eq!(stop.next_in_ms(now_ms), next_in_ms, "{now_ms}");
        }
    }

    #[test]
    fn without_a_wait_it_closes_at_once_and_a_short_one_is_for_those_who_have_begun() {
        assert_eq!(Stop::new(7, 0).stage(7), Stage::Closed);
        assert_eq!(Stop::new(7, HANDSHAKE_MS).stage(7), Stage::Closing);
    }

    #[test]
    fn who_is_in_a_hurry_does_not_wait() {
        let mut stop = Stop::new(1_000, 5_000);
        stop.hurry(2_000);
        assert_eq!(stop.stage(2_000), Stage::Closed);
        // Once more, and later: it stays over.
        stop.hurry(9_000);
        assert_eq!(stop.stage(9_000), Stage::Closed);
    }

    proptest! {
        #[test]
        fn whoever_sleeps_until_the_next_stage_sees_every_one_that_there_is(begun_ms in 0u64..1_000, wait_ms in 0u64..10_000) {
            let stop = Stop::new(begun_ms, wait_ms);
            let (mut now_ms, mut stages) = (begun_ms, vec![stop.stage(begun_ms)]);
            while let Some(in_ms) = stop.next_in_ms(now_ms) {
                prop_assert!(in_ms > 0);
                now_ms += in_ms;
                stages.push(stop.stage(now_ms));
            }
            prop_assert_eq!(now_ms, begun_ms + wait_ms);
            prop_assert!(stages.is_sorted() && stages.last() == Some(&Stage::Closed));
        }
    }
}
