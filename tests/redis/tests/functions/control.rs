//! `tg_control`: rooms, sanctions, and the entries that tell of them.

use serde_json::{Value, json};
use tidegate_stream::calls::{
    BannedName, CallError, Join, Lasting, Refusal, RoomAccess, RoomState, Verb,
};
use tidegate_stream::{Entry, Kind, Lane, MessageId};

use crate::site::{Message, Site, assert_room_chain, region, room, soon, subject};

fn last_entry(site: &mut Site) -> (Entry, Value) {
    let entry = site.log().pop().unwrap();
    let data = serde_json::from_str(&entry.data).unwrap();
    (entry, data)
}

#[test]
fn creating_a_room_sets_every_field_and_says_so() {
    let mut site = Site::start();
    site.create(
        "demo",
        &[
            ("title", "a/b \"c\" \\ \u{e9}"),
            ("slow_ms", "5"),
            ("mood", "x"),
        ],
    );
    let (entry, data) = last_entry(&mut site);
    assert_eq!(entry.kind, Kind::State);
    let fields = &data["fields"];
    assert_eq!(fields["title"], "a/b \"c\" \\ \u{e9}");
    assert_eq!(
        [
            &fields["state"],
            &fields["owner"],
            &fields["access"],
            &fields["slow_ms"],
            &fields["mood"]
        ],
        ["open", "alice", "open", "5", "x"]
    );
    assert_eq!(data["stamp"], format!("{}.eu", entry.at_ms));
    let joined = site.join("demo", "bob").unwrap();
    let fields = joined.room.clone().unwrap();
    assert_eq!(fields.created_ms, entry.at_ms);
    assert_eq!(fields.title, "a/b \"c\" \\ \u{e9}");
    assert_eq!(
        (fields.state, fields.access),
        (RoomState::Open, RoomAccess::Open)
    );
    assert_eq!(joined.cursor().get(&region("eu")), entry.id);
    assert_eq!(joined.origins.len(), 1);

    let rooms = site.keys.rooms(site.shard());
    assert_eq!(
        site.ask::<Option<f64>>(&["ZSCORE", &rooms, "demo"]),
        Some(0.0)
    );
    let owner = subject("mallory");
    let again = Verb::Create {
        owner: &owner,
        fields: &[],
    };
    assert_eq!(
        site.control("demo", again),
        Err(CallError::Refused(Refusal::Exists))
    );
}

#[test]
fn a_change_carries_a_greater_stamp_even_when_the_clock_is_late() {
    let mut site = Site::with_clock();
    site.create("demo", &[("title", "one")]);
    let key = site.keys.room(&room("demo"));
    let (first_ms, _) = site.stamped(&key, "title").unwrap();
    site.server.set_clock("-3600");
    let fields = [("title", "two"), ("access", "token")];
    site.control("demo", Verb::Change { fields: &fields })
        .unwrap();
    assert_eq!(
        site.stamped(&key, "title"),
        Some((first_ms + 1, "two".into()))
    );
    assert_eq!(
        site.stamped(&key, "access"),
        Some((first_ms + 1, "token".into()))
    );
    // What was not changed keeps its stamp.
    assert_eq!(
        site.stamped(&key, "owner"),
        Some((first_ms, "alice".into()))
    );
    let (_, data) = last_entry(&mut site);
    assert_eq!(
        data,
        json!({"stamp": format!("{}.eu", first_ms + 1), "fields": {"title": "two", "access": "token"}})
    );
}

#[test]
fn fields_that_cannot_be_set_are_refused() {
    let mut site = Site::start();
    site.create("demo", &[]);
    let before = site.digest();
    let long = "x".repeat(1_025);
    for fields in [
        &[("state", "open")][..],
        &[("owner", "no name")],
        &[("owner", "")],
        &[("created_ms", "1")],
        &[("access", "paid")],
        &[("slow_ms", "soon")],
        &[("slow_ms", "86400001")],
        &[("Title", "x")],
        &[("last:keep:eu", "9-9")],
        &[("title", &long)],
        &[("title", "x"); 33],
        &[],
    ] {
        assert!(
            matches!(
                site.control("demo", Verb::Change { fields }),
                Err(CallError::BadCall(_))
            ),
            "{fields:?}"
        );
    }
    assert_eq!(site.digest(), before);
}

#[test]
fn an_owner_hands_a_room_over_and_has_no_right_any_more() {
    let mut site = Site::start();
    let (alice, given) = (subject("alice"), [("owner", "bob")]);
    let twice = Verb::Create {
        owner: &alice,
        fields: &given,
    };
    assert!(matches!(
        site.control("demo", twice),
        Err(CallError::BadCall(_))
    ));
    site.create("demo", &[]);
    let hand_over = Verb::Change { fields: &given };
    site.control_as("demo", hand_over, Some("alice")).unwrap();
    assert_eq!(site.join("demo", "x").unwrap().room.unwrap().owner, "bob");
    assert_eq!(
        site.control_as("demo", Verb::Close, Some("alice")),
        Err(CallError::Refused(Refusal::NotOwner))
    );
    site.control_as("demo", Verb::Close, Some("bob")).unwrap();
}

#[test]
fn only_the_owner_acts_as_owner() {
    let mut site = Site::start();
    site.create("demo", &[]);
    let change = Verb::Change {
        fields: &[("title", "mine")],
    };
    assert_eq!(
        site.control_as("demo", change, Some("mallory")),
        Err(CallError::Refused(Refusal::NotOwner))
    );
    site.control_as("demo", change, Some("alice")).unwrap();
    assert_eq!(last_entry(&mut site).0.sub, "alice");
    assert_eq!(
        site.control_as("demo", Verb::Close, Some("bob")),
        Err(CallError::Refused(Refusal::NotOwner))
    );
    assert_eq!(
        site.control_as("other", change, Some("alice")),
        Err(CallError::Refused(Refusal::NoRoom))
    );
}

#[test]
fn a_closed_room_leaves_a_tombstone_and_the_rest_goes() {
    let mut site = Site::start();
    site.bounds = tidegate_stream::calls::Bounds::new(500, 2_000, 100_000, 300).unwrap();
    site.create("demo", &[]);
    site.append(&Message::chat("demo", "hello"));
    site.publish(&Message::like("demo")).unwrap();
    site.presence("n1", &[("demo", 3)]);
    let bob = BannedName::Subject(subject("bob"));
    let ban = Verb::Ban {
        user: &bob,
        lasting: Lasting::UntilLifted,
    };
    site.control("demo", ban).unwrap();
    site.control("demo", Verb::Close).unwrap();
    assert_eq!(
        last_entry(&mut site).1["fields"],
        json!({"state": "closed"})
    );
    assert_room_chain(&site.lane("demo", Lane::Control));

    let key = site.keys.room(&room("demo"));
    let week_ms = 7 * 24 * 60 * 60 * 1_000;
    let left_ms: i64 = site.ask(&["PTTL", &key]);
    assert!((week_ms - 10_000..=week_ms).contains(&left_ms), "{left_ms}");
    let rooms = site.keys.rooms(site.shard());
    assert_eq!(site.ask::<Option<f64>>(&["ZSCORE", &rooms, "demo"]), None);
    assert_eq!(
        site.join("demo", "bob").unwrap().room.unwrap().state,
        RoomState::Closed
    );

    for verb in [
        Verb::Close,
        ban,
        Verb::Change {
            fields: &[("title", "x")],
        },
    ] {
        assert_eq!(
            site.control("demo", verb),
            Err(CallError::Refused(Refusal::Closed))
        );
    }
    let owner = subject("alice");
    let create = Verb::Create {
        owner: &owner,
        fields: &[],
    };
    assert_eq!(
        site.control("demo", create),
        Err(CallError::Refused(Refusal::Exists))
    );
    soon("everything but the tombstone is gone", || {
        let left: Vec<String> = site.ask(&["KEYS", &format!("{key}*")]);
        (left == [key.clone()]).then_some(())
    });
}

#[test]
fn an_id_is_free_again_when_its_tombstone_is_gone() {
    let mut site = Site::with_clock();
    site.create("demo", &[]);
    site.control("demo", Verb::Close).unwrap();
    site.server.set_clock("+604000");
    assert_eq!(
        site.publish(&Message::chat("demo", "x")),
        Err(CallError::Refused(Refusal::Closed))
    );
    site.server.set_clock("+604900");
    assert_eq!(
        site.join("demo", "bob"),
        Err(CallError::Refused(Refusal::NoRoom))
    );
    site.create("demo", &[]);
}

#[test]
fn sanctions_are_kept_with_their_stamp_and_told() {
    let mut site = Site::start();
    site.create("demo", &[]);
    let bob = BannedName::Subject(subject("bob"));
    let bans = site.keys.bans(&room("demo"));
    let verb = |lasting| Verb::Ban {
        user: &bob,
        lasting,
    };
    site.control("demo", verb(Lasting::Seconds(10))).unwrap();
    let (entry, data) = last_entry(&mut site);
    let (first_ms, until) = site.stamped(&bans, "bob").unwrap();
    assert_eq!(entry.kind, Kind::Ban);
    assert_eq!(until, (entry.at_ms + 10_000).to_string());
    assert_eq!(
        data,
        json!({"stamp": format!("{first_ms}.eu"), "user": "bob", "until_ms": entry.at_ms + 10_000})
    );
    assert_eq!(
        site.join("demo", "bob").unwrap().ban_until_ms,
        entry.at_ms + 10_000
    );
    assert_eq!(site.join("demo", "carol").unwrap().ban_until_ms, 0);

    site.control("demo", verb(Lasting::Lifted)).unwrap();
    let (lifted_ms, until) = site.stamped(&bans, "bob").unwrap();
    assert!(lifted_ms > first_ms);
    assert_eq!(until, "0");
    assert_eq!(last_entry(&mut site).1["until_ms"], 0);
    assert_eq!(site.join("demo", "bob").unwrap().ban_until_ms, 0);

    let mute = Verb::Mute {
        user: &bob,
        lasting: Lasting::UntilLifted,
    };
    site.control("demo", mute).unwrap();
    assert_eq!(
        site.join("demo", "bob").unwrap().mute_until_ms,
        253_402_300_799_000
    );
    assert_eq!(last_entry(&mut site).0.kind, Kind::Mute);
    assert_eq!(last_entry(&mut site).1["until_ms"], 253_402_300_799_000_u64);
}

#[test]
fn lifted_and_lapsed_bans_are_dropped_after_a_week() {
    let mut site = Site::with_clock();
    site.create("demo", &[]);
    let bans = site.keys.bans(&room("demo"));
    let ban = |site: &mut Site, name: &str, lasting| {
        let user = BannedName::Subject(subject(name));
        let verb = Verb::Ban {
            user: &user,
            lasting,
        };
        site.control("demo", verb).unwrap();
    };
    ban(&mut site, "lifted", Lasting::Lifted);
    ban(&mut site, "lapsed", Lasting::Seconds(10));
    ban(&mut site, "longer", Lasting::Seconds(100_000));
    ban(&mut site, "for-good", Lasting::UntilLifted);
    site.server.set_clock("+604700");
    ban(&mut site, "another", Lasting::Lifted);
    let named: Vec<String> = site.ask(&["HKEYS", &bans]);
    assert_eq!(named.len(), 5);
    site.server.set_clock("+604900");
    ban(&mut site, "one-more", Lasting::Lifted);
    let mut named: Vec<String> = site.ask(&["HKEYS", &bans]);
    named.sort();
    assert_eq!(named, ["another", "for-good", "longer", "one-more"]);
}

#[test]
fn in_the_room_of_all_tokens_are_revoked_and_sockets_ended() {
    let mut site = Site::start();
    let token = BannedName::Token("00ff".into());
    let ban = Verb::Ban {
        user: &token,
        lasting: Lasting::Seconds(100),
    };
    site.control("!all", ban).unwrap();
    let region = site.region.clone();
    let all = room("!all");
    let who = subject("bob");
    let until = |site: &mut Site, token| {
        let join = Join {
            region: &region,
            room: &all,
            subject: Some(&who),
            token: Some(token),
        };
        let call = join.call(&site.keys);
        join.answer(&site.call(&call)).unwrap().ban_until_ms
    };
    assert!(until(&mut site, "00ff") > 0);
    assert_eq!(until(&mut site, "00fe"), 0);

    site.create("demo", &[]);
    assert!(matches!(
        site.control("demo", ban),
        Err(CallError::BadCall(_))
    ));
    let disconnect = Verb::Disconnect { user: &who };
    assert!(matches!(
        site.control("demo", disconnect),
        Err(CallError::BadCall(_))
    ));
    site.control("!all", disconnect).unwrap();
    let (entry, data) = last_entry(&mut site);
    assert_eq!(
        (entry.kind, data),
        (Kind::Disconnect, json!({"user": "bob"}))
    );
    assert_room_chain(&site.lane("!all", Lane::Control));

    for verb in [
        Verb::Close,
        Verb::Create {
            owner: &who,
            fields: &[],
        },
        Verb::Change {
            fields: &[("title", "x")],
        },
    ] {
        for name in ["!all", "~bob"] {
            assert_eq!(
                site.control(name, verb),
                Err(CallError::Refused(Refusal::NotAllowed))
            );
        }
    }
}

#[test]
fn kicks_are_told_and_nothing_else() {
    let mut site = Site::start();
    site.create("demo", &[]);
    let who = subject("bob");
    site.control("demo", Verb::Kick { user: &who }).unwrap();
    let (entry, data) = last_entry(&mut site);
    assert_eq!((entry.kind, data), (Kind::Kick, json!({"user": "bob"})));
    site.append(&Message::chat("demo", "still here"));
}

#[test]
fn hidden_messages_lose_their_data_in_what_is_read() {
    let mut site = Site::start();
    site.create("demo", &[]);
    let shown = site.append(&Message::chat("demo", "good"));
    let bad = site.append(&Message::chat("demo", "bad"));
    site.control("demo", Verb::Hide { message: &bad.id })
        .unwrap();
    let (entry, data) = last_entry(&mut site);
    assert_eq!(entry.kind, Kind::Hide);
    assert_eq!(data["id"], bad.id.to_string());
    let page = site.after("demo", tidegate_stream::StreamId::ZERO);
    let by_id = |id: &MessageId| page.entries.iter().find(|entry| entry.id == id.id).unwrap();
    assert!(!by_id(&shown.id).hidden);
    assert_eq!(by_id(&shown.id).data, "{\"text\":\"good\"}");
    assert!(by_id(&bad.id).hidden);
    assert_eq!(by_id(&bad.id).data, "");
}

#[test]
fn hidden_ids_go_when_their_entries_are_gone() {
    let mut site = Site::with_clock();
    site.create("demo", &[]);
    let hidden = site.keys.hidden(&room("demo"));
    let gone = site.append(&Message::chat("demo", "gone"));
    let kept = site.append(&Message::gift("demo", "kept"));
    for message in [&gone.id, &kept.id] {
        site.control("demo", Verb::Hide { message }).unwrap();
    }
    let chat = site.keys.lane(&room("demo"), Lane::Chat, &site.region);
    site.ask::<()>(&["DEL", &chat]);
    // A young one may still be on its way here.
    let other: MessageId = "us-1-0".parse().unwrap();
    let mut coming = kept.id.clone();
    coming.origin = region("us");
    site.control("demo", Verb::Hide { message: &coming })
        .unwrap();
    assert_eq!(site.ask::<u64>(&["HLEN", &hidden]), 3);

    let keep = site.keys.lane(&room("demo"), Lane::Gift, &site.region);
    site.ask::<()>(&["PERSIST", &keep]);
    site.server.set_clock("+2000");
    site.control("demo", Verb::Hide { message: &other })
        .unwrap();
    let mut named: Vec<String> = site.ask(&["HKEYS", &hidden]);
    named.sort();
    assert_eq!(named, [kept.id.to_string(), "us-1-0".to_owned()]);
}
