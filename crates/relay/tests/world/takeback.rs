//! What another region has of a lost tail comes back; what came too late is counted.

use proptest::prelude::*;
use tidegate_relay::{Step, TakeBack};

use crate::copy::{Copy, Log};

/// Runs one to its end; after `appends` steps the region appends something of its own.
fn run(own: &mut Copy, other: &Log, fail_at: usize, append_at: Option<usize>) -> TakeBack {
    let mut back = TakeBack::default();
    for step in 0.. {
        assert!(step < 10_000);
        if append_at == Some(step) {
            let last = own.log.last();
            own.log.0.push((crate::copy::id(last.ms + 60_000), last));
        }
        if step == fail_at {
            back.failed();
        }
        match back.step() {
            Step::Position => back.positioned(own.log.last()),
            Step::Read(after) => back.read(other.above(after, 32)),
            Step::Apply(entries) => {
                let answer = own.relay(0, &entries);
                back.applied(&answer);
            }
            Step::Whole => back.whole(),
            Step::Done => return back,
        }
    }
    back
}

proptest! {
    #[test]
    fn a_lost_tail_comes_back(kept in 0usize..50, lost in 0usize..200, fail_at in 0usize..40) {
        let mut all = Log::default();
        for n in 0..kept + lost {
            all.append(n as u64 + 1);
        }
        let mut own = Copy::default();
        own.log.0 = all.0[..kept].to_vec();
        let back = run(&mut own, &all, fail_at, None);
        prop_assert_eq!(&own.log.0, &all.0);
        prop_assert_eq!(back.left(), 0);
    }

    #[test]
    fn what_comes_too_late_is_left(lost in 1usize..200, append_at in 1usize..6) {
        let mut all = Log::default();
        for n in 0..lost + 10 {
            all.append(n as u64 + 1);
        }
        let mut own = Copy::default();
        own.log.0 = all.0[..10].to_vec();
        let back = run(&mut own, &all, usize::MAX, Some(append_at));
        let ids: Vec<_> = own.log.0.iter().map(|(id, _)| *id).collect();
        prop_assert!(ids.windows(2).all(|pair| pair[0] < pair[1]));
        prop_assert!(back.taken() <= lost as u64);
    }
}

#[test]
fn a_hole_ends_it() {
    let mut all = Log::default();
    for n in 1..=20 {
        all.append(n);
    }
    let mut own = Copy::default();
    own.log.0 = all.0[..5].to_vec();
    let trimmed = Log(all.0[10..].to_vec());
    let back = run(&mut own, &trimmed, usize::MAX, None);
    assert_eq!((back.taken(), back.left()), (0, 10));
    assert_eq!(own.log.0.len(), 5);
}
