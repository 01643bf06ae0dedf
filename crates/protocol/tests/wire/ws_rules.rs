//! What RFC 6455 demands of a server, rule by rule.

use crate::support::*;
use tidegate_protocol::CloseCode::{BadData, ProtocolError, TooBig, WrongType};
use tidegate_protocol::limits::MESSAGE_BYTES;
use tidegate_protocol::ws::{self, Inflater, Parser};

const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

fn text(text: &str) -> Seen {
    Seen::Text(text.to_owned())
}

#[test]
fn the_examples_of_section_5_7() {
    let masked_hello = [
        0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58,
    ];
    assert_eq!(read(&masked_hello), [text("Hello")]);
    let masked_pong = [
        0x8a, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58,
    ];
    assert_eq!(read(&masked_pong), [Seen::Pong(b"Hello".to_vec())]);

    let mut sent = Vec::new();
    ws::text_frame(&mut sent, |out| out.extend_from_slice(b"Hello"));
    assert_eq!(sent, [0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f]);
    sent.clear();
    ws::ping_frame(&mut sent, b"Hello");
    assert_eq!(sent, [0x89, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f]);
}

#[test]
fn section_5_1_an_unmasked_frame_ends_the_connection() {
    assert_fault(&[0x81, 0x02, b'{', b'}'], ProtocolError);
    assert_fault(&[0x89, 0x00], ProtocolError);
}

#[test]
fn section_5_2_reserved_bits_and_opcodes() {
    for bit in [0x40, 0x20, 0x10] {
        assert_fault(&frame(FIN | TEXT | bit, KEY, b"{}"), ProtocolError);
        assert_fault(&frame(FIN | PING | bit, KEY, b""), ProtocolError);
    }
    for opcode in [0x3, 0x4, 0x5, 0x6, 0x7, 0xb, 0xc, 0xd, 0xe, 0xf] {
        assert_fault(&frame(FIN | opcode, KEY, b""), ProtocolError);
    }
}

#[test]
fn section_5_2_lengths_are_written_the_shortest_way() {
    for short in [0_u16, 1, 125] {
        let [a, b] = short.to_be_bytes();
        assert_fault(&[0x81, 0xfe, a, b, 0, 0, 0, 0], ProtocolError);
    }
    for short in [0_u64, 125, 126, 0xffff] {
        let mut head = vec![0x81, 0xff];
        head.extend(short.to_be_bytes());
        assert_fault(&head, ProtocolError);
    }
    let mut head = vec![0x81, 0xff];
    head.extend((1_u64 << 63).to_be_bytes());
    assert_fault(&head, ProtocolError);
}

#[test]
fn every_length_at_its_bounds() {
    for length in [0, 1, 125, 126, 127, 255, 256, MESSAGE_BYTES] {
        let body = "x".repeat(length);
        assert_eq!(
            read(&frame(FIN | TEXT, KEY, body.as_bytes())),
            [text(&body)],
            "{length}"
        );
    }
    for length in [MESSAGE_BYTES + 1, 0xffff, 0x1_0000, 1 << 40] {
        // The head alone is enough to refuse it.
        let mut head = vec![0x81];
        match u16::try_from(length) {
            Ok(short) => {
                head.push(0xfe);
                head.extend(short.to_be_bytes());
            }
            Err(_) => {
                head.push(0xff);
                head.extend((length as u64).to_be_bytes());
            }
        }
        assert_fault(&head, TooBig);
    }
}

#[test]
fn fragments_count_together() {
    let half = vec![b'x'; MESSAGE_BYTES / 2];
    let mut bytes = frame(TEXT, KEY, &half);
    bytes.extend(frame(CONTINUATION, KEY, &half));
    let most = [bytes.clone(), frame(FIN | CONTINUATION, KEY, b"")].concat();
    assert_eq!(read(&most), [text(&"x".repeat(MESSAGE_BYTES))]);
    bytes.extend(frame(FIN | CONTINUATION, KEY, b"y"));
    assert_fault(&bytes, TooBig);
}

#[test]
fn section_5_4_fragments_and_what_may_come_between() {
    let mut bytes = frame(TEXT, KEY, b"one ");
    bytes.extend(frame(FIN | PING, [9, 8, 7, 6], b"still there?"));
    bytes.extend(frame(CONTINUATION, [0; 4], b"two "));
    bytes.extend(frame(FIN | PONG, KEY, b""));
    bytes.extend(frame(CONTINUATION, KEY, b""));
    bytes.extend(frame(FIN | CONTINUATION, [1, 2, 3, 4], b"three"));
    bytes.extend(frame(FIN | TEXT, KEY, b"next"));
    let expected = [
        Seen::Ping(b"still there?".to_vec()),
        Seen::Pong(vec![]),
        text("one two three"),
        text("next"),
    ];
    assert_eq!(read(&bytes), expected);

    assert_fault(&frame(FIN | CONTINUATION, KEY, b"of what?"), ProtocolError);
    let two_begun = [frame(TEXT, KEY, b"a"), frame(FIN | TEXT, KEY, b"b")].concat();
    assert_fault(&two_begun, ProtocolError);
    let ended_twice = [
        frame(TEXT, KEY, b"a"),
        frame(FIN | CONTINUATION, KEY, b"b"),
        frame(FIN | CONTINUATION, KEY, b"c"),
    ]
    .concat();
    assert_fault(&ended_twice, ProtocolError);
}

#[test]
fn section_5_5_control_frames_are_short_and_whole() {
    for opcode in [PING, PONG, CLOSE] {
        assert_fault(&frame(FIN | opcode, KEY, &[b'x'; 126]), ProtocolError);
        assert_fault(&frame(opcode, KEY, b""), ProtocolError);
    }
    let longest = [7; 125];
    assert_eq!(
        read(&frame(FIN | PING, KEY, &longest)),
        [Seen::Ping(longest.to_vec())]
    );
}

#[test]
fn section_5_5_1_close_frames() {
    let close = |payload: &[u8]| frame(FIN | CLOSE, KEY, payload);
    let with = |status: u16, reason: &[u8]| [&status.to_be_bytes(), reason].concat();
    assert_eq!(read(&close(b"")), [Seen::Close(None)]);
    assert_fault(&close(b"\x03"), ProtocolError);
    for good in [
        1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 3000, 4999,
    ] {
        assert_eq!(
            read(&close(&with(good, "gone \u{2014} bye".as_bytes()))),
            [Seen::Close(Some(good))]
        );
    }
    for bad in [
        0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535,
    ] {
        assert_fault(&close(&with(bad, b"")), ProtocolError);
    }
    assert_fault(&close(&with(1000, b"\xff")), BadData);
}

#[test]
fn section_5_5_1_nothing_after_a_close_is_read() {
    let bytes = [
        frame(FIN | CLOSE, KEY, &1000_u16.to_be_bytes()),
        frame(FIN | TEXT, KEY, b"late"),
    ]
    .concat();
    let mut input = bytes.clone();
    let (mut parser, mut inflater) = (Parser::new(), Inflater::default());
    let mut events = parser.read(&mut input, JSON, &mut inflater);
    assert_eq!(events.next(), Ok(Some(ws::Event::Close(Some(1000)))));
    assert_eq!(events.next(), Ok(None));
    assert_eq!(events.next(), Ok(None));
}

#[test]
fn nothing_after_a_fault_is_read() {
    let mut input = [
        frame(FIN | TEXT, KEY, b"\xff"),
        frame(FIN | TEXT, KEY, b"late"),
    ]
    .concat();
    let (mut parser, mut inflater) = (Parser::new(), Inflater::default());
    let mut events = parser.read(&mut input, JSON, &mut inflater);
    assert_eq!(events.next(), Err(BadData));
    assert_eq!(events.next(), Ok(None));
    assert!(parser.is_idle());
}

#[test]
fn section_8_1_text_is_utf_8() {
    for bad in [
        &b"\xff"[..],
        b"\xc0\xaf",
        b"\xed\xa0\x80",
        b"\xf4\x90\x80\x80",
        b"abc\xe2\x82",
    ] {
        assert_fault(&frame(FIN | TEXT, KEY, bad), BadData);
    }
    // A character may be cut by a fragment's end.
    let euro = "\u{20ac}".as_bytes();
    for cut in 0..=3 {
        let bytes = [
            frame(TEXT, KEY, &euro[..cut]),
            frame(FIN | CONTINUATION, KEY, &euro[cut..]),
        ]
        .concat();
        assert_eq!(read(&bytes), [text("\u{20ac}")]);
    }
}

#[test]
fn each_sub_protocol_has_one_type_of_message() {
    assert_fault(&frame(FIN | BINARY, KEY, b"{}"), WrongType);
    assert_fault(&frame(BINARY, KEY, b"{}"), WrongType);
    assert_fault_as(CBOR, &frame(FIN | TEXT, KEY, b"\xa0"), WrongType);
    assert_fault_as(CBOR_DEFLATED, &frame(RSV1 | TEXT, KEY, b""), WrongType);
    // What is no message goes on either.
    let binary = [
        frame(BINARY, KEY, b"\xff"),
        frame(FIN | PING, KEY, b"?"),
        frame(FIN | CONTINUATION, KEY, b"\x00"),
    ]
    .concat();
    assert_eq!(
        read_as(CBOR, &binary),
        [
            Seen::Ping(b"?".to_vec()),
            Seen::Binary(b"\xff\x00".to_vec())
        ]
    );
}

#[test]
fn a_message_of_many_fragments_with_every_control_frame_between() {
    let mut bytes = frame(TEXT, KEY, b"");
    let mut expected = Vec::new();
    for index in 0..40_u8 {
        bytes.extend(frame(FIN | PING, [index; 4], &[index]));
        bytes.extend(frame(CONTINUATION, [index, 1, 2, 3], b"a"));
        bytes.extend(frame(FIN | PONG, KEY, &[index; 125]));
        expected.push(Seen::Ping(vec![index]));
        expected.push(Seen::Pong(vec![index; 125]));
    }
    // A close may come before the message has ended: nothing more is owed.
    bytes.extend(frame(FIN | CLOSE, KEY, &1001_u16.to_be_bytes()));
    expected.push(Seen::Close(Some(1001)));
    assert_eq!(read(&bytes), expected);
}

#[test]
fn section_5_3_each_frame_has_a_mask_of_its_own() {
    for key in [[0; 4], [0xff; 4], [1, 2, 3, 4]] {
        for length in [0, 1, 3, 4, 5, 63, 64, 65, 1_000] {
            let body = "m".repeat(length);
            let bytes = [
                frame(TEXT, key, body.as_bytes()),
                frame(FIN | CONTINUATION, KEY, body.as_bytes()),
            ]
            .concat();
            assert_eq!(read(&bytes), [text(&body.repeat(2))]);
        }
    }
    // An unmasked frame after masked ones, and within a message.
    let late = [&frame(FIN | TEXT, KEY, b"a")[..], &[0x81, 0x00]].concat();
    assert_fault(&late, ProtocolError);
    let within = [&frame(TEXT, KEY, b"a")[..], &[0x80, 0x00]].concat();
    assert_fault(&within, ProtocolError);
}

#[test]
fn section_5_5_1_a_close_is_answered_with_its_code() {
    for (status, answer) in [
        (Some(1000), &[0x88, 2, 0x03, 0xe8][..]),
        (Some(4999), &[0x88, 2, 0x13, 0x87]),
        (None, &[0x88, 0]),
    ] {
        let mut out = Vec::new();
        ws::close_answer(&mut out, status);
        assert_eq!(out, answer);
    }
}

#[test]
fn an_idle_connection_costs_one_pointer() {
    assert_eq!(size_of::<Parser>(), size_of::<usize>());
    let mut parser = Parser::new();
    let message = frame(FIN | TEXT, KEY, b"whole");
    events(&mut parser, &[&message]);
    assert!(parser.is_idle());
    events(&mut parser, &[&message[..3]]);
    assert!(!parser.is_idle());
    assert_eq!(events(&mut parser, &[&message[3..]]), [text("whole")]);
    assert!(parser.is_idle());
    // Between two fragments the first is kept.
    events(&mut parser, &[&frame(TEXT, KEY, b"a")]);
    assert!(!parser.is_idle());
    events(&mut parser, &[&frame(FIN | CONTINUATION, KEY, b"b")]);
    assert!(parser.is_idle());
}

#[test]
fn every_frame_is_counted() {
    let mut input = [
        frame(TEXT, KEY, b""),
        frame(CONTINUATION, KEY, b""),
        frame(FIN | PING, KEY, b""),
        frame(FIN | CONTINUATION, KEY, b""),
        frame(FIN | TEXT, KEY, b""),
        frame(FIN | TEXT, KEY, b"cut")[..4].to_vec(),
    ]
    .concat();
    let (mut parser, mut inflater) = (Parser::new(), Inflater::default());
    let mut events = parser.read(&mut input, JSON, &mut inflater);
    while let Ok(Some(_)) = events.next() {}
    assert_eq!(events.frames(), 5);
}
