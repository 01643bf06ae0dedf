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

/// Calls as (seconds passed, cost of one policy, cost of the other).
fn calls() -> impl Strategy<Value = Vec<(u64, u32, u32)>> {
    prop::collection::vec((0u64..4, 1u32..4, 1u32..6), 1..25)
}

#[test]
fn redis_decides_as_the_crate_does() {
    let state = RefCell::new((Site::with_clock(), 0));
    let policies = [
        Policy::new(3, 2_000, 4).unwrap(),
        Policy::new(7, 10_000, 6).unwrap(),
    ];
    let config = Config {
        cases: 40,
        failure_persistence: None,
        ..Config::default()
    };
    TestRunner::new(config)
        .run(&calls(), |calls| {
            let (site, run) = &mut *state.borrow_mut();
            *run += 1;
            let mut now_s = 1_800_000_000 + *run * 1_000;
            let mut arrivals_us = vec![0, 0];
            for (passed_s, one, other) in calls {
                now_s += passed_s;
                site.server.set_clock(&now_s.to_string());
                let numbers = [
                    policies[0].numbers(one).unwrap(),
                    policies[1].numbers(other).unwrap(),
                ];
                let states: Vec<_> = numbers
                    .iter()
                    .cloned()
                    .zip(arrivals_us.iter().copied())
                    .collect();
                let expected = decide(now_s * 1_000_000, &states);
                let lines: Vec<_> = numbers
                    .iter()
                    .zip(["one", "other"])
                    .map(|(numbers, name)| {
                        line(
                            &format!("{run}:{name}"),
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
                arrivals_us = expected.arrivals_us;
            }
            Ok(())
        })
        .unwrap();
}
