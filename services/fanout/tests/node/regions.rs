//! A node that reads another region's log beside its own.

use serde_json::{Value, json};
use tidegate_stream::calls::{BannedName, Lasting, Part, Published, Verb};
use tidegate_stream::{Cursor, StreamId};

use crate::bench::{Bench, End, Node, Viewer, batch_ids, soon, ticket};

const ROOM: &str = "a";

/// Two regions with one room, the far one known here, and a node here.
fn two() -> (Bench, Bench, Node) {
    let (here, far) = (Bench::new(), Bench::elsewhere("far"));
    far.room(ROOM);
    // One that is active is waited for after a start, which takes a moment.
    here.list("far", json!({"state": "joining"}));
    let node = here.node("n1", &[]);
    here.pull(&far, ROOM);
    soon("the region is known", || {
        (node.metric("origins") == 2).then_some(())
    });
    (here, far, node)
}

fn cursor(pairs: &[(&str, u64)]) -> String {
    let cursor: Cursor = pairs
        .iter()
        .map(|&(origin, ms)| (origin.parse().unwrap(), StreamId { ms, seq: 0 }))
        .collect();
    cursor.to_string()
}

fn read(frame: &Value) -> Cursor {
    frame["cursor"].as_str().unwrap().parse().unwrap()
}

fn ban<'a>(user: &'a BannedName, lasting: Lasting) -> Verb<'a> {
    Verb::Ban { user, lasting }
}

fn named(user: &str) -> BannedName {
    BannedName::Subject(user.parse().unwrap())
}

#[test]
fn a_region_is_picked_up_and_dropped_without_a_restart() {
    let (here, far) = (Bench::new(), Bench::elsewhere("far"));
    let node = here.node("n1", &["--retention-ms", "3000"]);
    far.room(ROOM);
    let first = far.say(ROOM, "before anybody knew");
    here.room(ROOM);
    here.pull(&far, ROOM);
    let mut viewer = Viewer::connect(&node);
    let before = viewer.subscribe(ROOM, "bob", None);
    assert!(!read(&before).has(&far.region));
    here.list("far", json!({"state": "joining"}));
    // What was written before it was known is missing to everybody, so it comes.
    let mut got = viewer.messages(2).0;
    assert_eq!(got.remove(1), first);
    let second = far.say(ROOM, "live");
    here.pull(&far, ROOM);
    let (got, at) = viewer.messages(1);
    assert_eq!(got, [second]);
    assert!(at.parse::<Cursor>().unwrap().has(&far.region));
    // It is read on until nothing of it is kept any more.
    here.list("far", json!({"state": "retired"}));
    let last = far.say(ROOM, "its last");
    here.pull(&far, ROOM);
    assert_eq!(viewer.messages(1).0, [last]);
    let (_, at) = (here.say(ROOM, "on"), viewer.messages(1).1);
    soon("the region is dropped", || {
        (node.metric("origins") == 1).then_some(())
    });
    let mut late = Viewer::connect(&node);
    let first = soon("the core knows it too", || {
        let first = late.subscribe(ROOM, "eve", Some(&at));
        (!read(&first).has(&far.region)).then_some(first)
    });
    assert!(batch_ids(&first).is_empty());
}

#[test]
fn cursors_of_every_kind() {
    let (here, far, node) = two();
    let own = here.say(ROOM, "here");
    let foreign = far.say(ROOM, "there");
    here.pull(&far, ROOM);
    let mut viewer = Viewer::connect(&node);
    let now = read(&viewer.subscribe(ROOM, "bob", None));
    let at = |origin: &Bench| now.get(&origin.region).ms;
    // From before the other region joined: everything of it.
    let old = cursor(&[("local", at(&here))]);
    let first = viewer.subscribe(ROOM, "bob", Some(&old));
    assert_eq!(batch_ids(&first).last(), Some(&foreign));
    assert!(!batch_ids(&first).contains(&own));
    assert_eq!(read(&first), now);
    // Of a region that nobody here knows: handed back, in every frame.
    let mut strange = now.clone();
    strange.set("mars".parse().unwrap(), StreamId { ms: 7, seq: 1 });
    let first = viewer.subscribe(ROOM, "bob", Some(&strange.to_string()));
    assert_eq!(read(&first), strange);
    let said = here.say(ROOM, "more");
    let frame = viewer.next_of("batch");
    assert_eq!(batch_ids(&frame), [said.as_str()]);
    assert_eq!(read(&frame).get(&"mars".parse().unwrap()).ms, 7);
    // Ahead of this node, where another has read more: what it has is passed over.
    let unseen = far.say(ROOM, "seen elsewhere");
    let mut ahead = read(&frame);
    ahead.set(far.region.clone(), far.last(&far, ROOM));
    let mut other = Viewer::connect(&node);
    let first = other.subscribe(ROOM, "eve", Some(&ahead.to_string()));
    assert_eq!(read(&first), ahead);
    here.pull(&far, ROOM);
    assert_eq!(viewer.messages(1).0, [unseen]);
    let said = here.say(ROOM, "all have this");
    assert_eq!(viewer.messages(1).0, [said.as_str()]);
    assert_eq!(other.messages(1).0, [said]);
}

#[test]
fn what_is_no_cursor_is_refused_with_its_code() {
    let (here, _far, node) = two();
    let many: Vec<String> = (0..17).map(|n| format!("r{n}")).collect();
    let many: Vec<(&str, u64)> = many.iter().map(|name| (name.as_str(), 1)).collect();
    let far_ahead_ms = 1 << 45;
    for bad in [
        "nonsense".to_owned(),
        cursor(&many),
        cursor(&many[..16]),
        cursor(&[("far", far_ahead_ms)]),
    ] {
        let mut viewer = Viewer::connect(&node);
        viewer.ask(ROOM, &ticket(ROOM, "bob"), Some(&bad));
        assert_eq!(viewer.end(), End::Closed(4409), "{bad}");
    }
    drop(here);
}

#[test]
fn a_gap_resets_and_puts_out_who_was_banned_meanwhile() {
    let (here, far, node) = two();
    let mut bob = Viewer::connect(&node);
    bob.subscribe(ROOM, "bob", None);
    let mut eve = Viewer::connect(&node);
    eve.subscribe(ROOM, "eve", None);
    far.say(ROOM, "lost");
    far.ban(ROOM, "eve", Lasting::UntilLifted);
    let room = ROOM.parse().unwrap();
    here.merge(&far, ROOM, Part::Bans, &far.keys.bans(&room));
    here.gap(&far, ROOM);
    let reset = bob.next_of("reset");
    let gap = far.last(&far, ROOM);
    assert_eq!(read(&reset).get(&far.region), gap);
    assert_eq!(eve.next_of("error")["code"], "banned");
    let said = far.say(ROOM, "and on");
    here.pull(&far, ROOM);
    assert_eq!(bob.messages(1).0, [said]);
    soon("it is counted", || {
        (node.metric("gaps_total") >= 1).then_some(())
    });
}

#[test]
fn a_room_that_was_closed_in_a_gap_ends() {
    let (here, far, node) = two();
    let mut bob = Viewer::connect(&node);
    bob.subscribe(ROOM, "bob", None);
    far.control(ROOM, Verb::Close);
    let room = ROOM.parse().unwrap();
    here.merge(&far, ROOM, Part::Room, &far.keys.room(&room));
    here.gap(&far, ROOM);
    bob.next_of("reset");
    assert_eq!(bob.next_of("error")["code"], "room_closed");
}

#[test]
fn a_ban_that_was_lifted_since_is_not_obeyed() {
    let (here, far, node) = two();
    let mut bob = Viewer::connect(&node);
    bob.subscribe(ROOM, "bob", None);
    let user = named("bob");
    far.control(ROOM, ban(&user, Lasting::UntilLifted));
    // Lifted here, later, before the ban has come.
    here.control(ROOM, ban(&user, Lasting::Seconds(60)));
    here.control(ROOM, ban(&user, Lasting::Lifted));
    let mut first = Viewer::connect(&node);
    soon("he may enter", || {
        (first.subscribe(ROOM, "bob", None)["type"] == "batch").then_some(())
    });
    here.pull(&far, ROOM);
    let said = here.say(ROOM, "still here");
    assert_eq!(first.messages(2).0.last(), Some(&said));
    // One that holds is.
    far.control(ROOM, ban(&named("eve"), Lasting::UntilLifted));
    let mut eve = Viewer::connect(&node);
    eve.subscribe(ROOM, "eve", None);
    here.pull(&far, ROOM);
    assert_eq!(eve.next_of("error")["code"], "banned");
}

#[test]
fn a_kick_counts_for_a_minute() {
    let (here, far, node) = two();
    let mut bob = Viewer::connect(&node);
    bob.subscribe(ROOM, "bob", None);
    let user = "bob".parse().unwrap();
    let later = |fields: Vec<Vec<u8>>| {
        let mut fields = fields;
        let at = fields.iter().position(|name| name == b"at_ms").unwrap() + 1;
        let at_ms: u64 = std::str::from_utf8(&fields[at]).unwrap().parse().unwrap();
        fields[at] = (at_ms - 90_000).to_string().into_bytes();
        fields
    };
    far.control(ROOM, Verb::Kick { user: &user });
    here.pull_as(&far, ROOM, later);
    let said = here.say(ROOM, "still here");
    assert_eq!(bob.messages(2).0.last(), Some(&said));
    far.control(ROOM, Verb::Kick { user: &user });
    here.pull(&far, ROOM);
    assert_eq!(bob.next_of("error")["code"], "kicked");
}

#[test]
fn likes_and_viewers_are_sums_over_regions() {
    let (here, far, node) = two();
    for (bench, likes) in [(&here, 2), (&far, 3)] {
        for _ in 0..likes {
            bench.publish(ROOM, Published::Like, "");
        }
    }
    let far_node = far.node_of_region("n1");
    let mut there = Viewer::connect(&far_node);
    there.subscribe(ROOM, "eve", None);
    let mut bob = Viewer::connect(&node);
    bob.subscribe(ROOM, "bob", None);
    let mut counters = Value::Null;
    soon("both regions are counted", || {
        here.pull(&far, ROOM);
        if let Ok(Some(frame)) = bob.within(std::time::Duration::from_millis(50))
            && !frame["counters"].is_null()
        {
            counters = frame["counters"].clone();
        }
        (counters == json!({"online": 2, "likes": 5})).then_some(())
    });
    // Who comes now is told at once.
    let first = Viewer::connect(&node).subscribe(ROOM, "zoe", None);
    assert_eq!(first["counters"], json!({"online": 2, "likes": 5}));
}
