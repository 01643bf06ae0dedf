//! Times in µs, and what became of sockets.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;
use serde::Serialize;

/// The longest that is told apart, µs.
const MOST_US: u64 = 600_000_000;

/// Many times.
pub struct Times(Histogram<u64>);

/// What is told of them, µs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Micros {
    /// How many there were.
    pub count: u64,
    /// Half took no longer.
    pub p50_us: u64,
    /// 99 of 100 took no longer.
    pub p99_us: u64,
    /// The longest.
    pub max_us: u64,
}

impl Default for Times {
    fn default() -> Self {
        Self(Histogram::new_with_max(MOST_US, 3).expect("the bounds are valid"))
    }
}

impl Times {
    /// One more.
    pub fn add(&mut self, us: u64) {
        self.0.saturating_record(us);
    }

    /// The numbers; none if there were no times.
    pub fn told(&self) -> Option<Micros> {
        (!self.0.is_empty()).then(|| Micros {
            count: self.0.len(),
            p50_us: self.0.value_at_quantile(0.5),
            p99_us: self.0.value_at_quantile(0.99),
            max_us: self.0.max(),
        })
    }
}

/// What became of sockets.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Sockets {
    /// Upgraded.
    pub opened: u64,
    /// Refused with 503, and opened later.
    pub sent_back: u64,
    /// Not to be had, or broken, without a word.
    pub broken: u64,
    /// Told to go elsewhere.
    pub moved: u64,
    /// Closed by a node, by code.
    pub closed: BTreeMap<u16, u64>,
    /// Subscribed again with a cursor.
    pub resumed: u64,
    /// Viewers of the crowd who left, each replaced by a new one.
    pub left: u64,
    /// Times that a slow viewer stopped reading.
    pub stops: u64,
    /// Frames that no node should send: refusals, broken frames. The first few are told while it runs.
    pub refusals: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told() {
        let mut times = Times::default();
        assert_eq!(times.told(), None);
        (1..=100).for_each(|us| times.add(us));
        let told = times.told().unwrap();
        assert_eq!(
            (told.count, told.p50_us, told.p99_us, told.max_us),
            (100, 50, 99, 100)
        );
        times.add(MOST_US * 2);
        assert!(times.told().unwrap().max_us >= MOST_US);
    }
}
