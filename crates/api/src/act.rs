//! A call with everything that it says, read, and allowed as far as the caller's token decides it.

use tidegate_room::page::Page;
use tidegate_room::{Acts, Caller, Creation, IdempotencyKey, Post, Settings, sanction};
use tidegate_route::{RoomsCall, Sanction};
use tidegate_stream::calls::BannedName;
use tidegate_stream::{MessageId, Region, RoomId, Subject};

use crate::headers::Headers;
use crate::query;
use crate::quota::Weight;
use crate::refusal::Refusal;

/// Who calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Who {
    /// Nobody with a token. The subject is made for this call.
    Guest(Subject),
    /// Somebody with a token that holds.
    Known(Caller),
}

impl Who {
    /// The caller, if there is a token.
    pub fn caller(&self) -> Option<&Caller> {
        match self {
            Self::Guest(_) => None,
            Self::Known(caller) => Some(caller),
        }
    }

    /// The subject.
    pub fn subject(&self) -> &Subject {
        match self {
            Self::Guest(subject) => subject,
            Self::Known(caller) => &caller.subject,
        }
    }

    fn known(&self) -> Result<&Caller, Refusal> {
        self.caller().ok_or(Refusal::NoToken)
    }

    /// Guests read open rooms, which the room itself decides; reserved rooms are never theirs.
    fn may_read(&self, room: &RoomId) -> Result<(), Refusal> {
        match self {
            Self::Guest(_) if room.is_reserved() => Err(Refusal::NoToken),
            Self::Guest(_) => Ok(()),
            Self::Known(caller) => Ok(caller.may_read(room)?),
        }
    }
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// Create a room.
    Create {
        /// Its id.
        room: RoomId,
        /// Its settings.
        settings: Settings,
    },
    /// Show a room.
    Read(RoomId),
    /// Change a room.
    Change {
        /// Which.
        room: RoomId,
        /// By which right.
        right: Acts,
        /// What to set.
        settings: Settings,
    },
    /// Close a room for good.
    Close {
        /// Which.
        room: RoomId,
        /// By which right.
        right: Acts,
    },
    /// Publish a message or a like.
    Publish {
        /// Where to.
        room: RoomId,
        /// What.
        post: Post,
        /// Idempotency key.
        key: Option<IdempotencyKey>,
    },
    /// Show a page of history.
    History {
        /// Of which room.
        room: RoomId,
        /// Which page.
        page: Page,
    },
    /// Hide a message.
    Hide {
        /// In which room.
        room: RoomId,
        /// By which right.
        right: Acts,
        /// Which.
        message: MessageId,
    },
    /// Hand out a ticket and sockets.
    Join(RoomId),
    /// Set or lift a ban or a mute.
    Sanction {
        /// In which room.
        room: RoomId,
        /// By which right.
        right: Acts,
        /// Which of the two.
        what: Sanction,
        /// On whom.
        user: BannedName,
        /// For how long: 0 lifts it, none is until lifted.
        seconds: Option<u64>,
    },
    /// Put somebody out, once.
    Kick {
        /// Of which room.
        room: RoomId,
        /// By which right.
        right: Acts,
        /// Whom.
        user: Subject,
    },
}

/// Whether a call has a body that is read.
pub fn takes_body(call: &RoomsCall) -> bool {
    matches!(
        call,
        RoomsCall::CreateRoom
            | RoomsCall::ChangeRoom(_)
            | RoomsCall::Publish(_)
            | RoomsCall::Impose(..)
            | RoomsCall::Kick(_)
    )
}

/// What comes with a call.
#[derive(Debug, Clone, Copy)]
pub struct Given<'g> {
    /// This region, for ids that the server makes.
    pub region: &'g Region,
    /// Randomness, for the same.
    pub random: u64,
    /// Its headers.
    pub headers: &'g Headers<'g>,
    /// Its query.
    pub query: &'g str,
    /// Its body; empty unless [`takes_body`].
    pub body: &'g [u8],
}

impl Act {
    /// Reads a call and checks that the caller's token allows it.
    ///
    /// # Errors
    /// See [`Refusal`].
    pub fn read(call: RoomsCall, who: &Who, given: &Given<'_>) -> Result<Self, Refusal> {
        Ok(match call {
            RoomsCall::CreateRoom => {
                let caller = who.known()?;
                given.headers.check_json()?;
                let creation = Creation::read(given.body)?;
                let room = creation.id(given.region, given.random);
                caller.may_create(&room)?;
                Self::Create {
                    room,
                    settings: creation.settings,
                }
            }
            RoomsCall::ReadRoom(room) => {
                who.may_read(&room)?;
                Self::Read(room)
            }
            RoomsCall::Join(room) => {
                if room == RoomId::all() {
                    return Err(Refusal::NotAllowed(
                        "every socket has `!all` from its welcome on, without a ticket".to_owned(),
                    ));
                }
                who.may_read(&room)?;
                Self::Join(room)
            }
            RoomsCall::History(room) => {
                who.may_read(&room)?;
                let pairs = query::pairs(given.query)?;
                let pairs = pairs.iter().map(|(name, value)| (&**name, &**value));
                let page =
                    Page::read(pairs).map_err(|error| Refusal::BadQuery(error.to_string()))?;
                Self::History { room, page }
            }
            RoomsCall::ChangeRoom(room) => {
                let right = who.known()?.changes(&room)?;
                given.headers.check_json()?;
                Self::Change {
                    right,
                    settings: Settings::read(given.body)?,
                    room,
                }
            }
            RoomsCall::CloseRoom(room) => Self::Close {
                right: who.known()?.changes(&room)?,
                room,
            },
            RoomsCall::Publish(room) => publish(room, who.known()?, given)?,
            RoomsCall::Hide(room, message) => Self::Hide {
                right: who.known()?.moderates(&room)?,
                room,
                message,
            },
            RoomsCall::Impose(room, what, user) => {
                let right = who.known()?.moderates(&room)?;
                if !given.body.is_empty() {
                    given.headers.check_json()?;
                }
                let seconds = sanction::read_seconds(given.body)?;
                set(room, right, what, user, seconds)?
            }
            RoomsCall::Lift(room, what, user) => {
                let right = who.known()?.moderates(&room)?;
                set(room, right, what, user, Some(0))?
            }
            RoomsCall::Kick(room) => {
                let right = who.known()?.moderates(&room)?;
                given.headers.check_json()?;
                Self::Kick {
                    right,
                    user: sanction::read_kick(given.body)?,
                    room,
                }
            }
        })
    }

    /// How it counts.
    pub fn weight(&self) -> Weight<'_> {
        match self {
            Self::Read(_) | Self::Join(_) | Self::History { .. } => Weight::Read,
            Self::Create { .. } => Weight::Change { room: None },
            Self::Publish { room, .. } => Weight::Message { room },
            Self::Change { room, .. }
            | Self::Close { room, .. }
            | Self::Hide { room, .. }
            | Self::Sanction { room, .. }
            | Self::Kick { room, .. } => Weight::Change { room: Some(room) },
        }
    }
}

fn publish(room: RoomId, caller: &Caller, given: &Given<'_>) -> Result<Act, Refusal> {
    given.headers.check_json()?;
    let key = given.headers.idempotency_key()?;
    let post = Post::read(given.body)?;
    caller.may_publish(&room, post.kind, post.speaker.is_some())?;
    if key.is_some() && post.kind == tidegate_room::PostKind::Like {
        return Err(Refusal::NotAllowed(
            "a like is counted each time and takes no `Idempotency-Key`".to_owned(),
        ));
    }
    Ok(Act::Publish { room, post, key })
}

fn set(
    room: RoomId,
    right: Acts,
    what: Sanction,
    user: BannedName,
    seconds: Option<u64>,
) -> Result<Act, Refusal> {
    let is_revocation = room == RoomId::all() && what == Sanction::Ban;
    if matches!(user, BannedName::Token(_)) && !is_revocation {
        return Err(Refusal::NotAllowed(
            "a token is revoked by a ban in `!all`; elsewhere name the user".to_owned(),
        ));
    }
    Ok(Act::Sanction {
        room,
        right,
        what,
        user,
        seconds,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use tidegate_auth::{Rooms, Scopes};
    use tidegate_room::Denied;
    use tidegate_route::{Call, Calls};

    fn known(scope: &str) -> Who {
        Who::Known(Caller {
            subject: "alice".parse().unwrap(),
            info: String::new(),
            scopes: Scopes::from_claim(scope),
            rooms: Rooms::Every,
            token: None,
            expires_ms: 0,
        })
    }

    fn guest() -> Who {
        Who::Guest(Subject::guest(7))
    }

    fn ask(who: &Who, line: &str, headers: &[(&str, &str)], body: &str) -> Result<Act, Refusal> {
        let (method, target) = line.split_once(' ').unwrap();
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let Call::Rooms(call) = Calls::default().read(method, path)? else {
            panic!("{line} is not about rooms");
        };
        let headers = headers
            .iter()
            .map(|(name, value)| (*name, value.as_bytes()))
            .collect();
        let given = Given {
            region: &"eu".parse().unwrap(),
            random: 1,
            headers: &headers,
            query,
            body: body.as_bytes(),
        };
        Act::read(call, who, &given)
    }

    const JSON: (&str, &str) = ("content-type", "application/json");

    #[test]
    fn guests_read_and_do_nothing_else() {
        for line in [
            "GET /v1/rooms/a",
            "GET /v1/rooms/a/messages",
            "POST /v1/rooms/a/join",
        ] {
            assert!(ask(&guest(), line, &[], "").is_ok(), "{line}");
        }
        for line in [
            "GET /v1/rooms/~alice",
            "GET /v1/rooms/!all/messages",
            "POST /v1/rooms/~alice/join",
            "POST /v1/rooms",
            "PATCH /v1/rooms/a",
            "DELETE /v1/rooms/a",
            "POST /v1/rooms/a/messages",
            "DELETE /v1/rooms/a/messages/eu-1-0",
            "PUT /v1/rooms/a/bans/bob",
            "DELETE /v1/rooms/a/mutes/bob",
            "POST /v1/rooms/a/kick",
        ] {
            assert_eq!(
                ask(&guest(), line, &[JSON], "{}"),
                Err(Refusal::NoToken),
                "{line}"
            );
        }
    }

    #[test]
    fn a_message_is_read_with_its_key() {
        let body = r#"{"kind":"chat","data":{"text":"hi"}}"#;
        let headers = [JSON, ("idempotency-key", "k1")];
        let act = ask(
            &known("publish"),
            "POST /v1/rooms/a/messages",
            &headers,
            body,
        )
        .unwrap();
        let Act::Publish { key, .. } = &act else {
            panic!("a message");
        };
        assert_eq!(key.as_ref().unwrap().as_str(), "k1");
        assert!(matches!(act.weight(), Weight::Message { .. }));
    }

    #[test]
    fn messages_are_refused_for_what_they_are() {
        let publish = |who: &Who, headers: &[(&str, &str)], body: &str| {
            ask(who, "POST /v1/rooms/a/messages", headers, body)
                .unwrap_err()
                .status()
        };
        let viewer = known("publish");
        let chat = r#"{"kind":"chat","data":{}}"#;
        assert_eq!(publish(&viewer, &[], chat), 415);
        assert_eq!(publish(&viewer, &[JSON], "{"), 400);
        assert_eq!(publish(&viewer, &[JSON], "{}"), 422);
        assert_eq!(
            publish(&viewer, &[JSON, ("idempotency-key", "a b")], chat),
            400
        );
        assert_eq!(
            publish(&viewer, &[JSON], r#"{"kind":"gift","data":{}}"#),
            403
        );
        assert_eq!(publish(&known(""), &[JSON], chat), 403);
        let like = r#"{"kind":"like"}"#;
        assert_eq!(
            publish(&viewer, &[JSON, ("idempotency-key", "k")], like),
            422
        );
        let spoken = r#"{"kind":"chat","data":{},"as":{"sub":"bob"}}"#;
        assert_eq!(publish(&viewer, &[JSON], spoken), 403);
    }

    #[test]
    fn a_service_gives_gifts_in_anothers_name() {
        let body = r#"{"kind":"gift","data":{"gift":"rose"},"as":{"sub":"bob"}}"#;
        assert!(
            ask(
                &known("service"),
                "POST /v1/rooms/a/messages",
                &[JSON],
                body
            )
            .is_ok()
        );
    }

    #[test]
    fn sanctions_take_a_body_or_none() {
        let moderator = known("moderate");
        let seconds = |line: &str, headers: &[(&str, &str)], body: &str| match ask(
            &moderator, line, headers, body,
        ) {
            Ok(Act::Sanction { seconds, .. }) => Ok(seconds),
            Ok(other) => panic!("{other:?}"),
            Err(refusal) => Err(refusal.status()),
        };
        let put = "PUT /v1/rooms/a/bans/bob";
        assert_eq!(seconds(put, &[], ""), Ok(None));
        assert_eq!(seconds(put, &[JSON], r#"{"seconds":60}"#), Ok(Some(60)));
        assert_eq!(seconds(put, &[], r#"{"seconds":60}"#), Err(415));
        assert_eq!(seconds(put, &[JSON], r#"{"seconds":0}"#), Err(422));
        assert_eq!(
            seconds("DELETE /v1/rooms/a/mutes/bob", &[], ""),
            Ok(Some(0))
        );
        let token = "jti:ba7816bf8f01cfea414140de5dae2223";
        assert_eq!(
            seconds(&format!("PUT /v1/rooms/a/bans/{token}"), &[], ""),
            Err(422)
        );
        assert_eq!(
            seconds(&format!("PUT /v1/rooms/!all/bans/{token}"), &[], ""),
            Err(403)
        );
        let service = known("service");
        assert!(
            ask(
                &service,
                &format!("PUT /v1/rooms/!all/bans/{token}"),
                &[],
                ""
            )
            .is_ok()
        );
        assert!(
            ask(
                &service,
                &format!("PUT /v1/rooms/!all/mutes/{token}"),
                &[],
                ""
            )
            .is_err()
        );
    }

    #[test]
    fn rights_are_by_scope_or_as_owner() {
        let right =
            |scope: &str, line: &str| match ask(&known(scope), line, &[JSON], r#"{"title":"x"}"#) {
                Ok(
                    Act::Change { right, .. } | Act::Close { right, .. } | Act::Hide { right, .. },
                ) => right,
                other => panic!("{other:?}"),
            };
        assert_eq!(right("rooms:write", "PATCH /v1/rooms/a"), Acts::ByScope);
        assert_eq!(right("moderate", "DELETE /v1/rooms/a"), Acts::AsOwner);
        assert_eq!(
            right("moderate", "DELETE /v1/rooms/a/messages/eu-1-0"),
            Acts::ByScope
        );
        assert_eq!(
            right("publish", "DELETE /v1/rooms/a/messages/eu-1-0"),
            Acts::AsOwner
        );
        assert_eq!(
            ask(&known("rooms:write"), "DELETE /v1/rooms/~alice", &[], ""),
            Err(Refusal::Denied(Denied::Reserved("~alice".parse().unwrap())))
        );
    }

    #[test]
    fn history_and_joins_are_read() {
        let viewer = known("");
        let status = |line: &str| ask(&viewer, line, &[], "").map_err(|refusal| refusal.status());
        assert!(status("GET /v1/rooms/a/messages?after=1&limit=200").is_ok());
        assert_eq!(status("GET /v1/rooms/a/messages?limit=201"), Err(400));
        assert_eq!(status("GET /v1/rooms/a/messages?after=x"), Err(400));
        assert_eq!(status("GET /v1/rooms/a/messages?after=%zz"), Err(400));
        assert_eq!(status("POST /v1/rooms/!all/join"), Err(422));
        assert!(status("POST /v1/rooms/~alice/join").is_ok());
        assert_eq!(status("POST /v1/rooms/~bob/join"), Err(403));
    }

    #[test]
    fn a_room_gets_an_id() {
        let owner = known("rooms:write");
        let Ok(Act::Create { room, .. }) = ask(&owner, "POST /v1/rooms", &[JSON], "{}") else {
            panic!("a room");
        };
        assert_eq!(room.as_str(), "default.eu-0000000000001");
        assert_eq!(
            ask(&known("publish"), "POST /v1/rooms", &[JSON], "{}")
                .unwrap_err()
                .status(),
            403
        );
    }
}
