//! The generic cell rate algorithm (ITU-T I.371), as a decision without a clock.
//!
//! The state of one partition is its theoretical arrival time: when its bucket will be full again. Each unit moves it on
//! by the emission interval; a call is allowed while it stays within `burst` intervals of now. A time further ahead counts
//! as an empty bucket: after a clock was set back, nobody waits for it to catch up.

use crate::policy::Numbers;
use crate::standing::{Standing, Verdict};

/// What the call leaves behind: the verdict, and each policy's theoretical arrival time in us. When refused, nothing is
/// counted and the times are as before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// What was decided.
    pub verdict: Verdict,
    /// The states to keep, in the order of the policies.
    pub arrivals_us: Vec<u64>,
}

/// Decides one call under several policies: all allow it, or nothing is counted. Each policy comes with the
/// theoretical arrival time kept for it, in us (0: none).
pub fn decide(now_us: u64, policies: &[(Numbers, u64)]) -> Decision {
    let allowed = policies
        .iter()
        .all(|(numbers, arrival_us)| fits(numbers, *arrival_us, now_us));
    let mut arrivals_us = Vec::with_capacity(policies.len());
    let mut standings = Vec::with_capacity(policies.len());
    for (numbers, arrival_us) in policies {
        let after = if allowed {
            charged(numbers, *arrival_us, now_us)
        } else {
            *arrival_us
        };
        arrivals_us.push(after);
        standings.push(standing(numbers, *arrival_us, after, now_us));
    }
    Decision {
        verdict: Verdict { allowed, standings },
        arrivals_us,
    }
}

fn debt_max_us(numbers: &Numbers) -> u64 {
    numbers.emission_us * u64::from(numbers.burst)
}

fn charged(numbers: &Numbers, arrival_us: u64, now_us: u64) -> u64 {
    arrival_us.clamp(now_us, now_us + debt_max_us(numbers))
        + numbers.emission_us * u64::from(numbers.cost)
}

fn fits(numbers: &Numbers, arrival_us: u64, now_us: u64) -> bool {
    charged(numbers, arrival_us, now_us) - now_us <= debt_max_us(numbers)
}

fn standing(numbers: &Numbers, before_us: u64, after_us: u64, now_us: u64) -> Standing {
    let debt_us = after_us.saturating_sub(now_us).min(debt_max_us(numbers));
    let room_us = debt_max_us(numbers) - debt_us;
    let allowed = fits(numbers, before_us, now_us);
    let over_us =
        (charged(numbers, before_us, now_us) - now_us).saturating_sub(debt_max_us(numbers));
    Standing {
        allowed,
        // At most the burst, which is 32 bits wide.
        remaining: u32::try_from(room_us / numbers.emission_us).unwrap_or(u32::MAX),
        reset_ms: debt_us.div_ceil(1_000),
        retry_ms: over_us.div_ceil(1_000),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::policy::Policy;

    const NOW_US: u64 = 1_732_400_000_000_000;

    fn numbers(quota: u32, window_ms: u32, burst: u32, cost: u32) -> Numbers {
        Policy::new(quota, window_ms, burst)
            .unwrap()
            .numbers(cost)
            .unwrap()
    }

    #[test]
    fn a_burst_passes_and_then_one_each_interval() {
        let policy = numbers(2, 1_000, 3, 1);
        let mut arrival = 0;
        for left in [2, 1, 0] {
            let decision = decide(NOW_US, &[(policy, arrival)]);
            assert!(decision.verdict.allowed);
            assert_eq!(decision.verdict.standings[0].remaining, left);
            arrival = decision.arrivals_us[0];
        }
        let refused = decide(NOW_US, &[(policy, arrival)]);
        assert!(!refused.verdict.allowed);
        assert_eq!(refused.arrivals_us, [arrival]);
        let standing = refused.verdict.standings[0];
        assert_eq!(
            (standing.remaining, standing.reset_ms, standing.retry_ms),
            (0, 1_500, 500)
        );
        assert!(
            !decide(NOW_US + 499_999, &[(policy, arrival)])
                .verdict
                .allowed
        );
        assert!(
            decide(NOW_US + 500_000, &[(policy, arrival)])
                .verdict
                .allowed
        );
    }

    #[test]
    fn one_policy_that_refuses_keeps_all_from_counting() {
        let wide = numbers(100, 1_000, 100, 1);
        let narrow = numbers(1, 1_000, 1, 1);
        let full = NOW_US + 1_000_000;
        let decision = decide(NOW_US, &[(wide, 7), (narrow, full)]);
        assert!(!decision.verdict.allowed);
        assert_eq!(decision.arrivals_us, [7, full]);
        assert_eq!(decision.verdict.standings[0].remaining, 100);
        assert!(decision.verdict.standings[0].allowed);
        assert!(!decision.verdict.standings[1].allowed);
        assert_eq!(decision.verdict.retry_ms(), 1_000);
    }

    #[test]
    fn a_state_from_a_clock_that_went_back_is_an_empty_bucket_and_nothing_worse() {
        let policy = numbers(1, 1_000, 5, 1);
        let decision = decide(NOW_US, &[(policy, NOW_US + 3_600_000_000)]);
        assert!(!decision.verdict.allowed);
        let standing = decision.verdict.standings[0];
        assert_eq!(
            (standing.remaining, standing.reset_ms, standing.retry_ms),
            (0, 5_000, 1_000)
        );
    }

    proptest! {
        #[test]
        fn never_more_than_the_burst_and_what_came_back(
            quota in 1_u32..500,
            window_ms in 1_u32..20_000,
            burst in 1_u32..50,
            calls in prop::collection::vec((0_u64..3_000_000, 1_u32..50), 1..200),
        ) {
            let policy = Policy::new(quota, window_ms, burst).unwrap();
            let (mut now, mut arrival, mut passed) = (NOW_US, 0, 0_u64);
            for (wait_us, cost) in calls {
                now += wait_us;
                let Ok(numbers) = policy.numbers(cost) else { continue };
                let decision = decide(now, &[(numbers, arrival)]);
                arrival = decision.arrivals_us[0];
                let standing = decision.verdict.standings[0];
                prop_assert!(standing.remaining <= burst);
                if decision.verdict.allowed {
                    passed += u64::from(cost);
                    prop_assert_eq!(standing.retry_ms, 0);
                } else {
                    // Whoever waits as long as they are told gets through, and nobody gets through 1 ms earlier.
                    let at = |ms: u64| decide(now + ms * 1_000, &[(numbers, arrival)]).verdict.allowed;
                    prop_assert!(at(standing.retry_ms));
                    prop_assert!(!at(standing.retry_ms - 1));
                }
            }
            let most = u64::from(burst) + (now - NOW_US) / policy.emission_us();
            prop_assert!(passed <= most, "{passed} units, {most} at most");
        }

        #[test]
        fn whoever_keeps_to_the_rate_is_never_refused(quota in 1_u32..500, window_ms in 1_u32..20_000, calls in 1_u64..200) {
            let policy = Policy::new(quota, window_ms, 1).unwrap();
            let mut arrival = 0;
            for call in 0..calls {
                let now = NOW_US + call * policy.emission_us();
                let decision = decide(now, &[(policy.numbers(1).unwrap(), arrival)]);
                prop_assert!(decision.verdict.allowed);
                arrival = decision.arrivals_us[0];
            }
        }
    }
}
