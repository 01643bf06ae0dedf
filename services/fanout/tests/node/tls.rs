//! Viewers over TLS.

use std::io::{ErrorKind, Read, Write};

use rustls::HandshakeKind;

use crate::bench::{
    Bench, Certificate, End, Node, Secured, Viewer, dial, get, soon, ticket, try_dial,
};

/// What comes until the text ends like this, or the connection ends: `Ok` if it said so (`close_notify`).
fn read_until(wire: &mut Secured, end: &str) -> (String, Option<std::io::Result<()>>) {
    let mut text = Vec::new();
    let ended = soon("it is read", || {
        let mut bytes = [0; 4096];
        match wire.read(&mut bytes) {
            Ok(0) => Some(Some(Ok(()))),
            Ok(count) => {
                text.extend_from_slice(&bytes[..count]);
                let found = !end.is_empty() && String::from_utf8_lossy(&text).contains(end);
                found.then_some(None)
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => None,
            Err(error) => Some(Some(Err(error))),
        }
    });
    (String::from_utf8(text).unwrap(), ended)
}

#[test]
fn both_versions_are_spoken_and_sessions_are_resumed() {
    let (bench, folder) = (Bench::new(), tempfile::tempdir().unwrap());
    let certificate = Certificate::new(folder.path());
    let node = certificate.node(&bench, &[]);
    bench.room("a");
    assert_eq!(node.scheme, "wss");
    let listed = format!("{:?}", bench.command(&["HGETALL", "tg:nodes:local"]));
    assert!(
        listed.contains(&format!("wss://{}", node.viewers)),
        "{listed}"
    );
    for version in rustls::ALL_VERSIONS {
        let config = certificate.client(&[version]);
        let mut kinds = Vec::new();
        for _ in 0..2 {
            let wire = certificate.dial(&node, &config);
            assert_eq!(wire.conn.alpn_protocol(), Some(&b"http/1.1"[..]));
            assert_eq!(wire.conn.protocol_version(), Some(version.version));
            kinds.push(wire.conn.handshake_kind().unwrap());
            let mut viewer = Viewer::open_over(&node, Box::new(wire));
            viewer.greet(None);
            viewer.subscribe("a", "bob", None);
            let said = bench.say("a", "hello");
            assert_eq!(viewer.messages(1).0, [said]);
        }
        assert_eq!(kinds, [HandshakeKind::Full, HandshakeKind::Resumed]);
    }
}

#[test]
fn a_viewer_who_stops_reading_goes_on_where_it_was() {
    let (bench, folder) = (Bench::new(), tempfile::tempdir().unwrap());
    let certificate = Certificate::new(folder.path());
    let node = certificate.node(&bench, &["--ring-kib", "8192", "--send-buffer-kib", "4"]);
    bench.room("a");
    let mut slow = certificate.viewer(&node);
    slow.subscribe("a", "bob", None);
    let mut plain = certificate.viewer(&node);
    plain.subscribe("a", "eve", None);
    let mut said = Vec::new();
    for round in 0..2 {
        let mut some = 0;
        soon("its socket is full", || {
            // Short and long: records of every size, and frames longer than one.
            let size = [1, 3_000][some % 2];
            said.push(bench.give("a", &"x".repeat(size)));
            plain.messages(1);
            some += 1;
            (some > 100 && node.metric("connections_blocked") == 1).then_some(())
        });
        let want = said.len() - if round == 0 { 0 } else { said.len() - some };
        assert_eq!(
            slow.messages(want).0,
            said[said.len() - want..],
            "round {round}"
        );
        soon("it is level", || {
            (node.metric("connections_blocked") == 0).then_some(())
        });
    }
    assert_eq!(node.metric("too_slow_total"), 0);
}

#[test]
fn a_request_may_come_byte_by_byte_and_the_close_is_said() {
    let (bench, folder) = (Bench::new(), tempfile::tempdir().unwrap());
    let certificate = Certificate::new(folder.path());
    let node = certificate.node(&bench, &[]);
    bench.room("a");
    let config = certificate.client(rustls::ALL_VERSIONS);
    let mut wire = certificate.dial(&node, &config);
    let good = ticket("a", "bob");
    let request = format!("GET /v1/rooms/a/events?ticket={good} HTTP/1.1\r\nhost: x\r\n\r\n");
    for byte in request.bytes() {
        wire.write_all(&[byte]).unwrap();
        wire.flush().unwrap();
    }
    let (text, _) = read_until(&mut wire, "\n\n");
    assert!(text.starts_with("HTTP/1.1 200"), "{text}");
    bench.say("a", "over TLS");
    read_until(&mut wire, "over TLS");
    bench.control("a", tidegate_stream::calls::Verb::Close);
    let (text, ended) = read_until(&mut wire, "");
    assert!(text.contains("room_closed"), "{text}");
    assert!(matches!(ended, Some(Ok(()))), "no close_notify: {ended:?}");
}

#[test]
fn a_client_that_says_it_closes_is_answered_so() {
    let (bench, folder) = (Bench::new(), tempfile::tempdir().unwrap());
    let certificate = Certificate::new(folder.path());
    let node = certificate.node(&bench, &[]);
    let config = certificate.client(rustls::ALL_VERSIONS);
    let mut wire = certificate.dial(&node, &config);
    wire.conn.send_close_notify();
    wire.flush().unwrap();
    let (_, ended) = read_until(&mut wire, "");
    assert!(matches!(ended, Some(Ok(()))), "{ended:?}");
    soon("its place is free", || {
        (node.metric("connections") == 0).then_some(())
    });
}

#[test]
fn plain_requests_are_told_and_garbage_and_silence_end() {
    let (bench, folder) = (Bench::new(), tempfile::tempdir().unwrap());
    let certificate = Certificate::new(folder.path());
    let node = certificate.node(&bench, &[]);
    let answer = get(&node.viewers, "/v1/connect", &[]);
    assert_eq!(answer.status, 400);
    assert!(answer.body.contains("plain_http"), "{}", answer.body);
    let ends = |sent: &[u8]| {
        let mut stream = dial(&node);
        stream.write_all(sent).unwrap();
        let mut bytes = [0; 256];
        soon("it ends", || match stream.read(&mut bytes) {
            Ok(0) => Some(()),
            Ok(_) => None,
            Err(error) if error.kind() == ErrorKind::WouldBlock => None,
            Err(_) => Some(()),
        });
    };
    // Not a record; a record of nonsense; the head of a record that never comes; nothing.
    ends(b"\x00\x01\x02 nonsense");
    ends(b"\x16\x03\x01\x00\x05hello");
    ends(b"\x16\x03\x01\x40\x00");
    ends(b"");
    let mut foreign = rustls::ClientConfig::clone(&certificate.client(rustls::ALL_VERSIONS));
    foreign.alpn_protocols = vec![b"h2".to_vec()];
    let refused = try_dial(&node, &foreign.into()).err().unwrap();
    assert!(
        refused.to_string().contains("NoApplicationProtocol"),
        "{refused}"
    );
    soon("all have gone", || {
        (node.metric("connections") == 0).then_some(())
    });
    certificate.viewer(&node);
}

#[test]
fn a_certificate_is_changed_under_open_connections() {
    let (bench, folder) = (Bench::new(), tempfile::tempdir().unwrap());
    let first = Certificate::new(folder.path());
    let node = first.node(&bench, &[]);
    bench.room("a");
    let old_trust = first.client(rustls::ALL_VERSIONS);
    let mut stays = first.viewer(&node);
    stays.subscribe("a", "bob", None);
    std::fs::write(&first.certificate, "nonsense").unwrap();
    node.signal("-HUP");
    let second = Certificate::new(folder.path());
    let new_trust = second.client(rustls::ALL_VERSIONS);
    node.signal("-HUP");
    soon("the new one is shown", || try_dial(&node, &new_trust).ok());
    assert!(try_dial(&node, &old_trust).is_err());
    let said = bench.say("a", "still here");
    assert_eq!(stays.messages(1).0, [said]);
    node.terminate();
    stays.next_of("move");
    assert_eq!(stays.end(), End::Closed(1012));
}

#[test]
fn a_bad_certificate_is_a_wrong_setting() {
    let folder = tempfile::tempdir().unwrap();
    let certificate = Certificate::new(folder.path());
    let (cert, key) = (&certificate.certificate, &certificate.key);
    let run = |flags: &[&str]| {
        let mut command = Node::command("redis://127.0.0.1:1");
        let output = command.args(flags).output().unwrap();
        assert_eq!(output.status.code(), Some(64));
        String::from_utf8(output.stderr).unwrap()
    };
    let (cert, key) = (cert.to_str().unwrap(), key.to_str().unwrap());
    assert!(run(&["--tls-cert-file", cert]).contains("both"));
    let swapped = run(&["--tls-cert-file", key, "--tls-key-file", cert]);
    assert!(swapped.contains("no certificate"), "{swapped}");
}
