//! `tg_join`: what a room is now, for one subject.

use super::error::CallError;
use super::reply::{Answer, Reply};
use super::{FunctionCall, arg};
use crate::cursor::Cursor;
use crate::id::StreamId;
use crate::keys::Keys;
use crate::name::{Region, RoomId, Subject};

/// Whether a room can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RoomState {
    /// It can.
    Open,
    /// Closed for good.
    Closed,
}

/// Who may enter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RoomAccess {
    /// Anyone.
    Open,
    /// Whoever has a token for it.
    Token,
}

/// What a room's fields say. Fields of later versions are skipped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomFields {
    /// Whether it can be used.
    pub state: RoomState,
    /// Its title.
    pub title: String,
    /// Who owns it, as text.
    pub owner: String,
    /// Who may enter.
    pub access: RoomAccess,
    /// When it was created, in ms.
    pub created_ms: u64,
    /// Slow mode: at least so many ms between two messages of a subject; 0 is off.
    pub slow_ms: u64,
    /// Chat is for followers only.
    pub followers_only: bool,
    /// Chat is closed: gifts only.
    pub gift_only: bool,
    /// Who moderates it beside its owner, as text.
    pub moderators: Vec<String>,
    /// Chat messages a second that a viewer is sent at most; 0: no budget; none: what the node has for such rooms.
    pub chat_budget: Option<u64>,
    /// Chat messages that it keeps; 0: as many as its region.
    pub history_chat: u64,
    /// Control and gift messages that it keeps; 0: as many as its region.
    pub history_keep: u64,
}

impl RoomFields {
    fn read(answer: &mut Answer<'_>, count: usize) -> Result<Option<Self>, CallError> {
        if count == 0 {
            return Ok(None);
        }
        let mut fields = Self {
            state: RoomState::Closed,
            title: String::new(),
            owner: String::new(),
            access: RoomAccess::Token,
            created_ms: 0,
            slow_ms: 0,
            followers_only: false,
            gift_only: false,
            moderators: Vec::new(),
            chat_budget: None,
            history_chat: 0,
            history_keep: 0,
        };
        for _ in 0..count {
            match answer.bytes("field")? {
                // A value of a later version is read as the stricter one.
                b"state" => {
                    if answer.bytes("state")? == b"open" {
                        fields.state = RoomState::Open;
                    }
                }
                b"access" => {
                    if answer.bytes("access")? == b"open" {
                        fields.access = RoomAccess::Open;
                    }
                }
                b"title" => fields.title = answer.text("title")?.to_owned(),
                b"owner" => fields.owner = answer.text("owner")?.to_owned(),
                b"created_ms" => fields.created_ms = answer.number("created_ms")?,
                b"slow_ms" => fields.slow_ms = answer.number("slow_ms")?,
                b"followers_only" => fields.followers_only = answer.number("followers_only")? > 0,
                b"gift_only" => fields.gift_only = answer.number("gift_only")? > 0,
                b"moderators" => {
                    let names = answer.text("moderators")?.split(',');
                    fields.moderators = names
                        .filter(|name| !name.is_empty())
                        .map(str::to_owned)
                        .collect();
                }
                b"chat_budget" => fields.chat_budget = Some(answer.number("chat_budget")?),
                b"history_chat" => fields.history_chat = answer.number("history_chat")?,
                b"history_keep" => fields.history_keep = answer.number("history_keep")?,
                _ => {
                    answer.bytes("value")?;
                }
            }
        }
        Ok(Some(fields))
    }
}

/// Where one origin's log stands here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OriginPosition {
    /// The origin.
    pub origin: Region,
    /// The last id of its log.
    pub last: StreamId,
    /// Below this id its history may be missing here.
    pub floor: StreamId,
}

/// What a room is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JoinAnswer {
    /// The room's fields; none for a reserved room (`~`, `!`), which is always open.
    pub room: Option<RoomFields>,
    /// Until when the subject (in `!all`: or its token) is banned, in ms; 0: it is not.
    pub ban_until_ms: u64,
    /// Until when the subject is muted, in ms; 0: it is not.
    pub mute_until_ms: u64,
    /// Likes, over all origins.
    pub likes: u64,
    /// Viewers, over all nodes whose count has not lapsed.
    pub online: u64,
    /// Redis' clock, in ms.
    pub now_ms: u64,
    /// Where each origin that is not retired stands.
    pub origins: Vec<OriginPosition>,
}

impl JoinAnswer {
    /// The room's position now.
    pub fn cursor(&self) -> Cursor {
        self.origins
            .iter()
            .map(|position| (position.origin.clone(), position.last))
            .collect()
    }
}

/// A look at a room.
#[derive(Debug, Clone, Copy)]
pub struct Join<'a> {
    /// This region.
    pub region: &'a Region,
    /// Which room.
    pub room: &'a RoomId,
    /// For whom; none to look at the room alone.
    pub subject: Option<&'a Subject>,
    /// The digits that [`digest::token`](crate::digest::token) makes of the token's `jti`; looked up in `!all` only.
    pub token: Option<&'a str>,
}

impl Join<'_> {
    /// What to send.
    pub fn call(&self, keys: &Keys) -> FunctionCall {
        let args = vec![
            arg(self.region),
            arg(self.subject.map(Subject::as_str).unwrap_or_default()),
            arg(self
                .token
                .map(|digits| format!("jti:{digits}"))
                .unwrap_or_default()),
        ];
        FunctionCall::reading("tg_join", vec![keys.room(self.room)], args)
    }

    /// What came back.
    ///
    /// # Errors
    /// [`Refusal::NoRoom`](super::Refusal::NoRoom), arguments out of bounds, or an answer that is not one.
    pub fn answer(&self, replies: &[Reply]) -> Result<JoinAnswer, CallError> {
        let mut answer = Answer::begin(replies)?;
        answer.label("state")?;
        let count = answer.count("fields")?;
        let room = RoomFields::read(&mut answer, count)?;
        let mut labelled = |label: &'static str| {
            answer.label(label)?;
            answer.number(label)
        };
        let mut joined = JoinAnswer {
            room,
            ban_until_ms: labelled("ban")?,
            mute_until_ms: labelled("mute")?,
            likes: labelled("likes")?,
            online: labelled("online")?,
            now_ms: labelled("now")?,
            origins: Vec::new(),
        };
        while !answer.is_over() {
            joined.origins.push(OriginPosition {
                origin: answer.parse("origin")?,
                last: answer.parse("last")?,
                floor: answer.parse("floor")?,
            });
        }
        Ok(joined)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calls::reply::tests::words;

    fn answer(text: &str) -> Result<JoinAnswer, CallError> {
        Join {
            region: &"eu".parse().unwrap(),
            room: &"demo".parse().unwrap(),
            subject: None,
            token: None,
        }
        .answer(&words(text))
    }

    #[test]
    fn a_room_is_read_and_later_fields_are_skipped() {
        let joined = answer(
            "state 7 state open mood cheerful access open slow_ms 500 gift_only 1 moderators bob,carol history_keep 9 ban 0 mute 9 likes 3 online 2 now 7 eu 5-0 0-0 us 6-1 6-0",
        )
        .unwrap();
        let room = joined.room.clone().unwrap();
        assert_eq!(
            (room.state, room.access, room.slow_ms),
            (RoomState::Open, RoomAccess::Open, 500)
        );
        assert_eq!(
            (room.gift_only, room.followers_only, room.history_keep),
            (true, false, 9)
        );
        assert_eq!(room.moderators, ["bob", "carol"]);
        assert_eq!(joined.mute_until_ms, 9);
        assert_eq!(joined.origins.len(), 2);
        assert_eq!(
            joined.cursor().get(&"us".parse().unwrap()),
            StreamId { ms: 6, seq: 1 }
        );
    }

    #[test]
    fn a_reserved_room_has_no_fields() {
        assert_eq!(
            answer("state 0 ban 0 mute 0 likes 0 online 0 now 7")
                .unwrap()
                .room,
            None
        );
    }

    #[test]
    fn what_cannot_be_read_is_strict() {
        let room = answer("state 2 state dreaming access fee ban 0 mute 0 likes 0 online 0 now 7")
            .unwrap()
            .room
            .unwrap();
        assert_eq!(
            (room.state, room.access),
            (RoomState::Closed, RoomAccess::Token)
        );
        for bad in [
            "",
            "state",
            "state 9 state open",
            "state 0 ban",
            "state 0 ban 0 mute 0 likes 0 online 0 now 7 eu",
        ] {
            assert!(answer(bad).is_err(), "{bad}");
        }
    }
}
