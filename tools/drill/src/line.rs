//! When a piece that was read may be written on: the delay line of [`crate::forward`], without I/O and without a clock.

use std::time::Duration;

use serde::Deserialize;
use tokio::time::Instant;

use crate::random::Random;

/// The slowest that a link is made. What is held meanwhile is bounded by [`crate::forward`], not by this.
const MOST_MS: u32 = 10_000;

/// What a link is like, in both directions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Told")]
pub struct Quality {
    round_trip_ms: u32,
    jitter_ms: u32,
    stall_percent: u32,
}

/// As it is told.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Told {
    round_trip_ms: u32,
    #[serde(default)]
    jitter_ms: u32,
    #[serde(default)]
    stall_percent: u32,
}

impl TryFrom<Told> for Quality {
    type Error = String;

    fn try_from(told: Told) -> Result<Self, String> {
        Self::new(told.round_trip_ms, told.jitter_ms, told.stall_percent)
            .ok_or_else(|| format!("at most {MOST_MS} ms and 100 percent"))
    }
}

impl Quality {
    /// A link with a round trip of so many ms, each direction up to `jitter_ms` more, and so many of a hundred pieces held
    /// for a further round trip, as when TCP sends again what was lost. None above 10,000 ms or 100 percent.
    pub fn new(round_trip_ms: u32, jitter_ms: u32, stall_percent: u32) -> Option<Self> {
        (round_trip_ms <= MOST_MS && jitter_ms <= MOST_MS && stall_percent <= 100).then_some(Self {
            round_trip_ms,
            jitter_ms,
            stall_percent,
        })
    }

    /// There and back.
    pub fn round_trip(&self) -> Duration {
        Duration::from_millis(self.round_trip_ms.into())
    }
}

/// One direction of one connection.
#[derive(Debug)]
pub struct Line {
    last: Instant,
    random: Random,
}

impl Line {
    /// A line that has carried nothing, with a seed of its own.
    pub fn new(now: Instant, seed: u64) -> Self {
        Self {
            last: now,
            random: Random::new(seed),
        }
    }

    /// When a piece may go on that was read now: never before the piece before it.
    pub fn due(&mut self, now: Instant, quality: Quality) -> Instant {
        let mut wait = quality.round_trip() / 2;
        wait += Duration::from_millis(self.random.below(u64::from(quality.jitter_ms) + 1));
        if self.random.below(100) < quality.stall_percent.into() {
            wait += quality.round_trip();
        }
        self.last = self.last.max(now + wait);
        self.last
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn half_of_a_round_trip_each_way() {
        let now = Instant::now();
        let quality = Quality::new(30, 0, 0).unwrap();
        let mut line = Line::new(now, 1);
        assert_eq!(line.due(now, quality), now + ms(15));
        assert_eq!(line.due(now + ms(4), quality), now + ms(19));
    }

    #[test]
    fn a_stalled_piece_holds_what_comes_behind_it() {
        let now = Instant::now();
        let mut line = Line::new(now, 1);
        let stalled = line.due(now, Quality::new(400, 0, 100).unwrap());
        assert_eq!(stalled, now + ms(600));
        let fast = Quality::new(0, 0, 0).unwrap();
        assert_eq!(line.due(now + ms(1), fast), stalled);
        assert_eq!(line.due(now + ms(601), fast), now + ms(601));
    }

    #[test]
    fn a_link_is_told_within_bounds() {
        let read = serde_json::from_str::<Quality>;
        assert_eq!(
            read(r#"{"round_trip_ms":30}"#).unwrap(),
            Quality::new(30, 0, 0).unwrap()
        );
        for bad in [
            r#"{"round_trip_ms":10001}"#,
            r#"{"round_trip_ms":1,"stall_percent":101}"#,
            r#"{"round_trip_ms":1,"loss":1}"#,
        ] {
            read(bad).unwrap_err();
        }
    }

    proptest! {
        #[test]
        fn order_is_kept_and_no_wait_is_above_its_bound(
            seed: u64,
            pieces in proptest::collection::vec((0u64..50, 0u32..500, 0u32..100, 0u32..=100), 1..200),
        ) {
            let mut now = Instant::now();
            let (mut line, mut before, mut most) = (Line::new(now, seed), now, now);
            for (pause_ms, round_trip_ms, jitter_ms, stall_percent) in pieces {
                now += ms(pause_ms);
                let due = line.due(now, Quality::new(round_trip_ms, jitter_ms, stall_percent).unwrap());
                most = most.max(now + ms(u64::from(round_trip_ms * 3 / 2 + 1 + jitter_ms)));
                prop_assert!(due >= before && due >= now + ms(u64::from(round_trip_ms / 2)));
                prop_assert!(due <= most);
                before = due;
            }
        }
    }
}
