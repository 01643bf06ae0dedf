//! An idempotency key holds in a region from when its entry has arrived there.

use tidegate_stream::calls::{CallError, Receipt, Refusal};

use super::{US, pull, two};
use crate::site::{EU, Message, Site, region, room, subject};

#[test]
fn a_repeat_elsewhere_gets_the_first_answer() {
    let (mut eu, mut us) = two();
    eu.create("demo", &[]);
    us.create("other", &[]);
    let message = Message::chat("demo", "once").key("k1");
    let first = eu.append(&message);
    pull(&mut eu, &mut us, &region(EU));
    us.regions(&[(EU, "active")]);
    let own = us.log().len();
    let Ok(Receipt::Appended(again)) = us.publish(&message) else {
        panic!("a repeat is answered");
    };
    assert_eq!(again.id, first.id);
    assert_eq!(again.cursor.get(&region(EU)), first.id.id);
    let last = us.log().last().unwrap().id;
    assert_eq!(again.cursor.get(&region(US)), last);
    assert_eq!(us.log().len(), own);
    assert_eq!(
        us.publish(&Message::chat("demo", "another body").key("k1")),
        Err(CallError::Refused(Refusal::KeyReused))
    );
    // Somebody else's key of the same name is another.
    us.append(&message.clone().by("carol"));
}

fn left_ms(site: &mut Site) -> i64 {
    let key = site.keys.once(&room("demo"), &subject("bob"), "k1");
    site.ask(&["PTTL", &key])
}

#[test]
fn it_holds_for_what_is_left_of_its_ten_minutes() {
    let mut eu = Site::with_clock();
    let mut us = Site::start();
    us.region = region(US);
    eu.create("demo", &[]);
    eu.server.set_clock("-590");
    eu.append(&Message::chat("demo", "late").key("k1"));
    pull(&mut eu, &mut us, &region(EU));
    let left = left_ms(&mut us);
    assert!((1..=10_000).contains(&left), "{left}");
}

#[test]
fn a_key_that_is_over_is_not_kept() {
    let mut eu = Site::with_clock();
    let mut us = Site::start();
    us.region = region(US);
    eu.create("demo", &[]);
    eu.server.set_clock("-601");
    eu.append(&Message::chat("demo", "too late").key("k1"));
    pull(&mut eu, &mut us, &region(EU));
    assert_eq!(left_ms(&mut us), -2);
}

#[test]
fn what_was_accepted_in_both_stays_in_both() {
    let (mut eu, mut us) = two();
    let message = Message::chat("demo", "twice").key("k1");
    eu.create("demo", &[]);
    pull(&mut eu, &mut us, &region(EU));
    let here = eu.append(&message).id;
    let there = us.append(&message).id;
    assert_ne!(here, there);
    pull(&mut eu, &mut us, &region(EU));
    pull(&mut us, &mut eu, &region(US));
    // Each region goes on answering as it did.
    assert_eq!(eu.append(&message).id, here);
    assert_eq!(us.append(&message).id, there);
}
