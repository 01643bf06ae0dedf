//! A WebSocket written by hand, which speaks every encoding and also breaks the rules.

use std::io::{Read, Write};
use std::net::TcpStream;

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress};
use serde_json::Value;
use tidegate_protocol::frames::{ClientFrame, cbor};

use super::{Node, SOON, ticket};

pub const FIN: u8 = 0x80;
pub const RSV1: u8 = 0x40;
pub const CONTINUATION: u8 = 0x0;
pub const TEXT: u8 = 0x1;
pub const BINARY: u8 = 0x2;
pub const PING: u8 = 0x9;
/// What is stripped from a compressed message.
const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];

pub struct Raw {
    stream: TcpStream,
    /// The head of the answer to the upgrade.
    pub answer: String,
    binary: bool,
}

/// A frame of the node.
#[derive(Debug)]
pub struct Got {
    pub first: u8,
    /// As it came.
    pub payload: Vec<u8>,
}

impl Raw {
    /// Upgrades; both are headers' values.
    pub fn open(node: &Node, sub_protocols: &str, extensions: &str) -> Self {
        let mut stream = TcpStream::connect(&node.viewers).unwrap();
        stream.set_read_timeout(Some(SOON)).unwrap();
        write!(
            stream,
            "GET /v1/connect HTTP/1.1\r\nHost: node\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
             Sec-WebSocket-Protocol: {sub_protocols}\r\nSec-WebSocket-Extensions: {extensions}\r\n\r\n"
        )
        .unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            head.push(byte[0]);
        }
        let answer = String::from_utf8(head).unwrap();
        assert!(answer.starts_with("HTTP/1.1 101 "), "{answer}");
        Self {
            stream,
            binary: answer.contains("tidegate.v1.cbor"),
            answer,
        }
    }

    /// Upgrades, says hello and subscribes; both of these as the flags say.
    pub fn subscribed(node: &Node, sub_protocols: &str, extensions: &str, room: &str) -> Self {
        let mut raw = Self::open(node, sub_protocols, extensions);
        raw.hello();
        assert_eq!(raw.next().0["type"], "welcome");
        let ticket = ticket(room, "bob");
        raw.say(&ClientFrame::Subscribe {
            room: room.parse().unwrap(),
            ticket: ticket.as_str().into(),
            cursor: None,
        });
        assert_eq!(raw.next().0["type"], "batch");
        raw
    }

    pub fn hello(&mut self) {
        self.say(&ClientFrame::Hello {
            client: "raw".into(),
            version: "1".into(),
            cursor: None,
        });
    }

    /// Sends a frame of the protocol, compressed if that was agreed on.
    pub fn say(&mut self, frame: &ClientFrame<'_>) {
        let mut out = Vec::new();
        if self.binary {
            frame.write_cbor(&mut out);
        } else {
            frame.write(&mut out);
        }
        let opcode = if self.binary { BINARY } else { TEXT };
        if self.answer.contains("permessage-deflate") {
            self.send(FIN | RSV1 | opcode, &packed(&out));
        } else {
            self.send(FIN | opcode, &out);
        }
    }

    /// Sends one masked frame.
    pub fn send(&mut self, first: u8, payload: &[u8]) {
        const KEY: [u8; 4] = [7, 1, 9, 4];
        let mut bytes = vec![first, 0xfe];
        match u16::try_from(payload.len()) {
            Ok(length @ 126..) => bytes.extend(length.to_be_bytes()),
            Ok(length) => bytes[1] = 0x80 | length as u8,
            Err(_) => panic!("too long for a test"),
        }
        bytes.extend(KEY);
        bytes.extend(payload.iter().enumerate().map(|(i, b)| b ^ KEY[i % 4]));
        self.stream.write_all(&bytes).unwrap();
    }

    /// The next frame as it comes.
    pub fn frame(&mut self) -> Got {
        let mut head = [0; 2];
        self.stream.read_exact(&mut head).unwrap();
        let length = match head[1] {
            126 => {
                let mut long = [0; 2];
                self.stream.read_exact(&mut long).unwrap();
                usize::from(u16::from_be_bytes(long))
            }
            127 => panic!("too long for a test"),
            short => usize::from(short),
        };
        let mut payload = vec![0; length];
        self.stream.read_exact(&mut payload).unwrap();
        Got {
            first: head[0],
            payload,
        }
    }

    /// The next frame of the protocol, whether it was compressed, and its bytes on the wire.
    pub fn next(&mut self) -> (Value, bool, Vec<u8>) {
        let got = self.frame();
        let compressed = got.first & RSV1 != 0;
        let plain = if compressed {
            inflated(&got.payload)
        } else {
            got.payload.clone()
        };
        let frame = match got.first & 0x0f {
            TEXT if !self.binary => serde_json::from_slice(&plain).unwrap(),
            BINARY if self.binary => cbor::json(&plain).unwrap(),
            _ => panic!("{got:?}"),
        };
        (frame, compressed, got.payload)
    }

    /// The code with which the node closes.
    pub fn closed(&mut self) -> u16 {
        loop {
            let got = self.frame();
            if got.first == 0x88 {
                return u16::from_be_bytes([got.payload[0], got.payload[1]]);
            }
        }
    }
}

/// A compressed message's payload.
pub fn packed(plain: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(plain.len() + 64);
    Compress::new(Compression::best(), false)
        .compress_vec(plain, &mut out, FlushCompress::Sync)
        .unwrap();
    assert!(out.ends_with(&TAIL));
    out.truncate(out.len() - TAIL.len());
    out
}

fn inflated(payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(1 << 20);
    Decompress::new(false)
        .decompress_vec(&[payload, &TAIL].concat(), &mut out, FlushDecompress::Sync)
        .unwrap();
    out
}
