//! A WebSocket server's half of RFC 6455, over bytes that somebody else reads and writes.
//!
//! [`Parser`] turns what a client sent into [`Event`]s, [`text_frame`] and its neighbours write what a server sends,
//! [`Deflater`] writes it compressed.

mod deflate;
mod encode;
mod head;
mod mask;
mod parse;
mod spill;

pub use deflate::{Deflater, Inflater};
pub use encode::{binary_frame, close_answer, close_frame, ping_frame, pong_frame, text_frame};
pub use parse::{Event, Events, Parser};

use crate::frames::SubProtocol;

/// What the handshake of a socket agreed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Agreed {
    /// What its messages are.
    pub sub_protocol: SubProtocol,
    /// Messages may be compressed, in both directions.
    pub deflate: bool,
}
