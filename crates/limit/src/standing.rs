//! How a call stands with its policies.

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
