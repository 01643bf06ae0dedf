//! A circuit breaker: an upstream that fails more often than not is left alone for a while, then tried with care.
//!
//! - **Closed**: every call is let through. Counting begins with a failure and lasts one window; while nothing fails, nothing
//!   changes, so a sound upstream costs no shared write. When a window has seen at least `min_calls` calls and more than half
//!   of them failed, it opens.
//! - **Open**: no call is let through for `open_ms`, twice as long for each time that it opened again, up to eight times.
//! - **Half-open**: `probes` calls are let through. When all of them went well it closes; when one fails it opens again.
//!
//! Time is an argument, in ms since 1970 by the caller's clock. Edges share one state, so their clocks should agree to a second.

use crate::limits::{OPEN_TIMES, PROBE_MS};

/// The numbers of a breaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// How long calls are counted together, in ms.
    pub window_ms: u64,
    /// Calls within a window before it can open.
    pub min_calls: u32,
    /// How long it is open the first time, in ms.
    pub open_ms: u64,
    /// Calls that a half-open one lets through.
    pub probes: u32,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            window_ms: 10_000,
            min_calls: 10,
            open_ms: 5_000,
            probes: 3,
        }
    }
}

/// How a call went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The upstream did what it is for.
    Good,
    /// It did not.
    Bad,
}

/// The right to make one call; it is given back with the outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permit {
    /// While closed.
    Call,
    /// While half-open since then, in ms.
    Probe {
        /// Tells this turn of probes from an earlier one.
        since_ms: u64,
    },
}

/// The state of one upstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Breaker {
    /// Closed, and nothing has failed.
    #[default]
    Quiet,
    /// Closed, and counting.
    Counting {
        /// When the window began.
        since_ms: u64,
        /// Calls that came back in it.
        calls: u32,
        /// Those of them that failed; at least one.
        errors: u32,
    },
    /// Open.
    Open {
        /// Until when.
        until_ms: u64,
        /// How many times in a row it opened, this one counted.
        times: u32,
    },
    /// Half-open.
    HalfOpen {
        /// Since when.
        since_ms: u64,
        /// How many times in a row it had opened.
        times: u32,
        /// Probes that are out.
        out: u32,
        /// Probes that went well.
        good: u32,
    },
}

impl Breaker {
    /// Whether a call would be let through.
    pub fn may(&self, rules: &Rules, now_ms: u64) -> bool {
        let mut copy = *self;
        copy.admit(rules, now_ms).is_some()
    }

    /// Lets a call through, or not.
    pub fn admit(&mut self, rules: &Rules, now_ms: u64) -> Option<Permit> {
        match *self {
            Self::Quiet | Self::Counting { .. } => return Some(Permit::Call),
            // A wait that is longer than any that can be was written by a clock that is wrong.
            Self::Open { until_ms, times } => {
                if now_ms < until_ms && until_ms - now_ms <= wait_ms(rules, times) {
                    return None;
                }
                *self = half_open(now_ms, times);
            }
            // Whoever had these probes is gone.
            Self::HalfOpen {
                since_ms, times, ..
            } if now_ms.abs_diff(since_ms) >= PROBE_MS => {
                *self = half_open(now_ms, times);
            }
            Self::HalfOpen { .. } => {}
        }
        match self {
            Self::HalfOpen {
                since_ms,
                out,
                good,
                ..
            } if *out + *good < rules.probes => {
                *out += 1;
                Some(Permit::Probe {
                    since_ms: *since_ms,
                })
            }
            _ => None,
        }
    }

    /// Takes the outcome of a call. What comes back after the state has moved on is passed over.
    pub fn record(&mut self, rules: &Rules, permit: Permit, outcome: Outcome, now_ms: u64) {
        match (*self, permit) {
            (Self::Quiet, Permit::Call) if outcome == Outcome::Bad => {
                *self = counting(rules, now_ms, 1, 1);
            }
            (
                Self::Counting {
                    since_ms,
                    calls,
                    errors,
                },
                Permit::Call,
            ) => {
                *self = if now_ms.abs_diff(since_ms) < rules.window_ms {
                    let bad = u32::from(outcome == Outcome::Bad);
                    let calls = calls.saturating_add(1);
                    counting_at(rules, now_ms, since_ms, calls, errors.saturating_add(bad))
                } else if outcome == Outcome::Bad {
                    counting(rules, now_ms, 1, 1)
                } else {
                    Self::Quiet
                };
            }
            (
                Self::HalfOpen {
                    since_ms,
                    times,
                    out,
                    good,
                },
                Permit::Probe { since_ms: its },
            ) if its == since_ms => {
                *self = match outcome {
                    Outcome::Bad => open(rules, now_ms, times.saturating_add(1)),
                    Outcome::Good if good + 1 >= rules.probes => Self::Quiet,
                    Outcome::Good => Self::HalfOpen {
                        since_ms,
                        times,
                        out: out.saturating_sub(1),
                        good: good + 1,
                    },
                };
            }
            _ => {}
        }
    }
}

fn counting(rules: &Rules, now_ms: u64, calls: u32, errors: u32) -> Breaker {
    counting_at(rules, now_ms, now_ms, calls, errors)
}

fn counting_at(rules: &Rules, now_ms: u64, since_ms: u64, calls: u32, errors: u32) -> Breaker {
    if calls >= rules.min_calls && errors > calls - errors {
        open(rules, now_ms, 1)
    } else {
        Breaker::Counting {
            since_ms,
            calls,
            errors,
        }
    }
}

fn open(rules: &Rules, now_ms: u64, times: u32) -> Breaker {
    Breaker::Open {
        until_ms: now_ms.saturating_add(wait_ms(rules, times)),
        times,
    }
}

fn half_open(now_ms: u64, times: u32) -> Breaker {
    Breaker::HalfOpen {
        since_ms: now_ms,
        times,
        out: 0,
        good: 0,
    }
}

fn wait_ms(rules: &Rules, times: u32) -> u64 {
    rules
        .open_ms
        .saturating_mul(1 << times.saturating_sub(1).min(OPEN_TIMES))
}

#[cfg(test)]
#[path = "breaker_tests.rs"]
mod tests;
