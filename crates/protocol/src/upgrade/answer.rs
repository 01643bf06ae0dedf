//! Answers to what is not refused.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest, Sha1};

use super::extensions::Deflate;
use super::refusal::cors;
use super::request::{Connect, Events};

/// RFC 6455, section 1.3.
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

impl Connect {
    /// Appends the `101` after which frames go both ways.
    pub fn answer(&self, out: &mut Vec<u8>) {
        let accept = STANDARD.encode(
            Sha1::new()
                .chain_update(self.key)
                .chain_update(GUID)
                .finalize(),
        );
        for part in [
            "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\
             sec-websocket-protocol: ",
            self.sub_protocol.as_str(),
            "\r\nsec-websocket-accept: ",
            &accept,
            self.deflate.map_or("", Deflate::answer),
            "\r\n\r\n",
        ] {
            out.extend_from_slice(part.as_bytes());
        }
    }
}

impl Events {
    /// Appends the head of the `200` after which events follow, until the connection ends.
    pub fn answer(&self, out: &mut Vec<u8>) {
        // nginx buffers answers unless it is told not to.
        out.extend_from_slice(
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-store\r\n\
              x-accel-buffering: no\r\n",
        );
        cors(out, self.origin.as_ref());
        out.extend_from_slice(b"connection: close\r\n\r\n");
    }
}
