//! A client's side, byte by byte, so that tests can also break the rules.

use tidegate_protocol::CloseCode;
use tidegate_protocol::ws::{Event, Parser};

pub const CONTINUATION: u8 = 0x0;
pub const TEXT: u8 = 0x1;
pub const BINARY: u8 = 0x2;
pub const CLOSE: u8 = 0x8;
pub const PING: u8 = 0x9;
pub const PONG: u8 = 0xa;
pub const FIN: u8 = 0x80;

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
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<u16>),
    Fault(CloseCode),
}

/// All events of `parts`, each part one read; stops at the first fault or close.
pub fn events(parser: &mut Parser, parts: &[&[u8]]) -> Vec<Seen> {
    let mut seen = Vec::new();
    for part in parts {
        let mut input = part.to_vec();
        let mut events = parser.read(&mut input);
        loop {
            match events.next() {
                Ok(None) => break,
                Ok(Some(Event::Text(text))) => seen.push(Seen::Text(text.to_owned())),
                Ok(Some(Event::Ping(payload))) => seen.push(Seen::Ping(payload.to_vec())),
                Ok(Some(Event::Pong(payload))) => seen.push(Seen::Pong(payload.to_vec())),
                Ok(Some(Event::Close(status))) => {
                    seen.push(Seen::Close(status));
                    return seen;
                }
                Err(code) => {
                    seen.push(Seen::Fault(code));
                    return seen;
                }
            }
        }
    }
    seen
}

/// All events of a connection that sends `bytes` in one piece.
pub fn read(bytes: &[u8]) -> Vec<Seen> {
    events(&mut Parser::new(), &[bytes])
}

/// A connection that sends `bytes` and is answered by this one fault, whether they come at once or one by one.
#[track_caller]
pub fn assert_fault(bytes: &[u8], code: CloseCode) {
    let singles: Vec<&[u8]> = bytes.chunks(1).collect();
    assert_eq!(read(bytes).last(), Some(&Seen::Fault(code)));
    assert_eq!(
        events(&mut Parser::new(), &singles).last(),
        Some(&Seen::Fault(code))
    );
}
