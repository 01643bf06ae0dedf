//! `tg_publish`: a message or a like into a room.

use std::str::FromStr;

use super::bounds::Bounds;
use super::control::Appended;
use super::error::CallError;
use super::reply::{Answer, Reply};
use super::{FunctionCall, arg};
use crate::digest;
use crate::entry::Lane;
use crate::keys::Keys;
use crate::name::{Region, RoomId, Subject};

/// What may be published.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Published {
    /// A line of chat.
    Chat,
    /// The application's own, in the chat lane.
    Custom,
    /// A gift; services only.
    Gift,
    /// What a back end tells the room; services only.
    Control,
    /// Counted, not appended.
    Like,
}

/// Not a kind that may be published.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a kind is one of chat, custom, gift, control, like")]
pub struct UnknownKind;

impl Published {
    /// The name in requests and entries.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Custom => "custom",
            Self::Gift => "gift",
            Self::Control => "control",
            Self::Like => "like",
        }
    }

    fn lane(self) -> Lane {
        match self {
            // A like is in no lane; its call names the chat stream and leaves it alone.
            Self::Chat | Self::Custom | Self::Like => Lane::Chat,
            Self::Gift => Lane::Gift,
            Self::Control => Lane::Control,
        }
    }
}

impl FromStr for Published {
    type Err = UnknownKind;

    fn from_str(text: &str) -> Result<Self, UnknownKind> {
        [
            Self::Chat,
            Self::Custom,
            Self::Gift,
            Self::Control,
            Self::Like,
        ]
        .into_iter()
        .find(|kind| kind.as_str() == text)
        .ok_or(UnknownKind)
    }
}

/// What the caller knows about the publisher and the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PublishFlags {
    /// The publisher may enter a room with access `token`.
    pub may_enter: bool,
    /// Only the sender is to see it: all checks, an id of its own, no append.
    pub shadow: bool,
    /// The publisher follows the room: counts where it is for followers only.
    pub follows: bool,
    /// The publisher moderates by scope: no slow mode, followers only, gifts only. Owner and moderators are known to the room.
    pub moderates: bool,
    /// A service: no bans, mutes and slow mode; any kind and any room.
    pub service: bool,
}

/// A publish.
#[derive(Debug, Clone, Copy)]
pub struct Publish<'a> {
    /// This region.
    pub region: &'a Region,
    /// Where to.
    pub room: &'a RoomId,
    /// What.
    pub kind: Published,
    /// By whom.
    pub subject: &'a Subject,
    /// JSON text about the subject, or empty; at most 1,024 bytes.
    pub info: &'a str,
    /// JSON text; at most 16,384 bytes (the edge allows less).
    pub data: &'a str,
    /// Idempotency key, or empty; at most 255 bytes. A like has none: it is not sent.
    pub key: &'a str,
    /// The body as it was posted; its hash tells a repeat from another message.
    pub posted: &'a [u8],
    /// Trace context, or empty; at most 255 bytes.
    pub trace: &'a str,
    /// About the publisher.
    pub flags: PublishFlags,
}

/// What became of a publish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Receipt {
    /// It is in the log (or was shadowed, which looks the same).
    Appended(Appended),
    /// A like was counted.
    Counted {
        /// This region's running total of the room.
        total: u64,
    },
}

impl<'a> Publish<'a> {
    /// A message with nothing but its data: no key, no trace, nothing known about the publisher.
    pub fn plain(
        region: &'a Region,
        room: &'a RoomId,
        kind: Published,
        subject: &'a Subject,
        data: &'a str,
    ) -> Self {
        Self {
            region,
            room,
            kind,
            subject,
            info: "",
            data,
            key: "",
            posted: data.as_bytes(),
            trace: "",
            flags: PublishFlags::default(),
        }
    }

    /// The same by a service.
    #[must_use]
    pub fn by_service(mut self) -> Self {
        self.flags.service = true;
        self
    }

    /// What to send.
    pub fn call(&self, keys: &Keys, bounds: &Bounds) -> FunctionCall {
        let shard = keys.shard(self.room);
        let key = if self.kind == Published::Like {
            ""
        } else {
            self.key
        };
        let mut flags = String::new();
        for (letter, set) in [
            ('a', self.flags.may_enter),
            ('s', self.flags.shadow),
            ('f', self.flags.follows),
            ('m', self.flags.moderates),
            ('v', self.flags.service),
        ] {
            if set {
                flags.push(letter);
            }
        }
        let names = vec![
            keys.log(shard, self.region),
            keys.lane(self.room, self.kind.lane(), self.region),
            keys.room(self.room),
            keys.bans(self.room),
            keys.mutes(self.room),
            keys.likes(self.room, self.region),
            keys.once(self.room, self.subject, key),
            keys.run(shard),
            keys.slow(self.room, self.subject),
        ];
        let mut args = vec![
            arg(self.region),
            arg(self.room),
            arg(self.kind.as_str()),
            arg(self.subject),
            arg(self.info),
            arg(self.data),
            arg(key),
            arg(digest::body(self.posted)),
            arg(self.trace),
            arg(flags),
        ];
        args.extend(bounds.of_room());
        FunctionCall::writing("tg_publish", names, args)
    }

    /// What came back.
    ///
    /// # Errors
    /// A refusal, arguments out of bounds, or an answer that is not one.
    pub fn answer(&self, replies: &[Reply]) -> Result<Receipt, CallError> {
        let mut answer = Answer::begin(replies)?;
        if self.kind == Published::Like {
            answer.label("counted")?;
            return Ok(Receipt::Counted {
                total: answer.number("total")?,
            });
        }
        Appended::read(&mut answer, self.region).map(Receipt::Appended)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calls::reply::tests::words;
    use crate::id::StreamId;
    use crate::shard::ShardCount;

    fn with<T>(kind: Published, key: &str, test: impl FnOnce(Publish<'_>) -> T) -> T {
        test(Publish {
            region: &"eu".parse().unwrap(),
            room: &"demo.lobby".parse().unwrap(),
            kind,
            subject: &"alice".parse().unwrap(),
            info: "",
            data: "{}",
            key,
            posted: b"abc",
            trace: "",
            flags: PublishFlags {
                may_enter: true,
                follows: true,
                service: true,
                ..PublishFlags::default()
            },
        })
    }

    #[test]
    fn the_call_is_that_of_the_document() {
        let keys = Keys::new("tg", ShardCount::default());
        let call = with(Published::Gift, "k1", |publish| {
            publish.call(&keys, &Bounds::default())
        });
        assert_eq!(call.keys.len(), 9);
        assert!(call.keys[1].ends_with(":room:demo.lobby:keep:eu"));
        let args: Vec<_> = call
            .args
            .iter()
            .map(|arg| std::str::from_utf8(arg).unwrap())
            .collect();
        assert_eq!(
            args,
            [
                "eu",
                "demo.lobby",
                "gift",
                "alice",
                "",
                "{}",
                "k1",
                "ba7816bf8f01cfea414140de5dae2223",
                "",
                "afv",
                "500",
                "2000",
                "100000",
                "900000"
            ]
        );
    }

    #[test]
    fn a_like_has_no_key() {
        let keys = Keys::new("tg", ShardCount::default());
        let call = with(Published::Like, "k1", |publish| {
            publish.call(&keys, &Bounds::default())
        });
        assert_eq!(call.args[6], b"");
    }

    #[test]
    fn receipts_are_read() {
        let answer = |kind, text: &str| with(kind, "", |publish| publish.answer(&words(text)));
        let Receipt::Appended(appended) = answer(Published::Chat, "7-1 ap 3-0 eu 7-1").unwrap()
        else {
            panic!("a message is appended");
        };
        assert_eq!(appended.id.to_string(), "eu-7-1");
        assert_eq!(
            appended.cursor.get(&"ap".parse().unwrap()),
            StreamId { ms: 3, seq: 0 }
        );
        assert_eq!(
            answer(Published::Like, "counted 12"),
            Ok(Receipt::Counted { total: 12 })
        );
        // A repeat of what was first published in another region.
        let Ok(Receipt::Appended(first)) = answer(Published::Chat, "us-7-1 us 7-1 eu 9-0") else {
            panic!("a repeat gets the first answer");
        };
        assert_eq!(first.id.to_string(), "us-7-1");
        assert!(answer(Published::Chat, "counted 12").is_err());
        assert!(answer(Published::Chat, "7-1 ap").is_err());
    }

    #[test]
    fn kinds_survive_text() {
        for kind in ["chat", "custom", "gift", "control", "like"] {
            assert_eq!(kind.parse::<Published>().unwrap().as_str(), kind);
        }
        assert!("state".parse::<Published>().is_err());
    }
}
