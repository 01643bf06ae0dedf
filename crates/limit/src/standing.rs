//! How a call stands with its policies, and how that is read from the answer of `tg_limit`.

/// How a call stands with one policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Whether this policy allows the call.
    pub allowed: bool,
    /// Units left.
    pub remaining: u32,
    /// Time until the full burst is there again, in ms.
    pub reset_ms: u64,
    /// Time until this policy would allow the call, in ms; 0 when it does.
    pub retry_ms: u64,
}

/// What was decided on a call, under all of its policies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// False if any policy refuses; then nothing was counted.
    pub allowed: bool,
    /// One for each policy, in their order.
    pub standings: Vec<Standing>,
}

impl Verdict {
    /// Time until every policy would allow the call, in ms; 0 when all do.
    pub fn retry_ms(&self) -> u64 {
        self.standings.iter().map(|s| s.retry_ms).max().unwrap_or(0)
    }
}

/// An answer of `tg_limit` that is not what was agreed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("tg_limit answered {got} numbers where {expected} were due, or one out of its range")]
pub struct ReplyError {
    /// Numbers in the answer.
    pub got: usize,
    /// Numbers that `policies` policies call for.
    pub expected: usize,
}

/// Reads the answer of `tg_limit`: 1 or 0, then allowed, remaining, reset_ms and retry_ms for each policy.
///
/// # Errors
/// If there are more or fewer numbers than the policies call for, or a negative one.
pub fn read(reply: &[i64], policies: usize) -> Result<Verdict, ReplyError> {
    let wrong = ReplyError {
        got: reply.len(),
        expected: 1 + 4 * policies,
    };
    let [allowed, rest @ ..] = reply else {
        return Err(wrong);
    };
    if rest.len() != 4 * policies || !matches!(allowed, 0 | 1) {
        return Err(wrong);
    }
    let mut standings = Vec::with_capacity(policies);
    for four in rest.chunks_exact(4) {
        let (Ok(remaining), Ok(reset_ms), Ok(retry_ms)) = (
            u32::try_from(four[1]),
            u64::try_from(four[2]),
            u64::try_from(four[3]),
        ) else {
            return Err(wrong);
        };
        standings.push(Standing {
            allowed: four[0] == 1,
            remaining,
            reset_ms,
            retry_ms,
        });
    }
    Ok(Verdict {
        allowed: *allowed == 1,
        standings,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read() {
        let verdict = read(&[0, 1, 19, 500, 0, 0, 0, 1_000, 400], 2).unwrap();
        assert!(!verdict.allowed);
        assert_eq!(
            verdict.standings[0],
            Standing {
                allowed: true,
                remaining: 19,
                reset_ms: 500,
                retry_ms: 0
            }
        );
        assert_eq!(verdict.retry_ms(), 400);
    }

    #[test]
    fn an_answer_that_was_not_agreed_is_refused() {
        for (reply, policies) in [
            (&[][..], 1),
            (&[1], 1),
            (&[1, 1, 1, 1], 1),
            (&[2], 0),
            (&[1, 1, -1, 0, 0], 1),
            (&[1, 1, 1, 1, 1], 2),
        ] {
            assert!(read(reply, policies).is_err(), "{reply:?}");
        }
    }
}
