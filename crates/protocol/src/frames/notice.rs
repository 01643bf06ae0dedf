//! What a node says to one viewer.

use tidegate_stream::{Cursor, NodeName, Region, RoomId};

use super::{Endpoint, ErrorCode, SubProtocol, cbor, write};
use crate::ws;

/// A frame for one socket; batches and resets are for many.
#[derive(Debug, Clone, Copy)]
pub enum Notice<'a> {
    /// The answer to `hello`.
    Welcome {
        /// The node's region.
        region: &'a Region,
        /// The node's name.
        node: &'a NodeName,
        /// Position in `!all`.
        cursor: &'a Cursor,
    },
    /// The list that `join` gave has changed.
    Endpoints(&'a [Endpoint]),
    /// Something was refused; with a room, its subscription has ended.
    Error(ErrorCode, Option<&'a RoomId>),
    /// Reconnect.
    Move {
        /// Within so many ms.
        within_ms: u64,
        /// Where; empty: where `join` says.
        endpoints: &'a [Endpoint],
    },
    /// The answer to `ping`.
    Pong,
}

impl Notice<'_> {
    /// Appends the WebSocket frame, head included.
    pub fn frame(&self, out: &mut Vec<u8>, sub_protocol: SubProtocol) {
        match sub_protocol {
            SubProtocol::Json => ws::text_frame(out, |out| self.json(out)),
            SubProtocol::Cbor => ws::binary_frame(out, |out| self.cbor(out)),
        }
    }

    /// Appends the JSON text.
    pub fn json(&self, out: &mut Vec<u8>) {
        match *self {
            Self::Welcome {
                region,
                node,
                cursor,
            } => write::welcome(out, region, node, cursor),
            Self::Endpoints(list) => write::endpoints(out, list),
            Self::Error(code, room) => write::error(out, code, room),
            Self::Move {
                within_ms,
                endpoints,
            } => write::move_away(out, within_ms, endpoints),
            Self::Pong => write::pong(out),
        }
    }

    /// Appends the CBOR map.
    pub fn cbor(&self, out: &mut Vec<u8>) {
        match *self {
            Self::Welcome {
                region,
                node,
                cursor,
            } => cbor::welcome(out, region, node, cursor),
            Self::Endpoints(list) => cbor::endpoints(out, list),
            Self::Error(code, room) => cbor::error(out, code, room),
            Self::Move {
                within_ms,
                endpoints,
            } => cbor::move_away(out, within_ms, endpoints),
            Self::Pong => cbor::pong(out),
        }
    }
}
