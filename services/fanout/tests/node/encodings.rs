//! The same batches in every encoding, as each socket agreed on in its handshake.

use crate::bench::{BINARY, Bench, CONTINUATION, FIN, PING, RSV1, Raw, TEXT, Viewer, packed};
use tidegate_protocol::frames::ClientFrame;
use tidegate_protocol::limits::MESSAGE_BYTES;

const JSON: &str = "tidegate.v1.json";
const CBOR: &str = "tidegate.v1.cbor";
/// What browsers offer.
const DEFLATE: &str = "permessage-deflate; client_max_window_bits";

#[test]
fn a_batch_is_the_same_in_all_and_smaller_when_compressed() {
    let bench = Bench::new();
    // One core, which makes each frame once.
    let node = bench.node_of_region("n1");
    bench.room("a");
    let mut plain = Viewer::connect(&node);
    plain.subscribe("a", "bob", None);
    let mut raws = [
        Raw::subscribed(&node, JSON, "", "a"),
        Raw::subscribed(&node, CBOR, "", "a"),
        Raw::subscribed(&node, JSON, DEFLATE, "a"),
        Raw::subscribed(&node, JSON, DEFLATE, "a"),
        Raw::subscribed(&node, CBOR, DEFLATE, "a"),
    ];
    let id = bench.say("a", &"danmaku ".repeat(200));
    let batch = plain.next_of("batch");
    let mut lengths = Vec::new();
    for (index, raw) in raws.iter_mut().enumerate() {
        // Counters come by themselves, and are too small to be compressed.
        let (frame, compressed, payload) = loop {
            let (frame, compressed, payload) = raw.next();
            if frame["messages"][0]["id"] == id.as_str() {
                break (frame, compressed, payload);
            }
            assert!(!compressed);
        };
        assert_eq!(frame["messages"], batch["messages"]);
        assert_eq!(compressed, index >= 2);
        lengths.push(payload);
    }
    assert!(lengths[1].len() < lengths[0].len());
    assert!(lengths[2].len() < lengths[0].len() / 4);
    assert!(lengths[4].len() < lengths[1].len() / 4);
    assert_eq!(lengths[2], lengths[3]);
}

#[test]
fn a_handshake_agrees_on_what_both_can() {
    let bench = Bench::new();
    let node = bench.node("n1", &[]);
    let short = "\r\nsec-websocket-extensions: permessage-deflate; server_no_context_takeover; \
                 client_no_context_takeover\r\n";
    for (offer, taken) in [
        (DEFLATE, true),
        ("permessage-deflate; server_max_window_bits=9", false),
        (
            "permessage-deflate; server_max_window_bits=9, permessage-deflate",
            true,
        ),
        ("permessage-deflate; nonsense", false),
        ("x-unknown", false),
        ("", false),
    ] {
        let raw = Raw::open(&node, JSON, offer);
        assert_eq!(raw.answer.contains(short), taken, "{}", raw.answer);
        assert_eq!(raw.answer.contains("sec-websocket-extensions"), taken);
    }
    for (offer, taken) in [
        ("tidegate.v1.cbor, tidegate.v1.json", CBOR),
        ("other, tidegate.v1.json, tidegate.v1.cbor", JSON),
    ] {
        let raw = Raw::open(&node, offer, DEFLATE);
        let line = format!("\r\nsec-websocket-protocol: {taken}\r\n");
        assert!(raw.answer.contains(&line), "{}", raw.answer);
    }
}

#[test]
fn compressed_messages_of_clients_come_through() {
    let bench = Bench::new();
    let node = bench.node("n1", &[]);
    let mut raw = Raw::open(&node, JSON, DEFLATE);
    // In fragments, with a ping between them that is answered before.
    let hello = packed(br#"{"type":"hello","client":"raw","version":"1"}"#);
    raw.send(RSV1 | TEXT, &hello[..5]);
    raw.send(FIN | PING, b"between");
    raw.send(CONTINUATION, &hello[5..9]);
    raw.send(FIN | CONTINUATION, &hello[9..]);
    let pong = raw.frame();
    assert_eq!((pong.first, &pong.payload[..]), (0x8a, &b"between"[..]));
    assert_eq!(raw.next().0["type"], "welcome");
    raw.say(&ClientFrame::Ping);
    assert_eq!(raw.next().0["type"], "pong");
    // What is not compressed comes through, too.
    raw.send(FIN | TEXT, br#"{"type":"ping"}"#);
    assert_eq!(raw.next().0["type"], "pong");
}

#[test]
fn whoever_breaks_the_rules_is_closed_with_their_code() {
    let bench = Bench::new();
    let node = bench.node("n1", &[]);
    let bomb = packed(&vec![b' '; 100 * MESSAGE_BYTES]);
    for (sub_protocol, extensions, first, payload, code) in [
        (JSON, DEFLATE, FIN | RSV1 | TEXT, &bomb[..], 1009),
        (JSON, DEFLATE, FIN | RSV1 | TEXT, b"\xff\xff", 1007),
        (JSON, DEFLATE, FIN | RSV1 | TEXT, &packed(b"\xff"), 1007),
        (JSON, DEFLATE, FIN | RSV1 | PING, b"", 1002),
        (JSON, "", FIN | RSV1 | TEXT, &packed(b"{}"), 1002),
        (JSON, DEFLATE, FIN | RSV1 | TEXT, &packed(b"{}"), 4400),
        (JSON, DEFLATE, FIN | BINARY, b"\xa0", 1003),
        (CBOR, DEFLATE, FIN | TEXT, b"{}", 1003),
        (CBOR, "", FIN | BINARY, b"{}", 4400),
        (CBOR, "", FIN | BINARY, b"\xa1\x00\x64ping", 4401),
    ] {
        let mut raw = Raw::open(&node, sub_protocol, extensions);
        raw.send(first, payload);
        assert_eq!(raw.closed(), code, "{sub_protocol} {first:x}");
    }
    // A node that was sent bad things serves the next.
    let mut raw = Raw::open(&node, CBOR, DEFLATE);
    raw.hello();
    assert_eq!(raw.next().0["type"], "welcome");
}
