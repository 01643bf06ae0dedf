//! What a node sends, read back: for clients and tests in Rust.

use serde::Deserialize;
use tidegate_stream::{MessageId, NodeName, Region, RoomId};

use super::{Counters, Endpoint, ErrorCode};

/// A frame of a node.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ServerFrame {
    /// The answer to `hello`.
    Welcome {
        /// The node's region.
        region: Region,
        /// The node's name.
        node: NodeName,
        /// Position in `!all`.
        cursor: String,
        /// After so long without a frame the client sends `ping`, ms.
        ping_ms: u64,
    },
    /// Messages of one room.
    Batch {
        /// The room.
        room: RoomId,
        /// In order, for each origin.
        messages: Vec<Message>,
        /// Position after them.
        cursor: String,
        /// Totals, when they have changed.
        counters: Option<Counters>,
        /// How many were left out: `None` none, `Some(None)` unknown.
        #[serde(default, deserialize_with = "present")]
        left_out: Option<Option<u64>>,
    },
    /// History does not reach back.
    Reset {
        /// The room.
        room: RoomId,
        /// Where live goes on.
        cursor: String,
        /// Totals.
        counters: Option<Counters>,
    },
    /// The list that `join` gave has changed.
    Endpoints {
        /// The new list.
        endpoints: Vec<Endpoint>,
    },
    /// Something was refused; with a room, its subscription has ended.
    Error {
        /// Why.
        code: ErrorCode,
        /// The room.
        room: Option<RoomId>,
        /// For whoever reads it.
        message: String,
    },
    /// Reconnect.
    Move {
        /// Within so many ms.
        within_ms: u64,
        /// Where; empty: where `join` says.
        #[serde(default)]
        endpoints: Vec<Endpoint>,
    },
    /// The answer to `ping`.
    Pong,
}

/// A message in a batch.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Message {
    /// `region-ms-seq`.
    pub id: MessageId,
    /// What it is.
    pub kind: String,
    /// `control`, `gift` or `chat`.
    pub lane: String,
    /// Who published it.
    pub sub: String,
    /// About the subject.
    pub info: Option<serde_json::Value>,
    /// The content; none when hidden.
    pub data: Option<serde_json::Value>,
    /// Redis' clock at the append, ms.
    pub at_ms: u64,
    /// First 16 hex digits of SHA-256 of the idempotency key.
    pub key: Option<String>,
    /// Hidden by a moderator.
    #[serde(default)]
    pub hidden: bool,
}

fn present<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<Option<u64>>, D::Error> {
    Option::<u64>::deserialize(from).map(Some)
}
