//! One id created in two regions while they were apart: the earlier creation holds, in both and in a third.

use tidegate_stream::Kind;
use tidegate_stream::calls::Verb;

use super::{US, exchange, field, merge, pull, room_hash, site, two};
use crate::site::{EU, Message, Site, region, soon, subject};

fn create_as(site: &mut Site, owner: &str, fields: &[(&str, &str)]) {
    let owner = subject(owner);
    let verb = Verb::Create {
        owner: &owner,
        fields,
    };
    site.control("demo", verb).unwrap();
}

fn pass_a_millisecond(site: &mut Site) {
    let now_ms = site.now_ms();
    soon("the clock goes on", || {
        (site.now_ms() > now_ms + 1).then_some(())
    });
}

/// `eu` creates first, `us` a little later, with a field of its own; and changes another afterwards.
fn twice() -> (Site, Site) {
    let (mut eu, mut us) = two();
    create_as(&mut eu, "alice", &[("title", "hers"), ("slow_ms", "5")]);
    pass_a_millisecond(&mut us);
    create_as(&mut us, "carol", &[("title", "theirs"), ("gift_only", "1")]);
    us.control(
        "demo",
        Verb::Change {
            fields: &[("slow_ms", "9")],
        },
    )
    .unwrap();
    (eu, us)
}

fn assert_settled(site: &mut Site) {
    assert_eq!(field(site, "demo", "owner").unwrap(), "alice");
    assert_eq!(field(site, "demo", "title").unwrap(), "hers");
    assert_eq!(field(site, "demo", "gift_only"), None);
    // Changed after both were created, so it stays.
    assert_eq!(field(site, "demo", "slow_ms").unwrap(), "9");
}

fn told(site: &mut Site) -> usize {
    site.log()
        .iter()
        .filter(|entry| entry.kind == Kind::State && entry.data.contains("\"lost\""))
        .count()
}

#[test]
fn the_earlier_holds_and_the_losers_region_says_so() {
    let (mut eu, mut us) = twice();
    exchange(&mut eu, &mut us);
    for site in [&mut eu, &mut us] {
        assert_settled(site);
    }
    assert_eq!(room_hash(&mut eu, "demo"), room_hash(&mut us, "demo"));
    assert_eq!((told(&mut eu), told(&mut us)), (0, 1));
    let entry = us.log().pop().unwrap();
    assert!(entry.data.contains("\"owner\":\"alice\""), "{}", entry.data);
    // It is a room like any other, in both lists once.
    for site in [&mut eu, &mut us] {
        site.append(&Message::gift("demo", "rose"));
        assert_eq!(site.ask::<u64>(&["ZCARD", "tg:{00}:rooms"]), 1);
        assert_eq!(site.ask::<u64>(&["HGET", "tg:{00}:ns", "default"]), 1);
    }
}

#[test]
fn a_third_region_comes_to_the_same_in_any_order() {
    for first in [EU, US] {
        let (mut eu, mut us) = twice();
        let mut ap = site("ap");
        let (eu_name, us_name) = (region(EU), region(US));
        if first == EU {
            pull(&mut eu, &mut ap, &eu_name);
            pull(&mut us, &mut ap, &us_name);
        } else {
            pull(&mut us, &mut ap, &us_name);
            pull(&mut eu, &mut ap, &eu_name);
        }
        assert_settled(&mut ap);
        assert_eq!(told(&mut ap), 0);
    }
}

#[test]
fn merging_state_comes_to_the_same() {
    let (mut eu, mut us) = twice();
    assert_eq!(merge(&mut us, &mut eu, "demo").told, 0);
    assert_eq!(field(&mut eu, "demo", "owner").unwrap(), "alice");
    assert_eq!(merge(&mut eu, &mut us, "demo").told, 1);
    for site in [&mut eu, &mut us] {
        assert_settled(site);
    }
    assert_eq!(told(&mut us), 1);
    // And what lies in the logs changes nothing any more.
    let before = room_hash(&mut us, "demo");
    exchange(&mut eu, &mut us);
    assert_eq!(room_hash(&mut us, "demo"), before);
    assert_eq!(room_hash(&mut eu, "demo"), before);
    assert_eq!(told(&mut us), 1);
}

#[test]
fn a_room_that_was_closed_stays_closed_whoever_created_it_too() {
    let (mut eu, mut us) = twice();
    us.control("demo", Verb::Close).unwrap();
    exchange(&mut eu, &mut us);
    for site in [&mut eu, &mut us] {
        assert_eq!(field(site, "demo", "state").unwrap(), "closed");
        assert_eq!(site.ask::<u64>(&["ZCARD", "tg:{00}:rooms"]), 0);
        assert_eq!(site.ask::<u64>(&["HLEN", "tg:{00}:ns"]), 0);
    }
}

#[test]
fn whoever_waits_for_its_own_tail_says_nothing_yet() {
    let (mut eu, mut us) = twice();
    us.regions(&[(EU, "active")]);
    us.restart();
    let origin = region(EU);
    let all = super::entries(&mut eu, &origin, tidegate_stream::StreamId::ZERO);
    let before = us.digest();
    let answer = super::copy(&mut us, &origin, &all);
    assert_eq!(answer.verdict, tidegate_stream::calls::RelayVerdict::Wait);
    assert_eq!(answer.appended, 0);
    // The new run was seen, and nothing else was written.
    us.ask::<()>(&["HDEL", "tg:{00}:run", "whole"]);
    assert_ne!(us.digest(), before);
    assert_eq!(field(&mut us, "demo", "owner").unwrap(), "carol");
    let whole =
        tidegate_stream::calls::Whole::call(&us.keys, us.shard(), std::slice::from_ref(&origin));
    us.call(&whole);
    pull(&mut eu, &mut us, &origin);
    assert_settled(&mut us);
    assert_eq!(told(&mut us), 1);
}
