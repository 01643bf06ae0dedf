//! Whoever comes back with a cursor gets exactly what was missed, or is told that it is gone.

use std::thread;

use crate::bench::{Bench, Viewer, batch_ids};
use tidegate_stream::calls::{Bounds, Published, Receipt};

fn cursor_of(frame: &serde_json::Value) -> String {
    frame["cursor"].as_str().unwrap().to_owned()
}

#[test]
fn what_was_missed_is_replayed_and_live_goes_on() {
    let bench = Bench::new();
    let node = bench.node("n1", &[]);
    bench.room("a");
    let mut viewer = Viewer::connect(&node);
    let start = cursor_of(&viewer.subscribe("a", "bob", None));
    let before: Vec<_> = (0..5).map(|n| bench.say("a", &n.to_string())).collect();
    let (_, cursor) = viewer.messages(5);
    drop(viewer);
    // More than two pages.
    let missed: Vec<_> = (0..300).map(|n| bench.say("a", &n.to_string())).collect();
    let mut back = Viewer::connect(&node);
    back.ask("a", &crate::bench::ticket("a", "bob"), Some(&cursor));
    assert_eq!(back.messages(300).0, missed);
    let live = bench.say("a", "live");
    assert_eq!(back.messages(1).0, std::slice::from_ref(&live));
    let mut from_start = Viewer::connect(&node);
    from_start.ask("a", &crate::bench::ticket("a", "bob"), Some(&start));
    let all: Vec<_> = before.into_iter().chain(missed).chain([live]).collect();
    assert_eq!(from_start.messages(all.len()).0, all);
}

#[test]
fn nothing_is_lost_or_repeated_while_messages_flow() {
    let bench = Bench::new();
    let nodes = [bench.node("n1", &[]), bench.node("n2", &[])];
    // However fast it is written, all of it is sent.
    bench.room_with("a", &[("chat_budget", "0")]);
    let mut viewer = Viewer::connect(&nodes[0]);
    let mut cursor = cursor_of(&viewer.subscribe("a", "bob", None));
    thread::scope(|scope| {
        let publisher = scope.spawn(|| {
            (0..1_500)
                .map(|n| bench.say("a", &n.to_string()))
                .collect::<Vec<_>>()
        });
        let mut got = Vec::new();
        let mut turn = 0;
        while got.len() < 1_500 {
            let (ids, next) = viewer.messages(1);
            got.extend(ids);
            cursor = next;
            if got.len() < 1_500 {
                turn += 1;
                viewer = Viewer::connect(&nodes[turn % 2]);
                viewer.ask("a", &crate::bench::ticket("a", "bob"), Some(&cursor));
                let first = viewer.next_of("batch");
                got.extend(batch_ids(&first));
            }
        }
        assert!(turn > 3, "it came back {turn} times only");
        assert_eq!(got, publisher.join().unwrap());
    });
}

#[test]
fn history_that_does_not_reach_back_is_said() {
    let bench = Bench::with_bounds(Bounds::new(5, 5, 100_000, 900_000).unwrap());
    let node = bench.node("n1", &[]);
    bench.room("a");
    let mut viewer = Viewer::connect(&node);
    let cursor = cursor_of(&viewer.subscribe("a", "bob", None));
    drop(viewer);
    let gift = match bench.publish("a", Published::Gift, "rose") {
        Receipt::Appended(appended) => appended.id.to_string(),
        Receipt::Counted { .. } => unreachable!(),
    };
    let chat: Vec<_> = (0..50).map(|n| bench.say("a", &n.to_string())).collect();
    // Chat is trimmed, the gift is there: all gifts, and a word that chat is missing.
    let mut back = Viewer::connect(&node);
    let first = back.subscribe("a", "bob", Some(&cursor));
    assert_eq!(first["type"], "batch");
    assert!(first.as_object().unwrap().contains_key("left_out") && first["left_out"].is_null());
    let ids = batch_ids(&first);
    assert_eq!(ids[0], gift);
    assert_eq!(ids[1..], chat[50 - (ids.len() - 1)..]);
    for n in 0..50 {
        bench.publish("a", Published::Gift, &n.to_string());
    }
    let mut back = Viewer::connect(&node);
    let first = back.subscribe("a", "bob", Some(&cursor));
    assert_eq!(first["type"], "reset");
    assert!(first["counters"].is_object());
    let live = bench.say("a", "live");
    assert_eq!(back.messages(1).0, [live]);
    // From the reset's cursor on everything is there.
    let mut again = Viewer::connect(&node);
    let first = again.subscribe("a", "bob", Some(&cursor_of(&first)));
    assert_eq!(batch_ids(&first).len(), 1);
}

#[test]
fn a_quiet_room_does_not_age() {
    let bench = Bench::with_bounds(Bounds::new(5, 5, 1_000, 900_000).unwrap());
    let node = bench.node("n1", &[]);
    bench.room("quiet");
    bench.say("quiet", "once");
    let mut viewer = Viewer::connect(&node);
    let cursor = cursor_of(&viewer.subscribe("quiet", "bob", None));
    drop(viewer);
    // The room's streams expire; its last ids stay.
    for lane in ["keep", "chat"] {
        let room = "quiet".parse().unwrap();
        bench.command(&["DEL", &format!("{}:{lane}:local", bench.keys.room(&room))]);
    }
    let mut back = Viewer::connect(&node);
    let first = back.subscribe("quiet", "bob", Some(&cursor));
    assert_eq!(
        (first["type"].as_str(), batch_ids(&first).len()),
        (Some("batch"), 0)
    );
    assert_eq!(first["left_out"], serde_json::Value::Null);
    assert!(!first.as_object().unwrap().contains_key("left_out"));
}

#[test]
fn a_cursor_ahead_of_the_node_waits_for_it() {
    let bench = Bench::new();
    let node = bench.node("n1", &[]);
    bench.room("a");
    let mut other = Viewer::connect(&node);
    other.subscribe("a", "eve", None);
    let log = bench.log_key("a");
    // The answer to a publish names the position just after it, which a node may not have reached.
    let receipts: Vec<_> = (0..3)
        .map(
            |n| match bench.publish("a", Published::Chat, &n.to_string()) {
                Receipt::Appended(appended) => appended,
                Receipt::Counted { .. } => unreachable!(),
            },
        )
        .collect();
    assert!(log.contains("log:local"));
    let mut ahead = receipts[2].cursor.clone();
    let far: tidegate_stream::Region = "far".parse().unwrap();
    ahead.set(far.clone(), tidegate_stream::StreamId { ms: 5, seq: 0 });
    let mut viewer = Viewer::connect(&node);
    let first = viewer.subscribe("a", "bob", Some(&ahead.to_string()));
    assert_eq!(batch_ids(&first).len(), 0);
    let live = bench.say("a", "live");
    let frame = viewer.next_of("batch");
    assert_eq!(batch_ids(&frame), [live]);
    // A region that the node does not know is handed back unchanged.
    let cursor: tidegate_stream::Cursor = cursor_of(&frame).parse().unwrap();
    assert_eq!(cursor.get(&far).ms, 5);
}
