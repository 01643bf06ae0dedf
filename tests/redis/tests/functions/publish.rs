//! What `tg_publish` appends and answers.

use tidegate_stream::calls::{CallError, Published, Receipt, Refusal, Verb, Version};
use tidegate_stream::{Lane, StreamId};

use crate::site::{Message, Site, assert_log_chain, assert_room_chain, id, region, room};

const MS: u64 = 60_000;

#[test]
fn the_library_says_its_version() {
    let mut site = Site::start();
    let library = Version::answer(&site.call(&Version::call())).unwrap();
    assert!(!library.must_be_loaded());
}

#[test]
fn a_message_is_one_entry_in_two_streams() {
    let mut site = Site::start();
    site.create("demo", &[]);
    let before_ms = site.now_ms();
    let appended = site.append(&Message::chat("demo", "hello").key("k1"));
    let log_key = site.log_key();
    let in_log = site.raw_stream(&log_key).pop().unwrap();
    let lane_key = site.keys.lane(&room("demo"), Lane::Chat, &site.region);
    assert_eq!(site.raw_stream(&lane_key), std::slice::from_ref(&in_log));
    assert_eq!(appended.id.id.to_string(), in_log.0);
    assert_eq!(appended.cursor.get(&region("eu")), appended.id.id);

    let names: Vec<_> = in_log.1.iter().step_by(2).map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "v", "room", "kind", "lane", "sub", "info", "data", "at_ms", "key", "hash", "trace",
            "sp", "rp"
        ]
    );
    let entry = site.log().pop().unwrap();
    assert_eq!(entry.data, "{\"text\":\"hello\"}");
    assert_eq!(entry.key, "k1");
    assert!((before_ms..=before_ms + 5_000).contains(&entry.at_ms));
    // The first ids of a run are above everything that a Redis before it can have given.
    assert!(entry.id.ms >= before_ms + MS - 1_000);
}

#[test]
fn entries_name_their_predecessors() {
    let mut site = Site::start();
    for name in ["one", "two"] {
        site.create(name, &[]);
    }
    for round in 0..20 {
        let text = round.to_string();
        site.append(&Message::chat("one", &text));
        site.append(&Message::gift("one", &text));
        site.append(&Message::chat("two", &text).kind(Published::Custom));
        site.append(
            &Message::chat("two", &text)
                .kind(Published::Control)
                .service(),
        );
        site.publish(&Message::like("two")).unwrap();
    }
    let log = site.log();
    assert_eq!(log[0].shard_previous, StreamId::ZERO);
    assert_log_chain(&log);
    for (name, lane, count) in [
        ("one", Lane::Chat, 20),
        ("one", Lane::Gift, 21),
        ("two", Lane::Chat, 20),
        ("two", Lane::Control, 21),
    ] {
        let stream = site.lane(name, lane);
        assert_eq!(stream.len(), count);
        assert_eq!(stream[0].room_previous, StreamId::ZERO);
        assert_room_chain(&stream);
    }
}

#[test]
fn a_repeat_gets_the_first_answer_whatever_has_happened_since() {
    let mut site = Site::start();
    site.create("demo", &[]);
    let message = Message::chat("demo", "hello").key("k1");
    let first = site.publish(&message).unwrap();
    site.append(&Message::chat("demo", "another"));
    let length = site.log().len();
    assert_eq!(site.publish(&message), Ok(first.clone()));
    assert_eq!(
        site.publish(&Message::chat("demo", "other body").key("k1")),
        Err(CallError::Refused(Refusal::KeyReused))
    );
    assert_eq!(site.log().len(), length);

    // The key is the subject's own.
    let other = site.append(&Message::chat("demo", "hello").key("k1").by("carol"));
    assert_ne!(Receipt::Appended(other), first);

    site.control("demo", Verb::Close).unwrap();
    assert_eq!(site.publish(&message), Ok(first));
    let once = site.keys.once(&message.room, &message.by, "k1");
    let left_ms: i64 = site.ask(&["PTTL", &once]);
    assert!((590_000..=600_000).contains(&left_ms), "{left_ms}");
}

#[test]
fn a_shadowed_message_looks_like_any_other_and_is_not_there() {
    let mut site = Site::start();
    site.create("demo", &[]);
    let before = site.append(&Message::chat("demo", "before"));
    let message = Message::chat("demo", "hidden").shadow().key("k1");
    let shadow = site.append(&message);
    let again = site.append(&Message::chat("demo", "hidden too").shadow());
    assert_eq!(site.append(&message), shadow);
    let after = site.append(&Message::chat("demo", "after"));
    assert!(before.id.id < shadow.id.id && shadow.id.id < again.id.id);
    assert!(again.id.id < after.id.id);
    assert_eq!(shadow.cursor, before.cursor);
    let log = site.log();
    assert_log_chain(&log);
    assert_eq!(log.len(), 3);
    assert_eq!(log[2].shard_previous, before.id.id);

    let Ok(Receipt::Counted { total: 0 }) = site.publish(&Message::like("demo").shadow()) else {
        panic!("a shadowed like is not counted");
    };
}

#[test]
fn the_cursor_names_every_region_that_is_not_retired() {
    let mut site = Site::start();
    site.regions(&[("us", "joining"), ("ap", "joining"), ("old", "retired")]);
    site.create("demo", &[]);
    let copy = site.keys.log(site.shard(), &region("us"));
    site.ask::<()>(&["XADD", &copy, "77-3", "v", "1"]);
    let appended = site.append(&Message::chat("demo", "hello"));
    let named: Vec<_> = appended
        .cursor
        .iter()
        .map(|(origin, position)| (origin.as_str().to_owned(), position))
        .collect();
    assert_eq!(
        named,
        [
            ("ap".to_owned(), StreamId::ZERO),
            ("eu".to_owned(), appended.id.id),
            ("us".to_owned(), id("77-3"))
        ]
    );
}

#[test]
fn a_key_of_another_type_stops_an_append_before_anything_is_written() {
    let mut site = Site::start();
    site.create("demo", &[]);
    site.append(&Message::chat("demo", "hello"));
    let keep = site.keys.lane(&room("demo"), Lane::Gift, &site.region);
    site.ask::<()>(&["DEL", &keep]);
    site.ask::<()>(&["SET", &keep, "not a stream"]);
    let before = site.digest();
    let gift = Message::gift("demo", "rose");
    let region = site.region.clone();
    let call = crate::site::message_call(&gift, &region).call(&site.keys, &site.bounds);
    let error = site.try_call(&call).unwrap_err();
    assert!(error.to_string().contains("WRONGTYPE"), "{error}");
    assert_eq!(site.digest(), before);
}

#[test]
fn streams_are_bounded_by_entries_and_by_time() {
    let mut site = Site::start();
    site.ask::<()>(&["CONFIG", "SET", "stream-node-max-entries", "10"]);
    site.bounds = tidegate_stream::calls::Bounds::new(50, 20, 100, 60_000).unwrap();
    site.create("demo", &[]);
    for round in 0..300 {
        site.append(&Message::chat("demo", &round.to_string()));
        if round % 3 == 0 {
            site.append(&Message::gift("demo", &round.to_string()));
        }
    }
    // Trimming is by whole nodes of 10.
    assert!((100..=110).contains(&site.log().len()));
    assert!((50..=60).contains(&site.lane("demo", Lane::Chat).len()));
    assert!((20..=30).contains(&site.lane("demo", Lane::Gift).len()));
    let chat = site.keys.lane(&room("demo"), Lane::Chat, &site.region);
    let left_ms: i64 = site.ask(&["PTTL", &chat]);
    assert!((55_000..=60_938).contains(&left_ms), "{left_ms}");
}

#[test]
fn a_stream_outlasts_each_of_its_entries() {
    let mut site = Site::start();
    site.create("demo", &[]);
    let chat = site.keys.lane(&room("demo"), Lane::Chat, &site.region);
    // A 64th of it is 10 s: the end is moved when less is left than an entry must be kept, else it stays where it is.
    site.bounds = tidegate_stream::calls::Bounds::new(50, 20, 100, 640_000).unwrap();
    site.append(&Message::chat("demo", "hello"));
    for (left_ms, moved) in [("645000", false), ("635000", true), ("700000", true)] {
        site.ask::<()>(&["PEXPIRE", &chat, left_ms]);
        let before: u64 = site.ask(&["PEXPIRETIME", &chat]);
        site.append(&Message::chat("demo", "hello"));
        let after: u64 = site.ask(&["PEXPIRETIME", &chat]);
        assert_eq!(before != after, moved, "{left_ms} ms were left");
        let left_ms: i64 = site.ask(&["PTTL", &chat]);
        assert!((640_000..=650_000).contains(&left_ms), "{left_ms}");
    }
}

#[test]
fn the_log_is_cut_by_its_own_newest_id() {
    let mut site = Site::with_clock();
    site.ask::<()>(&["CONFIG", "SET", "stream-node-max-entries", "1"]);
    site.create("demo", &[]);
    for minute in 0..30 {
        site.server.set_clock(&format!("+{}", 120 + minute * 60));
        site.append(&Message::chat("demo", "hello"));
    }
    let log = site.log();
    let span_ms = log.last().unwrap().id.ms - log[0].id.ms;
    // A retention of 15 minutes.
    assert!((14 * MS..=15 * MS).contains(&span_ms), "{span_ms}");
}
