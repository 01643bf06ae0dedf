//! Whoever takes too long, or asks and does not read, is let go.

use std::io::{ErrorKind, Read, Write};
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};
use tungstenite::{Bytes, Message};

use crate::bench::{Bench, End, Node, Viewer, dial, soon};

fn all_have_gone(node: &Node) {
    soon("all have gone", || {
        (node.metric("connections") == 0).then_some(())
    });
}

#[test]
fn a_head_that_comes_too_slowly_is_answered_408() {
    let bench = Bench::new();
    let node = bench.node("n1", &[]);
    let mut stream = dial(&node);
    let begun = Instant::now();
    let mut answer = Vec::new();
    stream.write_all(b"GET /v1/connect HTTP/1.1\r\n").unwrap();
    soon("it ends", || {
        // A byte now and then does not make it longer.
        let _ = stream.write_all(b"x");
        let mut bytes = [0; 1024];
        match stream.read(&mut bytes) {
            Ok(0) => Some(()),
            Ok(count) => {
                answer.extend_from_slice(&bytes[..count]);
                None
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => None,
            Err(_) => Some(()),
        }
    });
    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert!(begun.elapsed() >= Duration::from_secs(4));
    all_have_gone(&node);
}

#[test]
fn whoever_does_not_close_is_let_go_soon() {
    let bench = Bench::new();
    let node = bench.node("n1", &[]);
    let mut viewers: Vec<Viewer> = (0..3).map(|_| Viewer::connect(&node)).collect();
    for viewer in &mut viewers {
        viewer.socket.send(Message::text("nonsense")).unwrap();
    }
    // None of them reads the close that it is sent.
    all_have_gone(&node);
}

#[test]
fn whoever_asks_and_does_not_read_is_let_go() {
    let bench = Bench::new();
    let node = bench.node("n1", &["--send-buffer-kib", "4"]);
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(2 * 1024).unwrap();
    let at: std::net::SocketAddr = node.viewers.parse().unwrap();
    socket.connect(&at.into()).unwrap();
    let stream = std::net::TcpStream::from(socket);
    stream.set_nodelay(true).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_millis(20)))
        .unwrap();
    let mut viewer = Viewer::open_over(&node, Box::new(stream));
    viewer.greet(None);
    let payload = Bytes::from_static(&[b'x'; 125]);
    soon("it is let go", || {
        // Less than what is allowed in a second, so that only its not reading ends it.
        std::thread::sleep(Duration::from_millis(20));
        let sent = viewer.socket.send(Message::Ping(payload.clone()));
        (sent.is_err() || node.metric("connections") == 0).then_some(())
    });
    all_have_gone(&node);
    assert_eq!(
        node.metric("closed_total"),
        0,
        "no code: it would not be read either"
    );
}

#[test]
fn a_viewer_who_says_nothing_for_a_minute_is_closed_and_one_who_pings_is_not() {
    let bench = Bench::new();
    let node = bench.node("n1", &[]);
    bench.room("a");
    let (mut silent, mut speaks) = (Viewer::connect(&node), Viewer::connect(&node));
    for viewer in [&mut silent, &mut speaks] {
        viewer.subscribe("a", "bob", None);
    }
    let begun = Instant::now();
    let mut pinged = begun;
    let end = loop {
        // It is sent enough, which does not count.
        bench.say("a", "still here");
        speaks.messages(1);
        let ended = loop {
            match silent.within(Duration::from_secs(1)) {
                Ok(Some(_)) => {}
                Ok(None) => break None,
                Err(end) => break Some(end),
            }
        };
        if let Some(end) = ended {
            break end;
        }
        assert!(begun.elapsed() < Duration::from_secs(90), "not in time");
        if pinged.elapsed() > Duration::from_secs(25) {
            pinged = Instant::now();
            speaks.send(serde_json::json!({"type": "ping"}));
        }
    };
    assert_eq!(end, End::Closed(4410));
    assert!(begun.elapsed() >= Duration::from_secs(59));
    speaks.send(serde_json::json!({"type": "ping"}));
    speaks.next_of("pong");
}
