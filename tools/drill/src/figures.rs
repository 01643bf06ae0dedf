//! Times, as a few numbers.

use hdrhistogram::Histogram;
use serde::Serialize;

/// The longest that is told apart, ms.
const MOST_MS: u64 = 600_000;

/// Many times.
pub struct Times(Histogram<u64>);

/// What is told of them, ms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Figures {
    /// How many there were.
    pub count: u64,
    /// Half took no longer.
    pub p50: u64,
    /// 99 of 100 took no longer.
    pub p99: u64,
    /// The longest.
    pub max: u64,
}

impl Default for Times {
    fn default() -> Self {
        Self(Histogram::new_with_max(MOST_MS, 3).expect("the bounds are valid"))
    }
}

impl Times {
    /// One more.
    pub fn add(&mut self, ms: u64) {
        self.0.saturating_record(ms);
    }

    /// How many took longer.
    pub fn above(&self, ms: u64) -> u64 {
        self.0.len() - self.0.count_between(0, ms)
    }

    /// The numbers; none if there were no times.
    pub fn figures(&self) -> Option<Figures> {
        (!self.0.is_empty()).then(|| Figures {
            count: self.0.len(),
            p50: self.0.value_at_quantile(0.5),
            p99: self.0.value_at_quantile(0.99),
            max: self.0.max(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_of_what_was_added() {
        let mut times = Times::default();
        assert_eq!(times.figures(), None);
        (1..=100).for_each(|ms| times.add(ms));
        times.add(MOST_MS * 2);
        let figures = times.figures().unwrap();
        assert_eq!((figures.count, figures.p50), (101, 51));
        assert!(figures.max >= MOST_MS, "{figures:?}");
        assert_eq!(times.above(99), 2);
    }
}
