//! What is appended reaches whoever is subscribed, at once, in order, once.

use crate::bench::{Bench, Viewer, ticket};
use serde_json::json;
use tidegate_stream::calls::Published;

#[test]
fn a_viewer_gets_what_is_published() {
    let bench = Bench::new();
    let node = bench.node("n1", &[]);
    bench.room("demo.lobby");
    let mut viewer = Viewer::connect(&node);
    assert_eq!(viewer.welcome["node"], "n1");
    let first = viewer.subscribe("demo.lobby", "bob", None);
    assert_eq!(first["type"], "batch");
    assert_eq!(first["messages"], json!([]));
    assert_eq!(first["counters"], json!({"online": 0, "likes": 0}));
    let said: Vec<String> = (0..200)
        .map(|n| bench.say("demo.lobby", &format!("line {n}")))
        .collect();
    let (got, _) = viewer.messages(said.len());
    assert_eq!(got, said);
}

#[test]
fn rooms_do_not_mix_and_two_sockets_share() {
    let bench = Bench::new();
    let node = bench.node("n1", &[]);
    for room in ["a", "b"] {
        bench.room(room);
    }
    let mut viewers: Vec<Viewer> = (0..6).map(|_| Viewer::connect(&node)).collect();
    for (index, viewer) in viewers.iter_mut().enumerate() {
        viewer.subscribe(if index % 2 == 0 { "a" } else { "b" }, "bob", None);
    }
    let a: Vec<String> = (0..20)
        .map(|n| {
            bench.say("b", "other");
            bench.say("a", &n.to_string())
        })
        .collect();
    for viewer in viewers.iter_mut().step_by(2) {
        assert_eq!(viewer.messages(a.len()).0, a);
    }
    let mut both = Viewer::connect(&node);
    both.subscribe("a", "bob", None);
    both.subscribe("b", "bob", None);
    let (in_a, in_b) = (bench.say("a", "x"), bench.say("b", "y"));
    let mut got = both.messages(2).0;
    got.sort();
    let mut said = vec![in_a, in_b];
    said.sort();
    assert_eq!(got, said);
}

#[test]
fn likes_and_viewers_are_counted() {
    let bench = Bench::new();
    let node = bench.node("n1", &[]);
    bench.room("a");
    let mut viewer = Viewer::connect(&node);
    viewer.subscribe("a", "bob", None);
    bench.publish("a", Published::Like, "");
    bench.publish("a", Published::Like, "");
    loop {
        let frame = viewer.next_of("batch");
        if frame["counters"] == json!({"online": 1, "likes": 2}) {
            break;
        }
    }
    let mut second = Viewer::connect(&node);
    let first = second.subscribe("a", "eve", None);
    assert_eq!(first["counters"], json!({"online": 1, "likes": 2}));
    while viewer.next_of("batch")["counters"]["online"] != 2 {}
    drop(second);
    while viewer.next_of("batch")["counters"]["online"] != 1 {}
}

#[test]
fn everybody_has_the_room_of_all() {
    let bench = Bench::new();
    let node = bench.node("n1", &[]);
    let mut viewer = Viewer::connect(&node);
    let said = bench.publish("!all", Published::Control, "maintenance");
    let frame = viewer.next_of("batch");
    assert_eq!(frame["room"], "!all");
    assert_eq!(frame["messages"][0]["kind"], "control");
    let mut later = Viewer::resume(&node, viewer.welcome["cursor"].as_str());
    let frame = later.next_of("batch");
    assert_eq!(frame["messages"][0]["data"]["text"], "maintenance");
    drop(said);
    let cursor = frame["cursor"].as_str().unwrap().to_owned();
    let mut level = Viewer::resume(&node, Some(&cursor));
    assert_eq!(
        level.within(std::time::Duration::from_millis(300)),
        Ok(None)
    );
}

#[test]
fn a_subject_has_a_room_of_its_own() {
    let bench = Bench::new();
    let node = bench.node("n1", &[]);
    let mut viewer = Viewer::connect(&node);
    assert_eq!(viewer.subscribe("~bob", "bob", None)["type"], "batch");
    viewer.ask("~eve", &ticket("~eve", "bob"), None);
    assert_eq!(viewer.next_of("error")["code"], "wrong_room");
    bench.publish("~bob", Published::Control, "for you");
    assert_eq!(
        viewer.next_of("batch")["messages"][0]["data"]["text"],
        "for you"
    );
}
