//! Frames: a batch becomes bytes once per encoding, and all viewers of it share them.

use std::rc::Rc;

use tidegate_protocol::frames::{self, Batch, Counters, LeftOut};
use tidegate_protocol::sse::{self, EventName};
use tidegate_protocol::ws;
use tidegate_stream::{Cursor, RoomId};

/// One contiguous frame, head included.
pub type Frame = Rc<Vec<u8>>;

/// How a viewer's connection wants its frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// Text frames of a WebSocket.
    WebSocket,
    /// Server-sent events.
    Sse,
}

/// How many encodings there are.
pub(crate) const ENCODINGS: usize = 2;

impl Encoding {
    pub(crate) fn index(self) -> usize {
        match self {
            Self::WebSocket => 0,
            Self::Sse => 1,
        }
    }

    fn frame(
        self,
        cursor: &Cursor,
        name: EventName,
        bytes: usize,
        write: impl FnOnce(&mut Vec<u8>),
    ) -> Frame {
        let mut out = Vec::with_capacity(bytes);
        match self {
            Self::WebSocket => ws::text_frame(&mut out, write),
            Self::Sse => sse::event(&mut out, Some(cursor), name, write),
        }
        Rc::new(out)
    }

    pub(crate) fn batch<'m>(
        self,
        room: &RoomId,
        cursor: &Cursor,
        counters: Option<Counters>,
        chat_gap: bool,
        messages: impl Iterator<Item = &'m [u8]> + Clone,
    ) -> Frame {
        let left_out = if chat_gap {
            LeftOut::Unknown
        } else {
            LeftOut::NONE
        };
        let head = Batch {
            room,
            cursor,
            counters,
            left_out,
        };
        let bytes = 256
            + messages
                .clone()
                .map(|message| message.len() + 1)
                .sum::<usize>();
        self.frame(cursor, EventName::Batch, bytes, |out| {
            frames::batch(out, &head, messages);
        })
    }

    pub(crate) fn reset(self, room: &RoomId, cursor: &Cursor, counters: Counters) -> Frame {
        self.frame(cursor, EventName::Reset, 256, |out| {
            frames::reset(out, room, cursor, Some(counters));
        })
    }
}
