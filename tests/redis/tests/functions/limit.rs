//! `tg_limit` against the same arithmetic in `tidegate-limit`, on a clock that the test sets.

use std::cell::RefCell;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use tidegate_limit::Policy;
use tidegate_limit::gcra::decide;
use tidegate_stream::calls::{CallError, Limit, LimitAnswer, PolicyLine};

use crate::site::Site;

fn line(key: &str, emission_us: u64, burst: u32, cost: u32) -> PolicyLine {
    PolicyLine {
        key: format!("tg:limit:{key}"),
        emission_us,
        burst,
        cost,
    }
}

fn ask(site: &mut Site, policies: &[PolicyLine]) -> LimitAnswer {
    let limit = Limit { policies };
    limit.answer(&site.call(&limit.call())).unwrap()
}

#[test]
fn a_burst_may_come_at_once_and_then_one_by_one() {
    let mut site = Site::with_clock();
    site.server.set_clock("1800000000");
    let policy = [line("a", 2_000_000, 3, 1)];
    for remaining in [2, 1, 0] {
        let answer = ask(&mut site, &policy);
        assert!(answer.allowed);
        assert_eq!(answer.standings[0].remaining, remaining);
    }
    let answer = ask(&mut site, &policy);
    assert!(!answer.allowed);
    assert_eq!(answer.standings[0].retry_ms, 2_000);
    assert_eq!(answer.standings[0].reset_ms, 6_000);
    site.server.set_clock("1800000001");
    assert_eq!(ask(&mut site, &policy).standings[0].retry_ms, 1_000);
    site.server.set_clock("1800000002");
    assert!(ask(&mut site, &policy).allowed);
    assert!(!ask(&mut site, &policy).allowed);
    // Full again, and nothing is kept of it.
    site.server.set_clock("1800000020");
    assert_eq!(site.ask::<u64>(&["EXISTS", "tg:limit:a"]), 0);
    assert_eq!(ask(&mut site, &policy).standings[0].remaining, 2);
}

#[test]
fn all_policies_allow_or_none_counts() {
    let mut site = Site::with_clock();
    site.server.set_clock("1800000000");
    let wide = line("wide", 1_000_000, 10, 1);
    let narrow = line("narrow", 1_000_000, 1, 1);
    assert!(ask(&mut site, &[wide.clone(), narrow.clone()]).allowed);
    for _ in 0..5 {
        let answer = ask(&mut site, &[wide.clone(), narrow.clone()]);
        assert!(!answer.allowed);
        assert!(answer.standings[0].allowed && !answer.standings[1].allowed);
        assert_eq!(answer.standings[0].remaining, 9);
    }
    // A cost of 0 only looks.
    let look = line("wide", 1_000_000, 10, 0);
    assert_eq!(
        ask(&mut site, std::slice::from_ref(&look)).standings[0].remaining,
        9
    );
    assert_eq!(ask(&mut site, &[look]).standings[0].remaining, 9);
}

#[test]
fn nobody_waits_for_a_clock_that_was_set_back() {
    let mut site = Site::with_clock();
    site.server.set_clock("1800000000");
    let policy = [line("a", 1_000_000, 5, 5)];
    assert!(ask(&mut site, &policy).allowed);
    site.server.set_clock("1799990000");
    assert_eq!(ask(&mut site, &policy).standings[0].retry_ms, 5_000);
    site.server.set_clock("1799990005");
    // What was stored lies hours ahead, and counts as an empty bucket at most.
    assert_eq!(ask(&mut site, &policy).standings[0].retry_ms, 5_000);
}

#[test]
fn what_makes_no_sense_is_refused() {
    let mut site = Site::start();
    for policies in [
        vec![],
        vec![line("a", 0, 1, 1)],
        vec![line("a", 1_000, 0, 0)],
        vec![line("a", 1_000, 5, 6)],
        vec![line("a", 1_000_000_000, 1_000_000, 1)],
        vec![line("a", 1_000, 5, 1), line("a", 1_000, 5, 1)],
        (0..17).map(|n| line(&n.to_string(), 1_000, 5, 1)).collect(),
    ] {
        let limit = Limit {
            policies: &policies,
        };
        let replies = site.call(&limit.call());
        assert!(
            matches!(limit.answer(&replies), Err(CallError::BadCall(_))),
            "{policies:?}"
        );
    }
    assert_eq!(site.ask::<u64>(&["DBSIZE"]), 0);
}

/// One call: how the clock is set before it, in seconds from where it stood, and a number that makes each policy's cost.
type Call = (i64, u32);

/// One to four policies, and calls under all of them. The clock mostly goes on, sometimes leaps, sometimes is set back.
fn runs() -> impl Strategy<Value = (Vec<Policy>, Vec<Call>)> {
    let policy = (1u32..40, 1u32..20_000, 1u32..12)
        .prop_map(|(quota, window_ms, burst)| Policy::new(quota, window_ms, burst).unwrap());
    let step = prop_oneof![8 => 0i64..4, 1 => 4i64..4_000, 1 => -4_000i64..0];
    (
        prop::collection::vec(policy, 1..5),
        prop::collection::vec((step, any::<u32>()), 1..25),
    )
}

#[test]
fn redis_decides_as_the_crate_does() {
    let state = RefCell::new((Site::with_clock(), 0));
    let config = Config {
        cases: 60,
        failure_persistence: None,
        ..Config::default()
    };
    TestRunner::new(config)
        .run(&runs(), |(policies, calls)| {
            let (site, run) = &mut *state.borrow_mut();
            *run += 1;
            let mut now_s = 1_800_000_000_i64 + *run * 1_000_000;
            // Each policy's state, and when Redis forgets it, in ms: once it is full again.
            let mut kept = vec![(0, 0); policies.len()];
            for (step_s, seed) in calls {
                now_s += step_s;
                site.server.set_clock(&now_s.to_string());
                let numbers: Vec<_> = policies
                    .iter()
                    .enumerate()
                    .map(|(index, policy)| {
                        let cost = 1 + seed.rotate_left(8 * index as u32) % policy.burst();
                        policy.numbers(cost).unwrap()
                    })
                    .collect();
                let now_us = now_s.unsigned_abs() * 1_000_000;
                for (arrival_us, until_ms) in &mut kept {
                    if now_us / 1_000 > *until_ms {
                        *arrival_us = 0;
                    }
                }
                let states: Vec<_> = numbers
                    .iter()
                    .cloned()
                    .zip(kept.iter().map(|(arrival_us, _)| *arrival_us))
                    .collect();
                let expected = decide(now_us, &states);
                let lines: Vec<_> = numbers
                    .iter()
                    .enumerate()
                    .map(|(index, numbers)| {
                        line(
                            &format!("{run}:{index}"),
                            numbers.emission_us,
                            numbers.burst,
                            numbers.cost,
                        )
                    })
                    .collect();
                let answer = ask(site, &lines);
                prop_assert_eq!(answer.allowed, expected.verdict.allowed);
                for (got, due) in answer.standings.iter().zip(&expected.verdict.standings) {
                    prop_assert_eq!(got.allowed, due.allowed);
                    prop_assert_eq!(got.remaining, u64::from(due.remaining));
                    prop_assert_eq!(got.reset_ms, due.reset_ms);
                    prop_assert_eq!(got.retry_ms, due.retry_ms);
                }
                if expected.verdict.allowed {
                    kept = expected
                        .arrivals_us
                        .into_iter()
                        .map(|arrival_us| (arrival_us, arrival_us.div_ceil(1_000) + 1))
                        .collect();
                }
            }
            Ok(())
        })
        .unwrap();
}
