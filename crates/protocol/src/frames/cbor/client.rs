//! What a client sends.

use std::borrow::Cow;

use tidegate_stream::{Cursor, RoomId};

use super::item::{self, Items};
use super::{FRAME, number};
use crate::close::CloseCode;
use crate::frames::ClientFrame;
use crate::limits;

const TYPE: u64 = number(FRAME, "type");
const ROOM: u64 = number(FRAME, "room");
const CURSOR: u64 = number(FRAME, "cursor");
const TICKET: u64 = number(FRAME, "ticket");
const CLIENT: u64 = number(FRAME, "client");
const VERSION: u64 = number(FRAME, "version");
/// Fields of which a client sends any: one past the last number.
const FIELDS: usize = 6;

/// Fields to be written, by number.
type Given<'a> = [Option<(u64, &'a str)>; 2];

/// The fields of a frame, unread.
struct Fields<'a>([Option<Items<'a>>; FIELDS]);

impl<'a> ClientFrame<'a> {
    /// Reads one binary message. Lengths must be definite; fields that no frame of a client has are passed over, whatever
    /// they hold.
    ///
    /// # Errors
    ///
    /// Those of [`ClientFrame::parse`].
    pub fn parse_cbor(bytes: &'a [u8]) -> Result<Self, CloseCode> {
        let fields = Fields::read(bytes)?;
        match fields.text(TYPE, usize::MAX)? {
            "hello" => Ok(Self::Hello {
                client: Cow::Borrowed(fields.text(CLIENT, limits::CLIENT_NAME_BYTES)?),
                version: Cow::Borrowed(fields.text(VERSION, limits::CLIENT_NAME_BYTES)?),
                cursor: fields.cursor()?,
            }),
            "subscribe" => Ok(Self::Subscribe {
                room: fields.room()?,
                ticket: Cow::Borrowed(fields.text(TICKET, limits::TICKET_BYTES)?),
                cursor: fields.cursor()?,
            }),
            "unsubscribe" => Ok(Self::Unsubscribe {
                room: fields.room()?,
            }),
            "refresh" => Ok(Self::Refresh {
                room: fields.room()?,
                ticket: Cow::Borrowed(fields.text(TICKET, limits::TICKET_BYTES)?),
            }),
            "ping" => Ok(Self::Ping),
            _ => Err(CloseCode::BadFrame),
        }
    }

    /// Appends the frame as CBOR, as a client sends it.
    pub fn write_cbor(&self, out: &mut Vec<u8>) {
        let (name, cursor, fields): (&str, Option<&Cursor>, Given<'_>) = match self {
            Self::Hello {
                client,
                version,
                cursor,
            } => (
                "hello",
                cursor.as_ref(),
                [Some((CLIENT, client)), Some((VERSION, version))],
            ),
            Self::Subscribe {
                room,
                ticket,
                cursor,
            } => (
                "subscribe",
                cursor.as_ref(),
                [Some((ROOM, room.as_str())), Some((TICKET, ticket))],
            ),
            Self::Unsubscribe { room } => {
                ("unsubscribe", None, [Some((ROOM, room.as_str())), None])
            }
            Self::Refresh { room, ticket } => (
                "refresh",
                None,
                [Some((ROOM, room.as_str())), Some((TICKET, ticket))],
            ),
            Self::Ping => ("ping", None, [None, None]),
        };
        let cursor = cursor.map(Cursor::to_string);
        let cursor = cursor.as_deref().map(|cursor| (CURSOR, cursor));
        let fields = || {
            std::iter::once((TYPE, name))
                .chain(fields.into_iter().flatten())
                .chain(cursor)
        };
        item::map(out, fields().count());
        for (field, text) in fields() {
            item::uint(out, field);
            item::text(out, text.as_bytes());
        }
    }
}

impl<'a> Fields<'a> {
    fn read(bytes: &'a [u8]) -> Result<Self, CloseCode> {
        let mut items = Items::new(bytes);
        let mut fields = Self([None; FIELDS]);
        for _ in 0..items.map()? {
            let mut name = items.item()?;
            let value = items.item()?;
            let Some(place) = name
                .uint()
                .ok()
                .and_then(|name| fields.0.get_mut(usize::try_from(name).ok()?))
            else {
                continue;
            };
            if place.replace(value).is_some() {
                return Err(CloseCode::BadFrame);
            }
        }
        if items.is_empty() {
            Ok(fields)
        } else {
            Err(CloseCode::BadFrame)
        }
    }

    /// A field's value; `null` is as good as absent.
    fn value(&self, field: u64) -> Option<Items<'a>> {
        self.0[field as usize].filter(|value| !value.is_null())
    }

    fn text(&self, field: u64, most_bytes: usize) -> Result<&'a str, CloseCode> {
        let text = self.value(field).ok_or(CloseCode::BadFrame)?.text()?;
        if text.len() > most_bytes {
            return Err(CloseCode::BadFrame);
        }
        Ok(text)
    }

    fn room(&self) -> Result<RoomId, CloseCode> {
        self.text(ROOM, usize::MAX)?
            .parse()
            .map_err(|_| CloseCode::BadFrame)
    }

    fn cursor(&self) -> Result<Option<Cursor>, CloseCode> {
        let Some(mut value) = self.value(CURSOR) else {
            return Ok(None);
        };
        value
            .text()?
            .parse()
            .map(Some)
            .map_err(|_| CloseCode::BadCursor)
    }
}

impl From<item::Unreadable> for CloseCode {
    fn from(_: item::Unreadable) -> Self {
        Self::BadFrame
    }
}
