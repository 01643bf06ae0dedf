//! The frames of `tidegate.v1.json`, one JSON object each; [`cbor`] has the same for `tidegate.v1.cbor`.
//!
//! What a client sends is read by [`ClientFrame::parse`]. What a node sends is written straight into a buffer: a
//! message once, as [`MessageText`], a batch of them by [`batch`]; the others by the functions beside it, or as a
//! [`Notice`] in whichever sub-protocol the socket speaks. The same text goes into a WebSocket frame
//! ([`ws::text_frame`](crate::ws::text_frame)) or an event ([`sse::event`](crate::sse::event)). [`ServerFrame`] reads it
//! back.

pub mod cbor;
mod client;
mod embed;
mod error;
mod json;
mod message;
mod notice;
mod read;
mod write;

pub use client::ClientFrame;
pub use error::ErrorCode;
pub use message::MessageText;
pub use notice::Notice;
pub use read::{Message, ServerFrame};
pub use write::{Batch, LeftOut, batch, endpoints, error, move_away, pong, reset, welcome};

use serde::{Deserialize, Serialize};

/// The WebSocket sub-protocols, of which a client must offer one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SubProtocol {
    /// JSON in text messages.
    Json,
    /// CBOR in binary messages.
    Cbor,
}

impl SubProtocol {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Json, Self::Cbor];

    /// The name in `Sec-WebSocket-Protocol`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Json => "tidegate.v1.json",
            Self::Cbor => "tidegate.v1.cbor",
        }
    }
}

/// Where a viewer may connect, as `join` gives it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    /// The region's name.
    pub region: tidegate_stream::Region,
    /// `ws://` or `wss://`.
    pub url: String,
}

/// A room's counters, totals over all regions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Counters {
    /// Viewers.
    pub online: u64,
    /// Likes.
    pub likes: u64,
}
