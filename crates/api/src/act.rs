//! A call with everything that it says, read, and allowed as far as the caller's token decides it.

use tidegate_room::page::Page;
use tidegate_room::{
    Acts, BatchItem, Caller, Creation, IdempotencyKey, Listing, Post, Settings, batch, limits,
    sanction,
};
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

    fn service(&self) -> Result<&Caller, Refusal> {
        let caller = self.known()?;
        if caller.is_service() {
            Ok(caller)
        } else {
            Err(Refusal::ServiceOnly)
        }
    }

    /// Whether a room of the list is shown to the caller: guests see open rooms, a token those that it is good for.
    pub fn may_see(&self, room: &RoomId, is_open: bool) -> bool {
        match self {
            Self::Guest(_) => is_open && !room.is_reserved(),
            Self::Known(caller) => caller.may_read(room).is_ok(),
        }
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
    /// Show a page of the list of rooms.
    List(Listing),
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
    /// Publish many messages, each by itself.
    Batch(Vec<Result<BatchItem, Refusal>>),
    /// End all sockets of a user.
    Disconnect(Subject),
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
            | RoomsCall::PublishBatch
            | RoomsCall::Impose(..)
            | RoomsCall::Kick(_)
    )
}

/// Longest body of a call, in bytes. Only whoever may send a batch has that much read.
pub fn body_bytes(call: &RoomsCall, who: &Who) -> usize {
    match call {
        RoomsCall::PublishBatch if who.caller().is_some_and(Caller::is_service) => {
            limits::BATCH_BODY_BYTES
        }
        _ => limits::BODY_BYTES,
    }
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
                caller.may_create(&room, creation.settings.owner.as_ref())?;
                Self::Create {
                    room,
                    settings: creation.settings,
                }
            }
            RoomsCall::ListRooms => {
                let pairs = query::pairs(given.query)?;
                let pairs = pairs.iter().map(|(name, value)| (&**name, &**value));
                let listing = Listing::read(pairs);
                Self::List(listing.map_err(|error| Refusal::BadQuery(error.to_string()))?)
            }
            RoomsCall::PublishBatch => Self::Batch(publish_batch(who.service()?, given)?),
            RoomsCall::Disconnect(user) => {
                who.service()?;
                Self::Disconnect(user)
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
            Self::Read(_) | Self::List(_) | Self::Join(_) | Self::History { .. } => Weight::Read,
            Self::Create { .. } | Self::Batch(_) | Self::Disconnect(_) => {
                Weight::Change { room: None }
            }
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

fn publish_batch(
    caller: &Caller,
    given: &Given<'_>,
) -> Result<Vec<Result<BatchItem, Refusal>>, Refusal> {
    given.headers.check_json()?;
    let items = batch::read(given.body)?;
    let allowed = |item: BatchItem| -> Result<BatchItem, Refusal> {
        caller.may_publish(&item.room, item.post.kind, item.post.speaker.is_some())?;
        Ok(item)
    };
    Ok(items
        .into_iter()
        .map(|item| item.map_err(Refusal::from).and_then(allowed))
        .collect())
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
#[path = "act_tests.rs"]
mod tests;
