//! State without the log: for a new region, an empty copy, after a gap, and hourly.

use tidegate_stream::calls::{BannedName, Lasting, Merge, MergeRegion, Part, Verb};

use super::{US, ban, ban_until, field, hash, merge, room_hash, two};
use crate::site::{EU, Message, Site, region, room, subject};

#[test]
fn a_room_comes_with_all_that_belongs_to_it() {
    let (mut eu, mut us) = two();
    eu.create("demo", &[("title", "first")]);
    let said = eu.append(&Message::chat("demo", "rude")).id;
    eu.publish(&Message::like("demo")).unwrap();
    ban(&mut eu, "demo", "bob", Lasting::UntilLifted);
    let carol = BannedName::Subject(subject("carol"));
    for verb in [
        Verb::Mute {
            user: &carol,
            lasting: Lasting::Seconds(60),
        },
        Verb::Hide { message: &said },
    ] {
        eu.control("demo", verb).unwrap();
    }
    eu.presence("n1", &[("demo", 7)]);
    us.regions(&[(EU, "active")]);
    let answer = merge(&mut eu, &mut us, "demo");
    assert!(answer.taken && answer.changed > 0);
    assert_eq!((answer.unread, answer.ahead), (0, 0));
    assert_eq!(room_hash(&mut us, "demo"), room_hash(&mut eu, "demo"));
    let id = room("demo");
    for key in [us.keys.bans(&id), us.keys.mutes(&id), us.keys.hidden(&id)] {
        assert_eq!(hash(&mut us, &key), hash(&mut eu, &key), "{key}");
    }
    let joined = us.join("demo", "bob").unwrap();
    assert_eq!((joined.likes, joined.online), (1, 7));
    assert_eq!(us.ask::<u64>(&["ZSCORE", "tg:{00}:rooms", "demo"]), 7);
    // Again, and nothing changes but how long counts of viewers hold.
    let bans = us.keys.bans(&id);
    let before = (room_hash(&mut us, "demo"), hash(&mut us, &bans));
    merge(&mut eu, &mut us, "demo");
    let after = (room_hash(&mut us, "demo"), hash(&mut us, &bans));
    assert_eq!(before, after);
}

#[test]
fn the_later_of_each_field_holds_both_ways() {
    let (mut eu, mut us) = two();
    eu.create("demo", &[("title", "first")]);
    merge(&mut eu, &mut us, "demo");
    us.control(
        "demo",
        Verb::Change {
            fields: &[("title", "second")],
        },
    )
    .unwrap();
    eu.control(
        "demo",
        Verb::Change {
            fields: &[("slow_ms", "7")],
        },
    )
    .unwrap();
    ban(&mut us, "demo", "bob", Lasting::UntilLifted);
    merge(&mut eu, &mut us, "demo");
    merge(&mut us, &mut eu, "demo");
    assert_eq!(room_hash(&mut us, "demo"), room_hash(&mut eu, "demo"));
    assert_eq!(field(&mut eu, "demo", "title").unwrap(), "second");
    assert_eq!(field(&mut eu, "demo", "slow_ms").unwrap(), "7");
    assert!(ban_until(&mut eu, "demo", "bob") > 0);
}

#[test]
fn a_tombstone_is_handed_on_and_nothing_wakes_it() {
    let (mut eu, mut us) = two();
    eu.create("demo", &[]);
    merge(&mut eu, &mut us, "demo");
    us.control("demo", Verb::Close).unwrap();
    // What is still open there is older.
    merge(&mut eu, &mut us, "demo");
    assert_eq!(field(&mut us, "demo", "state").unwrap(), "closed");
    merge(&mut us, &mut eu, "demo");
    assert_eq!(field(&mut eu, "demo", "state").unwrap(), "closed");
    let key = eu.keys.room(&room("demo"));
    assert!(eu.ask::<i64>(&["PTTL", &key]) > 0);
    assert_eq!(eu.ask::<u64>(&["ZCARD", "tg:{00}:rooms"]), 0);
}

#[test]
fn what_every_region_has_forgotten_is_not_brought_back() {
    let mut eu = Site::with_clock();
    let mut us = Site::start();
    us.region = region(US);
    eu.server.set_clock("-691200");
    eu.create("demo", &[]);
    eu.create("open", &[]);
    ban(&mut eu, "open", "bob", Lasting::Lifted);
    eu.control("demo", Verb::Close).unwrap();
    merge(&mut eu, &mut us, "demo");
    merge(&mut eu, &mut us, "open");
    assert!(room_hash(&mut us, "demo").is_empty());
    let key = us.keys.bans(&room("open"));
    assert!(hash(&mut us, &key).is_empty());
    assert_eq!(field(&mut us, "open", "state").unwrap(), "open");
}

#[test]
fn an_id_that_is_used_again_is_a_new_room_everywhere() {
    let mut eu = Site::with_clock();
    let mut us = Site::start();
    us.region = region(US);
    // A week ago it was closed; here the tombstone has half a minute left.
    eu.server.set_clock("-604770");
    eu.create("demo", &[("title", "old"), ("mood", "sad")]);
    eu.control("demo", Verb::Close).unwrap();
    merge(&mut eu, &mut us, "demo");
    assert_eq!(field(&mut us, "demo", "state").unwrap(), "closed");
    let key = eu.keys.room(&room("demo"));
    eu.ask::<()>(&["DEL", &key]);
    eu.server.set_clock("+0");
    eu.create("demo", &[("title", "new")]);
    merge(&mut eu, &mut us, "demo");
    assert_eq!(field(&mut us, "demo", "state").unwrap(), "open");
    assert_eq!(field(&mut us, "demo", "title").unwrap(), "new");
    assert_eq!(field(&mut us, "demo", "mood"), None);
    let key = us.keys.room(&room("demo"));
    assert_eq!(us.ask::<i64>(&["PTTL", &key]), -1);
}

#[test]
fn what_is_none_is_counted_and_passed_over() {
    let (_, mut us) = two();
    us.create("demo", &[]);
    let pairs = |text: &str| {
        text.split('|')
            .map(|part| part.as_bytes().to_vec())
            .collect()
    };
    let parts = [
        (
            Part::Room,
            pairs("Bad Name|5.eu x|title|no stamp|last:chat:eu|5-0"),
        ),
        (Part::Bans, pairs("bob|never|a b|5.eu 0")),
        (Part::Likes, pairs("EU|5|eu|many")),
        (Part::Online, pairs("eu|5 5|eu/n1|5")),
        (Part::Hidden, pairs("5-0|5.eu")),
    ];
    let merge = Merge {
        region: &region(US),
        origin: &region(EU),
        room: &room("demo"),
        parts: &parts,
    };
    let before = us.digest();
    let call = merge.call(&us.keys, &us.bounds);
    let answer = Merge::answer(&us.call(&call)).unwrap();
    assert_eq!((answer.changed, answer.unread), (0, 9));
    assert_eq!(us.digest(), before);
}

fn set(site: &mut Site, name: &str, state: &str, url: &str, stamp: &str) -> (bool, String) {
    let line = format!(
        "{{\"state\":\"{state}\",\"edge\":\"{url}\",\"socket\":\"ws://x\",\"stamp\":\"{stamp}\",\"more\":{{\"a\":1}}}}"
    );
    let name = region(name);
    let merge = MergeRegion {
        name: &name,
        line: &line,
    };
    let call = merge.call(&site.keys);
    let answer = MergeRegion::answer(&site.call(&call)).unwrap();
    (answer.changed, answer.state)
}

#[test]
fn a_regions_state_only_goes_on_and_its_addresses_go_by_stamp() {
    let (mut eu, _) = two();
    let line = |site: &mut Site| -> serde_json::Value {
        let text: String = site.ask(&["HGET", "tg:regions", US]);
        serde_json::from_str(&text).unwrap()
    };
    assert_eq!(
        set(&mut eu, US, "active", "http://one", "5.eu"),
        (true, "active".into())
    );
    assert_eq!(
        set(&mut eu, US, "active", "http://one", "5.eu"),
        (false, "active".into())
    );
    // Older addresses, an earlier state: nothing of it.
    assert_eq!(
        set(&mut eu, US, "joining", "http://zero", "4.us"),
        (false, "active".into())
    );
    // Newer addresses and an earlier state: the addresses.
    assert_eq!(
        set(&mut eu, US, "joining", "http://two", "6.eu"),
        (true, "active".into())
    );
    assert_eq!(line(&mut eu)["edge"], "http://two");
    assert_eq!(line(&mut eu)["state"], "active");
    // Older addresses and a later state: the state.
    assert_eq!(
        set(&mut eu, US, "retired", "http://one", "5.eu"),
        (true, "retired".into())
    );
    assert_eq!(line(&mut eu)["edge"], "http://two");
    assert_eq!(line(&mut eu)["more"]["a"], 1);
    assert_eq!(
        set(&mut eu, US, "active", "http://three", "7.eu").1,
        "retired"
    );
}
