//! Pools of upstreams, and which of them is asked.

use crate::breaker::Rules;
use crate::limits::{MEMBERS, WEIGHT};
use crate::origin::Origin;

/// How calls are spread over a pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Balance {
    /// In turn.
    RoundRobin,
    /// In turn, each as often as its weight says.
    Weighted,
    /// Of two that are drawn, the one with less load. (Always the least loaded of all would be everybody's choice at once.)
    LeastLoaded,
}

/// Where loads are known from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoadSource {
    /// An upstream's answers say it, in the header `tidegate-load`: a number from 0 to 1.
    Header,
    /// `tg:nodes`: the upstreams are this region's fan-out nodes, found by host and port.
    Nodes,
}

/// How long things may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    /// Until there is a connection, in ms.
    pub connect_ms: u64,
    /// Until the first byte of the answer, in ms.
    pub first_byte_ms: u64,
    /// For everything, the retry and the whole answer too, in ms.
    pub total_ms: u64,
}

impl Default for Times {
    fn default() -> Self {
        Self {
            connect_ms: 500,
            first_byte_ms: 3_000,
            total_ms: 8_000,
        }
    }
}

/// One upstream of a pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Where it is; no two of a pool are the same.
    pub origin: Origin,
    /// Its weight, from 1 to [`WEIGHT`].
    pub weight: u32,
}

/// Upstreams that do the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pool {
    name: String,
    members: Vec<Member>,
    balance: Balance,
    /// Where loads are known from.
    pub loads: LoadSource,
    /// How long its calls may take.
    pub times: Times,
    /// When its upstreams are left alone.
    pub rules: Rules,
    /// Members in the order of turns, each as often as its weight says, and spread out.
    schedule: Vec<u8>,
}

impl Pool {
    /// A pool; none without members, or with more than [`MEMBERS`].
    pub fn new(name: &str, members: Vec<Member>, balance: Balance) -> Option<Self> {
        if members.is_empty() || members.len() > MEMBERS {
            return None;
        }
        let weights: Vec<u32> = match balance {
            Balance::Weighted => members
                .iter()
                .map(|one| one.weight.clamp(1, WEIGHT))
                .collect(),
            Balance::RoundRobin | Balance::LeastLoaded => vec![1; members.len()],
        };
        Some(Self {
            name: name.to_owned(),
            schedule: schedule(&weights),
            members,
            balance,
            loads: LoadSource::Header,
            times: Times::default(),
            rules: Rules::default(),
        })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its upstreams; never none.
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// How calls are spread.
    pub fn balance(&self) -> Balance {
        self.balance
    }

    /// The upstream to ask, by its place in [`Pool::members`]; none when none is `usable`.
    ///
    /// `turn` goes up by one a call and may begin anywhere. `random` is any number. `load` is an upstream's load as far as it
    /// is known; one that is not known counts as the mean of those that are.
    pub fn choose(
        &self,
        turn: u64,
        random: u64,
        load: impl Fn(usize) -> Option<f32>,
        usable: impl Fn(usize) -> bool,
    ) -> Option<usize> {
        match self.balance {
            Balance::RoundRobin | Balance::Weighted => {
                let length = self.schedule.len();
                let from = place(turn, length);
                let (before, after) = self.schedule.split_at(from);
                after
                    .iter()
                    .chain(before)
                    .map(|&index| usize::from(index))
                    .find(|&index| usable(index))
            }
            Balance::LeastLoaded => {
                let fit: Vec<usize> = (0..self.members.len())
                    .filter(|&index| usable(index))
                    .collect();
                if fit.len() < 2 {
                    return fit.first().copied();
                }
                let first = place(random, fit.len());
                let second = (first + 1 + place(random >> 32, fit.len() - 1)) % fit.len();
                let known: Vec<f32> = fit.iter().filter_map(|&index| load(index)).collect();
                let mean = known.iter().sum::<f32>() / known.len().max(1) as f32;
                let of = |index: usize| load(index).unwrap_or(mean);
                let (one, other) = (fit[first], fit[second]);
                Some(if of(other) < of(one) { other } else { one })
            }
        }
    }
}

fn place(number: u64, length: usize) -> usize {
    // The rest is below a length, so it fits.
    usize::try_from(number % length as u64).unwrap_or(0)
}

/// The order in which weights take turns: in each turn everybody gains their weight, the richest has the turn and pays for
/// all. So nobody has their turns in a row where they could be spread.
fn schedule(weights: &[u32]) -> Vec<u8> {
    let divisor = weights.iter().copied().fold(0, gcd).max(1);
    let total: i64 = weights
        .iter()
        .map(|&weight| i64::from(weight / divisor))
        .sum();
    let mut wealth = vec![0i64; weights.len()];
    let mut turns = Vec::new();
    for _ in 0..total {
        let mut richest = 0;
        for (index, &weight) in weights.iter().enumerate() {
            wealth[index] += i64::from(weight / divisor);
            if wealth[index] > wealth[richest] {
                richest = index;
            }
        }
        wealth[richest] -= total;
        turns.push(u8::try_from(richest).unwrap_or(0));
    }
    turns
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pool(balance: Balance, weights: &[u32]) -> Pool {
        let members = weights
            .iter()
            .enumerate()
            .map(|(index, &weight)| Member {
                origin: format!("http://10.0.0.{}", index + 1).parse().unwrap(),
                weight,
            })
            .collect();
        Pool::new("p", members, balance).unwrap()
    }

    fn turns(pool: &Pool, count: u64) -> Vec<usize> {
        (0..count)
            .filter_map(|turn| pool.choose(turn, 0, |_| None, |_| true))
            .collect()
    }

    #[test]
    fn everybody_in_turn() {
        assert_eq!(
            turns(&pool(Balance::RoundRobin, &[1, 1, 1]), 7),
            [0, 1, 2, 0, 1, 2, 0]
        );
        // Weights are for `Weighted`.
        assert_eq!(turns(&pool(Balance::RoundRobin, &[5, 1]), 4), [0, 1, 0, 1]);
    }

    #[test]
    fn weights_are_kept_and_turns_spread() {
        assert_eq!(
            turns(&pool(Balance::Weighted, &[3, 1]), 8),
            [0, 0, 1, 0, 0, 0, 1, 0]
        );
        assert_eq!(turns(&pool(Balance::Weighted, &[50, 100]), 3), [1, 0, 1]);
    }

    #[test]
    fn who_is_not_usable_is_passed_over() {
        let pool = pool(Balance::RoundRobin, &[1, 1, 1]);
        assert_eq!(pool.choose(1, 0, |_| None, |index| index != 1), Some(2));
        assert_eq!(pool.choose(2, 0, |_| None, |index| index == 1), Some(1));
        assert_eq!(pool.choose(0, 0, |_| None, |_| false), None);
    }

    #[test]
    fn the_less_loaded_of_two_is_asked() {
        let pair = pool(Balance::LeastLoaded, &[1, 1]);
        for random in [0, 1, u64::MAX, 1 << 32] {
            assert_eq!(
                pair.choose(0, random, |index| Some([0.9, 0.1][index]), |_| true),
                Some(1)
            );
        }
        // Who says nothing is neither everybody's choice nor nobody's.
        let three = pool(Balance::LeastLoaded, &[1, 1, 1]);
        let loads = [Some(0.2), Some(0.8), None];
        let mut asked = [0; 3];
        for random in 0..900u64 {
            let random = random.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            asked[three
                .choose(0, random, |index| loads[index], |_| true)
                .unwrap()] += 1;
        }
        assert!(asked[0] > asked[2] && asked[2] > asked[1], "{asked:?}");
    }

    #[test]
    fn a_pool_has_members() {
        assert_eq!(Pool::new("p", Vec::new(), Balance::RoundRobin), None);
    }

    proptest! {
        #[test]
        fn a_round_has_each_as_often_as_it_weighs(weights in proptest::collection::vec(1u32..=WEIGHT, 1..MEMBERS), from in any::<u32>()) {
            let pool = pool(Balance::Weighted, &weights);
            let divisor = weights.iter().copied().fold(0, gcd);
            let round = u64::from(weights.iter().sum::<u32>() / divisor);
            let mut counts = vec![0; weights.len()];
            for turn in 0..round {
                counts[pool.choose(u64::from(from) + turn, 0, |_| None, |_| true).unwrap()] += divisor;
            }
            prop_assert_eq!(counts, weights);
        }

        #[test]
        fn whoever_is_chosen_is_usable(
            usable in proptest::collection::vec(any::<bool>(), 1..MEMBERS),
            turn in any::<u64>(), random in any::<u64>(), balance in prop_oneof![Just(Balance::RoundRobin), Just(Balance::LeastLoaded)],
        ) {
            let pool = pool(balance, &vec![1; usable.len()]);
            let chosen = pool.choose(turn, random, |index| (index % 2 == 0).then_some(0.5), |index| usable[index]);
            prop_assert_eq!(chosen.is_some(), usable.contains(&true));
            prop_assert!(chosen.is_none_or(|index| usable[index]));
        }
    }
}
