//! One viewer of one room.

use std::rc::Rc;

use tidegate_stream::{Cursor, Subject};

use crate::encode::Encoding;
use crate::replay::Replay;
use crate::strain::Strain;

/// A connection, as the shell numbers it.
pub type ViewerKey = u32;

/// A subscription that may have ended meanwhile: its number may then be another's, its generation never.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SubRef {
    /// Number, valid until it ends.
    pub key: u32,
    pub(crate) generation: u32,
}

/// In whose name a room is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Who {
    /// The ticket's subject; none for `!all`, which needs no ticket.
    pub subject: Option<Subject>,
    /// `jti:` and the digest of the token behind the ticket.
    pub token: Option<Box<str>>,
}

impl Who {
    /// Whether a ban of `user` is this one's.
    pub fn is(&self, user: &str) -> bool {
        self.subject
            .as_ref()
            .is_some_and(|subject| subject.as_str() == user)
            || self.token.as_deref() == Some(user)
    }
}

#[derive(Debug)]
pub(crate) struct Sub {
    pub(crate) viewer: ViewerKey,
    pub(crate) room: u32,
    /// Its place in the room's list.
    pub(crate) at: u32,
    pub(crate) generation: u32,
    pub(crate) encoding: Encoding,
    /// Its own level, and when that may go down.
    pub(crate) strain: Strain,
    /// Counters changed while it was blocked.
    pub(crate) stale: bool,
    /// The room's sequence number up to which it was served.
    pub(crate) served: u64,
    pub(crate) expires_ms: u64,
    pub(crate) who: Rc<Who>,
    pub(crate) phase: Phase,
}

#[derive(Debug)]
pub(crate) enum Phase {
    /// Not let in yet, or history is being replayed.
    Opening(Box<Opening>),
    /// Gets what all get.
    Live,
    /// Ahead of the node in a component: frames of its own, with the greater of both.
    Ahead(Box<Cursor>),
}

#[derive(Debug)]
pub(crate) struct Opening {
    pub(crate) cursor: Option<Cursor>,
    /// A first frame is owed even if it holds nothing.
    pub(crate) owes_answer: bool,
    pub(crate) stage: Stage,
}

#[derive(Debug)]
pub(crate) enum Stage {
    /// The shard's position is not known yet.
    Shard,
    /// Room and bans are being looked up.
    Access,
    /// History is read up to a mark, which the ring's sequence number `start` stands for.
    Replay {
        replay: Replay,
        start: u64,
        /// Waits for the connection to be writable.
        stalled: bool,
        /// Times that history was not all there.
        behind: u8,
    },
}
