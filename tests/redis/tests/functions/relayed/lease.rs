//! Who copies: one, if all goes well; two do no harm.

use tidegate_stream::StreamId;
use tidegate_stream::calls::{Lease, LeaseVerb, Leased, RelayVerdict};

use super::{US, entries, pull, try_copy, two};
use crate::site::{EU, Message, Site, region, soon};

fn ask(site: &mut Site, holder: &str, verb: LeaseVerb, lasting_ms: u64) -> Leased {
    let origin = region(EU);
    let lease = Lease {
        origin: &origin,
        shard: site.shard(),
        holder: &holder.parse().unwrap(),
        verb,
        lasting_ms,
    };
    let call = lease.call(&site.keys);
    Lease::answer(&site.call(&call)).unwrap()
}

#[test]
fn a_lease_is_kept_waited_for_and_given_back() {
    let mut us = super::site(US);
    assert_eq!(ask(&mut us, "r1", LeaseVerb::Wait, 30_000), Leased::Held(1));
    assert!(
        matches!(ask(&mut us, "r2", LeaseVerb::Wait, 30_000), Leased::Other { left_ms } if left_ms > 0)
    );
    assert_eq!(
        ask(&mut us, "r1", LeaseVerb::Keep(1), 30_000),
        Leased::Held(1)
    );
    // Who starts has it at once, and the other one learns that it has it no longer.
    assert_eq!(ask(&mut us, "r2", LeaseVerb::Take, 30_000), Leased::Held(2));
    assert!(matches!(
        ask(&mut us, "r1", LeaseVerb::Keep(1), 30_000),
        Leased::Other { .. }
    ));
    assert!(matches!(
        ask(&mut us, "r1", LeaseVerb::Free(1), 30_000),
        Leased::Other { .. }
    ));
    assert!(matches!(
        ask(&mut us, "r1", LeaseVerb::Wait, 30_000),
        Leased::Other { .. }
    ));
    ask(&mut us, "r2", LeaseVerb::Free(2), 30_000);
    assert_eq!(ask(&mut us, "r1", LeaseVerb::Wait, 20), Leased::Held(3));
    let held = soon("it lapses", || {
        match ask(&mut us, "r2", LeaseVerb::Wait, 20) {
            Leased::Held(fence) => Some(fence),
            Leased::Other { .. } => None,
        }
    });
    assert_eq!(held, 4);
}

#[test]
fn a_relay_that_was_relieved_is_told_and_applies_nothing() {
    let (mut eu, mut us) = two();
    eu.create("demo", &[]);
    let origin = region(EU);
    let all = entries(&mut eu, &origin, StreamId::ZERO);
    assert_eq!(ask(&mut us, "r1", LeaseVerb::Take, 30_000), Leased::Held(1));
    assert_eq!(ask(&mut us, "r2", LeaseVerb::Take, 30_000), Leased::Held(2));
    let answer = try_copy(&mut us, &origin, 1, &all).unwrap();
    assert_eq!((answer.verdict, answer.appended), (RelayVerdict::Fenced, 0));
    assert_eq!(try_copy(&mut us, &origin, 2, &all).unwrap().appended, 1);
    // Without a lease everybody may.
    eu.append(&Message::chat("demo", "hello"));
    assert_eq!(pull(&mut eu, &mut us, &origin), 1);
}
