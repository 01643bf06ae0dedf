//! Entries: what one line of a log says.

use std::fmt;
use std::str::FromStr;

use crate::id::StreamId;
use crate::name::RoomId;

/// Why an entry could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EntryError {
    /// A field that every entry has is not there.
    #[error("the entry has no field `{0}`")]
    Missing(&'static str),
    /// A field does not read as what it should be.
    #[error("the entry's field `{0}` is malformed")]
    Malformed(&'static str),
    /// Written by a later version.
    #[error("the entry is of version {0}, this reads version 1")]
    Version(String),
}

/// How a message is treated under overload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Lane {
    /// Never dropped or sampled: state, bans, what back ends say.
    Control,
    /// Never dropped or sampled: paid for.
    Gift,
    /// May be sampled, and the frame says how many were left out.
    Chat,
}

impl Lane {
    /// The name in entries and frames.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Control => "control",
            Self::Gift => "gift",
            Self::Chat => "chat",
        }
    }

    /// The room stream that holds it: `keep` or `chat`.
    pub fn stream(self) -> &'static str {
        match self {
            Self::Control | Self::Gift => "keep",
            Self::Chat => "chat",
        }
    }

    /// Whether it may be left out for a slow viewer.
    pub fn may_be_sampled(self) -> bool {
        matches!(self, Self::Chat)
    }
}

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A line of chat, or danmaku.
    Chat,
    /// Opaque JSON of the application's own, in the chat lane.
    Custom,
    /// A gift, published by a back end after payment.
    Gift,
    /// What a back end tells the room.
    Control,
    /// A room's settings or state changed.
    State,
    /// A ban was set or lifted.
    Ban,
    /// A mute was set or lifted.
    Mute,
    /// Somebody was put out of the room.
    Kick,
    /// A message was hidden.
    Hide,
    /// All sockets of a subject end.
    Disconnect,
    /// A running total of likes.
    Likes,
    /// Viewers of rooms on one node.
    Presence,
    /// A relay could not copy what was trimmed at its source.
    Gap,
}

impl Kind {
    const NAMES: [(Self, &'static str); 13] = [
        (Self::Chat, "chat"),
        (Self::Custom, "custom"),
        (Self::Gift, "gift"),
        (Self::Control, "control"),
        (Self::State, "state"),
        (Self::Ban, "ban"),
        (Self::Mute, "mute"),
        (Self::Kick, "kick"),
        (Self::Hide, "hide"),
        (Self::Disconnect, "disconnect"),
        (Self::Likes, "likes"),
        (Self::Presence, "presence"),
        (Self::Gap, "gap"),
    ];

    /// The name in entries and frames.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Custom => "custom",
            Self::Gift => "gift",
            Self::Control => "control",
            Self::State => "state",
            Self::Ban => "ban",
            Self::Mute => "mute",
            Self::Kick => "kick",
            Self::Hide => "hide",
            Self::Disconnect => "disconnect",
            Self::Likes => "likes",
            Self::Presence => "presence",
            Self::Gap => "gap",
        }
    }

    /// Its lane; counters and gaps have none.
    pub fn lane(self) -> Option<Lane> {
        match self {
            Self::Chat | Self::Custom => Some(Lane::Chat),
            Self::Gift => Some(Lane::Gift),
            Self::Control
            | Self::State
            | Self::Ban
            | Self::Mute
            | Self::Kick
            | Self::Hide
            | Self::Disconnect => Some(Lane::Control),
            Self::Likes | Self::Presence | Self::Gap => None,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Kind {
    type Err = EntryError;

    fn from_str(text: &str) -> Result<Self, EntryError> {
        Self::NAMES
            .iter()
            .find(|(_, name)| *name == text)
            .map(|&(kind, _)| kind)
            .ok_or(EntryError::Malformed("kind"))
    }
}

/// One entry of a shard log or of a room stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its id in its origin's log.
    pub id: StreamId,
    /// The room; none for `presence` and `gap`.
    pub room: Option<RoomId>,
    /// What it is.
    pub kind: Kind,
    /// Who published it, as text: a subject, or a node.
    pub sub: String,
    /// JSON text about the subject; may be empty.
    pub info: String,
    /// JSON text; empty where there is none.
    pub data: String,
    /// Redis' clock at the append, in ms.
    pub at_ms: u64,
    /// Idempotency key; may be empty.
    pub key: String,
    /// The id before it in the shard log.
    pub shard_previous: StreamId,
    /// The id before it in the same room stream.
    pub room_previous: StreamId,
    /// Hidden by a moderator; then `data` is empty.
    pub hidden: bool,
}

impl Entry {
    /// Reads the fields of one entry. What it does not know is skipped.
    ///
    /// # Errors
    /// When a field that every entry has is missing or malformed, or the version is later than 1.
    pub fn read<'a>(
        id: StreamId,
        fields: impl IntoIterator<Item = (&'a [u8], &'a [u8])>,
    ) -> Result<Self, EntryError> {
        let mut raw = Raw::default();
        for (name, value) in fields {
            raw.take(name, value)?;
        }
        raw.finish(id)
    }
}

/// The fields as they come, before it is known that all are there.
#[derive(Default)]
struct Raw {
    version: Option<String>,
    room: Option<String>,
    kind: Option<String>,
    sub: Option<String>,
    info: String,
    data: Option<String>,
    at_ms: Option<String>,
    key: String,
    shard_previous: Option<String>,
    room_previous: Option<String>,
    hidden: bool,
}

fn text(name: &'static str, value: &[u8]) -> Result<String, EntryError> {
    std::str::from_utf8(value)
        .map(str::to_owned)
        .map_err(|_| EntryError::Malformed(name))
}

impl Raw {
    fn take(&mut self, name: &[u8], value: &[u8]) -> Result<(), EntryError> {
        match name {
            b"v" => self.version = Some(text("v", value)?),
            b"room" => self.room = Some(text("room", value)?),
            b"kind" => self.kind = Some(text("kind", value)?),
            b"sub" => self.sub = Some(text("sub", value)?),
            b"info" => self.info = text("info", value)?,
            b"data" => self.data = Some(text("data", value)?),
            b"at_ms" => self.at_ms = Some(text("at_ms", value)?),
            b"key" => self.key = text("key", value)?,
            b"sp" => self.shard_previous = Some(text("sp", value)?),
            b"rp" => self.room_previous = Some(text("rp", value)?),
            b"hidden" => self.hidden = value == b"1",
            _ => {}
        }
        Ok(())
    }

    fn finish(self, id: StreamId) -> Result<Entry, EntryError> {
        let version = self.version.ok_or(EntryError::Missing("v"))?;
        if version != "1" {
            return Err(EntryError::Version(version));
        }
        let room = self.room.ok_or(EntryError::Missing("room"))?;
        let room = match room.as_str() {
            "" => None,
            name => Some(name.parse().map_err(|_| EntryError::Malformed("room"))?),
        };
        let previous = |name, value: Option<String>| {
            value
                .ok_or(EntryError::Missing(name))?
                .parse()
                .map_err(|_| EntryError::Malformed(name))
        };
        Ok(Entry {
            id,
            room,
            kind: self.kind.ok_or(EntryError::Missing("kind"))?.parse()?,
            sub: self.sub.ok_or(EntryError::Missing("sub"))?,
            info: self.info,
            data: self.data.ok_or(EntryError::Missing("data"))?,
            at_ms: self
                .at_ms
                .ok_or(EntryError::Missing("at_ms"))?
                .parse()
                .map_err(|_| EntryError::Malformed("at_ms"))?,
            key: self.key,
            shard_previous: previous("sp", self.shard_previous)?,
            room_previous: previous("rp", self.room_previous)?,
            hidden: self.hidden,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIELDS: [(&str, &str); 14] = [
        ("v", "1"),
        ("room", "demo.lobby"),
        ("kind", "chat"),
        ("lane", "chat"),
        ("sub", "alice"),
        ("info", ""),
        ("data", "{\"text\":\"hi\"}"),
        ("at_ms", "1732400000000"),
        ("key", "k1"),
        ("hash", ""),
        ("trace", ""),
        ("sp", "0-0"),
        ("rp", "5-1"),
        ("later", "whatever"),
    ];

    fn read(fields: &[(&str, &str)]) -> Result<Entry, EntryError> {
        let id = StreamId { ms: 9, seq: 0 };
        Entry::read(
            id,
            fields
                .iter()
                .map(|(name, value)| (name.as_bytes(), value.as_bytes())),
        )
    }

    #[test]
    fn an_entry_is_read_and_later_fields_are_skipped() {
        let entry = read(&FIELDS).unwrap();
        assert_eq!(entry.kind, Kind::Chat);
        assert_eq!(entry.room.unwrap().as_str(), "demo.lobby");
        assert_eq!(entry.room_previous, StreamId { ms: 5, seq: 1 });
        assert_eq!(entry.at_ms, 1_732_400_000_000);
    }

    #[test]
    fn every_field_that_matters_must_be_there() {
        for name in ["v", "room", "kind", "sub", "data", "at_ms", "sp", "rp"] {
            let fields: Vec<_> = FIELDS
                .iter()
                .copied()
                .filter(|(field, _)| *field != name)
                .collect();
            assert_eq!(read(&fields), Err(EntryError::Missing(name)));
        }
    }

    #[test]
    fn a_later_version_is_not_guessed_at() {
        let mut fields = FIELDS;
        fields[0].1 = "2";
        assert_eq!(read(&fields), Err(EntryError::Version("2".into())));
    }

    #[test]
    fn kinds_survive_text() {
        for (kind, name) in Kind::NAMES {
            assert_eq!(kind.as_str(), name);
            assert_eq!(name.parse::<Kind>(), Ok(kind));
        }
    }
}
