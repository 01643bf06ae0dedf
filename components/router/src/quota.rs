//! What a call takes from the caller's quota.

use std::net::IpAddr;

use tidegate_api::quota::{self, Weight};
use tidegate_api::{Act, Refusal, Settings, Who};
use tidegate_limit::{Standing, header};

use crate::bindings::tidegate::limits::limits;

/// Takes one unit of each limit that counts this call, or none and refuses; tells how the caller stands in `taken`.
pub(crate) async fn take(
    settings: &Settings,
    act: &Act,
    who: &Who,
    address: Option<IpAddr>,
    taken: &mut Vec<(&'static str, String)>,
) -> Result<(), Refusal> {
    let lines = quota::lines(&settings.policies, act.weight(), address, who.caller());
    let policies = lines
        .iter()
        .map(|line| limits::Policy {
            name: line.name.to_owned(),
            partition: line.partition.clone(),
            quota: line.policy.quota(),
            window_ms: line.policy.window_ms(),
            burst: line.policy.burst(),
            cost: act.cost().min(line.policy.burst()),
        })
        .collect();
    let redis_url = settings.redis_url.clone();
    let verdict = match limits::check(redis_url, settings.prefix.clone(), policies).await {
        Ok(verdict) => verdict,
        // Reading needs no room in Redis, so who only reads goes on, uncounted, until there is room to count in.
        Err(limits::Fault::Full) if act.weight() == Weight::Read => return Ok(()),
        Err(fault) => return Err(refusal(fault)),
    };
    let standings: Vec<Standing> = verdict
        .standings
        .iter()
        .map(|standing| Standing {
            allowed: standing.allowed,
            remaining: standing.remaining,
            reset_ms: standing.reset_ms,
            retry_ms: 0,
        })
        .collect();
    *taken = quota::headers(&lines, &standings);
    if verdict.allowed {
        Ok(())
    } else {
        Err(Refusal::Limited {
            retry_s: header::retry_after_s(verdict.retry_after_ms),
        })
    }
}

fn refusal(fault: limits::Fault) -> Refusal {
    match fault {
        limits::Fault::Unreachable(why) => Refusal::Away(why),
        limits::Fault::Full => Refusal::Full,
        limits::Fault::Library(what_to_do) => Refusal::Library(what_to_do),
        limits::Fault::BadPolicy(why) => Refusal::Fault(why),
    }
}
