//! What a client sends.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;
use tidegate_stream::{Cursor, RoomId};

use super::json;
use crate::close::CloseCode;
use crate::limits;

/// A frame of a client. Fields that it does not know are skipped; `null` is as good as absent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientFrame<'a> {
    /// The first frame of a socket.
    Hello {
        /// What the client calls itself, at most 64 bytes.
        client: Cow<'a, str>,
        /// Its version, at most 64 bytes.
        version: Cow<'a, str>,
        /// Position in `!all`, from an earlier `welcome` or batch.
        cursor: Option<Cursor>,
    },
    /// Begin, or begin again, with a room.
    Subscribe {
        /// The room.
        room: RoomId,
        /// The right to read it, at most 768 bytes.
        ticket: Cow<'a, str>,
        /// Where to read on; none: live.
        cursor: Option<Cursor>,
    },
    /// End with a room.
    Unsubscribe {
        /// The room.
        room: RoomId,
    },
    /// A newer ticket for a room that the socket has.
    Refresh {
        /// The room.
        room: RoomId,
        /// The new ticket, at most 768 bytes.
        ticket: Cow<'a, str>,
    },
    /// To be answered by [`pong`](super::pong).
    Ping,
}

/// The fields of all frames, unread: those that a frame's type does not know may hold anything.
#[derive(Deserialize)]
struct Fields<'a> {
    #[serde(borrow)]
    r#type: &'a RawValue,
    #[serde(borrow)]
    client: Option<&'a RawValue>,
    #[serde(borrow)]
    version: Option<&'a RawValue>,
    #[serde(borrow)]
    room: Option<&'a RawValue>,
    #[serde(borrow)]
    ticket: Option<&'a RawValue>,
    #[serde(borrow)]
    cursor: Option<&'a RawValue>,
}

/// A string that borrows where nothing is escaped.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'a> ClientFrame<'a> {
    /// Reads one text message. Nothing in it can make it recurse: what is not a known string is passed over.
    ///
    /// # Errors
    ///
    /// [`CloseCode::BadFrame`], or [`CloseCode::BadCursor`] for a cursor that is none. A cursor too far ahead is for
    /// the caller to see, who knows the time.
    pub fn parse(text: &'a str) -> Result<Self, CloseCode> {
        // An array would also read as a struct.
        if !text.trim_ascii_start().starts_with('{') {
            return Err(CloseCode::BadFrame);
        }
        let fields: Fields<'a> = serde_json::from_str(text).map_err(|_| CloseCode::BadFrame)?;
        match string(Some(fields.r#type), usize::MAX)?.as_ref() {
            "hello" => Ok(Self::Hello {
                client: string(fields.client, limits::CLIENT_NAME_BYTES)?,
                version: string(fields.version, limits::CLIENT_NAME_BYTES)?,
                cursor: cursor(fields.cursor)?,
            }),
            "subscribe" => Ok(Self::Subscribe {
                room: room(fields.room)?,
                ticket: string(fields.ticket, limits::TICKET_BYTES)?,
                cursor: cursor(fields.cursor)?,
            }),
            "unsubscribe" => Ok(Self::Unsubscribe {
                room: room(fields.room)?,
            }),
            "refresh" => Ok(Self::Refresh {
                room: room(fields.room)?,
                ticket: string(fields.ticket, limits::TICKET_BYTES)?,
            }),
            "ping" => Ok(Self::Ping),
            _ => Err(CloseCode::BadFrame),
        }
    }

    /// Appends the frame as JSON, as a client sends it.
    pub fn write(&self, out: &mut Vec<u8>) {
        let mut fields: [Option<(&str, &str)>; 3] = [None; 3];
        let position;
        let (name, cursor) = match self {
            Self::Hello {
                client,
                version,
                cursor,
            } => {
                fields[0] = Some(("client", client));
                fields[1] = Some(("version", version));
                ("hello", cursor.as_ref())
            }
            Self::Subscribe {
                room,
                ticket,
                cursor,
            } => {
                fields[0] = Some(("room", room.as_str()));
                fields[1] = Some(("ticket", ticket));
                ("subscribe", cursor.as_ref())
            }
            Self::Unsubscribe { room } => {
                fields[0] = Some(("room", room.as_str()));
                ("unsubscribe", None)
            }
            Self::Refresh { room, ticket } => {
                fields[0] = Some(("room", room.as_str()));
                fields[1] = Some(("ticket", ticket));
                ("refresh", None)
            }
            Self::Ping => ("ping", None),
        };
        if let Some(cursor) = cursor {
            position = cursor.to_string();
            fields[2] = Some(("cursor", &position));
        }
        out.extend_from_slice(b"{\"type\":");
        json::string(out, name);
        for (name, value) in fields.into_iter().flatten() {
            out.push(b',');
            json::string(out, name);
            out.push(b':');
            json::string(out, value);
        }
        out.push(b'}');
    }
}

fn string(field: Option<&RawValue>, most_bytes: usize) -> Result<Cow<'_, str>, CloseCode> {
    let raw = field.ok_or(CloseCode::BadFrame)?;
    let Text(text) = serde_json::from_str(raw.get()).map_err(|_| CloseCode::BadFrame)?;
    if text.len() > most_bytes {
        return Err(CloseCode::BadFrame);
    }
    Ok(text)
}

fn room(field: Option<&RawValue>) -> Result<RoomId, CloseCode> {
    string(field, usize::MAX)?
        .parse()
        .map_err(|_| CloseCode::BadFrame)
}

fn cursor(field: Option<&RawValue>) -> Result<Option<Cursor>, CloseCode> {
    let Some(raw) = field else { return Ok(None) };
    string(Some(raw), usize::MAX)?
        .parse()
        .map(Some)
        .map_err(|_| CloseCode::BadCursor)
}
