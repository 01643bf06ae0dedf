//! Bad input on sockets: each has its close code or its error, and nobody else notices.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use e2e::sse::Events;
use e2e::token::{TICKET_SECRET, now_ms, ticket, token};
use e2e::viewer::{End, Viewer, next, open};
use e2e::wait::SOON;
use e2e::{Options, System};
use serde_json::{Value, json};
use tungstenite::Message;

const ROOM: &str = "e2e.frames";

fn closed(code: u16, reason: &str) -> End {
    End::Closed(code, reason.to_owned())
}

/// A socket, greeted or not, that gets raw bytes; gives the end.
fn after(what: &str, system: &System, hello: bool, bytes: &[u8]) -> End {
    let mut socket = open(&system.socket(0)).expect("it opens");
    if hello {
        socket
            .send(Message::text(
                r#"{"type":"hello","client":"e2e","version":"1"}"#,
            ))
            .expect("it is sent");
        next(&mut socket, SOON).expect("a welcome");
    }
    socket.get_mut().write_all(bytes).expect("it is sent");
    loop {
        match next(&mut socket, SOON) {
            Ok(Some(_)) => {}
            Ok(None) => panic!("{what}: the socket stays open"),
            Err(end) => return end,
        }
    }
}

fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match payload.len() {
        length @ 0..=125 => frame.push(0x80 | u8::try_from(length).expect("it is small")),
        length @ 126..=65_535 => {
            frame.push(0x80 | 126);
            frame.extend(u16::try_from(length).expect("it fits").to_be_bytes());
        }
        length => {
            frame.push(0x80 | 127);
            frame.extend((length as u64).to_be_bytes());
        }
    }
    frame.extend([0, 0, 0, 0]);
    frame.extend(payload);
    frame
}

#[test]
fn frames_that_break_the_rules_end_their_own_socket_only() {
    let system = System::start(1);
    system.room(ROOM);
    let mut witness = system.viewer(0, ROOM, "witness");
    let text = |payload: &str| masked(0x81, payload.as_bytes());
    let large = format!(r#"{{"type":"ping","pad":"{}"}}"#, "x".repeat(20_000));
    let deep = format!(
        r#"{{"type":"subscribe","ticket":"t","room":{}{}}}"#,
        "[".repeat(5_000),
        "]".repeat(5_000)
    );
    let cases: Vec<(&str, Vec<u8>, u16)> = vec![
        ("an unmasked frame", vec![0x81, 2, b'{', b'}'], 1002),
        ("a reserved bit", masked(0xc1, b"{}"), 1002),
        ("an unknown opcode", masked(0x83, b""), 1002),
        ("a fragmented ping", masked(0x09, b""), 1002),
        ("a long ping", masked(0x89, &[b'x'; 126]), 1002),
        ("a continuation of nothing", masked(0x80, b"x"), 1002),
        ("binary", masked(0x82, b"{}"), 1003),
        ("invalid UTF-8", masked(0x81, b"\xff\xfe"), 1007),
        ("a frame over the limit", text(&large), 1009),
        (
            "a frame of 2^62 bytes",
            [
                vec![0x81, 0xff],
                (1u64 << 62).to_be_bytes().to_vec(),
                vec![0; 4],
            ]
            .concat(),
            1009,
        ),
        ("not JSON", text("hello"), 4400),
        ("not an object", text("[]"), 4400),
        ("deep JSON", text(&deep), 4400),
        ("no type", text("{}"), 4400),
        ("an unknown type", text(r#"{"type":"publish"}"#), 4400),
        (
            "a missing field",
            text(r#"{"type":"subscribe","room":"e2e.frames"}"#),
            4400,
        ),
        (
            "a room outside the grammar",
            text(r#"{"type":"subscribe","room":"a b","ticket":"t1.a.b.c"}"#),
            4400,
        ),
        (
            "a second hello",
            text(r#"{"type":"hello","client":"e2e","version":"1"}"#),
            4401,
        ),
        (
            "too many frames",
            text(r#"{"type":"ping"}"#).repeat(200),
            4429,
        ),
    ];
    for (what, bytes, code) in cases {
        match after(what, &system, true, &bytes) {
            End::Closed(got, reason) => {
                assert_eq!(got, code, "{what}: {reason}");
                assert!(!reason.is_empty(), "{what}: no reason");
            }
            End::Lost => panic!("{what}: no close frame"),
        }
    }
    assert_eq!(
        after("no hello", &system, false, &text(r#"{"type":"ping"}"#)),
        closed(4401, "hello_first")
    );
    let close = masked(0x88, &1000u16.to_be_bytes());
    assert_eq!(after("a close", &system, true, &close), closed(1000, ""));

    let id = system
        .edge
        .publish(
            ROOM,
            &token("alice", "publish"),
            "",
            &json!({"kind":"chat","data":{}}),
        )
        .expect(202)
        .str("id");
    assert_eq!(witness.messages(ROOM, &Value::Null, 1)[0]["id"], json!(id));
}

#[test]
fn a_socket_that_never_says_hello_is_closed() {
    let system = System::start(1);
    let mut socket = open(&system.socket(0)).expect("it opens");
    assert_eq!(next(&mut socket, SOON), Err(closed(4408, "hello_timeout")));
}

#[test]
fn tickets_and_cursors_that_are_not_good() {
    let system = System::with(1, Options::default());
    system.room(ROOM);
    system.room("e2e.elsewhere");
    let good = system.ticket(ROOM, "bob");
    let later = now_ms() + 600_000;
    let foreign = ticket(
        ROOM,
        "bob",
        later,
        ("e2e-t", b"a key of somebody else altogether, 32+"),
    );
    let unknown = ticket(ROOM, "bob", later, ("other", TICKET_SECRET.1));
    let lapsed = ticket(ROOM, "bob", now_ms() - 1_000, TICKET_SECRET);
    let elsewhere = system.ticket("e2e.elsewhere", "bob");
    let ghost = ticket("e2e.ghost", "bob", later, TICKET_SECRET);

    let mut viewer = Viewer::connect(&system.socket(0)).expect("it opens");
    let mut errs = |room: &str, ticket: &str, code: &str| {
        let answer = viewer
            .subscribe(room, ticket, None)
            .expect("the socket stays open");
        assert_eq!(
            (&answer["type"], &answer["code"]),
            (&json!("error"), &json!(code)),
            "{answer}"
        );
    };
    errs(ROOM, "nonsense", "bad_ticket");
    errs(ROOM, &format!("{good}x"), "bad_ticket");
    errs(ROOM, &foreign, "bad_ticket");
    errs(ROOM, &unknown, "bad_ticket");
    errs(ROOM, &lapsed, "ticket_expired");
    errs(ROOM, &elsewhere, "wrong_room");
    errs("e2e.ghost", &ghost, "no_room");
    assert_eq!(
        viewer.subscribe(ROOM, &good, None).expect("an answer")["type"],
        "batch"
    );

    let future = tidegate_stream::Cursor::from_iter([(
        "local".parse().expect("a region"),
        tidegate_stream::StreamId {
            ms: now_ms() + 2 * 3_600_000,
            seq: 0,
        },
    )]);
    for cursor in [
        "nonsense",
        "",
        "1!!!",
        &future.to_string(),
        &"1".repeat(2_000),
    ] {
        let mut viewer = Viewer::connect(&system.socket(0)).expect("it opens");
        let end = viewer
            .subscribe(ROOM, &good, Some(cursor))
            .expect_err("it is closed");
        assert_eq!(end, closed(4409, "bad_cursor"), "{cursor}");
    }
    // A position in a region that this node does not know is handed back unchanged.
    let mut abroad = tidegate_stream::Cursor::default();
    abroad.set(
        "mars".parse().expect("a region"),
        tidegate_stream::StreamId { ms: 5, seq: 7 },
    );
    let mut viewer = Viewer::connect(&system.socket(0)).expect("it opens");
    let first = viewer
        .subscribe(ROOM, &good, Some(&abroad.to_string()))
        .expect("an answer");
    let given: tidegate_stream::Cursor = first["cursor"]
        .as_str()
        .expect("a cursor")
        .parse()
        .expect("a good one");
    assert_eq!(
        given.get(&"mars".parse().expect("a region")),
        tidegate_stream::StreamId { ms: 5, seq: 7 }
    );
}

/// The first line of what a node answers to raw bytes.
fn raw(system: &System, request: &str) -> String {
    let mut stream =
        TcpStream::connect(system.nodes[0].url.trim_start_matches("ws://")).expect("it listens");
    stream
        .set_read_timeout(Some(Duration::from_secs(10)))
        .expect("a time-out");
    let _ = stream.write_all(request.as_bytes());
    let mut answer = Vec::new();
    let mut chunk = [0; 4096];
    while !answer.windows(2).any(|two| two == b"\r\n") {
        match stream.read(&mut chunk) {
            Ok(read) if read > 0 => answer.extend(&chunk[..read]),
            _ => break,
        }
    }
    String::from_utf8_lossy(&answer)
        .lines()
        .next()
        .unwrap_or_default()
        .to_owned()
}

#[test]
fn upgrades_that_are_not_upgrades() {
    let system = System::start(1);
    let upgrade = |further: &str| {
        format!(
            "GET /v1/connect HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{further}\r\n"
        )
    };
    let version = "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: tidegate.v1.json\r\n";
    let status = |request: &str| {
        raw(&system, request)
            .split(' ')
            .nth(1)
            .unwrap_or_default()
            .to_owned()
    };
    assert_eq!(status(&upgrade(version)), "101");
    assert_eq!(
        status(&upgrade(&format!(
            "{version}Origin: http://app.example\r\n"
        ))),
        "101"
    );
    assert_eq!(
        status(&upgrade(&format!(
            "{version}Origin: https://evil.example\r\n"
        ))),
        "403"
    );
    assert_eq!(status(&upgrade("Sec-WebSocket-Version: 8\r\n")), "426");
    assert_eq!(status("GET /v1/connect HTTP/1.1\r\nHost: x\r\n\r\n"), "426");
    assert_eq!(
        status("POST /v1/connect HTTP/1.1\r\nHost: x\r\n\r\n"),
        "405"
    );
    assert_eq!(status("GET /elsewhere HTTP/1.1\r\nHost: x\r\n\r\n"), "404");
    assert_eq!(status("nonsense\r\n\r\n"), "400");
    assert_eq!(
        status(&upgrade(&format!("{version}X: {}\r\n", "x".repeat(9_000)))),
        "431"
    );
    assert_eq!(
        status(&upgrade(&format!("{version}{}", "X: y\r\n".repeat(100)))),
        "431"
    );
}

#[test]
fn events_over_sse_resume_by_last_event_id() {
    let system = System::start(2);
    system.room("e2e.sse");
    let token = token("alice", "publish");
    let say = |text: &str| {
        system
            .edge
            .publish(
                "e2e.sse",
                &token,
                "",
                &json!({"kind":"chat","data":{"text":text}}),
            )
            .expect(202)
            .str("id")
    };
    let ticket = system.ticket("e2e.sse", "bob");
    let path = format!("/v1/rooms/e2e.sse/events?ticket={ticket}");
    let mut events = Events::open(&system.nodes[0].url, &path, &[]);
    assert_eq!(events.status, 200);
    let first = events.event();
    assert_eq!(first.event, "batch");
    let one = say("one");
    let mut last = events.event();
    while !last.data.contains(&one) {
        last = events.event();
    }
    drop(events);
    let (two, three) = (say("two"), say("three"));
    // On the other node, with a stale cursor in the address: the header wins.
    let path = format!("{path}&cursor={}", first.id);
    let mut events = Events::open(&system.nodes[1].url, &path, &[("Last-Event-ID", &last.id)]);
    let mut text = String::new();
    while !text.contains(&three) {
        text.push_str(&events.event().data);
    }
    assert_eq!(
        (
            text.matches(&one).count(),
            text.matches(&two).count(),
            text.matches(&three).count()
        ),
        (0, 1, 1)
    );

    let status = |path: &str| Events::open(&system.nodes[0].url, path, &[]).status;
    assert_eq!(status("/v1/rooms/e2e.sse/events"), 401);
    assert_eq!(status("/v1/rooms/e2e.sse/events?ticket=nonsense"), 401);
    assert_eq!(
        status(&format!(
            "/v1/rooms/e2e.sse/events?ticket={ticket}&cursor=nonsense"
        )),
        400
    );
    assert_eq!(
        status(&format!("/v1/rooms/e2e.other/events?ticket={ticket}")),
        401
    );
}
