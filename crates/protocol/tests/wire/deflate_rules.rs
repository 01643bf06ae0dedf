//! What RFC 7692 demands of a server, rule by rule, for messages without context takeover.

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress};
use proptest::prelude::*;
use proptest::sample::Index;
use tidegate_protocol::CloseCode::{BadData, ProtocolError, TooBig};
use tidegate_protocol::limits::{DEFLATE_BYTES, LAST_BLOCKS, MESSAGE_BYTES};
use tidegate_protocol::ws::{Deflater, Event, Inflater, Parser};

use crate::support::*;

const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

fn text(text: &str) -> Seen {
    Seen::Text(text.to_owned())
}

/// The payload of section 7.2.3.1: "Hello" in one block.
const HELLO: [u8; 7] = [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];

#[test]
fn section_7_2_3_1_one_frame_and_two() {
    let one = frame(FIN | RSV1 | TEXT, KEY, &HELLO);
    assert_eq!(read_as(JSON_DEFLATED, &one), [text("Hello")]);
    let two = [
        frame(RSV1 | TEXT, KEY, &HELLO[..3]),
        frame(FIN | CONTINUATION, KEY, &HELLO[3..]),
    ]
    .concat();
    assert_eq!(read_as(JSON_DEFLATED, &two), [text("Hello")]);
}

#[test]
fn section_7_2_3_2_nothing_is_kept_from_one_message_to_the_next() {
    let again = [0xf2, 0x00, 0x11, 0x00, 0x00];
    let bytes = [
        frame(FIN | RSV1 | TEXT, KEY, &HELLO),
        // Refers to the first, which a client must not do.
        frame(FIN | RSV1 | TEXT, KEY, &again),
    ]
    .concat();
    assert_eq!(
        read_as(JSON_DEFLATED, &bytes),
        [text("Hello"), Seen::Fault(BadData)]
    );
    let twice = frame(FIN | RSV1 | TEXT, KEY, &HELLO).repeat(2);
    assert_eq!(
        read_as(JSON_DEFLATED, &twice),
        [text("Hello"), text("Hello")]
    );
}

#[test]
fn section_7_2_3_3_a_block_without_compression() {
    let stored = [
        0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00,
    ];
    let bytes = frame(FIN | RSV1 | TEXT, KEY, &stored);
    assert_eq!(read_as(JSON_DEFLATED, &bytes), [text("Hello")]);
}

#[test]
fn section_7_2_3_4_a_last_block() {
    let last = [0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00];
    let bytes = frame(FIN | RSV1 | TEXT, KEY, &last);
    assert_eq!(read_as(JSON_DEFLATED, &bytes), [text("Hello")]);
}

#[test]
fn section_7_2_3_5_two_blocks() {
    let two = [
        0xf2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xff, 0xff, 0xca, 0xc9, 0xc9, 0x07, 0x00,
    ];
    let bytes = frame(FIN | RSV1 | TEXT, KEY, &two);
    assert_eq!(read_as(JSON_DEFLATED, &bytes), [text("Hello")]);
}

#[test]
fn section_6_1_an_empty_message() {
    let bytes = frame(FIN | RSV1 | TEXT, KEY, &[0x00]);
    assert_eq!(read_as(JSON_DEFLATED, &bytes), [text("")]);
    let bytes = frame(FIN | RSV1 | BINARY, KEY, &[0x00]);
    assert_eq!(read_as(CBOR_DEFLATED, &bytes), [Seen::Binary(vec![])]);
}

#[test]
fn section_6_messages_may_stay_as_they_are() {
    let bytes = [
        frame(FIN | TEXT, KEY, b"plain"),
        frame(FIN | RSV1 | TEXT, KEY, &HELLO),
        frame(TEXT, KEY, b"plain "),
        frame(FIN | CONTINUATION, KEY, b"again"),
    ]
    .concat();
    assert_eq!(
        read_as(JSON_DEFLATED, &bytes),
        [text("plain"), text("Hello"), text("plain again")]
    );
}

#[test]
fn section_6_1_the_bit_stands_on_first_frames_of_messages_only() {
    for opcode in [PING, PONG, CLOSE] {
        assert_fault_as(
            JSON_DEFLATED,
            &frame(FIN | RSV1 | opcode, KEY, b""),
            ProtocolError,
        );
    }
    let marked = [
        frame(RSV1 | TEXT, KEY, &HELLO[..3]),
        frame(FIN | RSV1 | CONTINUATION, KEY, &HELLO[3..]),
    ]
    .concat();
    assert_fault_as(JSON_DEFLATED, &marked, ProtocolError);
    for other in [0x20, 0x10, 0x60, 0x50] {
        let bytes = frame(FIN | other | TEXT, KEY, &HELLO);
        assert_fault_as(JSON_DEFLATED, &bytes, ProtocolError);
    }
    // Not agreed on.
    assert_fault_as(JSON, &frame(FIN | RSV1 | TEXT, KEY, &HELLO), ProtocolError);
    assert_fault_as(
        CBOR,
        &frame(FIN | RSV1 | BINARY, KEY, &HELLO),
        ProtocolError,
    );
}

#[test]
fn control_frames_between_fragments_are_not_compressed() {
    let bytes = [
        frame(RSV1 | TEXT, KEY, &HELLO[..1]),
        frame(FIN | PING, KEY, &HELLO),
        frame(CONTINUATION, KEY, &HELLO[1..5]),
        frame(FIN | PONG, KEY, b""),
        frame(FIN | CONTINUATION, KEY, &HELLO[5..]),
    ]
    .concat();
    assert_eq!(
        read_as(JSON_DEFLATED, &bytes),
        [
            Seen::Ping(HELLO.to_vec()),
            Seen::Pong(vec![]),
            text("Hello")
        ]
    );
}

#[test]
fn what_is_inflated_is_text_too() {
    let euro = packed("\u{20ac}".as_bytes());
    let bytes = frame(FIN | RSV1 | TEXT, KEY, &euro);
    assert_eq!(read_as(JSON_DEFLATED, &bytes), [text("\u{20ac}")]);
    let bad = packed(b"\xe2\x82");
    assert_fault_as(JSON_DEFLATED, &frame(FIN | RSV1 | TEXT, KEY, &bad), BadData);
    let bytes = frame(FIN | RSV1 | BINARY, KEY, &bad);
    assert_eq!(
        read_as(CBOR_DEFLATED, &bytes),
        [Seen::Binary(b"\xe2\x82".to_vec())]
    );
}

#[test]
fn what_cannot_be_inflated_is_refused() {
    for bad in [
        &b""[..],
        b"\xff",
        b"\x07",
        // Begins a block and does not end it.
        &HELLO[..3],
        // A stored block that would swallow what ends the message.
        &[0x00, 0x04, 0x00, 0xfb, 0xff],
        &[0x00, 0x09, 0x00, 0xf6, 0xff],
        // A distance beyond what has come.
        &[0xf2, 0x00, 0x11, 0x00, 0x00],
    ] {
        let bytes = frame(FIN | RSV1 | TEXT, KEY, bad);
        assert_fault_as(JSON_DEFLATED, &bytes, BadData);
    }
}

#[test]
fn a_bomb_goes_off_at_the_limit() {
    let most = packed(&vec![b'x'; MESSAGE_BYTES]);
    assert!(most.len() < 100);
    let bytes = frame(FIN | RSV1 | TEXT, KEY, &most);
    assert_eq!(
        read_as(JSON_DEFLATED, &bytes),
        [text(&"x".repeat(MESSAGE_BYTES))]
    );
    for size in [MESSAGE_BYTES + 1, 16 * 1024 * 1024 - 5] {
        let bomb = packed(&vec![b'x'; size]);
        assert!(bomb.len() <= MESSAGE_BYTES);
        assert_fault_as(JSON_DEFLATED, &frame(FIN | RSV1 | TEXT, KEY, &bomb), TooBig);
    }
    // Last blocks that say nothing, of two bytes each.
    for (count, seen) in [
        (LAST_BLOCKS, text("")),
        (LAST_BLOCKS + 1, Seen::Fault(BadData)),
        (MESSAGE_BYTES / 2 - 1, Seen::Fault(BadData)),
    ] {
        let blocks = [&[0x03, 0x00].repeat(count)[..], &[0x00]].concat();
        let bytes = frame(FIN | RSV1 | TEXT, KEY, &blocks);
        assert_eq!(read_as(JSON_DEFLATED, &bytes), [seen]);
    }
}

#[test]
fn after_a_fault_the_inflater_is_as_good_as_new() {
    let (mut parser, mut inflater) = (Parser::new(), Inflater::default());
    let mut bad = frame(FIN | RSV1 | TEXT, KEY, &HELLO[..3]);
    let mut events = parser.read(&mut bad, JSON_DEFLATED, &mut inflater);
    assert_eq!(events.next(), Err(BadData));
    let mut parser = Parser::new();
    let mut good = frame(FIN | RSV1 | TEXT, KEY, &HELLO);
    let mut events = parser.read(&mut good, JSON_DEFLATED, &mut inflater);
    assert_eq!(events.next(), Ok(Some(Event::Text("Hello"))));
}

/// What a client makes of a server's frame: whether it was compressed, and the message.
fn opened(frame: &[u8]) -> (bool, Vec<u8>) {
    let (length, payload) = match frame[1] {
        126 => (
            usize::from(u16::from_be_bytes([frame[2], frame[3]])),
            &frame[4..],
        ),
        127 => (
            u64::from_be_bytes(frame[2..10].try_into().unwrap()) as usize,
            &frame[10..],
        ),
        short => (usize::from(short), &frame[2..]),
    };
    assert_eq!(payload.len(), length);
    if frame[0] & RSV1 == 0 {
        return (false, payload.to_vec());
    }
    let whole = [payload, &[0, 0, 0xff, 0xff]].concat();
    let mut out = Vec::with_capacity(1 << 20);
    let mut decompress = Decompress::new(false);
    decompress
        .decompress_vec(&whole, &mut out, FlushDecompress::Sync)
        .unwrap();
    assert_eq!(decompress.total_in() as usize, whole.len());
    (true, out)
}

#[test]
fn what_we_send_is_compressed_when_it_pays() {
    let mut deflater = Deflater::default();
    let mut sent = |text: &[u8]| {
        let mut out = Vec::new();
        deflater.text_frame(&mut out, |out| out.extend_from_slice(text));
        assert_eq!(out[0] & !RSV1, FIN | TEXT);
        assert_eq!(out.len(), out.capacity());
        out
    };
    let like = "{\"type\":\"batch\"}".repeat(100);
    let short = &like.as_bytes()[..DEFLATE_BYTES - 1];
    assert_eq!(opened(&sent(short)), (false, short.to_vec()));
    let least = &like.as_bytes()[..DEFLATE_BYTES];
    assert_eq!(opened(&sent(least)), (true, least.to_vec()));
    assert!(sent(like.as_bytes()).len() < like.len() / 5);
    // Twice the same gives the same: nothing is kept.
    assert_eq!(sent(like.as_bytes()), sent(like.as_bytes()));
    // What cannot be made smaller stays.
    let mut state = 1_u64;
    let noise: Vec<u8> = std::iter::repeat_with(|| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 56) as u8
    })
    .take(100_000)
    .collect();
    assert_eq!(opened(&sent(&noise)), (false, noise));
}

#[test]
fn binary_frames_too() {
    let mut out = Vec::new();
    Deflater::default().binary_frame(&mut out, |out| out.resize(70_000, 7));
    assert_eq!(out[0], FIN | RSV1 | BINARY);
    assert_eq!(opened(&out), (true, vec![7; 70_000]));
}

fn message() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..2_000),
        "(chat|gift|[a-e]{1,9}){0,400}".prop_map(String::into_bytes),
    ]
}

proptest! {
    #[test]
    fn what_we_send_reads_back(messages in prop::collection::vec(message(), 1..4)) {
        let mut deflater = Deflater::default();
        for message in messages {
            let mut out = b"before".to_vec();
            deflater.binary_frame(&mut out, |out| out.extend_from_slice(&message));
            prop_assert_eq!(opened(&out[6..]).1, message);
        }
    }

    #[test]
    fn what_clients_compress_reads_back(text in "[a-z\u{20ac}]{0,2000}", level in 0..=9_u32, cuts in prop::collection::vec(any::<Index>(), 0..4), step in 1..200_usize) {
        let mut body = Vec::with_capacity(text.len() + 1_024);
        let mut compress = Compress::new(Compression::new(level), false);
        compress.compress_vec(text.as_bytes(), &mut body, FlushCompress::Sync).unwrap();
        body.truncate(body.len() - 4);
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(body.len() + 1)).collect();
        cuts.sort_unstable();
        cuts.push(body.len());
        let mut bytes = Vec::new();
        let mut from = 0;
        for (index, &to) in cuts.iter().enumerate() {
            let first = if index == 0 { RSV1 | TEXT } else { CONTINUATION };
            let fin = if index + 1 == cuts.len() { FIN } else { 0 };
            bytes.extend(frame(fin | first, KEY, &body[from..to]));
            from = to;
        }
        let mut parser = Parser::new();
        let parts: Vec<&[u8]> = bytes.chunks(step).collect();
        prop_assert_eq!(events_as(JSON_DEFLATED, &mut parser, &parts), [Seen::Text(text)]);
        prop_assert!(parser.is_idle());
    }

    #[test]
    fn no_compressed_bytes_panic(body in prop::collection::vec(any::<u8>(), 0..300)) {
        let bytes = frame(FIN | RSV1 | BINARY, KEY, &body);
        let seen = read_as(CBOR_DEFLATED, &bytes);
        prop_assert_eq!(seen.len(), 1);
    }
}
