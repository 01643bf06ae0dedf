//! The binary sub-protocol: as it lies on the wire, and that it says what JSON says.

use crate::sample::{cursor, entry, region, room};
use insta::assert_snapshot;
use proptest::prelude::*;
use serde_json::Value;
use tidegate_protocol::CloseCode::{self, BadCursor, BadFrame};
use tidegate_protocol::frames::{
    self, Batch, ClientFrame, Counters, Endpoint, ErrorCode, LeftOut, MessageText, Notice, cbor,
};
use tidegate_stream::{Kind, RoomId};

/// Diagnostic notation (RFC 8949, section 8), as far as frames go, one hex dump beside it.
fn shown(bytes: &[u8]) -> String {
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{hex}\n{}", cbor::json(bytes).expect("a frame reads back"))
}

fn both(json: impl FnOnce(&mut Vec<u8>), cbor: impl FnOnce(&mut Vec<u8>)) -> String {
    let (mut text, mut bytes) = (Vec::new(), Vec::new());
    json(&mut text);
    cbor(&mut bytes);
    let same: Value = serde_json::from_slice(&text).unwrap();
    assert_eq!(cbor::json(&bytes), Some(same));
    shown(&bytes)
}

#[test]
fn server_frames() {
    let mut full = entry(Kind::Gift);
    full.info = r#"{"name":"Alice \"A\"", "level":3}"#.into();
    full.key = "order-17".into();
    full.sub = "a\"\n\u{e9}".into();
    let mut hidden = full.clone();
    hidden.hidden = true;
    hidden.data = String::new();
    let mut bare = entry(Kind::Control);
    bare.data = String::new();
    let messages: Vec<MessageText> = [entry(Kind::Chat), full, hidden, bare]
        .iter()
        .map(|entry| MessageText::new(&region(), entry).unwrap())
        .collect();
    let totals = Some(Counters {
        online: 1_204,
        likes: u64::MAX,
    });
    let (room, cursor) = (room(), cursor());
    let batch = |counters, left_out, messages: &[MessageText]| {
        let head = Batch {
            room: &room,
            cursor: &cursor,
            counters,
            left_out,
        };
        both(
            |out| frames::batch(out, &head, messages.iter().map(MessageText::as_bytes)),
            |out| cbor::batch(out, &head, messages.iter()),
        )
    };
    let reset = |totals| {
        both(
            |out| frames::reset(out, &room, &cursor, totals),
            |out| cbor::reset(out, &room, &cursor, totals),
        )
    };
    let notice = |notice: Notice<'_>| both(|out| notice.json(out), |out| notice.cbor(out));
    let list = [Endpoint {
        region: region(),
        url: "ws://127.0.0.1:7001/v1/connect".into(),
    }];
    let node = "node-1".parse().unwrap();
    assert_snapshot!(
        [
            notice(Notice::Welcome {
                region: &region(),
                node: &node,
                cursor: &cursor
            }),
            batch(None, LeftOut::NONE, &messages),
            batch(totals, LeftOut::Count(17), &messages[..1]),
            batch(totals, LeftOut::Unknown, &[]),
            reset(totals),
            reset(None),
            notice(Notice::Endpoints(&list)),
            notice(Notice::Endpoints(&[])),
            notice(Notice::Error(ErrorCode::Banned, Some(&room))),
            notice(Notice::Error(ErrorCode::TryAgain, None)),
            notice(Notice::Move {
                within_ms: 4_200,
                endpoints: &[]
            }),
            notice(Notice::Move {
                within_ms: 4_200,
                endpoints: &list
            }),
            notice(Notice::Pong),
        ]
        .join("\n")
    );
}

fn client_frames<'a>() -> [ClientFrame<'a>; 5] {
    [
        ClientFrame::Hello {
            client: "tidegate-rs".into(),
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
    ]
}

#[test]
fn what_clients_send() {
    let shown = client_frames().map(|frame| {
        let mut out = Vec::new();
        frame.write_cbor(&mut out);
        assert_eq!(ClientFrame::parse_cbor(&out), Ok(frame));
        shown(&out)
    });
    assert_snapshot!(shown.join("\n"));
}

/// A map of texts, by number.
fn map(fields: &[(u8, &[u8])]) -> Vec<u8> {
    let mut out = vec![0xa0 | fields.len() as u8];
    for (number, value) in fields {
        out.push(*number);
        out.extend(*value);
    }
    out
}

fn text(text: &str) -> Vec<u8> {
    let mut out = vec![0x79];
    out.extend((text.len() as u16).to_be_bytes());
    out.extend(text.as_bytes());
    out
}

#[test]
fn lenient_where_json_is() {
    // Lengths need not be the shortest, a map may have any fields in any order, and null is as good as absent.
    let odd = [
        &b"\xb9\x00\x05"[..],
        &[0x18, 0x63],
        &[0x82, 0xc1, 0x01, 0xfb, 0, 0, 0, 0, 0, 0, 0, 0],
        &text("room"),
        &text("skipped: not a number"),
        &[0x19, 0x00, 0x00],
        &text("unsubscribe"),
        &[0x02, 0xf6],
        &[0x01],
        &text("a"),
    ]
    .concat();
    assert_eq!(
        ClientFrame::parse_cbor(&odd),
        Ok(ClientFrame::Unsubscribe {
            room: "a".parse().unwrap()
        })
    );
    // What a frame does not use may hold anything.
    let ping = map(&[(0, b"\x64ping"), (1, b"\x81\x80"), (2, b"\x20")]);
    assert_eq!(ClientFrame::parse_cbor(&ping), Ok(ClientFrame::Ping));
}

#[test]
fn bad_client_frames_are_refused() {
    let long = "x".repeat(769);
    let cases: Vec<(Vec<u8>, CloseCode)> = [
        vec![],
        b"\xf6".to_vec(),
        b"\x80".to_vec(),
        b"\x64ping".to_vec(),
        b"\xa0".to_vec(),
        b"\xa1".to_vec(),
        b"\xa1\x00".to_vec(),
        b"\xa1\x00\x64pin".to_vec(),
        b"\xa1\x00\x64ping\xa0".to_vec(),
        b"\xa2\x00\x64ping\x00\x64ping".to_vec(),
        b"\xbf\x00\x64ping\xff".to_vec(),
        b"\xa1\x00\x7f\x64ping\xff".to_vec(),
        b"\xa1\x00\x44ping".to_vec(),
        b"\xa1\x00\x64Ping".to_vec(),
        b"\xa1\x00\xf6".to_vec(),
        b"\xa1\x00\x62\xff\xfe".to_vec(),
        b"\xbb\xff\xff\xff\xff\xff\xff\xff\xff\x00\x64ping".to_vec(),
        b"{\"type\":\"ping\"}".to_vec(),
        map(&[(0, &text("batch"))]),
        map(&[(0, &text("hello"))]),
        map(&[(0, &text("hello")), (4, &text("a"))]),
        map(&[(0, &text("hello")), (4, &text(&long[..65])), (5, b"\x611")]),
        map(&[(0, &text("subscribe")), (1, b"\x61a")]),
        map(&[(0, &text("subscribe")), (1, b"\x63a b"), (3, b"\x61t")]),
        map(&[(0, &text("subscribe")), (1, b"\x61a"), (3, b"\x81\x61t")]),
        map(&[
            (0, &text("subscribe")),
            (1, b"\x61a"),
            (3, b"\x61t"),
            (2, b"\x01"),
        ]),
        map(&[(0, &text("refresh")), (1, b"\x61a"), (3, &text(&long))]),
        map(&[(0, &text("unsubscribe")), (1, b"\x60")]),
    ]
    .into_iter()
    .map(|bytes| (bytes, BadFrame))
    .chain([
        (
            map(&[
                (0, &text("subscribe")),
                (1, b"\x61a"),
                (3, b"\x61t"),
                (2, b"\x61x"),
            ]),
            BadCursor,
        ),
        (
            map(&[
                (0, &text("hello")),
                (4, b"\x61a"),
                (5, b"\x611"),
                (2, b"\x60"),
            ]),
            BadCursor,
        ),
    ])
    .collect();
    for (bytes, code) in cases {
        assert_eq!(ClientFrame::parse_cbor(&bytes), Err(code), "{bytes:02x?}");
    }
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
            let (mut binary, mut json) = (Vec::new(), Vec::new());
            frame.write_cbor(&mut binary);
            frame.write(&mut json);
            prop_assert_eq!(cbor::json(&binary), Some(serde_json::from_slice(&json).unwrap()));
            prop_assert_eq!(ClientFrame::parse_cbor(&binary), Ok(frame));
        }
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..80), cut in 0..90_usize) {
        let _ = ClientFrame::parse_cbor(&bytes);
        let _ = cbor::json(&bytes);
        let mut frame = Vec::new();
        client_frames()[1].write_cbor(&mut frame);
        prop_assert_eq!(ClientFrame::parse_cbor(&frame[..cut.min(frame.len() - 1)]), Err(BadFrame));
    }

    #[test]
    fn batches_say_what_those_of_json_say(sub in any::<String>(), info in any::<String>(), data in "[\\[\\]{},:0-9eE.+\"\\\\undfaltrs8c \n-]{0,40}", key in any::<String>(), hidden: bool, count in 0..30_usize) {
        let mut wild = entry(Kind::Chat);
        (wild.sub, wild.info, wild.data, wild.key, wild.hidden) = (sub, info, data, key, hidden);
        let message = MessageText::new(&region(), &wild).unwrap();
        let (room, cursor) = (room(), cursor());
        let head = Batch { room: &room, cursor: &cursor, counters: None, left_out: LeftOut::NONE };
        let (mut json, mut binary) = (Vec::new(), Vec::new());
        frames::batch(&mut json, &head, std::iter::repeat_n(message.as_bytes(), count));
        cbor::batch(&mut binary, &head, std::iter::repeat_n(&message, count));
        prop_assert_eq!(cbor::json(&binary), Some(serde_json::from_slice(&json).unwrap()));
        prop_assert!(binary.len() < json.len());
    }
}
