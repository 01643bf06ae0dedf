//! Entries arrive once, in order, as they were; what does not fit is not applied.

use tidegate_stream::calls::{Fault, RelayVerdict, Remedy, Verdict};
use tidegate_stream::{Kind, Lane, StreamId};

use super::{US, copy, entries, gap, last, pull, site, try_copy, two};
use crate::site::{EU, Message, Site, assert_log_chain, id, region, room};

fn chats(site: &mut Site, from: usize, to: usize) {
    for n in from..to {
        let message = match n % 3 {
            0 => Message::gift("demo", &n.to_string()),
            _ => Message::chat("demo", &n.to_string()),
        };
        site.append(&message);
    }
}

#[test]
fn a_copy_is_the_log_and_its_streams_byte_by_byte() {
    let (mut eu, mut us) = two();
    eu.create("demo", &[]);
    eu.append(&Message::chat("demo", "hello \u{1f30a}").key("k"));
    chats(&mut eu, 0, 50);
    eu.publish(&Message::like("demo")).unwrap();
    let origin = region(EU);
    assert_eq!(pull(&mut eu, &mut us, &origin), 53);
    for key in [
        eu.log_key(),
        eu.keys.lane(&room("demo"), Lane::Chat, &origin),
        eu.keys.lane(&room("demo"), Lane::Gift, &origin),
    ] {
        assert_eq!(us.raw_stream(&key), eu.raw_stream(&key), "{key}");
    }
    let key = eu.keys.room(&room("demo"));
    for field in ["last:chat:eu", "last:keep:eu", "state", "owner"] {
        let here: Option<String> = us.ask(&["HGET", &key, field]);
        assert_eq!(here, eu.ask(&["HGET", &key, field]), "{field}");
    }
    let page = us.after("demo", StreamId::ZERO);
    assert!(
        page.entries.is_empty(),
        "nothing was appended by the region itself"
    );
    // A cursor here names both regions' positions.
    us.regions(&[(EU, "active")]);
    let joined = us.join("demo", "bob").unwrap();
    assert_eq!(joined.likes, 1);
    assert_eq!(joined.cursor().get(&origin), eu.log().last().unwrap().id);
}

#[test]
fn a_repeat_changes_nothing() {
    let (mut eu, mut us) = two();
    eu.create("demo", &[]);
    eu.append(&Message::chat("demo", "one").key("k"));
    chats(&mut eu, 0, 10);
    let origin = region(EU);
    pull(&mut eu, &mut us, &origin);
    let before = us.digest();
    let all = entries(&mut eu, &origin, StreamId::ZERO);
    let answer = copy(&mut us, &origin, &all);
    assert_eq!(
        (answer.verdict, answer.appended, answer.repeats),
        (RelayVerdict::Taken, 0, 12)
    );
    assert_eq!(us.digest(), before);
    // Half of it known, half of it new.
    chats(&mut eu, 10, 13);
    let all = entries(&mut eu, &origin, StreamId::ZERO);
    let answer = copy(&mut us, &origin, &all);
    assert_eq!((answer.appended, answer.repeats), (3, 12));
}

#[test]
fn a_hole_stops_and_says_where_to_read_on() {
    let (mut eu, mut us) = two();
    eu.create("demo", &[]);
    chats(&mut eu, 0, 6);
    let origin = region(EU);
    let all = entries(&mut eu, &origin, StreamId::ZERO);
    let with_hole: Vec<_> = [&all[..3], &all[4..]].concat();
    let answer = copy(&mut us, &origin, &with_hole);
    assert_eq!((answer.verdict, answer.appended), (RelayVerdict::Hole, 3));
    assert_eq!(answer.last, all[2].id());
    let before = us.digest();
    assert_eq!(
        copy(&mut us, &origin, &all[5..]).verdict,
        RelayVerdict::Hole
    );
    assert_eq!(us.digest(), before);
    assert_eq!(pull(&mut eu, &mut us, &origin), 4);
}

#[test]
fn a_call_refused_for_memory_is_a_hole_for_the_next_one() {
    let (mut eu, mut us) = two();
    eu.create("demo", &[]);
    chats(&mut eu, 0, 9);
    let origin = region(EU);
    let all = entries(&mut eu, &origin, StreamId::ZERO);
    copy(&mut us, &origin, &all[..3]);
    us.ask::<()>(&["CONFIG", "SET", "maxmemory", "1"]);
    let error = try_copy(&mut us, &origin, 0, &all[3..6]).unwrap_err();
    assert_eq!(Fault::of(&error.to_string()).remedy(), Remedy::Full);
    us.ask::<()>(&["CONFIG", "SET", "maxmemory", "0"]);
    // The next one of the pipeline is accepted by Redis, and not by the function.
    let answer = copy(&mut us, &origin, &all[6..]);
    assert_eq!(
        (answer.verdict, answer.last),
        (RelayVerdict::Hole, all[2].id())
    );
    pull(&mut eu, &mut us, &origin);
    let key = eu.log_key();
    assert_eq!(us.raw_stream(&key), eu.raw_stream(&key));
}

#[test]
fn what_was_trimmed_at_its_origin_is_a_gap_here() {
    let (mut eu, mut us) = two();
    eu.create("demo", &[]);
    chats(&mut eu, 0, 4);
    let origin = region(EU);
    pull(&mut eu, &mut us, &origin);
    us.regions(&[(EU, "active")]);
    let seen = last(&mut us, &origin);
    chats(&mut eu, 4, 12);
    let key = eu.log_key();
    eu.ask::<()>(&["XTRIM", &key, "MAXLEN", "3"]);
    let left = entries(&mut eu, &origin, seen);
    assert_eq!(left.len(), 3);
    let upto = left[0].previous().unwrap();
    // Somebody else got further meanwhile.
    let stale = gap(&mut us, &origin, id("5-0"), upto);
    assert_eq!(stale, (RelayVerdict::Hole, seen));
    assert_eq!(
        gap(&mut us, &origin, seen, upto),
        (RelayVerdict::Taken, upto)
    );
    assert_eq!(
        gap(&mut us, &origin, seen, upto),
        (RelayVerdict::Hole, upto)
    );
    assert_eq!(copy(&mut us, &origin, &left).appended, 3);
    let copied = us.stream(&key);
    assert_log_chain(&copied);
    let told: Vec<_> = copied
        .iter()
        .filter(|entry| entry.kind == Kind::Gap)
        .collect();
    assert_eq!((told.len(), told[0].id), (1, upto));
    // A reader from before the gap is told, one from after it is not.
    let positions = |at| [(origin.clone(), tidegate_stream::calls::After::Id(at))];
    let page = |us: &mut Site, at| {
        us.read("demo", 100, 100_000, &positions(at))
            .unwrap()
            .remove(0)
    };
    assert_eq!(page(&mut us, seen).verdict, Verdict::Reset);
    let whole = page(&mut us, upto);
    assert_eq!((whole.verdict, whole.entries.len()), (Verdict::Whole, 3));
}

#[test]
fn what_no_function_wrote_is_copied_and_does_no_harm() {
    let mut us = site(US);
    let origin = region(EU);
    let entry = |id: &str, text: &str| {
        let fields = text
            .split(' ')
            .map(|part| part.as_bytes().to_vec())
            .collect();
        tidegate_stream::calls::RelayEntry::new(id.parse().unwrap(), fields).unwrap()
    };
    let odd = [
        entry("5-0", "hello world"),
        entry(
            "6-0",
            "v 1 room a:b kind state lane control sub x data {} at_ms 5 sp 5-0",
        ),
        entry(
            "7-0",
            "v 1 room demo kind state lane control sub x data [1 at_ms 5 sp 6-0",
        ),
        entry(
            "8-0",
            "v 1 room demo kind ban lane control sub x data {\"user\":7} at_ms 5 sp 7-0",
        ),
        entry(
            "9-0",
            "v 9 room demo kind dance lane floor sub x data {} at_ms 5 sp 8-0 extra 1",
        ),
        entry(
            "10-0",
            "v 1 room demo kind likes lane  sub x data lots at_ms 5 sp 9-0",
        ),
        entry(
            "11-0",
            "v 1 room  kind presence lane  sub n1 data {\"a\":-1} at_ms 99999999999999 sp 10-0",
        ),
    ];
    let answer = copy(&mut us, &origin, &odd);
    assert_eq!((answer.verdict, answer.appended), (RelayVerdict::Taken, 7));
    assert_eq!(answer.unread, 4);
    let keys: Vec<String> = us.ask(&["KEYS", "*a:b*"]);
    assert!(keys.is_empty(), "{keys:?}");
}

#[test]
fn a_log_keeps_as_much_here_as_the_region_says() {
    let (mut eu, mut us) = two();
    eu.create("demo", &[("history_chat", "5")]);
    us.bounds = tidegate_stream::calls::Bounds::new(50, 50, 200, 900_000).unwrap();
    chats(&mut eu, 0, 600);
    let origin = region(EU);
    pull(&mut eu, &mut us, &origin);
    let key = eu.log_key();
    let kept = us.stream(&key);
    // Whole blocks of a hundred entries.
    assert!((200..=320).contains(&kept.len()), "{}", kept.len());
    let chat = eu.keys.lane(&room("demo"), Lane::Chat, &origin);
    assert_eq!(us.ask::<u64>(&["XLEN", &chat]), 5);
    assert!(us.ask::<i64>(&["PTTL", &chat]) > 800_000);
}
