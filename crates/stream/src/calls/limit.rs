//! `tg_limit`: all rate limits of a request in one round trip. The arithmetic is GCRA, done by Redis on its own clock.

use super::error::CallError;
use super::reply::{Answer, Reply};
use super::{FunctionCall, arg};

/// Most policies in one call.
pub const MOST_POLICIES: usize = 16;

/// One policy and whom it counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyLine {
    /// Where its state lies: [`Keys::limit`](crate::keys::Keys::limit). No key may come twice.
    pub key: String,
    /// Time in which one unit comes back, in us; times `burst` at most 31 days.
    pub emission_us: u64,
    /// Units that may come at once.
    pub burst: u32,
    /// Units of this call, at most `burst`; 0 only looks.
    pub cost: u32,
}

/// How one policy stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Whether this one allows the call.
    pub allowed: bool,
    /// Units that are left.
    pub remaining: u64,
    /// Until the full burst is there again, in ms.
    pub reset_ms: u64,
    /// Until this call would be allowed, in ms; 0 when it is.
    pub retry_ms: u64,
}

/// What the limits say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitAnswer {
    /// Whether all allow the call. If not, none has counted it.
    pub allowed: bool,
    /// Each policy, in the order asked.
    pub standings: Vec<Standing>,
}

/// A question to the limits: 1 to [`MOST_POLICIES`] policies.
#[derive(Debug, Clone, Copy)]
pub struct Limit<'a> {
    /// The policies.
    pub policies: &'a [PolicyLine],
}

impl Limit<'_> {
    /// What to send.
    pub fn call(&self) -> FunctionCall {
        let keys = self.policies.iter().map(|line| line.key.clone()).collect();
        let args = self
            .policies
            .iter()
            .flat_map(|line| [arg(line.emission_us), arg(line.burst), arg(line.cost)])
            .collect();
        FunctionCall::writing("tg_limit", keys, args)
    }

    /// What came back.
    ///
    /// # Errors
    /// Arguments out of bounds, or an answer that is not one.
    pub fn answer(&self, replies: &[Reply]) -> Result<LimitAnswer, CallError> {
        let mut answer = Answer::begin(replies)?;
        let allowed = answer.number("allowed")? == 1;
        let standings = self
            .policies
            .iter()
            .map(|_| {
                Ok(Standing {
                    allowed: answer.number("policy")? == 1,
                    remaining: answer.number("remaining")?,
                    reset_ms: answer.number("reset_ms")?,
                    retry_ms: answer.number("retry_ms")?,
                })
            })
            .collect::<Result<_, CallError>>()?;
        Ok(LimitAnswer { allowed, standings })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calls::reply::tests::words;

    #[test]
    fn standings_come_in_the_order_asked() {
        let policies: Vec<_> = ["a", "b"]
            .map(|key| PolicyLine {
                key: key.into(),
                emission_us: 1_000,
                burst: 5,
                cost: 1,
            })
            .into();
        let limit = Limit {
            policies: &policies,
        };
        assert_eq!(limit.call().args.len(), 6);
        let answer = limit.answer(&words("0 1 4 1 0 0 0 5 1")).unwrap();
        assert!(!answer.allowed);
        assert!(answer.standings[0].allowed);
        assert_eq!(answer.standings[1].retry_ms, 1);
        assert!(limit.answer(&words("1 1 4 1 0")).is_err());
    }
}
