//! Which rooms a token is good for.

use std::fmt;
use std::str::FromStr;

use tidegate_stream::RoomId;
use tidegate_stream::name::ROOM_BYTES;

use crate::limits::PATTERNS_MAX;

/// A room id, or the beginning of one followed by `*`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomPattern {
    text: String,
    is_prefix: bool,
}

/// A text that is no room pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RoomPatternError {
    /// A single pattern outside its grammar.
    #[error("a room pattern is a room id, or the beginning of one followed by `*`")]
    Grammar,
    /// Too many.
    #[error("a token names {PATTERNS_MAX} rooms at most; use prefixes that end in `*`")]
    TooMany,
}

impl RoomPattern {
    /// Whether the pattern covers a room.
    pub fn covers(&self, room: &RoomId) -> bool {
        match self.is_prefix {
            true => room.as_str().starts_with(&self.text),
            false => room.as_str() == self.text,
        }
    }
}

impl FromStr for RoomPattern {
    type Err = RoomPatternError;

    fn from_str(text: &str) -> Result<Self, RoomPatternError> {
        match text.strip_suffix('*') {
            Some(prefix) => {
                let signs = prefix.strip_prefix(['~', '!']).unwrap_or(prefix);
                let is_sign = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
                if prefix.len() > ROOM_BYTES || !signs.bytes().all(is_sign) {
                    return Err(RoomPatternError::Grammar);
                }
                Ok(Self {
                    text: prefix.to_owned(),
                    is_prefix: true,
                })
            }
            None => {
                text.parse::<RoomId>()
                    .map_err(|_| RoomPatternError::Grammar)?;
                Ok(Self {
                    text: text.to_owned(),
                    is_prefix: false,
                })
            }
        }
    }
}

impl fmt::Display for RoomPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)?;
        f.write_str(if self.is_prefix { "*" } else { "" })
    }
}

/// The rooms that a token is good for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Rooms {
    /// Every room: the token names none.
    #[default]
    Every,
    /// Those that a pattern covers. An empty list covers none.
    Listed(Vec<RoomPattern>),
}

impl Rooms {
    /// No room.
    pub fn none() -> Self {
        Self::Listed(Vec::new())
    }

    /// Reads the patterns of a token; without a list it is every room.
    ///
    /// # Errors
    /// If there are too many patterns or one is outside its grammar.
    pub fn from_patterns<S: AsRef<str>>(patterns: Option<&[S]>) -> Result<Self, RoomPatternError> {
        match patterns {
            None => Ok(Self::Every),
            Some(list) if list.len() > PATTERNS_MAX => Err(RoomPatternError::TooMany),
            Some(list) => list
                .iter()
                .map(|p| p.as_ref().parse())
                .collect::<Result<_, _>>()
                .map(Self::Listed),
        }
    }

    /// Whether the token is good for a room.
    pub fn covers(&self, room: &RoomId) -> bool {
        match self {
            Self::Every => true,
            Self::Listed(patterns) => patterns.iter().any(|pattern| pattern.covers(room)),
        }
    }

    /// The patterns as text; none for every room.
    pub fn to_patterns(&self) -> Option<Vec<String>> {
        match self {
            Self::Every => None,
            Self::Listed(patterns) => Some(patterns.iter().map(RoomPattern::to_string).collect()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn covers(patterns: &[&str], room: &str) -> bool {
        Rooms::from_patterns(Some(patterns))
            .unwrap()
            .covers(&room.parse().unwrap())
    }

    #[test]
    fn a_room_is_covered_by_its_id_or_a_prefix() {
        assert!(covers(&["demo.lobby"], "demo.lobby"));
        assert!(!covers(&["demo.lobby"], "demo.lobby2"));
        assert!(covers(&["x", "demo.*"], "demo.lobby"));
        assert!(!covers(&["demo.*"], "demo"));
        assert!(!covers(&["demo.*"], "Demo.lobby"));
        assert!(covers(&["*"], "anything"));
        assert!(covers(&["~alice"], "~alice"));
        assert!(!covers(&[], "demo.lobby"));
        assert!(
            Rooms::from_patterns::<&str>(None)
                .unwrap()
                .covers(&RoomId::all())
        );
    }

    #[test]
    fn patterns_keep_to_their_grammar() {
        for bad in [
            "",
            "a b",
            "a*b",
            "**",
            "a/*",
            "é*",
            "!else",
            "~",
            &format!("{}*", "x".repeat(65)),
        ] {
            assert_eq!(
                bad.parse::<RoomPattern>(),
                Err(RoomPatternError::Grammar),
                "{bad:?}"
            );
        }
        let many = vec!["a"; PATTERNS_MAX + 1];
        assert_eq!(
            Rooms::from_patterns(Some(&many)),
            Err(RoomPatternError::TooMany)
        );
    }

    #[test]
    fn patterns_go_back_to_the_same_text() {
        let texts = ["demo.lobby", "demo.*", "*", "~al*"];
        let rooms = Rooms::from_patterns(Some(&texts)).unwrap();
        assert_eq!(rooms.to_patterns().unwrap(), texts);
    }
}
