//! The same over server-sent events.

use crate::bench::{Bench, Events, batch_ids, get, ticket, ticket_until};
use tidegate_stream::calls::{Lasting, Verb};

fn target(room: &str, ticket: &str, cursor: &str) -> String {
    format!("/v1/rooms/{room}/events?ticket={ticket}&cursor={cursor}")
}

#[test]
fn a_stream_resumes_by_its_last_event_id() {
    let bench = Bench::new();
    let node = bench.node("n1", &[]);
    bench.room("a");
    let good = ticket("a", "bob");
    let mut events = Events::open(
        &node.viewers,
        &target("a", &good, ""),
        &["origin: http://app.example"],
    );
    assert!(events.head.starts_with("HTTP/1.1 200"), "{}", events.head);
    assert!(
        events
            .head
            .contains("access-control-allow-origin: http://app.example")
    );
    let (start, name, first) = events.next();
    assert_eq!((name.as_str(), batch_ids(&first).len()), ("batch", 0));
    let said: Vec<_> = (0..20).map(|n| bench.say("a", &n.to_string())).collect();
    let mut got = Vec::new();
    while got.len() < 10 {
        let (id, _, batch) = events.next();
        assert_eq!(batch["cursor"], id);
        got.extend(batch_ids(&batch));
    }
    drop(events);
    let last = format!("last-event-id: {start}");
    let mut back = Events::open(&node.viewers, &target("a", &good, "1"), &[&last]);
    let mut again = Vec::new();
    while again.len() < 20 {
        again.extend(batch_ids(&back.next().2));
    }
    assert_eq!(again, said);
    bench.control("a", Verb::Close);
    loop {
        let (_, name, data) = back.next();
        if name == "error" {
            assert_eq!(data["code"], "room_closed");
            break;
        }
    }
    assert!(back.ends());
}

#[test]
fn refusals_are_problems() {
    let bench = Bench::new();
    let node = bench.node("n1", &[]);
    for room in ["a", "closed"] {
        bench.room(room);
    }
    bench.control("closed", Verb::Close);
    bench.ban("a", "bad", Lasting::UntilLifted);
    let good = ticket("a", "bob");
    let cases = [
        (target("a", "nonsense", ""), 401),
        (target("a", &ticket_until("a", "bob", None, 1), ""), 401),
        (target("b", &good, ""), 401),
        (target("a", &good, "nonsense"), 400),
        (target("a", &ticket("a", "bad"), ""), 403),
        (target("none", &ticket("none", "bob"), ""), 404),
        (target("closed", &ticket("closed", "bob"), ""), 410),
        ("/elsewhere".to_owned(), 404),
        ("/v1/connect".to_owned(), 426),
    ];
    for (target, status) in cases {
        let answer = get(&node.viewers, &target, &[]);
        assert_eq!(answer.status, status, "{target}");
        assert!(answer.head.contains("application/problem+json"));
        let problem: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!(problem["status"], status);
    }
    let foreign = get(
        &node.viewers,
        &target("a", &good, ""),
        &["origin: http://evil.example"],
    );
    assert_eq!(foreign.status, 403);
}
