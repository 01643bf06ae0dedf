//! How many newcomers a core takes in, so that those who are there are not hurt when a whole node's viewers come at once.

use crate::limits::{
    BUSY_PERMILLE, CALM_LAG_MS, CALM_PERMILLE, LATE_MS, LEAST_PER_S, RETRY_MOST_MS, UNDER_WAY,
    WAIT_MS,
};

/// How hard a core works.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pressure {
    /// How late what was due was begun, ms.
    pub lag_ms: u64,
    /// Its computing time, in thousandths of the time that passed; none where the system does not say.
    pub cpu_permille: Option<u16>,
}

/// Newcomers of one core: tokens that come at a rate, which falls by a quarter while the core is pressed and rises by a
/// twentieth of the most while it is calm. Times are milliseconds of a clock that does not go back.
#[derive(Debug, Clone)]
pub struct Admission {
    most_per_s: u32,
    per_s: u32,
    /// Thousandths of a newcomer.
    tokens_milli: u64,
    at_ms: u64,
    /// When the last one who was turned away would have had a turn, in thousandths of a ms.
    turn_us: u64,
}

impl Admission {
    /// At most so many a second, at least 1.
    pub fn new(most_per_s: u32) -> Self {
        let most_per_s = most_per_s.max(1);
        Self {
            most_per_s,
            per_s: most_per_s,
            tokens_milli: Self::depth_milli(most_per_s),
            at_ms: 0,
            turn_us: 0,
        }
    }

    /// What a tenth of a second brings, and one at least.
    fn depth_milli(per_s: u32) -> u64 {
        (u64::from(per_s) * 100).max(1_000)
    }

    /// How many a second come in now at most.
    pub fn per_s(&self) -> u32 {
        self.per_s
    }

    /// Whether as many wait as come in within the longest wait: one more is told to come back.
    pub fn is_full(&self, waiting: usize) -> bool {
        waiting as u64 * 1_000 >= u64::from(self.per_s) * WAIT_MS
    }

    /// In how many seconds one is to come back that finds it full: each at another time, as they can come in.
    pub fn retry_s(&mut self, now_ms: u64) -> u32 {
        let now_us = now_ms * 1_000;
        let (first_us, last_us) = (now_us + WAIT_MS * 1_000, now_us + RETRY_MOST_MS * 1_000);
        let turn_us = self.turn_us.max(first_us) + 1_000_000 / u64::from(self.per_s);
        // Beyond the last second they begin again at the front: all have as long to wait, spread over that time.
        self.turn_us = if turn_us > last_us { first_us } else { turn_us };
        1 + ((self.turn_us - now_us) / 1_000_000) as u32
    }

    /// Whether one of those who wait comes in now. `under_way`: what newcomers asked for and have not been given yet.
    pub fn admits(&mut self, now_ms: u64, under_way: usize) -> bool {
        let since_ms = now_ms.saturating_sub(self.at_ms);
        self.at_ms = self.at_ms.max(now_ms);
        let come_milli = since_ms.saturating_mul(u64::from(self.per_s));
        self.tokens_milli = (self.tokens_milli + come_milli).min(Self::depth_milli(self.per_s));
        let admits = self.tokens_milli >= 1_000 && under_way < UNDER_WAY;
        if admits {
            self.tokens_milli -= 1_000;
        }
        admits
    }

    /// Takes in how hard the core works, some ten times a second.
    pub fn measured(&mut self, pressure: Pressure) {
        let cpu_permille = pressure.cpu_permille.unwrap_or(0);
        let least = self.most_per_s.min(LEAST_PER_S);
        if pressure.lag_ms > LATE_MS || cpu_permille > BUSY_PERMILLE {
            self.per_s = (self.per_s / 4 * 3).max(least);
        } else if pressure.lag_ms <= CALM_LAG_MS && cpu_permille <= CALM_PERMILLE {
            let more = (self.most_per_s / 20).max(1);
            self.per_s = self.per_s.saturating_add(more).min(self.most_per_s);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LATE: Pressure = Pressure {
        lag_ms: LATE_MS + 1,
        cpu_permille: None,
    };
    const CALM: Pressure = Pressure {
        lag_ms: 0,
        cpu_permille: Some(100),
    };

    #[test]
    fn two_seconds_of_newcomers_may_wait() {
        let mut admission = Admission::new(1_000);
        assert!(!admission.is_full(1_999));
        assert!(admission.is_full(2_000));
        for _ in 0..3 {
            admission.measured(LATE);
        }
        assert!(admission.is_full(1_000));
    }

    #[test]
    fn whoever_is_turned_away_comes_back_at_the_rate() {
        let mut admission = Admission::new(100);
        let mut by_second = vec![0; 64];
        for _ in 0..1_000 {
            by_second[admission.retry_s(5_000) as usize] += 1;
        }
        assert_eq!(by_second[..3], [0, 0, 0], "before those who wait");
        let spread = &by_second[3..=12];
        assert!(
            spread.iter().all(|&n| (98..=101).contains(&n)),
            "{by_second:?}"
        );
    }

    #[test]
    fn look_ups_under_way_hold_newcomers_back() {
        let mut admission = Admission::new(1_000);
        assert!(admission.admits(0, UNDER_WAY - 1));
        assert!(!admission.admits(0, UNDER_WAY));
    }

    #[test]
    fn the_rate_falls_under_pressure_and_comes_back() {
        let mut admission = Admission::new(4_000);
        for _ in 0..20 {
            admission.measured(LATE);
        }
        assert_eq!(admission.per_s(), LEAST_PER_S);
        let busy = Pressure {
            lag_ms: 0,
            cpu_permille: Some(900),
        };
        admission.measured(busy);
        assert_eq!(admission.per_s(), LEAST_PER_S, "neither late nor calm");
        for _ in 0..20 {
            admission.measured(CALM);
        }
        assert_eq!(admission.per_s(), 4_000);
    }

    proptest! {
        #[test]
        fn never_more_than_the_rate_and_a_tenth_of_a_second(
            most in 1u32..10_000,
            steps in proptest::collection::vec((0u64..200, any::<bool>()), 1..100),
        ) {
            let mut admission = Admission::new(most);
            let (mut now_ms, mut taken) = (0, 0);
            for (step_ms, late) in steps {
                now_ms += step_ms;
                admission.measured(if late { LATE } else { CALM });
                prop_assert!(admission.per_s() >= most.min(LEAST_PER_S) && admission.per_s() <= most);
                while admission.admits(now_ms, 0) {
                    taken += 1;
                }
            }
            prop_assert!(taken <= 1 + (now_ms + 100) * u64::from(most) / 1_000);
        }

        #[test]
        fn whoever_is_turned_away_waits_half_a_minute_at_most(most in 1u32..10_000, late: bool) {
            let mut admission = Admission::new(most);
            for _ in 0..20 {
                admission.measured(if late { LATE } else { CALM });
            }
            for _ in 0..20_000 {
                let retry_s = u64::from(admission.retry_s(9_000));
                prop_assert!((1 + WAIT_MS / 1_000..=1 + RETRY_MOST_MS / 1_000).contains(&retry_s));
            }
        }
    }
}
