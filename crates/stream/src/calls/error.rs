//! What a call can come back with instead of its answer.

/// Why a function did not do what it was asked. Nothing was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The room was never created, or its tombstone is gone.
    NoRoom,
    /// The room was closed for good.
    Closed,
    /// A room with this id is or was there.
    Exists,
    /// The subject is banned; 0 seconds: until lifted.
    Banned {
        /// Until the ban ends.
        seconds: u64,
    },
    /// The subject is muted; 0 seconds: until lifted.
    Muted {
        /// Until the mute ends.
        seconds: u64,
    },
    /// Slow mode: the subject published a moment ago.
    Slow {
        /// Until it may publish again.
        seconds: u64,
    },
    /// The idempotency key came with another body before.
    KeyReused,
    /// This Redis was started anew and waits for what other regions give back.
    Recovering {
        /// When to try again.
        seconds: u64,
    },
    /// Only the room's owner may do this.
    NotOwner,
    /// The room asks for a token, or only services may do this.
    NotAllowed,
    /// The room takes messages of its followers only.
    FollowersOnly,
    /// The room takes gifts only.
    GiftOnly,
    /// A code of a later version.
    Other {
        /// The code.
        code: String,
        /// When to try again; 0: no use.
        seconds: u64,
    },
}

impl Refusal {
    pub(super) fn of(code: &str, seconds: u64) -> Self {
        match code {
            "no_room" => Self::NoRoom,
            "closed" => Self::Closed,
            "exists" => Self::Exists,
            "banned" => Self::Banned { seconds },
            "muted" => Self::Muted { seconds },
            "slow" => Self::Slow { seconds },
            "key_reused" => Self::KeyReused,
            "recovering" => Self::Recovering { seconds },
            "not_owner" => Self::NotOwner,
            "not_allowed" => Self::NotAllowed,
            "followers_only" => Self::FollowersOnly,
            "gift_only" => Self::GiftOnly,
            _ => Self::Other {
                code: code.to_owned(),
                seconds,
            },
        }
    }
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// The function refused.
    #[error("refused: {0:?}")]
    Refused(Refusal),
    /// The arguments were not what the function takes: a fault of the caller.
    #[error("the function did not accept its arguments: {0}")]
    BadCall(String),
    /// The answer is not what this version reads.
    #[error("the function's answer is malformed at `{0}`")]
    Malformed(&'static str),
}
