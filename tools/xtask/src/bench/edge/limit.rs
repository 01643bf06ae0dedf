//! `tg_limit` by itself: what so many policies in one call cost Redis.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use tidegate_stream::Keys;
use tidegate_stream::calls::{Limit, MOST_POLICIES, PolicyLine};

use super::Args;
use super::stage::Stage;
use crate::bench::row::{Report, Row, median};
use crate::progress::Progress;
use crate::up::resp::{Connection, Reply};

/// Policies in a call, up to as many as it takes.
const POLICIES: [usize; 5] = [1, 3, 5, 10, MOST_POLICIES];
/// A turn is cut into so many, and the median is of all parts: calls are so short that whatever else runs on the machine
/// doubles what some of them take.
const PARTS: u32 = 5;
/// Units at once, one a millisecond: more than a turn can take, and a state that stays for as long.
const BURST: u32 = 1_000_000;
/// See [`BURST`].
const EMISSION_US: u64 = 1_000;

/// Asks for each number of policies in many short turns, one call after the other over one connection.
///
/// # Errors
/// When Redis refuses a call, or a limit does.
pub fn measure(
    stage: &Stage<'_>,
    progress: &Progress,
    args: &Args,
    report: &mut Report,
) -> Result<()> {
    let mut taken = vec![Vec::new(); POLICIES.len()];
    let bar = progress.bar(
        "tg_limit",
        u64::from(args.turns * PARTS) * POLICIES.len() as u64,
    );
    for turn in 1..=args.turns * PARTS {
        for (policies, taken) in POLICIES.into_iter().zip(&mut taken) {
            bar.waiting_for(&format!("{policies} policies, part {turn}"));
            stage.family.stop().check()?;
            let words = words(&stage.keys, policies, turn);
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let us = ask(&mut stage.redis()?, &words, args.length() / PARTS)?;
            bar.done(&format!("{policies} policies, part {turn}: {us:.1} us"));
            taken.push(us);
        }
    }
    for (policies, turns) in POLICIES.into_iter().zip(taken) {
        let case = format!("tg_limit_{policies}");
        report.add(Row::of(&case, "redis", median(turns), "us"));
    }
    Ok(())
}

/// The call as words. Each turn counts somebody else, so all begin with nothing counted.
fn words(keys: &Keys, policies: usize, turn: u32) -> Vec<String> {
    let lines: Vec<PolicyLine> = (0..policies)
        .map(|n| PolicyLine {
            key: keys.limit("bench", &format!("{turn}-{policies}-{n}")),
            emission_us: EMISSION_US,
            burst: BURST,
            cost: 1,
        })
        .collect();
    let call = Limit { policies: &lines }.call();
    let words = call.command().into_iter();
    words
        .map(|word| String::from_utf8_lossy(&word).into_owned())
        .collect()
}

/// CPU of Redis for each call, in us.
fn ask(redis: &mut Connection, words: &[&str], length: Duration) -> Result<f64> {
    let before_s = cpu_s(redis)?;
    let (begun, mut calls) = (Instant::now(), 0_u32);
    while begun.elapsed() < length {
        let reply = redis.call(words)?;
        let allowed =
            matches!(&reply, Reply::List(answer) if answer.first() == Some(&Reply::Integer(1)));
        ensure!(allowed, "a limit refuses a call of the bench: {reply:?}");
        calls += 1;
    }
    Ok((cpu_s(redis)? - before_s) / f64::from(calls) * 1e6)
}

/// User and system time of Redis until now.
fn cpu_s(redis: &mut Connection) -> Result<f64> {
    let Reply::Text(report) = redis.call(&["INFO", "cpu"])? else {
        bail!("Redis does not report its CPU");
    };
    ["used_cpu_user:", "used_cpu_sys:"]
        .into_iter()
        .map(|name| {
            let value = report.lines().find_map(|line| line.strip_prefix(name));
            let value = value.with_context(|| format!("Redis reports no {name}"))?;
            Ok(value.trim().parse::<f64>()?)
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::up::redis::fill;
    use crate::up::redis::tests::with_redis;

    #[test]
    fn as_many_policies_as_a_call_takes_cost_something_and_one_more_is_refused() {
        with_redis("unit-test-bench-limit", |plan, settings| {
            fill(
                plan.redis,
                settings,
                "ws://127.0.0.1:1",
                "http://127.0.0.1:1",
            )
            .unwrap();
            let address = (std::net::Ipv4Addr::LOCALHOST, plan.redis).into();
            let mut redis = Connection::open(address).unwrap();
            let keys = crate::region::keys(settings);
            let mut us = |policies| {
                let words = words(&keys, policies, 1);
                let words: Vec<&str> = words.iter().map(String::as_str).collect();
                ask(&mut redis, &words, Duration::from_millis(100))
            };
            assert!(us(MOST_POLICIES).unwrap() > 0.0);
            let error = us(MOST_POLICIES + 1).unwrap_err().to_string();
            assert!(error.contains("16"), "{error}");
        });
    }
}
