//! A client's side, byte by byte, so that tests can also break the rules.

use flate2::{Compress, Compression, FlushCompress};
use tidegate_protocol::CloseCode;
use tidegate_protocol::frames::SubProtocol;
use tidegate_protocol::ws::{Agreed, Event, Inflater, Parser};

pub const CONTINUATION: u8 = 0x0;
pub const TEXT: u8 = 0x1;
pub const BINARY: u8 = 0x2;
pub const CLOSE: u8 = 0x8;
pub const PING: u8 = 0x9;
pub const PONG: u8 = 0xa;
pub const FIN: u8 = 0x80;
pub const RSV1: u8 = 0x40;

pub const JSON: Agreed = Agreed {
    sub_protocol: SubProtocol::Json,
    deflate: false,
};
pub const CBOR: Agreed = Agreed {
    sub_protocol: SubProtocol::Cbor,
    deflate: false,
};
pub const JSON_DEFLATED: Agreed = Agreed {
    sub_protocol: SubProtocol::Json,
    deflate: true,
};
pub const CBOR_DEFLATED: Agreed = Agreed {
    sub_protocol: SubProtocol::Cbor,
    deflate: true,
};

/// A masked frame whose first byte is `first`, its length written the shortest way.
pub fn frame(first: u8, key: [u8; 4], payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    match payload.len() {
        n @ 0..=125 => bytes.push(0x80 | n as u8),
        n @ 126..=0xffff => {
            bytes.push(0x80 | 126);
            bytes.extend((n as u16).to_be_bytes());
        }
        n => {
            bytes.push(0x80 | 127);
            bytes.extend((n as u64).to_be_bytes());
        }
    }
    bytes.extend(key);
    bytes.extend(payload.iter().enumerate().map(|(i, b)| b ^ key[i % 4]));
    bytes
}

/// An event that has let go of the buffer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    Text(String),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<u16>),
    Fault(CloseCode),
}

/// All events of `parts`, each part one read; stops at the first fault or close.
pub fn events_as(agreed: Agreed, parser: &mut Parser, parts: &[&[u8]]) -> Vec<Seen> {
    let mut seen = Vec::new();
    let mut inflater = Inflater::default();
    for part in parts {
        let mut input = part.to_vec();
        let mut events = parser.read(&mut input, agreed, &mut inflater);
        loop {
            let event = match events.next() {
                Ok(None) => break,
                Ok(Some(Event::Text(text))) => Seen::Text(text.to_owned()),
                Ok(Some(Event::Binary(bytes))) => Seen::Binary(bytes.to_vec()),
                Ok(Some(Event::Ping(payload))) => Seen::Ping(payload.to_vec()),
                Ok(Some(Event::Pong(payload))) => Seen::Pong(payload.to_vec()),
                Ok(Some(Event::Close(status))) => Seen::Close(status),
                Err(code) => Seen::Fault(code),
            };
            let ends = matches!(event, Seen::Close(_) | Seen::Fault(_));
            seen.push(event);
            if ends {
                return seen;
            }
        }
    }
    seen
}

/// The same of a socket that speaks plain JSON.
pub fn events(parser: &mut Parser, parts: &[&[u8]]) -> Vec<Seen> {
    events_as(JSON, parser, parts)
}

/// All events of a connection that sends `bytes` in one piece.
pub fn read_as(agreed: Agreed, bytes: &[u8]) -> Vec<Seen> {
    events_as(agreed, &mut Parser::new(), &[bytes])
}

/// The same of a socket that speaks plain JSON.
pub fn read(bytes: &[u8]) -> Vec<Seen> {
    read_as(JSON, bytes)
}

/// A connection that sends `bytes` and is answered by this one fault, whether they come at once or one by one.
#[track_caller]
pub fn assert_fault_as(agreed: Agreed, bytes: &[u8], code: CloseCode) {
    let singles: Vec<&[u8]> = bytes.chunks(1).collect();
    assert_eq!(read_as(agreed, bytes).last(), Some(&Seen::Fault(code)));
    assert_eq!(
        events_as(agreed, &mut Parser::new(), &singles).last(),
        Some(&Seen::Fault(code))
    );
}

/// The same of a socket that speaks plain JSON.
#[track_caller]
pub fn assert_fault(bytes: &[u8], code: CloseCode) {
    assert_fault_as(JSON, bytes, code);
}

/// What a client puts into a compressed message (RFC 7692, section 7.2.1).
pub fn packed(plain: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(plain.len() + 1_024);
    Compress::new(Compression::best(), false)
        .compress_vec(plain, &mut out, FlushCompress::Sync)
        .unwrap();
    assert_eq!(out.split_off(out.len() - 4), [0, 0, 0xff, 0xff]);
    out
}
