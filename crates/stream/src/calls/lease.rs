//! `tg_lease`: who copies an origin's shard here. It saves work; what is copied is right without it.

use super::error::CallError;
use super::reply::{Answer, Reply};
use super::{FunctionCall, arg};
use crate::keys::Keys;
use crate::name::{NodeName, Region};
use crate::shard::Shard;

/// Longest lease, ms.
pub const MOST_LEASE_MS: u64 = 60_000;

/// What is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeaseVerb {
    /// The lease, at once: whoever has it is told `Fenced` from then on.
    Take,
    /// The lease, if it has lapsed.
    Wait,
    /// The lease with this number, for longer.
    Keep(u64),
    /// The end of the lease with this number.
    Free(u64),
}

/// A question about a lease.
#[derive(Debug, Clone, Copy)]
pub struct Lease<'a> {
    /// Whose log it is.
    pub origin: &'a Region,
    /// Which shard.
    pub shard: Shard,
    /// Who asks.
    pub holder: &'a NodeName,
    /// What for.
    pub verb: LeaseVerb,
    /// For how long, ms; at most [`MOST_LEASE_MS`].
    pub lasting_ms: u64,
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leased {
    /// The asker has it, under this number.
    Held(u64),
    /// Somebody else has it, or nobody.
    Other {
        /// When it lapses, ms.
        left_ms: u64,
    },
}

impl Lease<'_> {
    /// What to send.
    pub fn call(&self, keys: &Keys) -> FunctionCall {
        let (verb, fence) = match self.verb {
            LeaseVerb::Take => ("take", 0),
            LeaseVerb::Wait => ("wait", 0),
            LeaseVerb::Keep(fence) => ("keep", fence),
            LeaseVerb::Free(fence) => ("free", fence),
        };
        let lasting_ms = self.lasting_ms.clamp(1, MOST_LEASE_MS);
        let args = vec![arg(self.holder), arg(verb), arg(lasting_ms), arg(fence)];
        FunctionCall::writing("tg_lease", vec![keys.relay(self.shard, self.origin)], args)
    }

    /// What came back.
    ///
    /// # Errors
    /// Arguments out of bounds, or an answer that is not one.
    pub fn answer(replies: &[Reply]) -> Result<Leased, CallError> {
        let mut answer = Answer::begin(replies)?;
        let verdict = answer.text("verdict")?.to_owned();
        let fence = answer.number("fence")?;
        let left_ms = answer.number("left_ms")?;
        match verdict.as_str() {
            "held" => Ok(Leased::Held(fence)),
            "other" => Ok(Leased::Other { left_ms }),
            _ => Err(CallError::Malformed("verdict")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calls::reply::tests::words;

    #[test]
    fn answers_are_read() {
        assert_eq!(Lease::answer(&words("held 4 3000")), Ok(Leased::Held(4)));
        assert_eq!(
            Lease::answer(&words("other 4 12")),
            Ok(Leased::Other { left_ms: 12 })
        );
        assert!(Lease::answer(&words("mine 4 12")).is_err());
    }
}
