//! What may pass while the counting in Redis is out of reach: a tenth of each policy, counted in an instance's own memory.
//!
//! It is an allowance, not a limit: each instance has its own, an instance lives for a hundred requests or so, and some
//! hosts start a fresh one for every request. It keeps one loud caller from taking all that a lone instance serves.

use std::collections::BTreeMap;

use crate::gcra::decide;
use crate::limits::AWAY_PARTITIONS;
use crate::policy::Numbers;
use crate::standing::Verdict;

/// The part of a policy that passes uncounted by Redis: one in so many.
const PART: u32 = 10;

/// Counts of one instance. The default has counted nothing.
#[derive(Debug, Clone, Default)]
pub struct Allowance(BTreeMap<String, u64>);

impl Allowance {
    /// Decides one call under several policies, each with a name for whom it counts; the same for which Redis keeps a key.
    /// At most [`AWAY_PARTITIONS`] are remembered; whoever would be forgotten anyway soonest makes room.
    pub fn take(&mut self, now_us: u64, policies: &[(String, Numbers)]) -> Verdict {
        let states: Vec<(Numbers, u64)> = policies
            .iter()
            .map(|(key, numbers)| (part(numbers), self.0.get(key).copied().unwrap_or(0)))
            .collect();
        let decision = decide(now_us, &states);
        if decision.verdict.allowed {
            for ((key, _), arrival_us) in policies.iter().zip(decision.arrivals_us) {
                self.keep(now_us, key, arrival_us);
            }
        }
        decision.verdict
    }

    fn keep(&mut self, now_us: u64, key: &str, arrival_us: u64) {
        if self.0.len() >= AWAY_PARTITIONS && !self.0.contains_key(key) {
            self.0.retain(|_, arrival_us| *arrival_us > now_us);
            if self.0.len() >= AWAY_PARTITIONS {
                let soonest = self.0.iter().min_by_key(|(_, arrival_us)| **arrival_us);
                if let Some(soonest) = soonest.map(|(key, _)| key.clone()) {
                    self.0.remove(&soonest);
                }
            }
        }
        self.0.insert(key.to_owned(), arrival_us);
    }
}

/// A tenth of a policy. The product of interval and burst grows at most where the burst is below 10, to ten intervals:
/// 10 days, within [`DEBT_MAX_US`](crate::limits::DEBT_MAX_US).
fn part(numbers: &Numbers) -> Numbers {
    let burst = (numbers.burst / PART).max(1);
    Numbers {
        emission_us: numbers.emission_us * u64::from(PART),
        burst,
        cost: numbers.cost.min(burst),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::policy::Policy;

    const NOW_US: u64 = 1_732_400_000_000_000;

    fn line(key: &str, policy: &str) -> (String, Numbers) {
        let policy: Policy = policy.parse().unwrap();
        (key.to_owned(), policy.numbers(1).unwrap())
    }

    #[test]
    fn a_tenth_passes() {
        let mut allowance = Allowance::default();
        let lines = [line("ip/a", "100/1"), line("user/a", "20/10")];
        let mut pass = |at_us: u64| allowance.take(NOW_US + at_us, &lines);
        assert!(pass(0).allowed);
        assert!(pass(0).allowed);
        let refused = pass(0);
        assert!(!refused.allowed);
        assert!(refused.standings[0].allowed && !refused.standings[1].allowed);
        assert_eq!(refused.retry_ms(), 5_000);
        assert!(pass(5_000_000).allowed);
        assert!(!pass(5_000_000).allowed);
    }

    #[test]
    fn the_smallest_policy_lets_something_through() {
        let mut allowance = Allowance::default();
        let dear = Policy::new(1, 1_000, 5).unwrap().numbers(5).unwrap();
        assert!(allowance.take(NOW_US, &[("a".to_owned(), dear)]).allowed);
        assert!(!allowance.take(NOW_US, &[("a".to_owned(), dear)]).allowed);
    }

    #[test]
    fn so_many_are_remembered_and_the_worst_the_longest() {
        let mut allowance = Allowance::default();
        let loud = [line("loud", "10/3600/10")];
        assert!(allowance.take(NOW_US, &loud).allowed);
        for n in 0..3 * AWAY_PARTITIONS {
            let key = format!("ip/{n}");
            assert!(allowance.take(NOW_US, &[line(&key, "100/1")]).allowed);
        }
        assert_eq!(allowance.0.len(), AWAY_PARTITIONS);
        assert!(!allowance.take(NOW_US, &loud).allowed);
    }

    proptest! {
        #[test]
        fn never_more_than_a_tenth(
            quota in 1_u32..500,
            window_ms in 1_u32..20_000,
            burst in 1_u32..200,
            waits_us in prop::collection::vec(0_u64..300_000, 1..200),
        ) {
            let policy = Policy::new(quota, window_ms, burst).unwrap();
            let lines = [("a".to_owned(), policy.numbers(1).unwrap())];
            let mut allowance = Allowance::default();
            let (mut now, mut passed) = (NOW_US, 0_u64);
            for wait_us in waits_us {
                now += wait_us;
                passed += u64::from(allowance.take(now, &lines).allowed);
            }
            let most = u64::from((burst / 10).max(1)) + (now - NOW_US) / (policy.emission_us() * 10);
            prop_assert!(passed <= most, "{passed} calls, {most} at most");
        }
    }
}
