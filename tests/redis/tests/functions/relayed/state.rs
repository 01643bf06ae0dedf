//! What control entries and counters say is applied as they pass; of two settings the later stamp holds.

use tidegate_stream::calls::{CallError, Lasting, Refusal, Verb};
use tidegate_stream::{MessageId, StreamId};

use super::{US, ban, ban_until, copy, entries, exchange, field, pull, room_hash, two};
use crate::site::{EU, Message, Site, id, region, room, subject};

fn with_room() -> (Site, Site) {
    let (mut eu, mut us) = two();
    eu.create("demo", &[("title", "first")]);
    pull(&mut eu, &mut us, &region(EU));
    (eu, us)
}

#[test]
fn a_ban_holds_there_and_its_lifting_too() {
    let (mut eu, mut us) = with_room();
    ban(&mut eu, "demo", "bob", Lasting::UntilLifted);
    pull(&mut eu, &mut us, &region(EU));
    assert_eq!(
        ban_until(&mut us, "demo", "bob"),
        ban_until(&mut eu, "demo", "bob")
    );
    assert!(ban_until(&mut us, "demo", "bob") > 0);
    assert!(matches!(
        us.publish(&Message::chat("demo", "hello")),
        Err(CallError::Refused(Refusal::Banned { .. }))
    ));
    ban(&mut us, "demo", "bob", Lasting::Lifted);
    pull(&mut us, &mut eu, &region(US));
    assert_eq!(ban_until(&mut eu, "demo", "bob"), 0);
}

#[test]
fn of_two_bans_the_later_holds_whichever_comes_last() {
    for later_first in [false, true] {
        let (mut eu, mut us) = with_room();
        ban(&mut eu, "demo", "bob", Lasting::UntilLifted);
        // Above it by its stamp, though clocks may say the same.
        let key = us.keys.bans(&room("demo"));
        let here = eu.keys.bans(&room("demo"));
        let first: String = eu.ask(&["HGET", &here, "bob"]);
        us.ask::<()>(&["HSET", &key, "bob", &first]);
        ban(&mut us, "demo", "bob", Lasting::Lifted);
        if later_first {
            pull(&mut us, &mut eu, &region(US));
            pull(&mut eu, &mut us, &region(EU));
        } else {
            pull(&mut eu, &mut us, &region(EU));
            pull(&mut us, &mut eu, &region(US));
        }
        assert_eq!(ban_until(&mut eu, "demo", "bob"), 0);
        assert_eq!(ban_until(&mut us, "demo", "bob"), 0);
        let both: [String; 2] = [
            eu.ask(&["HGET", &here, "bob"]),
            us.ask(&["HGET", &key, "bob"]),
        ];
        assert_eq!(both[0], both[1]);
    }
}

#[test]
fn equal_times_are_settled_by_the_greater_name() {
    let (_, mut us) = with_room();
    let key = us.keys.bans(&room("demo"));
    us.ask::<()>(&[
        "HSET",
        &key,
        "bob",
        "2000000000000.us 0",
        "carol",
        "2000000000000.aa 0",
    ]);
    let data = |user: &str| {
        format!(
            "{{\"stamp\":\"2000000000000.eu\",\"user\":\"{user}\",\"until_ms\":253402300799000}}"
        )
    };
    let after = entries(&mut us, &region(EU), StreamId::ZERO)
        .last()
        .unwrap()
        .id();
    let mut previous = after.to_string();
    for (n, user) in ["bob", "carol"].iter().enumerate() {
        let own = format!("{}-{n}", after.ms + 1);
        let fields = [
            "v",
            "1",
            "room",
            "demo",
            "kind",
            "ban",
            "lane",
            "control",
            "sub",
            "",
            "info",
            "",
            "data",
            &data(user),
            "at_ms",
            "5",
            "key",
            "",
            "hash",
            "",
            "trace",
            "",
            "sp",
            &previous,
            "rp",
            "0-0",
        ];
        let fields = fields.iter().map(|part| part.as_bytes().to_vec()).collect();
        let entry = tidegate_stream::calls::RelayEntry::new(id(&own), fields).unwrap();
        let answer = copy(&mut us, &region(EU), &[entry]);
        // Both are far ahead of the clock: counted, and obeyed.
        assert_eq!((answer.appended, answer.ahead), (1, 1));
        previous = own;
    }
    assert_eq!(ban_until(&mut us, "demo", "bob"), 0);
    assert!(ban_until(&mut us, "demo", "carol") > 0);
}

#[test]
fn settings_mutes_and_hidden_messages_come_along() {
    let (mut eu, mut us) = with_room();
    let said = eu.append(&Message::chat("demo", "rude")).id;
    pull(&mut eu, &mut us, &region(EU));
    let who = tidegate_stream::calls::BannedName::Subject(subject("bob"));
    us.control(
        "demo",
        Verb::Mute {
            user: &who,
            lasting: Lasting::Seconds(60),
        },
    )
    .unwrap();
    us.control("demo", Verb::Hide { message: &said }).unwrap();
    us.control(
        "demo",
        Verb::Change {
            fields: &[("title", "second"), ("mood", "calm")],
        },
    )
    .unwrap();
    pull(&mut us, &mut eu, &region(US));
    assert!(eu.join("demo", "bob").unwrap().mute_until_ms > 0);
    assert_eq!(field(&mut eu, "demo", "title").unwrap(), "second");
    assert_eq!(room_hash(&mut eu, "demo"), room_hash(&mut us, "demo"));
    let hidden = |site: &mut Site, message: &MessageId| -> Option<String> {
        let key = site.keys.hidden(&room("demo"));
        site.ask(&["HGET", &key, &message.to_string()])
    };
    assert!(hidden(&mut eu, &said).is_some());
    assert_eq!(hidden(&mut eu, &said), hidden(&mut us, &said));
    let page = eu.after("demo", StreamId::ZERO);
    assert!(page.entries.iter().any(|entry| entry.hidden));
}

#[test]
fn counters_are_totals_and_never_fall() {
    let (mut eu, mut us) = with_room();
    for _ in 0..3 {
        eu.publish(&Message::like("demo")).unwrap();
    }
    let key = eu.keys.likes_appended(eu.shard());
    eu.ask::<()>(&["DEL", &key]);
    eu.publish(&Message::like("demo")).unwrap();
    us.publish(&Message::like("demo")).unwrap();
    eu.presence("n1", &[("demo", 7)]);
    us.presence("n1", &[("demo", 2)]);
    us.regions(&[(EU, "active")]);
    exchange(&mut eu, &mut us);
    let joined = us.join("demo", "bob").unwrap();
    assert_eq!((joined.likes, joined.online), (5, 9));
    assert_eq!(us.ask::<u64>(&["ZSCORE", "tg:{00}:rooms", "demo"]), 9);
    eu.presence("n1", &[("demo", 0)]);
    exchange(&mut eu, &mut us);
    assert_eq!(us.join("demo", "bob").unwrap().online, 2);
}

#[test]
fn counts_of_viewers_that_come_late_have_lapsed() {
    let mut eu = Site::with_clock();
    let mut us = Site::start();
    us.region = region(US);
    eu.create("demo", &[]);
    eu.server.set_clock("-40");
    eu.presence("n1", &[("demo", 7)]);
    pull(&mut eu, &mut us, &region(EU));
    assert_eq!(us.join("demo", "bob").unwrap().online, 0);
}

#[test]
fn a_closed_room_is_closed_everywhere_for_a_week_from_its_closing() {
    let mut eu = Site::with_clock();
    let mut us = Site::start();
    us.region = region(US);
    eu.server.set_clock("-86400");
    eu.create("demo", &[]);
    eu.append(&Message::chat("demo", "last words"));
    eu.control("demo", Verb::Close).unwrap();
    pull(&mut eu, &mut us, &region(EU));
    assert_eq!(
        us.publish(&Message::chat("demo", "hello")),
        Err(CallError::Refused(Refusal::Closed))
    );
    let owner = subject("carol");
    let create = Verb::Create {
        owner: &owner,
        fields: &[],
    };
    assert_eq!(
        us.control("demo", create),
        Err(CallError::Refused(Refusal::Exists))
    );
    let key = us.keys.room(&room("demo"));
    let left_days = us.ask::<i64>(&["TTL", &key]) as f64 / 86_400.0;
    assert!((5.9..6.1).contains(&left_days), "{left_days}");
    assert_eq!(
        us.ask::<Option<u64>>(&["ZSCORE", "tg:{00}:rooms", "demo"]),
        None
    );
    assert!(us.ask::<i64>(&["PTTL", "tg:{00}:room:demo:chat:eu"]) > 0);
}

#[test]
fn revocations_of_everywhere_hold_everywhere() {
    let (mut eu, mut us) = two();
    let token =
        tidegate_stream::calls::BannedName::Token("ba7816bf8f01cfea414140de5dae2223".into());
    eu.control(
        "!all",
        Verb::Ban {
            user: &token,
            lasting: Lasting::Seconds(60),
        },
    )
    .unwrap();
    pull(&mut eu, &mut us, &region(EU));
    let key = us.keys.bans(&room("!all"));
    let held: Option<String> = us.ask(&["HGET", &key, "jti:ba7816bf8f01cfea414140de5dae2223"]);
    assert!(held.is_some());
}
