//! Between the types of the contract and those of the decisions.

use std::collections::BTreeSet;

use tidegate_limit::limits::{PARTITION_BYTES, POLICIES_MAX};
use tidegate_limit::{Policy, PolicyName};
use tidegate_stream::calls::{LimitAnswer, PolicyLine};
use tidegate_stream::{Keys, ShardCount};

use crate::bindings::exports::tidegate::limits::limits as wit;

/// What `tg_limit` is asked, or why a policy is not taken.
pub(crate) fn lines(prefix: String, policies: &[wit::Policy]) -> Result<Vec<PolicyLine>, String> {
    if policies.len() > POLICIES_MAX {
        return Err(format!(
            "{} policies; {POLICIES_MAX} at most",
            policies.len()
        ));
    }
    // Keys of limits lie outside the shards.
    let keys = Keys::new(prefix, ShardCount::default());
    let mut seen = BTreeSet::new();
    let mut lines = Vec::with_capacity(policies.len());
    for policy in policies {
        let line = line(&keys, policy).map_err(|why| format!("policy {:?}: {why}", policy.name))?;
        if !seen.insert(line.key.clone()) {
            return Err(format!(
                "policy {:?} stands there twice for one partition",
                policy.name
            ));
        }
        lines.push(line);
    }
    Ok(lines)
}

fn line(keys: &Keys, policy: &wit::Policy) -> Result<PolicyLine, String> {
    let name: PolicyName = policy.name.parse().map_err(|error| format!("{error}"))?;
    let partition = policy.partition.as_str();
    if partition.is_empty()
        || partition.len() > PARTITION_BYTES
        || !partition.bytes().all(|b| b.is_ascii_graphic())
    {
        return Err(format!(
            "a partition is 1 to {PARTITION_BYTES} printable ASCII signs"
        ));
    }
    let numbers = Policy::new(policy.quota, policy.window_ms, policy.burst)
        .and_then(|bounded| bounded.numbers(policy.cost))
        .map_err(|error| error.to_string())?;
    Ok(PolicyLine {
        key: keys.limit(name.as_str(), partition),
        emission_us: numbers.emission_us,
        burst: numbers.burst,
        cost: numbers.cost,
    })
}

/// The verdict in the contract's words; `policies` are those that were asked.
pub(crate) fn verdict(policies: &[wit::Policy], answer: LimitAnswer) -> wit::Verdict {
    wit::Verdict {
        allowed: answer.allowed,
        retry_after_ms: answer
            .standings
            .iter()
            .map(|standing| standing.retry_ms)
            .max()
            .unwrap_or(0),
        standings: policies
            .iter()
            .zip(answer.standings)
            .map(|(policy, standing)| wit::Standing {
                name: policy.name.clone(),
                allowed: standing.allowed,
                remaining: u32::try_from(standing.remaining).unwrap_or(u32::MAX),
                reset_ms: standing.reset_ms,
            })
            .collect(),
    }
}
