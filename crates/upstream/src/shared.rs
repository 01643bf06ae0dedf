//! What edges tell each other of a pool, in `tg:up:POOL`: one line for each upstream of which there is something to tell.
//!
//! ```text
//! 1
//! http://10.0.0.1:8080 counting 1732400000000 7 3
//! http://10.0.0.2:8080 open 1732400005000 2
//! http://10.0.0.3:8080 half 1732400005000 1 2 0
//! http://10.0.0.1:8080 load 1732400000000 420
//! ```
//!
//! A load is in thousandths. Whoever finds another version, or a line that is none, starts from nothing: it is a cache.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::breaker::{Breaker, Outcome, Permit, Rules};
use crate::limits::LOAD_MS;
use crate::origin::Origin;
use crate::pool::Pool;

/// A load that an upstream has reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Load {
    /// In thousandths, 1,000 at most.
    pub thousandths: u32,
    /// When it was reported.
    pub at_ms: u64,
}

impl Load {
    /// Reads the header `tidegate-load`: a decimal number from 0 to 1.
    pub fn from_header(text: &str, at_ms: u64) -> Option<Self> {
        let number: f32 = text.trim().parse().ok()?;
        (0.0..=1.0).contains(&number).then(|| Self {
            // Within 0 to 1,000, by the line above.
            thousandths: (number * 1000.0).round() as u32,
            at_ms,
        })
    }

    /// As a number from 0 to 1, while it is fresh.
    pub fn fresh(&self, now_ms: u64) -> Option<f32> {
        (now_ms.abs_diff(self.at_ms) < LOAD_MS).then_some(self.thousandths as f32 / 1000.0)
    }
}

/// The state of a pool's upstreams.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PoolState {
    breakers: BTreeMap<Origin, Breaker>,
    loads: BTreeMap<Origin, Load>,
}

const VERSION: &str = "1";

impl PoolState {
    /// Reads the text, for the upstreams that the pool has now.
    pub fn read(text: &str, pool: &Pool) -> Self {
        let mut state = Self::default();
        let mut lines = text.lines();
        if lines.next() != Some(VERSION) {
            return state;
        }
        for line in lines {
            let Some((origin, what)) = read_line(line) else {
                return Self::default();
            };
            if !pool.members().iter().any(|member| member.origin == origin) {
                continue;
            }
            match what {
                Line::Breaker(breaker) => drop(state.breakers.insert(origin, breaker)),
                Line::Load(load) => drop(state.loads.insert(origin, load)),
            }
        }
        state
    }

    /// The text; empty when there is nothing to tell.
    pub fn write(&self) -> String {
        let mut text = String::new();
        for (origin, breaker) in &self.breakers {
            // Writing into a text does not fail.
            let _ = match *breaker {
                Breaker::Quiet => Ok(()),
                Breaker::Counting {
                    since_ms,
                    calls,
                    errors,
                } => {
                    write!(text, "\n{origin} counting {since_ms} {calls} {errors}")
                }
                Breaker::Open { until_ms, times } => {
                    write!(text, "\n{origin} open {until_ms} {times}")
                }
                Breaker::HalfOpen {
                    since_ms,
                    times,
                    out,
                    good,
                } => {
                    write!(text, "\n{origin} half {since_ms} {times} {out} {good}")
                }
            };
        }
        for (origin, load) in &self.loads {
            let _ = write!(text, "\n{origin} load {} {}", load.at_ms, load.thousandths);
        }
        if !text.is_empty() {
            text.insert_str(0, VERSION);
        }
        text
    }

    /// Whether a call to an upstream would be let through.
    pub fn may(&self, origin: &Origin, rules: &Rules, now_ms: u64) -> bool {
        self.breakers
            .get(origin)
            .copied()
            .unwrap_or_default()
            .may(rules, now_ms)
    }

    /// Lets a call through, or not.
    pub fn admit(&mut self, origin: &Origin, rules: &Rules, now_ms: u64) -> Option<Permit> {
        let mut breaker = self.breakers.get(origin).copied().unwrap_or_default();
        let permit = breaker.admit(rules, now_ms);
        self.set(origin, breaker);
        permit
    }

    /// Takes the outcome of a call.
    pub fn record(
        &mut self,
        origin: &Origin,
        rules: &Rules,
        permit: Permit,
        outcome: Outcome,
        now_ms: u64,
    ) {
        let mut breaker = self.breakers.get(origin).copied().unwrap_or_default();
        breaker.record(rules, permit, outcome, now_ms);
        self.set(origin, breaker);
    }

    fn set(&mut self, origin: &Origin, breaker: Breaker) {
        match breaker {
            Breaker::Quiet => drop(self.breakers.remove(origin)),
            breaker => drop(self.breakers.insert(origin.clone(), breaker)),
        }
    }

    /// Takes a load, unless one is known that is less than `every_ms` old.
    pub fn note(&mut self, origin: &Origin, load: Load, every_ms: u64) {
        let known = self.loads.get(origin);
        if known.is_none_or(|known| load.at_ms >= known.at_ms.saturating_add(every_ms)) {
            self.loads.insert(origin.clone(), load);
        }
    }

    /// The load of an upstream, while it is fresh.
    pub fn load(&self, origin: &Origin, now_ms: u64) -> Option<f32> {
        self.loads.get(origin)?.fresh(now_ms)
    }
}

enum Line {
    Breaker(Breaker),
    Load(Load),
}

fn read_line(line: &str) -> Option<(Origin, Line)> {
    let mut words = line.split(' ');
    let origin = words.next()?.parse().ok()?;
    let kind = words.next()?;
    let mut number = || words.next()?.parse::<u64>().ok();
    let small = |number: u64| u32::try_from(number).ok();
    let what = match kind {
        "counting" => Line::Breaker(Breaker::Counting {
            since_ms: number()?,
            calls: small(number()?)?,
            errors: small(number()?)?,
        }),
        "open" => Line::Breaker(Breaker::Open {
            until_ms: number()?,
            times: small(number()?)?.max(1),
        }),
        "half" => Line::Breaker(Breaker::HalfOpen {
            since_ms: number()?,
            times: small(number()?)?.max(1),
            out: small(number()?)?.min(crate::limits::PROBES),
            good: small(number()?)?.min(crate::limits::PROBES),
        }),
        "load" => Line::Load(Load {
            at_ms: number()?,
            thousandths: small(number()?)?.min(1_000),
        }),
        _ => return None,
    };
    let sound = match &what {
        Line::Breaker(Breaker::Counting { calls, errors, .. }) => errors <= calls,
        _ => true,
    };
    (sound && words.next().is_none()).then_some((origin, what))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pool::{Balance, Member};
    use proptest::prelude::*;

    fn pool() -> Pool {
        let members = [
            "http://a.example",
            "https://[::1]:8443",
            "http://10.0.0.1:8080",
        ]
        .map(|origin| Member {
            origin: origin.parse().unwrap(),
            weight: 1,
        });
        Pool::new("p", members.to_vec(), Balance::RoundRobin).unwrap()
    }

    fn breaker() -> impl Strategy<Value = Breaker> {
        prop_oneof![
            Just(Breaker::Quiet),
            (any::<u64>(), any::<u32>(), any::<u32>()).prop_map(|(since_ms, a, b)| {
                Breaker::Counting {
                    since_ms,
                    calls: a.max(b),
                    errors: a.min(b),
                }
            }),
            (any::<u64>(), 1u32..9).prop_map(|(until_ms, times)| Breaker::Open { until_ms, times }),
            (any::<u64>(), 1u32..9, 0u32..=100, 0u32..=100).prop_map(
                |(since_ms, times, out, good)| {
                    Breaker::HalfOpen {
                        since_ms,
                        times,
                        out,
                        good,
                    }
                }
            ),
        ]
    }

    #[test]
    fn the_text_is_the_documented_one() {
        let pool = pool();
        let text = "1\nhttp://a.example half 5 1 2 0\nhttp://10.0.0.1:8080 counting 1732400000000 7 3\n\
                    https://[::1]:8443 open 1732400005000 2\nhttp://10.0.0.1:8080 load 1732400000000 420";
        let state = PoolState::read(text, &pool);
        assert_eq!(state.write(), text);
        assert_eq!(
            state.load(&pool.members()[2].origin, 1_732_400_000_000),
            Some(0.42)
        );
        assert_eq!(
            state.load(&pool.members()[2].origin, 1_732_400_010_000),
            None
        );
        assert!(!state.may(
            &pool.members()[1].origin,
            &Rules::default(),
            1_732_400_000_000
        ));
    }

    #[test]
    fn nothing_to_tell_is_no_text() {
        assert_eq!(PoolState::default().write(), "");
        assert_eq!(PoolState::read("", &pool()), PoolState::default());
    }

    #[test]
    fn what_is_not_understood_is_forgotten() {
        for text in [
            "2\nhttp://a.example open 1 1",
            "1\nhttp://a.example open 1",
            "1\nhttp://a.example open 1 1 1",
            "1\nhttp://a.example counting 1 1 2",
            "1\nhttp://a.example shut 1 1",
            "1\nhttp://a.example/x open 1 1",
            "1\n",
            "1\n\n",
        ] {
            assert_eq!(
                PoolState::read(text, &pool()),
                PoolState::default(),
                "{text:?}"
            );
        }
        let others = "1\nhttp://gone.example open 1 1";
        assert_eq!(PoolState::read(others, &pool()), PoolState::default());
    }

    #[test]
    fn a_load_is_read_by_its_grammar() {
        for (text, expected) in [("0", 0), ("1", 1000), ("0.4204", 420), (" .5 ", 500)] {
            assert_eq!(
                Load::from_header(text, 7),
                Some(Load {
                    thousandths: expected,
                    at_ms: 7
                })
            );
        }
        for text in ["", "x", "-0.1", "1.1", "NaN", "inf", "1e9"] {
            assert_eq!(Load::from_header(text, 7), None, "{text}");
        }
    }

    #[test]
    fn loads_are_noted_now_and_then() {
        let (mut state, origin) = (PoolState::default(), "http://a.example".parse().unwrap());
        let load = |thousandths, at_ms| Load { thousandths, at_ms };
        state.note(&origin, load(100, 1_000), 1_000);
        state.note(&origin, load(200, 1_999), 1_000);
        assert_eq!(state.load(&origin, 2_000), Some(0.1));
        state.note(&origin, load(200, 2_000), 1_000);
        assert_eq!(state.load(&origin, 2_000), Some(0.2));
    }

    proptest! {
        #[test]
        fn state_survives_text(breakers in proptest::collection::vec(breaker(), 3)) {
            let pool = pool();
            let mut state = PoolState::default();
            for (member, breaker) in pool.members().iter().zip(breakers) {
                state.set(&member.origin, breaker);
            }
            prop_assert_eq!(PoolState::read(&state.write(), &pool), state);
        }

        #[test]
        fn no_text_panics(text in "(1\n)?((http://a\\.example|x) (open|half|counting|load|y) ([0-9]{1,20} ?){0,5}\n?){0,4}") {
            let pool = pool();
            let state = PoolState::read(&text, &pool);
            let mut copy = state.clone();
            for member in pool.members() {
                let permit = copy.admit(&member.origin, &Rules::default(), 1_732_400_000_000);
                if let Some(permit) = permit {
                    copy.record(&member.origin, &Rules::default(), permit, Outcome::Bad, 1_732_400_000_000);
                }
            }
        }
    }
}
