//! A WebSocket server's half of RFC 6455, over bytes that somebody else reads and writes.
//!
//! [`Parser`] turns what a client sent into [`Event`]s, [`text_frame`] and its neighbours write what a server sends.

mod encode;
mod head;
mod mask;
mod parse;
mod spill;

pub use encode::{close_answer, close_frame, ping_frame, pong_frame, text_frame};
pub use parse::{Event, Events, Parser};
