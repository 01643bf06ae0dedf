use proptest::prelude::*;

use super::*;

const RULES: Rules = Rules {
    window_ms: 1_000,
    min_calls: 4,
    open_ms: 500,
    probes: 2,
};

fn call(breaker: &mut Breaker, outcome: Outcome, now_ms: u64) -> bool {
    match breaker.admit(&RULES, now_ms) {
        Some(permit) => {
            breaker.record(&RULES, permit, outcome, now_ms);
            true
        }
        None => false,
    }
}

fn broken(now_ms: u64) -> Breaker {
    let mut breaker = Breaker::default();
    for _ in 0..4 {
        assert!(call(&mut breaker, Outcome::Bad, now_ms));
    }
    assert!(matches!(breaker, Breaker::Open { .. }));
    breaker
}

#[test]
fn it_opens_above_half_and_not_below_the_least_number_of_calls() {
    let mut breaker = Breaker::default();
    for _ in 0..3 {
        call(&mut breaker, Outcome::Bad, 0);
    }
    assert!(breaker.may(&RULES, 0), "three calls are too few to judge");
    call(&mut breaker, Outcome::Good, 0);
    assert!(!breaker.may(&RULES, 0), "three of four");

    let mut even = Breaker::default();
    for outcome in [Outcome::Bad, Outcome::Good, Outcome::Bad, Outcome::Good] {
        call(&mut even, outcome, 0);
    }
    assert!(even.may(&RULES, 0), "half is not more than half");
    call(&mut even, Outcome::Bad, 0);
    assert!(!even.may(&RULES, 0), "three of five");
}

#[test]
fn failures_of_different_windows_do_not_add_up() {
    let mut breaker = Breaker::default();
    for now_ms in [0, 10, 20, 1_000, 1_010, 1_020, 2_000] {
        assert!(call(&mut breaker, Outcome::Bad, now_ms), "{now_ms}");
    }
    call(&mut breaker, Outcome::Good, 3_000);
    assert_eq!(breaker, Breaker::Quiet);
}

#[test]
fn success_alone_changes_nothing() {
    let mut breaker = Breaker::default();
    for now_ms in 0..100 {
        call(&mut breaker, Outcome::Good, now_ms);
    }
    assert_eq!(breaker, Breaker::Quiet);
}

#[test]
fn it_tries_with_care_and_closes() {
    let mut breaker = broken(0);
    assert!(!breaker.may(&RULES, 499));
    let first = breaker.admit(&RULES, 500).unwrap();
    let second = breaker.admit(&RULES, 500).unwrap();
    assert_eq!(breaker.admit(&RULES, 500), None, "two probes and no more");
    breaker.record(&RULES, first, Outcome::Good, 510);
    assert_eq!(
        breaker.admit(&RULES, 511),
        None,
        "not one for each that comes back either"
    );
    breaker.record(&RULES, second, Outcome::Good, 520);
    assert_eq!(breaker, Breaker::Quiet);
}

#[test]
fn a_probe_that_fails_opens_it_for_longer() {
    let mut breaker = broken(0);
    let mut now_ms = 0;
    for wait_ms in [500, 1_000, 2_000, 4_000, 4_000] {
        assert!(!breaker.may(&RULES, now_ms + wait_ms - 1), "{wait_ms}");
        now_ms += wait_ms;
        assert!(call(&mut breaker, Outcome::Bad, now_ms), "{wait_ms}");
    }
}

#[test]
fn probes_that_never_come_back_are_given_up() {
    let mut breaker = broken(0);
    let lost = breaker.admit(&RULES, 500).unwrap();
    breaker.admit(&RULES, 500).unwrap();
    assert_eq!(breaker.admit(&RULES, 500 + PROBE_MS - 1), None);
    let fresh = breaker.admit(&RULES, 500 + PROBE_MS).unwrap();
    let before = breaker;
    breaker.record(&RULES, lost, Outcome::Bad, 500 + PROBE_MS);
    assert_eq!(
        breaker, before,
        "a late one of an earlier turn says nothing"
    );
    breaker.record(&RULES, fresh, Outcome::Bad, 500 + PROBE_MS);
    assert!(matches!(breaker, Breaker::Open { .. }));
}

#[test]
fn a_clock_that_is_wrong_does_not_keep_it_open() {
    let breaker = broken(1_000_000);
    assert!(breaker.may(&RULES, 0));
}

/// What is asked of a breaker, said in another way: from the history of outcomes since it last closed.
#[derive(Default)]
struct Model {
    window: Option<(u64, Vec<Outcome>)>,
    open: Option<(u64, u32)>,
    half: Option<(u64, u32, Vec<Option<Outcome>>)>,
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Wait(u64),
    Begin,
    End(usize, Outcome),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let outcome = prop_oneof![Just(Outcome::Good), Just(Outcome::Bad)];
    let step = prop_oneof![
        (0u64..700).prop_map(Step::Wait),
        Just(Step::Begin),
        Just(Step::Begin),
        (0usize..8, outcome).prop_map(|(index, outcome)| Step::End(index, outcome)),
    ];
    proptest::collection::vec(step, 0..200)
}

impl Model {
    /// Which probe a call would be, or none while closed; an error while it is not let through.
    fn begin(&mut self, now: u64) -> Result<Option<(u64, usize)>, ()> {
        if let Some((until, times)) = self.open {
            if now < until {
                return Err(());
            }
            self.open = None;
            self.half = Some((now, times, Vec::new()));
        }
        if let Some((since, _, probes)) = &mut self.half {
            if now - *since >= PROBE_MS {
                *since = now;
                probes.clear();
            }
            if probes.len() as u32 >= RULES.probes {
                return Err(());
            }
            probes.push(None);
            return Ok(Some((*since, probes.len() - 1)));
        }
        Ok(None)
    }

    fn end(&mut self, probe: Option<(u64, usize)>, outcome: Outcome, now: u64) {
        match (probe, &mut self.half, self.open) {
            (Some((turn, index)), Some((since, times, probes)), None) if turn == *since => {
                probes[index] = Some(outcome);
                let done = probes.len() as u32 == RULES.probes
                    && probes.iter().all(|one| *one == Some(Outcome::Good));
                if outcome == Outcome::Bad {
                    let times = *times + 1;
                    self.half = None;
                    self.open = Some((now + (RULES.open_ms << (times - 1).min(3)), times));
                } else if done {
                    self.half = None;
                }
            }
            (None, None, None) => {
                if self
                    .window
                    .as_ref()
                    .is_some_and(|(since, _)| now - since >= RULES.window_ms)
                {
                    self.window = None;
                }
                if self.window.is_none() && outcome == Outcome::Good {
                    return;
                }
                let (_, seen) = self.window.get_or_insert((now, Vec::new()));
                seen.push(outcome);
                let bad = seen.iter().filter(|one| **one == Outcome::Bad).count();
                if seen.len() as u32 >= RULES.min_calls && bad * 2 > seen.len() {
                    self.window = None;
                    self.open = Some((now + RULES.open_ms, 1));
                }
            }
            _ => {}
        }
    }
}

proptest! {
    #[test]
    fn it_does_what_the_model_does(steps in steps()) {
        let (mut breaker, mut model, mut now) = (Breaker::default(), Model::default(), 1_000_000);
        let mut under_way = Vec::new();
        for step in steps {
            match step {
                Step::Wait(ms) => now += ms,
                Step::Begin => {
                    let (did, should) = (breaker.admit(&RULES, now), model.begin(now));
                    prop_assert_eq!(did.is_some(), should.is_ok(), "{:?} at {}", breaker, now);
                    if let (Some(permit), Ok(probe)) = (did, should) {
                        prop_assert_eq!(matches!(permit, Permit::Probe { .. }), probe.is_some());
                        under_way.push((permit, probe));
                    }
                }
                Step::End(index, outcome) => {
                    if under_way.is_empty() {
                        continue;
                    }
                    let (permit, probe) = under_way.remove(index % under_way.len());
                    breaker.record(&RULES, permit, outcome, now);
                    model.end(probe, outcome, now);
                }
            }
        }
    }

    #[test]
    fn it_always_lets_something_through_again(steps in steps(), outcome in prop_oneof![Just(Outcome::Good), Just(Outcome::Bad)]) {
        let (mut breaker, mut now) = (Breaker::default(), 1_000_000);
        for step in steps {
            match step {
                Step::Wait(ms) => now += ms,
                Step::Begin => { breaker.admit(&RULES, now); }
                Step::End(..) => { call(&mut breaker, outcome, now); }
            }
        }
        prop_assert!(breaker.may(&RULES, now + PROBE_MS + RULES.open_ms * 8));
    }
}
