//! Frames: a batch becomes bytes once per encoding, and all viewers of it share them.

use std::cell::RefCell;
use std::rc::Rc;

use tidegate_protocol::frames::{self, Batch, Counters, LeftOut, MessageText, SubProtocol, cbor};
use tidegate_protocol::sse::{self, EventName};
use tidegate_protocol::ws::{self, Agreed, Deflater};
use tidegate_stream::{Cursor, RoomId};

/// One contiguous frame, head included.
pub type Frame = Rc<Vec<u8>>;

/// How a viewer's connection wants its frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// JSON in text frames of a WebSocket.
    Text,
    /// CBOR in binary frames.
    Binary,
    /// Text frames that may be compressed.
    TextDeflated,
    /// Binary frames that may be compressed.
    BinaryDeflated,
    /// Server-sent events.
    Sse,
}

impl From<Agreed> for Encoding {
    fn from(agreed: Agreed) -> Self {
        match (agreed.sub_protocol, agreed.deflate) {
            (SubProtocol::Json, false) => Self::Text,
            (SubProtocol::Json, true) => Self::TextDeflated,
            (SubProtocol::Cbor, false) => Self::Binary,
            (SubProtocol::Cbor, true) => Self::BinaryDeflated,
        }
    }
}

/// Makes frames. One for all rooms of a core.
#[derive(Debug, Default)]
pub(crate) struct Encoder {
    deflater: RefCell<Deflater>,
}

impl Encoder {
    /// Whichever of the two writers is right, into a frame of about so many bytes.
    fn frame(
        &self,
        encoding: Encoding,
        cursor: &Cursor,
        name: EventName,
        bytes: usize,
        json: impl FnOnce(&mut Vec<u8>),
        cbor: impl FnOnce(&mut Vec<u8>),
    ) -> Frame {
        let mut out = Vec::new();
        match encoding {
            Encoding::Text | Encoding::Binary | Encoding::Sse => out.reserve(bytes),
            // They take what they need once they know.
            Encoding::TextDeflated | Encoding::BinaryDeflated => {}
        }
        match encoding {
            Encoding::Text => ws::text_frame(&mut out, json),
            Encoding::Binary => ws::binary_frame(&mut out, cbor),
            Encoding::TextDeflated => self.deflater.borrow_mut().text_frame(&mut out, json),
            Encoding::BinaryDeflated => self.deflater.borrow_mut().binary_frame(&mut out, cbor),
            Encoding::Sse => sse::event(&mut out, Some(cursor), name, json),
        }
        Rc::new(out)
    }

    pub(crate) fn batch<'m>(
        &self,
        encoding: Encoding,
        room: &RoomId,
        cursor: &Cursor,
        counters: Option<Counters>,
        left_out: LeftOut,
        messages: impl Iterator<Item = &'m MessageText> + Clone,
    ) -> Frame {
        let head = Batch {
            room,
            cursor,
            counters,
            left_out,
        };
        let texts = messages.clone().map(MessageText::as_bytes);
        let bytes = 256 + texts.clone().map(|text| text.len() + 1).sum::<usize>();
        self.frame(
            encoding,
            cursor,
            EventName::Batch,
            bytes,
            |out| frames::batch(out, &head, texts),
            |out| cbor::batch(out, &head, messages),
        )
    }

    pub(crate) fn reset(
        &self,
        encoding: Encoding,
        room: &RoomId,
        cursor: &Cursor,
        counters: Counters,
    ) -> Frame {
        self.frame(
            encoding,
            cursor,
            EventName::Reset,
            256,
            |out| frames::reset(out, room, cursor, Some(counters)),
            |out| cbor::reset(out, room, cursor, Some(counters)),
        )
    }
}
