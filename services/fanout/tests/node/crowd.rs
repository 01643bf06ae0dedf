//! Many who come at once, and those who were there.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tungstenite::protocol::{Role, WebSocket};

use crate::bench::{Bench, Node, Viewer, batch_ids, dial, soon, ticket};

const RETURNING: usize = 2_000;
const THREADS: usize = 8;
const STAYED: usize = 20;

/// Asks for a socket and does not wait for the answer.
fn request(node: &Node) -> TcpStream {
    let mut stream = dial(node);
    let text = format!(
        "GET /v1/connect HTTP/1.1\r\nhost: {}\r\nupgrade: websocket\r\nconnection: upgrade\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\
         sec-websocket-protocol: tidegate.v1.json\r\n\r\n",
        node.viewers
    );
    stream.write_all(text.as_bytes()).unwrap();
    stream
}

/// A socket, or in how many seconds to come back.
fn answer(mut stream: TcpStream) -> Result<TcpStream, u64> {
    let mut head = Vec::new();
    soon("an answer", || {
        let mut byte = [0];
        while let Ok(count) = stream.read(&mut byte) {
            assert_eq!(count, 1, "an end without an answer");
            head.push(byte[0]);
            if head.ends_with(b"\r\n\r\n") {
                return Some(());
            }
        }
        None
    });
    let head = String::from_utf8(head).unwrap();
    if head.starts_with("HTTP/1.1 101") {
        return Ok(stream);
    }
    assert!(head.starts_with("HTTP/1.1 503"), "{head}");
    let after = head
        .lines()
        .find_map(|line| line.strip_prefix("retry-after: "));
    Err(after.expect("it says when").parse().unwrap())
}

/// Comes back as a client that obeys does: all at once, and whoever is turned away when it was told to.
fn come_back(node: &Node, cursor: &str, count: usize) -> (Vec<Viewer>, BTreeSet<u64>) {
    let (mut viewers, mut told) = (Vec::new(), BTreeSet::new());
    let mut asked: Vec<TcpStream> = (0..count).map(|_| request(node)).collect();
    let mut later: Vec<Instant> = Vec::new();
    loop {
        for stream in asked.drain(..) {
            match answer(stream) {
                Ok(stream) => {
                    let mut viewer = Viewer::over(WebSocket::from_raw_socket(
                        Box::new(stream),
                        Role::Client,
                        None,
                    ));
                    viewer.greet(None);
                    viewer.ask("a", &ticket("a", "bob"), Some(cursor));
                    viewers.push(viewer);
                }
                Err(after_s) => {
                    told.insert(after_s);
                    later.push(Instant::now() + Duration::from_secs(after_s));
                }
            }
        }
        let Some(next) = later.iter().min().copied() else {
            return (viewers, told);
        };
        std::thread::sleep(next.saturating_duration_since(Instant::now()));
        let now = Instant::now();
        let before = later.len();
        later.retain(|then| *then > now);
        asked.extend((later.len()..before).map(|_| request(node)));
    }
}

fn read_up_to(viewer: &mut Viewer, last: &str) -> Vec<String> {
    let mut got = Vec::new();
    while got.last().is_none_or(|id: &String| id != last) {
        got.extend(batch_ids(&viewer.next_of("batch")));
    }
    got
}

#[test]
fn a_crowd_that_comes_back_at_once_comes_in_and_nobody_loses_anything() {
    let bench = Bench::new();
    let node = bench.node("n1", &["--admit-per-s", "100"]);
    bench.room("a");
    let mut stayed: Vec<Viewer> = (0..STAYED)
        .map(|_| {
            let mut viewer = Viewer::connect(&node);
            viewer.subscribe("a", "eve", None);
            viewer
        })
        .collect();
    let cursor = Viewer::connect(&node).subscribe("a", "bob", None)["cursor"].clone();
    let cursor = cursor.as_str().unwrap();
    let mut said = vec![bench.say("a", "missed by those who return")];
    let all_in = AtomicBool::new(false);
    let (mut viewers, told) = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|_| scope.spawn(|| come_back(&node, cursor, RETURNING / THREADS)))
            .collect();
        let talk = scope.spawn(|| {
            let mut said = Vec::new();
            while !all_in.load(Ordering::Relaxed) {
                said.push(bench.say("a", "meanwhile"));
                std::thread::sleep(Duration::from_millis(100));
            }
            said
        });
        let (mut viewers, mut told) = (Vec::new(), BTreeSet::new());
        for thread in threads {
            let (some, after) = thread.join().unwrap();
            viewers.extend(some);
            told.extend(after);
        }
        all_in.store(true, Ordering::Relaxed);
        said.extend(talk.join().unwrap());
        (viewers, told)
    });
    assert_eq!(viewers.len(), RETURNING);
    assert!(node.metric("turned_away_total") > 0);
    // Not before those who wait already.
    assert!(
        told.iter().all(|after_s| (3..=31).contains(after_s)),
        "{told:?}"
    );
    said.push(bench.say("a", "last"));
    let last = said.last().unwrap();
    for viewer in stayed.iter_mut().chain(&mut viewers) {
        assert_eq!(read_up_to(viewer, last), said);
    }
    for name in ["too_slow_total", "resets_total", "lookups_refused_total"] {
        assert_eq!(node.metric(name), 0, "{name}");
    }
}

#[test]
fn a_node_with_tls_lets_go_of_whoever_is_too_many() {
    let (bench, folder) = (Bench::new(), tempfile::tempdir().unwrap());
    let certificate = crate::bench::Certificate::new(folder.path());
    let node = certificate.node(&bench, &["--admit-per-s", "1"]);
    let crowd: Vec<TcpStream> = (0..32).map(|_| dial(&node)).collect();
    soon("some are let go", || {
        (node.metric("turned_away_total") > 0).then_some(())
    });
    drop(crowd);
    // Those who come in then are served as ever.
    let config = certificate.client(rustls::ALL_VERSIONS);
    soon("one comes in", || {
        let wire = crate::bench::try_dial(&node, &config).ok()?;
        let mut viewer = Viewer::open_over(&node, Box::new(wire));
        viewer.greet(None);
        Some(())
    });
}
