//! What the tail and a replay give the hub: entries, encoded once.

use std::sync::Arc;

use serde::Deserialize;
use tidegate_protocol::frames::MessageText;
use tidegate_protocol::level;
use tidegate_stream::{Entry, Kind, Region, RoomId, StreamId};

/// An entry of a room stream. Cores share it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Where it was appended.
    pub origin: Region,
    /// Its id there.
    pub id: StreamId,
    /// The highest level that still keeps it: the highest there is for what is never left out.
    pub level: u8,
    /// What viewers get; none for what nodes obey and do not pass on.
    pub text: Option<MessageText>,
    /// What the node does beside passing it on.
    pub order: Option<Order>,
}

impl Message {
    /// Encodes an entry; `None` for counters and gaps.
    pub fn new(origin: &Region, entry: &Entry) -> Option<Self> {
        let lane = entry.kind.lane()?;
        let obeyed = matches!(entry.kind, Kind::Ban | Kind::Disconnect)
            && entry
                .room
                .as_ref()
                .is_some_and(|room| *room == RoomId::all());
        let text = if obeyed {
            None
        } else {
            MessageText::new(origin, entry)
        };
        Some(Self {
            origin: origin.clone(),
            id: entry.id,
            level: if lane.may_be_sampled() {
                level::of_chat(origin, entry.id)
            } else {
                level::HIGHEST
            },
            text,
            order: order(entry),
        })
    }

    /// Bytes of its text.
    pub fn text_bytes(&self) -> usize {
        self.text.as_ref().map_or(0, |text| text.as_bytes().len())
    }
}

/// One entry of a shard log, as the tail reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEntry {
    /// Its id.
    pub id: StreamId,
    /// The id before it in the shard log.
    pub previous: StreamId,
    /// The room; none for what concerns the shard.
    pub room: Option<RoomId>,
    /// What it says.
    pub says: Says,
}

/// What an entry says to a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Says {
    /// A message for the room's viewers, or an order, or both.
    Message(Arc<Message>),
    /// A running total of likes.
    Likes(u64),
    /// Viewers of rooms on one node.
    Presence {
        /// The node.
        node: String,
        /// When it was so, ms.
        at_ms: u64,
        /// Viewers by room.
        rooms: Vec<(RoomId, u64)>,
    },
    /// History below this entry may be missing.
    Gap,
    /// Not known to this version: passed over, its place in the chain kept.
    Unknown,
}

/// What a node does beside passing an entry on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    /// Somebody may have been banned: to be looked up, since a lifted ban may arrive late.
    Ban(String),
    /// Put out of the room, if that was within a minute.
    Kick {
        /// Who.
        user: String,
        /// When, ms.
        at_ms: u64,
    },
    /// All sockets of a subject end.
    Disconnect(String),
    /// The room was closed for good.
    Close,
    /// The room's chat budget may be another: to be looked up, since a later setting may have come before.
    Budget,
}

#[derive(Deserialize)]
struct Named {
    user: String,
}

#[derive(Deserialize)]
struct Changed {
    fields: std::collections::BTreeMap<String, String>,
    lost: Option<serde::de::IgnoredAny>,
}

impl LogEntry {
    /// Encodes an entry of a shard log.
    pub fn new(origin: &Region, entry: &Entry) -> Self {
        Self {
            id: entry.id,
            previous: entry.shard_previous,
            room: entry.room.clone(),
            says: says(origin, entry).unwrap_or(Says::Unknown),
        }
    }
}

fn says(origin: &Region, entry: &Entry) -> Option<Says> {
    Some(match entry.kind {
        Kind::Likes => Says::Likes(entry.data.parse().ok()?),
        Kind::Gap => Says::Gap,
        Kind::Presence => {
            let counts: std::collections::BTreeMap<RoomId, u64> =
                serde_json::from_str(&entry.data).ok()?;
            Says::Presence {
                node: entry.sub.clone(),
                at_ms: entry.at_ms,
                rooms: counts.into_iter().collect(),
            }
        }
        _ => Says::Message(Arc::new(Message::new(origin, entry)?)),
    })
}

fn order(entry: &Entry) -> Option<Order> {
    let user = || {
        serde_json::from_str::<Named>(&entry.data)
            .ok()
            .map(|named| named.user)
    };
    match entry.kind {
        Kind::Ban => user().map(Order::Ban),
        Kind::Disconnect => user().map(Order::Disconnect),
        Kind::Kick => user().map(|user| Order::Kick {
            user,
            at_ms: entry.at_ms,
        }),
        Kind::State => {
            let changed: Changed = serde_json::from_str(&entry.data).ok()?;
            let state = changed.fields.get("state");
            // A creation that lost to another one takes its settings with it.
            let budget = changed.fields.contains_key("chat_budget") || changed.lost.is_some();
            if state.is_some_and(|state| state == "closed") {
                Some(Order::Close)
            } else {
                budget.then_some(Order::Budget)
            }
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(room: &str, kind: Kind, data: &str) -> Entry {
        Entry {
            id: StreamId { ms: 5, seq: 0 },
            room: room.parse().ok(),
            kind,
            sub: "node".into(),
            info: String::new(),
            data: data.into(),
            at_ms: 7,
            key: String::new(),
            shard_previous: StreamId::ZERO,
            room_previous: StreamId::ZERO,
            hidden: false,
        }
    }

    fn read(room: &str, kind: Kind, data: &str) -> Says {
        LogEntry::new(&"eu".parse().unwrap(), &entry(room, kind, data)).says
    }

    #[test]
    fn orders_are_read() {
        let order = |room, kind, data| match read(room, kind, data) {
            Says::Message(message) => (message.text.is_some(), message.order.clone()),
            other => panic!("{other:?}"),
        };
        let ban = r#"{"stamp":"1.eu","user":"bob","until_ms":9}"#;
        assert_eq!(
            order("a", Kind::Ban, ban),
            (true, Some(Order::Ban("bob".into())))
        );
        assert_eq!(
            order("!all", Kind::Ban, ban),
            (false, Some(Order::Ban("bob".into())))
        );
        let close = r#"{"stamp":"1.eu","fields":{"state":"closed"}}"#;
        assert_eq!(order("a", Kind::State, close), (true, Some(Order::Close)));
        let title = r#"{"stamp":"1.eu","fields":{"title":"closed"}}"#;
        assert_eq!(order("a", Kind::State, title), (true, None));
        for budget in [
            r#"{"stamp":"1.eu","fields":{"chat_budget":"20"}}"#,
            r#"{"stamp":"1.eu","fields":{},"lost":"2.us"}"#,
        ] {
            assert_eq!(order("a", Kind::State, budget), (true, Some(Order::Budget)));
        }
    }

    #[test]
    fn only_chat_has_a_level_below_the_highest() {
        let level = |kind, seq| {
            let mut entry = entry("a", kind, "{}");
            entry.id.seq = seq;
            Message::new(&"eu".parse().unwrap(), &entry).unwrap().level
        };
        for kind in [Kind::Gift, Kind::Control, Kind::Hide] {
            assert!((0..64).all(|seq| level(kind, seq) == level::HIGHEST));
        }
        for kind in [Kind::Chat, Kind::Custom] {
            assert!((0..64).any(|seq| level(kind, seq) == 0));
        }
    }

    #[test]
    fn counters_are_read_and_what_does_not_read_is_passed_over() {
        assert_eq!(read("a", Kind::Likes, "12"), Says::Likes(12));
        assert_eq!(read("a", Kind::Likes, "many"), Says::Unknown);
        assert_eq!(
            read("", Kind::Presence, r#"{"a":2}"#),
            Says::Presence {
                node: "node".into(),
                at_ms: 7,
                rooms: vec![("a".parse().unwrap(), 2)]
            }
        );
        assert_eq!(read("", Kind::Presence, r#"{"a b":2}"#), Says::Unknown);
    }
}
