//! Viewers who say hello and ask for a room in one breath.

use std::time::Duration;

use serde_json::json;
use tungstenite::Message;

use crate::bench::{Bench, Node, Viewer, ticket};

/// Says both in one write.
fn greet_and_ask(viewer: &mut Viewer, room: &str, ticket: &str) {
    let hello = json!({"type": "hello", "client": "test", "version": "1"});
    let subscribe = json!({"type": "subscribe", "room": room, "ticket": ticket});
    for frame in [hello, subscribe] {
        viewer
            .socket
            .write(Message::text(frame.to_string()))
            .unwrap();
    }
    viewer.socket.flush().unwrap();
}

/// Has Redis answer nothing any more, while a viewer is there, so that the node knows where `!all` and the room stand.
fn pause_with_a_viewer(bench: &Bench, node: &Node) -> Viewer {
    let mut viewer = Viewer::connect(node);
    assert_eq!(viewer.subscribe("a", "alice", None)["type"], "batch");
    bench.command(&["CLIENT", "PAUSE", "60000", "ALL"]);
    viewer
}

#[test]
fn each_gets_its_welcome_and_then_its_room() {
    let bench = Bench::new();
    let node = bench.node("n1", &[]);
    bench.room("a");
    let mut viewers: Vec<Viewer> = (0..50).map(|_| Viewer::open(&node)).collect();
    for (number, viewer) in viewers.iter_mut().enumerate() {
        greet_and_ask(viewer, "a", &ticket("a", &format!("v{number}")));
    }
    for viewer in &mut viewers {
        assert_eq!(viewer.next().unwrap()["type"], "welcome");
        let first = viewer.next().unwrap();
        assert_eq!(
            (&first["type"], &first["room"]),
            (&json!("batch"), &json!("a"))
        );
        assert_eq!(first["messages"], json!([]));
    }
    let said = bench.say("a", "hello");
    for viewer in &mut viewers {
        assert_eq!(viewer.messages(1).0, std::slice::from_ref(&said));
    }
}

#[test]
fn the_welcome_does_not_wait_for_a_redis_that_does_not_answer() {
    let bench = Bench::new();
    let node = bench.node("n1", &[]);
    bench.room("a");
    let _there = pause_with_a_viewer(&bench, &node);
    let mut viewer = Viewer::open(&node);
    greet_and_ask(&mut viewer, "a", &ticket("a", "bob"));
    assert_eq!(viewer.next().unwrap()["type"], "welcome");
    // The look-up is given up after two seconds: what comes then came by itself.
    assert_eq!(viewer.within(Duration::from_millis(500)), Ok(None));
    let answer = viewer.next_of("error");
    assert_eq!(
        (&answer["room"], &answer["code"]),
        (&json!("a"), &json!("try_again"))
    );
}
