//! The Redis in memory against a real one: the same calls in the same order, and both answer the same and hold the same.
//!
//! Everything that the simulation finds rests on this.

mod ops;
mod real;

use sim::redis::{Library, Store};
use tidegate_stream::calls::{Fault, SOURCE};

use tidegate_stream::StreamId;

use ops::Ops;
use real::Real;

/// Calls of one sequence.
const CALLS: usize = 2_000;
/// As `stream-node-max-entries`: small, so that trimming by blocks is seen.
const BLOCK: usize = 4;

fn run(seed: u64) {
    let library = Library::load(SOURCE).unwrap();
    let mut real = Real::start(BLOCK);
    let mut store = Store::new(BLOCK, &real.run(), seed);
    let mut ops = Ops::new(seed);
    let mut clock_s = 1_800_000_000;
    let mut refused = 0;
    for step in 0..CALLS {
        match ops.chance.u32(..400) {
            0..40 => {
                // Seldom back, sometimes far ahead.
                clock_s = match ops.chance.u32(..12) {
                    0 => clock_s - ops.chance.u64(..5),
                    1 => clock_s + 700,
                    2 => clock_s + 100_000,
                    _ => clock_s + ops.chance.u64(..4),
                };
            }
            40 => {
                real.restart();
                store.restart(&real.run(), 0);
                // Its configuration is as it was at first.
                store.set_full(false);
            }
            41..44 => {
                real.set_full(true);
                store.set_full(true);
            }
            44..70 => {
                real.set_full(false);
                store.set_full(false);
            }
            _ => {}
        }
        // What has lapsed goes first: either forgets it when it comes by, and a clock that is set back could revive it till then.
        real.forget_lapsed();
        store.names();
        real.set_clock(clock_s);
        store.set_clock(clock_s * 1_000, 0);
        let call = ops.next();
        let there = real.call(&call);
        let here = library.call(&mut store, &call);
        let copy = store.stream("tg:{00}:log:us").last();
        if copy > StreamId::ZERO {
            ops.copied(copy);
        }
        match (&there, &here) {
            (Ok(there), Ok(here)) => {
                ops.learn(call.name, there);
                assert_eq!(there, here, "seed {seed}, step {step}: {call:?}");
            }
            (Err(there), Err(here)) => {
                refused += 1;
                assert_eq!(
                    Fault::of(there),
                    Fault::of(&here.0),
                    "seed {seed}, step {step}: {there} / {}",
                    here.0
                );
            }
            _ => panic!("seed {seed}, step {step}: {there:?} / {here:?} of {call:?}"),
        }
        if step % 20 == 0 || step + 1 == CALLS {
            assert_eq!(
                real.dump(),
                ops::dump(&mut store),
                "seed {seed}, after step {step}"
            );
        }
    }
    assert!(refused > 0, "a full Redis refuses");
    let done = ops.done();
    assert!(done.len() >= 13, "only {done:?} were called");
}

#[test]
fn both_answer_the_same_1() {
    run(1);
}

#[test]
fn both_answer_the_same_2() {
    run(2);
}

#[test]
fn both_answer_the_same_3() {
    run(3);
}
