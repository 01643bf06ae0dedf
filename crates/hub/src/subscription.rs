//! One viewer of one room.

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

/// A [`Who`] in one piece of memory, and in none if it is nobody: the subject, a space, the token.
#[derive(Debug)]
pub(crate) struct Named(Box<str>);

/// No sign of a subject, nor of a token.
const BETWEEN: char = ' ';

impl Named {
    pub(crate) fn new(who: &Who) -> Self {
        let subject = who.subject.as_ref().map_or("", Subject::as_str);
        match &who.token {
            Some(token) => Self(format!("{subject}{BETWEEN}{token}").into()),
            None => Self(subject.into()),
        }
    }

    /// The subject, or nothing.
    pub(crate) fn subject(&self) -> &str {
        self.0
            .split_once(BETWEEN)
            .map_or(&*self.0, |(subject, _)| subject)
    }

    pub(crate) fn token(&self) -> Option<&str> {
        self.0.split_once(BETWEEN).map(|(_, token)| token)
    }

    pub(crate) fn who(&self) -> Who {
        Who {
            // It was one, or is empty.
            subject: self.subject().parse().ok(),
            token: self.token().map(Into::into),
        }
    }

    /// Whether a ban of `user` is this one's.
    pub(crate) fn is(&self, user: &str) -> bool {
        !user.is_empty() && (self.subject() == user || self.token() == Some(user))
    }
}

/// When a ticket lapses: seconds since the epoch, rounded up, which fit until 2106.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lapse(u32);

impl Lapse {
    const NEVER: Self = Self(u32::MAX);

    pub(crate) fn at_ms(ms: u64) -> Self {
        u32::try_from(ms.div_ceil(1_000)).map_or(Self::NEVER, Self)
    }

    pub(crate) fn is_over(self, clock_ms: u64) -> bool {
        self != Self::NEVER && u64::from(self.0) * 1_000 <= clock_ms
    }
}

/// Every connection has two of them or more: with what [`Named`] holds and its place in the room's list it is most of what
/// an idle viewer costs.
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
    pub(crate) lapses: Lapse,
    pub(crate) who: Named,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subscription_fits_a_cache_line() {
        assert!(size_of::<Sub>() <= 64, "{}", size_of::<Sub>());
        assert_eq!(size_of::<Option<Sub>>(), size_of::<Sub>());
    }

    #[test]
    fn somebody_is_as_they_were_and_nobody_is_nobody() {
        let subject: Subject = "alice".parse().unwrap();
        for subject in [None, Some(subject)] {
            for token in [None, Some("jti:ba78".into())] {
                let who = Who {
                    subject: subject.clone(),
                    token: token.clone(),
                };
                let named = Named::new(&who);
                assert_eq!(named.who(), who);
                assert_eq!(named.is("alice"), subject.is_some());
                assert_eq!(named.is("jti:ba78"), token.is_some());
                for other in ["", "alic", "alice ", "alice jti:ba78", "jti:ba7"] {
                    assert!(!named.is(other), "{other:?}");
                }
            }
        }
    }

    #[test]
    fn a_ticket_lapses_within_a_second_of_its_time_and_not_before() {
        let lapse = Lapse::at_ms(1_732_400_000_001);
        assert!(!lapse.is_over(1_732_400_000_999));
        assert!(lapse.is_over(1_732_400_001_000));
        for never_ms in [u64::MAX, u64::from(u32::MAX) * 1_000] {
            assert!(!Lapse::at_ms(never_ms).is_over(u64::MAX));
        }
        assert!(Lapse::at_ms(0).is_over(0));
    }
}
