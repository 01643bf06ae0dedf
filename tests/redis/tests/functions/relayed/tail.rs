//! A region that lost its tail: what another has of it comes back, and what nobody has is passed over.

use tidegate_stream::calls::{CallError, Refusal, RelayVerdict, Whole};

use super::{US, copy, entries, last, pull, site, two};
use crate::site::{EU, Message, Site, assert_log_chain, region};

/// Publishes, goes back to what was on disk before, and starts again.
fn lose(site: &mut Site, lost: usize, pull_between: impl FnOnce(&mut Site)) {
    let copy = tempfile::TempDir::new().unwrap();
    site.server.copy_data(copy.path());
    for n in 0..lost {
        site.append(&Message::chat("demo", &format!("lost {n}")).key(&format!("lost-{n}")));
    }
    pull_between(site);
    site.server.kill();
    site.server.restore_data(copy.path());
    site.restart();
}

fn is_recovering(site: &mut Site) -> bool {
    match site.publish(&Message::chat("demo", "new")) {
        Err(CallError::Refused(Refusal::Recovering { .. })) => true,
        Ok(_) => false,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_others_had_comes_back_before_anything_is_appended() {
    let (mut eu, mut us) = two();
    eu.create("demo", &[]);
    eu.regions(&[(US, "active")]);
    let origin = region(EU);
    lose(&mut eu, 20, |eu| {
        pull(eu, &mut us, &origin);
    });
    let before = us.stream(&eu.log_key());
    assert!(is_recovering(&mut eu));
    assert_eq!(pull(&mut us, &mut eu, &origin), 20);
    assert!(is_recovering(&mut eu));
    let whole = Whole::call(&eu.keys, eu.shard(), &[region(US)]);
    Whole::answer(&eu.call(&whole)).unwrap();
    assert_eq!(eu.log(), before);
    // The keys came back as well.
    let again = eu.append(&Message::chat("demo", "lost 3").key("lost-3"));
    assert_eq!(again.id.origin, origin);
    assert_eq!(eu.log().len(), 21);
    let new = eu.append(&Message::chat("demo", "new")).id.id;
    assert!(new > before.last().unwrap().id);
    assert_log_chain(&eu.log());
    assert_eq!(pull(&mut eu, &mut us, &origin), 1);
}

#[test]
fn every_active_region_is_asked() {
    let mut eu = site(EU);
    eu.create("demo", &[]);
    eu.regions(&[(US, "active"), ("ap", "active"), ("sa", "joining")]);
    eu.restart();
    assert!(is_recovering(&mut eu));
    for (other, waits) in [(US, true), ("ap", false)] {
        let whole = Whole::call(&eu.keys, eu.shard(), &[region(other)]);
        Whole::answer(&eu.call(&whole)).unwrap();
        assert_eq!(is_recovering(&mut eu), waits);
    }
}

#[test]
fn what_comes_back_too_late_stays_where_it_is() {
    let (mut eu, mut us) = two();
    eu.create("demo", &[]);
    let origin = region(EU);
    lose(&mut eu, 5, |eu| {
        pull(eu, &mut us, &origin);
    });
    // Nobody was waited for, as no other region is named.
    let new = eu.append(&Message::chat("demo", "new")).id.id;
    let late = entries(&mut us, &origin, eu.log()[0].id);
    assert_eq!(late.len(), 5);
    let answer = copy(&mut eu, &origin, &late);
    assert_eq!((answer.appended, answer.repeats), (0, 5));
    // Over there the new entry stands after those that were lost here.
    let fresh = entries(&mut eu, &origin, last(&mut us, &origin));
    let answer = copy(&mut us, &origin, &fresh);
    assert_eq!(
        (answer.verdict, answer.appended, answer.rewound),
        (RelayVerdict::Taken, 1, 1)
    );
    assert_eq!(last(&mut us, &origin), new);
    assert_eq!(us.stream(&eu.log_key()).len(), 7);
}

#[test]
fn a_copy_waits_for_nobody() {
    let (mut eu, mut us) = two();
    eu.create("demo", &[]);
    us.regions(&[(EU, "active")]);
    us.restart();
    let origin = region(EU);
    assert_eq!(pull(&mut eu, &mut us, &origin), 1);
}
