//! Viewers are sent where it goes on: by a node that stops, and by one whose Redis is away.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::bench::{Bench, End, Node, Viewer, soon, ticket};

fn urls(frame: &Value) -> Vec<&str> {
    frame["endpoints"]
        .as_array()
        .map(|list| {
            list.iter()
                .map(|one| one["url"].as_str().unwrap())
                .collect()
        })
        .unwrap_or_default()
}

/// Another region's edge, whose `/readyz` answers so.
fn edge(status: Arc<AtomicU16>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut head = [0; 1024];
            let count = stream.read(&mut head).unwrap_or(0);
            let asked = head[..count].starts_with(b"GET /readyz ");
            let status = if asked {
                status.load(Ordering::Relaxed)
            } else {
                404
            };
            let answer = format!(
                "HTTP/1.1 {status} X\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{{}}"
            );
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    url
}

fn list_far(bench: &Bench, node: &Node, edge: &str) {
    bench.list(
        "far",
        json!({"state": "active", "edge": edge, "socket": "ws://live.far"}),
    );
    soon("the region is known", || {
        (node.metric("origins") == 2).then_some(())
    });
}

#[test]
fn a_node_that_stops_names_the_others_first() {
    let bench = Bench::new();
    let mut node = bench.node("n1", &["--grace-ms", "1000"]);
    let other = bench.node("n2", &[]);
    bench.room("a");
    list_far(&bench, &node, "");
    let mut viewers: Vec<Viewer> = (0..4).map(|_| Viewer::connect(&node)).collect();
    viewers[0].subscribe("a", "bob", None);
    soon("both are on the list", || {
        let text = format!("{:?}", bench.command(&["HGETALL", "tg:nodes:local"]));
        (text.contains("n1") && text.contains("n2")).then_some(())
    });
    // It has looked at the list once more.
    soon("the node tells of the other", || {
        (node.metric("endpoints_total") >= 4).then_some(())
    });
    node.terminate();
    for viewer in &mut viewers {
        let moved = viewer.next_of("move");
        assert_eq!(
            urls(&moved),
            [other.url().as_str(), "ws://live.far/v1/connect"]
        );
        assert_eq!(moved["endpoints"][0]["region"], "local");
        assert!(moved["within_ms"].as_u64().unwrap() <= 1_000);
        assert_eq!(viewer.end(), End::Closed(1012));
    }
    drop(viewers);
    assert!(node.wait().success());
}

#[test]
fn viewers_are_told_when_endpoints_change() {
    let bench = Bench::new();
    let node = bench.node("n1", &[]);
    let mut viewer = Viewer::connect(&node);
    let other = bench.node("n2", &[]);
    let told = viewer.next_of("endpoints");
    let mut found = urls(&told);
    found.sort_unstable();
    let (own, second) = (node.url(), other.url());
    let mut want = [own.as_str(), second.as_str()];
    want.sort_unstable();
    assert_eq!(found, want);
}

#[test]
fn without_redis_viewers_go_where_a_region_lives() {
    let mut bench = Bench::new();
    let node = bench.node("n1", &[]);
    bench.room("a");
    let status = Arc::new(AtomicU16::new(503));
    list_far(&bench, &node, &edge(status.clone()));
    // The relay has copied who is there.
    let until_ms = u64::MAX >> 20;
    let there = json!({"url": "ws://far-1", "connections": 3, "until_ms": until_ms});
    bench.command(&["HSET", "tg:nodes:far", "n1", &there.to_string()]);
    let mut viewers: Vec<Viewer> = (0..3).map(|_| Viewer::connect(&node)).collect();
    for viewer in &mut viewers {
        viewer.ask("a", &ticket("a", "bob"), None);
        // The room's first batch, and, before or after it, this node, the other region's, and that region's name.
        let (mut subscribed, mut told) = (false, false);
        while !(subscribed && told) {
            let frame = viewer.next().unwrap();
            match frame["type"].as_str() {
                Some("batch") => subscribed |= frame["room"] == "a",
                Some("endpoints") => told |= urls(&frame).len() == 3,
                _ => panic!("{frame}"),
            }
        }
    }
    let stopped = Instant::now();
    bench.redis.stop();
    // That region does not serve, so nobody is sent anywhere.
    let wait = Duration::from_secs(8);
    while stopped.elapsed() < wait {
        for viewer in &mut viewers {
            if let Some(frame) = viewer.within(Duration::from_millis(20)).unwrap() {
                assert_ne!(frame["type"], "move", "{frame}");
            }
        }
    }
    assert_eq!(node.metric("moves_total"), 0);
    status.store(200, Ordering::Relaxed);
    let lives = Instant::now();
    for viewer in &mut viewers {
        let moved = viewer.next_of("move");
        assert_eq!(
            urls(&moved),
            ["ws://far-1/v1/connect", "ws://live.far/v1/connect"]
        );
        assert_eq!(moved["endpoints"][0]["region"], "far");
    }
    assert!(
        lives.elapsed() < Duration::from_secs(9),
        "{:?}",
        lives.elapsed()
    );
    // Those who did not go are served again when Redis is back.
    bench.redis.restart();
    let said = bench.say_soon("a", "back");
    for viewer in &mut viewers {
        assert_eq!(viewer.messages(1).0, [said.as_str()]);
    }
}

#[test]
fn a_redis_that_takes_no_writes_but_answers_reads_is_not_silent() {
    let bench = Bench::new();
    let node = bench.node("n1", &[]);
    bench.room("a");
    list_far(&bench, &node, &edge(Arc::new(AtomicU16::new(200))));
    let there = json!({"url": "ws://far-1", "connections": 3, "until_ms": u64::MAX >> 20});
    bench.command(&["HSET", "tg:nodes:far", "n1", &there.to_string()]);
    let mut viewer = Viewer::connect(&node);
    soon("the node knows of the other region's", || {
        (urls(&viewer.next_of("endpoints")).len() == 3).then_some(())
    });
    viewer.subscribe("a", "bob", None);
    // A replica, whose primary cannot be reached.
    bench.command(&["REPLICAOF", "127.0.0.1", "1"]);
    let failed = node.metric("duty_failures_total");
    // Once a second: longer than the 5 s after which a silent Redis is left.
    while node.metric("duty_failures_total") < failed + 9 {
        if let Some(frame) = viewer.within(Duration::from_millis(20)).unwrap() {
            assert_ne!(frame["type"], "move", "{frame}");
        }
    }
    assert_eq!(node.metric("moves_total"), 0);
    // Whoever comes is let in, and reads.
    let mut late = Viewer::connect(&node);
    assert_eq!(late.subscribe("a", "eve", None)["type"], "batch");
    // One that answers no reads is silent.
    bench.command(&["CONFIG", "SET", "replica-serve-stale-data", "no"]);
    let moved = viewer.next_of("move");
    assert_eq!(
        urls(&moved),
        ["ws://far-1/v1/connect", "ws://live.far/v1/connect"]
    );
    // A primary again: the node goes on with it.
    bench.command(&["REPLICAOF", "NO", "ONE"]);
    soon("the node is ready", || {
        (crate::bench::get(&node.admin, "/readyz", &[]).status == 200).then_some(())
    });
}
