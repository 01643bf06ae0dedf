//! `tg_control`: a change of a room, or of who may do what in it, with the entry that says so.

use std::fmt;

use super::bounds::Bounds;
use super::error::CallError;
use super::reply::{Answer, Reply};
use super::{FunctionCall, arg};
use crate::cursor::Cursor;
use crate::entry::Lane;
use crate::id::{MessageId, StreamId};
use crate::keys::Keys;
use crate::name::{Region, RoomId, Subject};

/// Most fields that one call may set.
pub const MOST_FIELDS: usize = 32;

/// What was appended, and where the room stands just after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Appended {
    /// The entry's id.
    pub id: MessageId,
    /// The position just after it, for callers without a subscription.
    pub cursor: Cursor,
}

impl Appended {
    pub(super) fn read(answer: &mut Answer<'_>, region: &Region) -> Result<Self, CallError> {
        let id = answer.text("id")?;
        let mut cursor = Cursor::default();
        while !answer.is_over() {
            let origin = answer.parse("origin")?;
            cursor.set(origin, answer.parse("position")?);
        }
        Ok(Self {
            id: message_id(id, region)?,
            cursor,
        })
    }
}

/// The bare id of an entry of this region; or, for a repeat of what was published in another, a message's id.
fn message_id(text: &str, region: &Region) -> Result<MessageId, CallError> {
    match text.parse::<StreamId>() {
        Ok(id) => Ok(MessageId {
            origin: region.clone(),
            id,
        }),
        Err(_) => text.parse().map_err(|_| CallError::Malformed("id")),
    }
}

/// Who is banned or muted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BannedName {
    /// A subject.
    Subject(Subject),
    /// A token, by the digits that [`digest::token`](crate::digest::token) makes of its `jti`; in `!all` only.
    Token(String),
}

impl fmt::Display for BannedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Subject(subject) => write!(f, "{subject}"),
            Self::Token(digits) => write!(f, "jti:{digits}"),
        }
    }
}

/// How long a ban or a mute lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lasting {
    /// It ends now.
    Lifted,
    /// So many seconds from now; at most 31,536,000,000 (1,000 years). None lifts it.
    Seconds(u64),
    /// Until somebody lifts it.
    UntilLifted,
}

impl fmt::Display for Lasting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lifted => f.write_str("0"),
            Self::Seconds(seconds) => write!(f, "{seconds}"),
            Self::UntilLifted => f.write_str("-1"),
        }
    }
}

/// What to do.
#[derive(Debug, Clone, Copy)]
pub enum Verb<'a> {
    /// Create the room, with settings (`title`, `access`, `slow_ms`, …), at most [`MOST_FIELDS`].
    Create {
        /// Who owns it.
        owner: &'a Subject,
        /// Names and values.
        fields: &'a [(&'a str, &'a str)],
    },
    /// Change settings, at least one, at most [`MOST_FIELDS`].
    Change {
        /// Names and values.
        fields: &'a [(&'a str, &'a str)],
    },
    /// Close the room for good.
    Close,
    /// Ban from the room; in `!all`, revoke.
    Ban {
        /// Whom.
        user: &'a BannedName,
        /// For how long.
        lasting: Lasting,
    },
    /// Take away the right to publish in the chat lane.
    Mute {
        /// Whose.
        user: &'a BannedName,
        /// For how long.
        lasting: Lasting,
    },
    /// Put out of the room, once.
    Kick {
        /// Whom.
        user: &'a Subject,
    },
    /// Hide a message, live and in history.
    Hide {
        /// Which.
        message: &'a MessageId,
    },
    /// End all sockets of a user; the room must be `!all`.
    Disconnect {
        /// Whose.
        user: &'a Subject,
    },
}

/// By which right something is done in a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Right {
    /// The caller may do it anywhere.
    Scope,
    /// Refuse unless `by` owns the room.
    Owner,
    /// Refuse unless `by` owns the room, or is one of its moderators: these ban, mute and kick viewers, and hide messages.
    Moderator,
}

/// A change.
#[derive(Debug, Clone, Copy)]
pub struct Control<'a> {
    /// This region.
    pub region: &'a Region,
    /// Which room.
    pub room: &'a RoomId,
    /// What to do.
    pub verb: Verb<'a>,
    /// Who does it; none for a service without a name.
    pub by: Option<&'a Subject>,
    /// By which right.
    pub right: Right,
    /// Trace context, or empty; at most 255 bytes.
    pub trace: &'a str,
}

impl Control<'_> {
    /// What to send.
    pub fn call(&self, keys: &Keys, bounds: &Bounds) -> FunctionCall {
        let shard = keys.shard(self.room);
        let names = vec![
            keys.log(shard, self.region),
            keys.lane(self.room, Lane::Control, self.region),
            keys.room(self.room),
            keys.bans(self.room),
            keys.mutes(self.room),
            keys.hidden(self.room),
            keys.run(shard),
        ];
        let (verb, own) = self.verb_args();
        let mut args = vec![
            arg(self.region),
            arg(self.room),
            arg(verb),
            arg(self.by.map(Subject::as_str).unwrap_or_default()),
            arg(match self.right {
                Right::Scope => 0,
                Right::Owner => 1,
                Right::Moderator => 2,
            }),
            arg(self.trace),
        ];
        args.extend(bounds.of_room());
        args.extend(own);
        FunctionCall::writing("tg_control", names, args)
    }

    fn verb_args(&self) -> (&'static str, Vec<Vec<u8>>) {
        let pairs = |fields: &[(&str, &str)]| -> Vec<Vec<u8>> {
            fields
                .iter()
                .flat_map(|(name, value)| [arg(name), arg(value)])
                .collect()
        };
        match self.verb {
            Verb::Create { owner, fields } => {
                let mut own = vec![arg(owner)];
                own.extend(pairs(fields));
                ("create", own)
            }
            Verb::Change { fields } => ("change", pairs(fields)),
            Verb::Close => ("close", vec![]),
            Verb::Ban { user, lasting } => ("ban", vec![arg(user), arg(lasting)]),
            Verb::Mute { user, lasting } => ("mute", vec![arg(user), arg(lasting)]),
            Verb::Kick { user } => ("kick", vec![arg(user)]),
            Verb::Hide { message } => ("hide", vec![arg(message)]),
            Verb::Disconnect { user } => ("disconnect", vec![arg(user)]),
        }
    }

    /// What came back.
    ///
    /// # Errors
    /// A refusal, arguments out of bounds, or an answer that is not one.
    pub fn answer(&self, replies: &[Reply]) -> Result<Appended, CallError> {
        Appended::read(&mut Answer::begin(replies)?, self.region)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shard::ShardCount;

    fn own_args(verb: Verb<'_>) -> Vec<String> {
        let call = Control {
            region: &"eu".parse().unwrap(),
            room: &"demo".parse().unwrap(),
            verb,
            by: None,
            right: Right::Moderator,
            trace: "t",
        }
        .call(&Keys::new("tg", ShardCount::default()), &Bounds::default());
        assert_eq!(call.keys.len(), 7);
        assert_eq!(call.args[4], b"2");
        let mut words: Vec<_> = call
            .args
            .into_iter()
            .map(|arg| String::from_utf8(arg).unwrap())
            .collect();
        words.drain(3..10);
        words.drain(..2);
        words
    }

    #[test]
    fn verbs_carry_their_own_arguments() {
        let alice: Subject = "alice".parse().unwrap();
        let token = BannedName::Token("ab".into());
        let message: MessageId = "eu-7-1".parse().unwrap();
        let fields = [("title", "Lobby")];
        for (verb, expected) in [
            (
                Verb::Create {
                    owner: &alice,
                    fields: &fields,
                },
                "create alice title Lobby",
            ),
            (Verb::Change { fields: &fields }, "change title Lobby"),
            (Verb::Close, "close"),
            (
                Verb::Ban {
                    user: &token,
                    lasting: Lasting::UntilLifted,
                },
                "ban jti:ab -1",
            ),
            (
                Verb::Mute {
                    user: &BannedName::Subject(alice.clone()),
                    lasting: Lasting::Seconds(60),
                },
                "mute alice 60",
            ),
            (Verb::Kick { user: &alice }, "kick alice"),
            (Verb::Hide { message: &message }, "hide eu-7-1"),
            (Verb::Disconnect { user: &alice }, "disconnect alice"),
        ] {
            assert_eq!(own_args(verb).join(" "), expected);
        }
    }
}
