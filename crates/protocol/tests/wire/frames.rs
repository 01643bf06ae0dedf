//! Frames: as they lie on the wire, what is refused, and that reader and writer agree.

use crate::sample::{cursor, entry, region, room};
use insta::assert_snapshot;
use proptest::prelude::*;
use tidegate_protocol::CloseCode::{self, BadCursor, BadFrame};
use tidegate_protocol::frames::{
    self, Batch, ClientFrame, Counters, Endpoint, ErrorCode, LeftOut, MessageText, ServerFrame,
};
use tidegate_protocol::sse::{self, EventName};
use tidegate_stream::{Cursor, Entry, Kind, RoomId};

fn message(entry: &Entry) -> String {
    let message = MessageText::new(&region(), entry).unwrap();
    String::from_utf8(message.as_bytes().to_vec()).unwrap()
}

fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut out = Vec::new();
    write(&mut out);
    let text = String::from_utf8(out).unwrap();
    serde_json::from_str::<ServerFrame>(&text).expect("a frame reads back");
    text
}

#[test]
fn messages() {
    let mut full = entry(Kind::Gift);
    full.info = r#"{"name":"Alice", "level":3}"#.into();
    full.key = "order-17".into();
    let mut hidden = full.clone();
    hidden.hidden = true;
    hidden.data = String::new();
    let mut bare = entry(Kind::Control);
    bare.data = String::new();
    let mut spread = entry(Kind::Custom);
    spread.data = "[\n 1,\r\n 2\n]".into();
    assert_snapshot!(
        [&entry(Kind::Chat), &full, &hidden, &bare, &spread]
            .map(message)
            .join("\n")
    );
}

#[test]
fn counters_and_gaps_are_no_messages() {
    for kind in [Kind::Likes, Kind::Presence, Kind::Gap] {
        assert_eq!(MessageText::new(&region(), &entry(kind)), None);
    }
}

#[test]
fn what_is_not_json_does_not_break_the_batch() {
    for bad in ["{", "1,2", "]}", "\"\n\"", "{\"a\":1}}", "1e999"] {
        let mut in_data = entry(Kind::Chat);
        in_data.data = bad.into();
        let mut in_info = entry(Kind::Chat);
        in_info.info = bad.into();
        for damaged in [in_data, in_info] {
            let text = MessageText::new(&region(), &damaged).unwrap();
            assert!(text.is_damaged(), "{bad}");
            let read: frames::Message = serde_json::from_slice(text.as_bytes()).unwrap();
            assert_eq!(read.info, None);
            assert_eq!(read.data.is_some(), damaged.data != bad);
        }
    }
    assert!(
        !MessageText::new(&region(), &entry(Kind::Chat))
            .unwrap()
            .is_damaged()
    );
}

#[test]
fn server_frames() {
    let one = message(&entry(Kind::Chat));
    let other = message(&entry(Kind::Gift));
    let both = [one.as_bytes(), other.as_bytes()];
    let totals = Some(Counters {
        online: 1_204,
        likes: u64::MAX,
    });
    let (room, cursor) = (room(), cursor());
    let batch = |counters, left_out, messages: &[&[u8]]| {
        let head = Batch {
            room: &room,
            cursor: &cursor,
            counters,
            left_out,
        };
        written(|out| frames::batch(out, &head, messages.iter().copied()))
    };
    let list = [
        Endpoint {
            region: region(),
            url: "ws://127.0.0.1:7001/v1/connect".into(),
        },
        Endpoint {
            region: "eu-west".parse().unwrap(),
            url: "wss://live-eu-west.example/v1/connect".into(),
        },
    ];
    let node = "node-1".parse().unwrap();
    assert_snapshot!(
        [
            written(|out| frames::welcome(out, &region(), &node, &cursor)),
            batch(None, LeftOut::NONE, &both),
            batch(totals, LeftOut::Count(17), &both[..1]),
            batch(totals, LeftOut::Unknown, &[]),
            written(|out| frames::reset(out, &room, &cursor, totals)),
            written(|out| frames::reset(out, &room, &Cursor::default(), None)),
            written(|out| frames::endpoints(out, &list)),
            written(|out| frames::endpoints(out, &[])),
            written(|out| frames::error(out, ErrorCode::Banned, Some(&room))),
            written(|out| frames::error(out, ErrorCode::TryAgain, None)),
            written(|out| frames::move_away(out, 4_200, &[])),
            written(|out| frames::move_away(out, 4_200, &list)),
            written(frames::pong),
        ]
        .join("\n")
    );
}

#[test]
fn left_out_says_three_things() {
    for (left_out, expected) in [
        (LeftOut::NONE, None),
        (LeftOut::Count(9), Some(Some(9))),
        (LeftOut::Unknown, Some(None)),
    ] {
        let head = Batch {
            room: &room(),
            cursor: &cursor(),
            counters: None,
            left_out,
        };
        let text = written(|out| frames::batch(out, &head, []));
        match serde_json::from_str(&text).unwrap() {
            ServerFrame::Batch { left_out, .. } => assert_eq!(left_out, expected),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn events() {
    let (room, cursor) = (room(), cursor());
    let one = message(&entry(Kind::Chat));
    let head = Batch {
        room: &room,
        cursor: &cursor,
        counters: None,
        left_out: LeftOut::NONE,
    };
    let mut out = Vec::new();
    sse::retry(&mut out, 2_750);
    sse::event(&mut out, Some(&cursor), EventName::Batch, |out| {
        frames::batch(out, &head, [one.as_bytes()]);
    });
    sse::comment(&mut out);
    sse::event(&mut out, Some(&cursor), EventName::Reset, |out| {
        frames::reset(out, &room, &cursor, None);
    });
    sse::event(&mut out, None, EventName::Error, |out| {
        frames::error(out, ErrorCode::Kicked, Some(&room));
    });
    sse::event(&mut out, None, EventName::Move, |out| {
        frames::move_away(out, 5_000, &[]);
    });
    assert_snapshot!(String::from_utf8(out).unwrap());
}

#[test]
fn every_error_has_a_frame() {
    for code in ErrorCode::ALL {
        let text = written(|out| frames::error(out, code, Some(&room())));
        match serde_json::from_str(&text).unwrap() {
            ServerFrame::Error { code: read, .. } => assert_eq!(read, code),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn client_frames_are_read() {
    let subscribe = ClientFrame::parse(
        r#" {"later":{"a":[1]},"cursor":null,"ticket":"t1.a","room":"~alice","type":"subscribe"}"#,
    );
    let expected = ClientFrame::Subscribe {
        room: "~alice".parse().unwrap(),
        ticket: "t1.a".into(),
        cursor: None,
    };
    assert_eq!(subscribe, Ok(expected));
    // What a frame does not use may hold anything.
    assert_eq!(
        ClientFrame::parse(r#"{"type":"ping","room":{"no":"string"},"cursor":5}"#),
        Ok(ClientFrame::Ping)
    );
    assert_eq!(
        ClientFrame::parse(r#"{"type":"p\u0069ng"}"#),
        Ok(ClientFrame::Ping)
    );
}

#[test]
fn bad_client_frames_are_refused() {
    let long = |n: usize| "x".repeat(n);
    let cases: Vec<(String, CloseCode)> = [
        "",
        "null",
        "[]",
        r#"["ping",null,null,null,null,null]"#,
        "\"ping\"",
        "{}",
        "{",
        r#"{"type":"ping"} {}"#,
        r#"{"type":"ping","type":"ping"}"#,
        r#"{"type":"Ping"}"#,
        r#"{"type":"batch"}"#,
        r#"{"type":5}"#,
        r#"{"type":null}"#,
        r#"{"type":"hello"}"#,
        r#"{"type":"hello","client":"a"}"#,
        r#"{"type":"hello","client":"a","version":1}"#,
        r#"{"type":"subscribe","room":"a"}"#,
        r#"{"type":"subscribe","ticket":"a"}"#,
        r#"{"type":"subscribe","room":"a b","ticket":"t"}"#,
        r#"{"type":"subscribe","room":"a","ticket":["t"]}"#,
        r#"{"type":"subscribe","room":"a","ticket":"t","cursor":1}"#,
        r#"{"type":"unsubscribe","room":""}"#,
        r#"{"type":"refresh","room":"a","ticket":null}"#,
        "{\"type\":\"pi\u{0}ng\"}",
    ]
    .into_iter()
    .map(|text| (text.to_owned(), BadFrame))
    .chain([
        (
            format!(
                r#"{{"type":"hello","client":"{}","version":"1"}}"#,
                long(65)
            ),
            BadFrame,
        ),
        (
            format!(
                r#"{{"type":"refresh","room":"a","ticket":"{}"}}"#,
                long(769)
            ),
            BadFrame,
        ),
        (
            r#"{"type":"subscribe","room":"a","ticket":"t","cursor":"x"}"#.to_owned(),
            BadCursor,
        ),
        (
            r#"{"type":"hello","client":"a","version":"1","cursor":""}"#.to_owned(),
            BadCursor,
        ),
        (
            format!(
                r#"{{"type":"hello","client":"a","version":"1","cursor":"1{}"}}"#,
                long(1024)
            ),
            BadCursor,
        ),
    ])
    .collect();
    for (text, code) in cases {
        assert_eq!(ClientFrame::parse(&text), Err(code), "{text}");
    }
}

#[test]
fn depth_does_not_matter() {
    let deep = 8_000;
    let nested = format!(
        r#"{{"type":"ping","x":{}{}}}"#,
        "[".repeat(deep),
        "]".repeat(deep)
    );
    assert_eq!(ClientFrame::parse(&nested), Ok(ClientFrame::Ping));
    let as_room = nested
        .replace("\"x\"", "\"room\"")
        .replace("ping", "unsubscribe");
    assert_eq!(ClientFrame::parse(&as_room), Err(BadFrame));
    assert_eq!(ClientFrame::parse(&"[".repeat(16_000)), Err(BadFrame));
}

#[test]
fn client_frames() {
    let frames = [
        ClientFrame::Hello {
            client: "tidegate-js".into(),
            version: "0.1.0".into(),
            cursor: Some(cursor()),
        },
        ClientFrame::Subscribe {
            room: room(),
            ticket: "t1.k.p.m".into(),
            cursor: Some(cursor()),
        },
        ClientFrame::Unsubscribe { room: room() },
        ClientFrame::Refresh {
            room: room(),
            ticket: "t1.k.p.m".into(),
        },
        ClientFrame::Ping,
    ];
    let texts = frames.map(|frame| {
        let mut out = Vec::new();
        frame.write(&mut out);
        String::from_utf8(out).unwrap()
    });
    assert_snapshot!(texts.join("\n"));
}

proptest! {
    #[test]
    fn client_frames_survive(client in ".{0,16}", version in ".{0,16}", room in "[A-Za-z0-9._-]{1,64}", ticket in "[ -~]{0,768}", live: bool) {
        let cursor = (!live).then(cursor);
        let room: RoomId = room.parse().unwrap();
        let frames = [
            ClientFrame::Hello { client: client.into(), version: version.into(), cursor: cursor.clone() },
            ClientFrame::Subscribe { room: room.clone(), ticket: ticket.as_str().into(), cursor },
            ClientFrame::Unsubscribe { room: room.clone() },
            ClientFrame::Refresh { room, ticket: ticket.as_str().into() },
        ];
        for frame in frames {
            let mut out = Vec::new();
            frame.write(&mut out);
            let text = std::str::from_utf8(&out).unwrap();
            prop_assert_eq!(ClientFrame::parse(text), Ok(frame));
        }
    }

    #[test]
    fn no_text_panics(text in ".{0,100}|\\{\"type\":\"(hello|subscribe|ping)\"[\\[\\]{},:\"a-z0-9]{0,60}\\}?") {
        let _ = ClientFrame::parse(&text);
    }

    #[test]
    fn batches_are_one_line_of_json(sub in any::<String>(), info in any::<String>(), data in any::<String>(), key in any::<String>(), count in 0..4_usize) {
        let mut wild = entry(Kind::Chat);
        (wild.sub, wild.info, wild.data, wild.key) = (sub.clone(), info, data, key);
        let text = MessageText::new(&region(), &wild).unwrap();
        let head = Batch { room: &room(), cursor: &cursor(), counters: None, left_out: LeftOut::NONE };
        let mut out = Vec::new();
        frames::batch(&mut out, &head, std::iter::repeat_n(text.as_bytes(), count));
        prop_assert!(!out.iter().any(|byte| matches!(byte, b'\n' | b'\r')));
        match serde_json::from_slice(&out).unwrap() {
            ServerFrame::Batch { messages, .. } => {
                prop_assert_eq!(messages.len(), count);
                prop_assert!(messages.iter().all(|message| message.sub == sub));
            }
            other => prop_assert!(false, "{:?}", other),
        }
    }
}
