//! Ids of entries: bare inside one region's streams, with the region outside.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::name::Region;

/// Why an id was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// Not `ms-seq`.
    #[error("a stream id is two decimal numbers, ms-seq")]
    Stream,
    /// Not `region-ms-seq`.
    #[error("a message id is region-ms-seq")]
    Message,
}

/// A Redis stream id, `ms-seq`. Ordered as Redis orders them. Times are read from `at_ms`, never from ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct StreamId {
    /// Milliseconds, near the clock of the Redis that gave the id.
    pub ms: u64,
    /// Which of that millisecond.
    pub seq: u64,
}

impl StreamId {
    /// Before every entry.
    pub const ZERO: Self = Self { ms: 0, seq: 0 };
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.ms, self.seq)
    }
}

/// A number as Redis writes it: digits only, no sign, no leading zero.
fn number(text: &str) -> Option<u64> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit());
    let canonical = text == "0" || !text.starts_with('0');
    (plain && canonical).then(|| text.parse().ok()).flatten()
}

impl FromStr for StreamId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let (ms, seq) = text.split_once('-').ok_or(IdError::Stream)?;
        match (number(ms), number(seq)) {
            (Some(ms), Some(seq)) => Ok(Self { ms, seq }),
            _ => Err(IdError::Stream),
        }
    }
}

/// An entry's id outside Redis, `region-ms-seq`: bare ids of two regions collide.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MessageId {
    /// Where it was appended.
    pub origin: Region,
    /// Its id in that region's log.
    pub id: StreamId,
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.origin, self.id)
    }
}

impl FromStr for MessageId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        // A region may hold dashes itself, so the two numbers are taken from the end.
        let (rest, seq) = text.rsplit_once('-').ok_or(IdError::Message)?;
        let (region, ms) = rest.rsplit_once('-').ok_or(IdError::Message)?;
        let origin = region.parse().map_err(|_| IdError::Message)?;
        match (number(ms), number(seq)) {
            (Some(ms), Some(seq)) => Ok(Self {
                origin,
                id: StreamId { ms, seq },
            }),
            _ => Err(IdError::Message),
        }
    }
}

impl TryFrom<String> for MessageId {
    type Error = IdError;

    fn try_from(text: String) -> Result<Self, IdError> {
        text.parse()
    }
}

impl From<MessageId> for String {
    fn from(id: MessageId) -> String {
        id.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn stream_ids_survive_text(ms: u64, seq: u64) {
            let id = StreamId { ms, seq };
            prop_assert_eq!(id.to_string().parse::<StreamId>().unwrap(), id);
        }

        #[test]
        fn message_ids_survive_text(region in "[a-z0-9-]{1,16}", ms: u64, seq: u64) {
            let id = MessageId { origin: region.parse().unwrap(), id: StreamId { ms, seq } };
            prop_assert_eq!(id.to_string().parse::<MessageId>().unwrap(), id);
        }

        #[test]
        fn no_text_panics(text in ".{0,40}") {
            let _ = text.parse::<StreamId>();
            let _ = text.parse::<MessageId>();
        }
    }

    #[test]
    fn only_the_canonical_form_is_an_id() {
        for bad in [
            "",
            "1",
            "1-",
            "-1",
            "01-0",
            "+1-0",
            "1-0-0",
            "18446744073709551616-0",
            "1-a",
        ] {
            assert_eq!(bad.parse::<StreamId>(), Err(IdError::Stream), "{bad}");
        }
        for bad in ["1-0", "EU-1-0", "eu-1", "eu-01-0", "-1-0"] {
            assert_eq!(bad.parse::<MessageId>(), Err(IdError::Message), "{bad}");
        }
    }

    #[test]
    fn ids_order_by_time_then_sequence() {
        let id = |text: &str| text.parse::<StreamId>().unwrap();
        assert!(id("9-9") < id("10-0"));
        assert!(id("10-0") < id("10-1"));
    }
}
