//! The frames of `tidegate.v1.json`, one JSON object each.
//!
//! What a client sends is read by [`ClientFrame::parse`]. What a node sends is written straight into a buffer: a
//! message once, as [`MessageText`], a batch of them by [`batch`]; the others by the functions beside it. The same
//! text goes into a WebSocket frame ([`ws::text_frame`](crate::ws::text_frame)) or an event
//! ([`sse::event`](crate::sse::event)). [`ServerFrame`] reads it back.

mod client;
mod embed;
mod error;
mod json;
mod message;
mod read;
mod write;

pub use client::ClientFrame;
pub use error::ErrorCode;
pub use message::MessageText;
pub use read::{Message, ServerFrame};
pub use write::{Batch, LeftOut, batch, endpoints, error, move_away, pong, reset, welcome};

use serde::{Deserialize, Serialize};

/// The WebSocket sub-protocol, which a client must offer.
pub const SUB_PROTOCOL: &str = "tidegate.v1.json";

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
