//! A policy: so many units in so long, so many at once.

use std::fmt;
use std::str::FromStr;

use crate::limits::{DEBT_MAX_US, NAME_BYTES, UNITS_MAX, WINDOW_MAX_S};

/// Why a policy was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// Not of the form `QUOTA/SECONDS[/BURST]`.
    #[error(
        "a limit is written QUOTA/SECONDS or QUOTA/SECONDS/BURST in whole numbers, for example 20/10/40; got {0:?}"
    )]
    Form(String),
    /// The quota is out of bounds.
    #[error("the quota must be 1 to {UNITS_MAX}")]
    Quota,
    /// The window is out of bounds.
    #[error("the window must be 1 ms to {WINDOW_MAX_S} s")]
    Window,
    /// The burst is out of bounds.
    #[error("the burst must be 1 to {UNITS_MAX}")]
    Burst,
    /// The burst takes too long to come back.
    #[error(
        "a burst that takes more than 30 days to be there again is refused: lower it or raise the quota"
    )]
    Debt,
    /// The cost can never be met.
    #[error("the cost must be 1 to the burst, which is {burst}; got {cost}")]
    Cost {
        /// Units of the call.
        cost: u32,
        /// Units that may come at once.
        burst: u32,
    },
    /// The name is outside its grammar.
    #[error("a policy's name is 1 to {NAME_BYTES} of a-z 0-9 _ -")]
    Name,
}

/// What a policy is called in `RateLimit-Policy` and in keys: 1 to 32 of `[a-z0-9_-]`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PolicyName(String);

impl PolicyName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for PolicyName {
    type Err = PolicyError;

    fn from_str(text: &str) -> Result<Self, PolicyError> {
        let sign = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-';
        if text.is_empty() || text.len() > NAME_BYTES || !text.bytes().all(sign) {
            return Err(PolicyError::Name);
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for PolicyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How much is allowed: `quota` units in each window, `burst` of them at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    quota: u32,
    window_ms: u32,
    burst: u32,
}

/// The numbers that `tg_limit` takes for one policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Numbers {
    /// Time in which one unit comes back, in us.
    pub emission_us: u64,
    /// Units that may come at once.
    pub burst: u32,
    /// Units of this call.
    pub cost: u32,
}

impl Policy {
    /// A policy of `quota` units in each `window_ms`, `burst` of them at once.
    ///
    /// # Errors
    /// If a number is out of the bounds in [`crate::limits`].
    pub fn new(quota: u32, window_ms: u32, burst: u32) -> Result<Self, PolicyError> {
        if !(1..=UNITS_MAX).contains(&quota) {
            return Err(PolicyError::Quota);
        }
        if !(1..=WINDOW_MAX_S * 1_000).contains(&window_ms) {
            return Err(PolicyError::Window);
        }
        if !(1..=UNITS_MAX).contains(&burst) {
            return Err(PolicyError::Burst);
        }
        let policy = Self {
            quota,
            window_ms,
            burst,
        };
        if policy.emission_us() * u64::from(burst) > DEBT_MAX_US {
            return Err(PolicyError::Debt);
        }
        Ok(policy)
    }

    /// Units in each window.
    pub fn quota(&self) -> u32 {
        self.quota
    }

    /// The window, in ms.
    pub fn window_ms(&self) -> u32 {
        self.window_ms
    }

    /// Units that may come at once.
    pub fn burst(&self) -> u32 {
        self.burst
    }

    /// Time in which one unit comes back, in us; rounded up, so that no window ever holds more than the quota beside the
    /// burst.
    pub fn emission_us(&self) -> u64 {
        (u64::from(self.window_ms) * 1_000).div_ceil(u64::from(self.quota))
    }

    /// The numbers of a call of `cost` units.
    ///
    /// # Errors
    /// If the cost is 0 or above the burst, and so could never be met.
    pub fn numbers(&self, cost: u32) -> Result<Numbers, PolicyError> {
        if cost == 0 || cost > self.burst {
            return Err(PolicyError::Cost {
                cost,
                burst: self.burst,
            });
        }
        Ok(Numbers {
            emission_us: self.emission_us(),
            burst: self.burst,
            cost,
        })
    }
}

impl FromStr for Policy {
    type Err = PolicyError;

    /// Reads `QUOTA/SECONDS[/BURST]`; the burst defaults to the quota.
    fn from_str(text: &str) -> Result<Self, PolicyError> {
        let form = || PolicyError::Form(text.chars().take(64).collect());
        let number = |part: &str| match part.bytes().all(|b| b.is_ascii_digit()) {
            true => part.parse::<u32>().map_err(|_| form()),
            false => Err(form()),
        };
        let parts: Vec<&str> = text.trim().splitn(4, '/').collect();
        let (quota, seconds, burst) = match parts[..] {
            [quota, seconds] => (number(quota)?, number(seconds)?, number(quota)?),
            [quota, seconds, burst] => (number(quota)?, number(seconds)?, number(burst)?),
            _ => return Err(form()),
        };
        let window_ms = seconds.checked_mul(1_000).ok_or(PolicyError::Window)?;
        Self::new(quota, window_ms, burst)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_is_read_from_text() {
        assert_eq!("20/10".parse(), Policy::new(20, 10_000, 20));
        assert_eq!(" 20/10/40 ".parse(), Policy::new(20, 10_000, 40));
    }

    #[test]
    fn what_is_no_policy_is_refused_and_says_why() {
        for text in [
            "",
            "20",
            "20/",
            "/10",
            "20/10/",
            "20/10/40/1",
            "a/b",
            "-1/10",
            "+1/10",
            "1.5/10",
            "9999999999/1",
        ] {
            let refused = text.parse::<Policy>().unwrap_err();
            assert!(
                matches!(refused, PolicyError::Form(_)),
                "{text:?}: {refused}"
            );
        }
        assert_eq!("0/10".parse::<Policy>(), Err(PolicyError::Quota));
        assert_eq!("1000001/10".parse::<Policy>(), Err(PolicyError::Quota));
        assert_eq!("1/0".parse::<Policy>(), Err(PolicyError::Window));
        assert_eq!("1/86401".parse::<Policy>(), Err(PolicyError::Window));
        assert_eq!("1/4294968".parse::<Policy>(), Err(PolicyError::Window));
        assert_eq!("1/1/0".parse::<Policy>(), Err(PolicyError::Burst));
        assert_eq!("1/86400/31".parse::<Policy>(), Err(PolicyError::Debt));
    }

    #[test]
    fn a_unit_comes_back_no_sooner_than_the_quota_says() {
        assert_eq!(Policy::new(3, 1_000, 3).unwrap().emission_us(), 333_334);
        assert_eq!(Policy::new(1_000_000, 1_000, 1).unwrap().emission_us(), 1);
        assert_eq!(Policy::new(1_000_000, 1, 1).unwrap().emission_us(), 1);
    }

    #[test]
    fn a_cost_that_can_never_be_met_is_refused() {
        let policy = Policy::new(20, 10_000, 5).unwrap();
        assert_eq!(
            policy.numbers(5).unwrap(),
            Numbers {
                emission_us: 500_000,
                burst: 5,
                cost: 5
            }
        );
        assert_eq!(
            policy.numbers(6),
            Err(PolicyError::Cost { cost: 6, burst: 5 })
        );
        assert_eq!(
            policy.numbers(0),
            Err(PolicyError::Cost { cost: 0, burst: 5 })
        );
    }

    #[test]
    fn names_keep_to_their_grammar() {
        assert!("user".parse::<PolicyName>().is_ok());
        for bad in ["", "User", "a\"b", "a:b", &"x".repeat(33)] {
            assert_eq!(bad.parse::<PolicyName>(), Err(PolicyError::Name));
        }
    }
}
