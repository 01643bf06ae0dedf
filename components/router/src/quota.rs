//! What a call takes from the caller's quota.

use std::cell::RefCell;
use std::net::IpAddr;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use component_link::{LinkError, WAIT_MS};
use tidegate_api::limits::AWAY_MS;
use tidegate_api::policies::WhenAway;
use tidegate_api::quota::{self, Counted, Line, Weight};
use tidegate_api::{Act, Refusal, Settings, Who};
use tidegate_limit::{Allowance, Standing, Verdict, header};
use tidegate_room::Caller;
use tidegate_route::Method;
use tidegate_stream::calls::Fault as RedisFault;
use tidegate_upstream::degrade::may_fall_back;

use crate::alarm::Alarm;
use crate::bindings::tidegate::limits::limits;
use crate::{log, namespace};

thread_local! {
    static ALLOWANCE: RefCell<Allowance> = RefCell::new(Allowance::default());
    static AWAY_SINCE: RefCell<Option<Instant>> = const { RefCell::new(None) };
}

/// Takes what this call costs from each limit that counts it, or nothing and refuses; tells how the caller stands in
/// `taken`.
pub(crate) async fn take(
    settings: &Settings,
    alarm: &Alarm,
    act: &Act,
    who: &Who,
    address: Option<IpAddr>,
    taken: &mut Vec<(&'static str, String)>,
) -> Result<(), Refusal> {
    let mut counted = Counted::of(&settings.policies, act);
    if let (Weight::Message { room }, Some(caller)) = (counted.weight, who.caller())
        && !caller.is_service()
    {
        counted.namespace = match namespace::of(settings, room).await {
            Ok(own) => own.limit_messages,
            // Those that do not hold are logged, and keep rooms from being created; what goes on in those that are there does
            // not end with them.
            Err(Refusal::NotConfigured(_)) => None,
            // The message goes to that Redis, too.
            Err(refusal) => return Err(refusal),
        };
    }
    count(settings, alarm, counted, who.caller(), address, taken).await
}

/// The same for a call that goes to an upstream, which may be one that only reads.
pub(crate) async fn take_elsewhere(
    settings: &Settings,
    alarm: &Alarm,
    method: Method,
    caller: Option<&Caller>,
    address: Option<IpAddr>,
    taken: &mut Vec<(&'static str, String)>,
) -> Result<(), Refusal> {
    let weight = match may_fall_back(method) {
        true => Weight::Read,
        false => Weight::Change { room: None },
    };
    let counted = Counted::elsewhere(&settings.policies, weight);
    count(settings, alarm, counted, caller, address, taken).await
}

async fn count(
    settings: &Settings,
    alarm: &Alarm,
    counted: Counted<'_>,
    caller: Option<&Caller>,
    address: Option<IpAddr>,
    taken: &mut Vec<(&'static str, String)>,
) -> Result<(), Refusal> {
    let lines = quota::lines(&settings.policies, counted, address, caller);
    let verdict = if is_known_away() {
        in_memory(&lines)?
    } else {
        match in_redis(settings, alarm, &lines).await {
            Ok(verdict) => verdict,
            // Reading needs no room in Redis, nor one that takes writes, so who only reads goes on, uncounted, until it can be
            // counted again.
            Err(fault) if counted.weight == Weight::Read && reads_go_on(&fault) => return Ok(()),
            Err(fault) => when_away(settings, &lines, fault)?,
        }
    };
    *taken = quota::headers(&lines, &verdict.standings);
    if verdict.allowed {
        return Ok(());
    }
    let standings = lines.iter().zip(&verdict.standings);
    Err(Refusal::Limited {
        retry_s: header::retry_after_s(verdict.retry_ms()),
        policies: standings
            .filter(|(_, standing)| !standing.allowed)
            .map(|(line, _)| line.name)
            .collect(),
    })
}

fn reads_go_on(fault: &limits::Fault) -> bool {
    match fault {
        limits::Fault::Full => true,
        limits::Fault::Unreachable(why) => RedisFault::of(why).answers_reads(),
        limits::Fault::Library(_) | limits::Fault::BadPolicy(_) => false,
    }
}

async fn in_redis(
    settings: &Settings,
    alarm: &Alarm,
    lines: &[Line],
) -> Result<Verdict, limits::Fault> {
    let policies = lines
        .iter()
        .map(|line| limits::Policy {
            name: line.name.to_owned(),
            partition: line.partition.clone(),
            quota: line.policy.quota(),
            window_ms: line.policy.window_ms(),
            burst: line.policy.burst(),
            cost: line.cost,
        })
        .collect();
    let redis_url = settings.limit_redis_url.clone();
    let check = limits::check(redis_url, settings.prefix.clone(), policies);
    let verdict = alarm
        .within(WAIT_MS, check)
        .await
        .unwrap_or_else(|| Err(limits::Fault::Unreachable(LinkError::late().to_string())))?;
    let standings = verdict.standings.iter().map(|standing| Standing {
        allowed: standing.allowed,
        remaining: standing.remaining,
        reset_ms: standing.reset_ms,
        // The contract tells the longest wait only, which is that of one that refuses.
        retry_ms: match standing.allowed {
            true => 0,
            false => verdict.retry_after_ms,
        },
    });
    Ok(Verdict {
        allowed: verdict.allowed,
        standings: standings.collect(),
    })
}

/// What holds while the Redis that counts gives no answer, or has no room to count in.
fn when_away(
    settings: &Settings,
    lines: &[Line],
    fault: limits::Fault,
) -> Result<Verdict, Refusal> {
    let is_away = matches!(fault, limits::Fault::Unreachable(_) | limits::Fault::Full);
    if !is_away || settings.limit_when_away == WhenAway::Closed {
        return Err(refusal(fault));
    }
    log::uncounted(match &fault {
        limits::Fault::Unreachable(why) => why,
        _ => "Redis is full",
    });
    AWAY_SINCE.set(Some(Instant::now()));
    in_memory(lines)
}

/// Whether Redis was asked in vain a moment ago, so that nobody waits for the same again. Only ever so where calls pass
/// meanwhile.
fn is_known_away() -> bool {
    let most = Duration::from_millis(AWAY_MS);
    AWAY_SINCE.with_borrow(|since| since.is_some_and(|since| since.elapsed() < most))
}

fn in_memory(lines: &[Line]) -> Result<Verdict, Refusal> {
    let numbered: Result<Vec<_>, _> = lines
        .iter()
        .map(|line| {
            let numbers = line.policy.numbers(line.cost)?;
            Ok((format!("{}:{}", line.name, line.partition), numbers))
        })
        .collect();
    let numbered =
        numbered.map_err(|error: tidegate_limit::PolicyError| Refusal::Fault(error.to_string()))?;
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let now_us = u64::try_from(now.as_micros()).unwrap_or(u64::MAX / 2);
    Ok(ALLOWANCE.with_borrow_mut(|allowance| allowance.take(now_us, &numbered)))
}

fn refusal(fault: limits::Fault) -> Refusal {
    match fault {
        limits::Fault::Unreachable(why) => Refusal::Away(why),
        limits::Fault::Full => Refusal::Full,
        limits::Fault::Library(what_to_do) => Refusal::Library(what_to_do),
        limits::Fault::BadPolicy(why) => Refusal::Fault(why),
    }
}
