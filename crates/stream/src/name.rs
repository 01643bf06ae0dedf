//! Names: rooms, subjects, regions, nodes. Each is checked once, where it enters, and is valid from then on.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Longest room id, in bytes.
pub const ROOM_BYTES: usize = 64;
/// Longest subject, in bytes: one less than a room, so that `~SUB` is a room id too.
pub const SUBJECT_BYTES: usize = ROOM_BYTES - 1;
/// Longest region name, in bytes.
pub const REGION_BYTES: usize = 16;
/// Longest node name, in bytes.
pub const NODE_BYTES: usize = 32;

/// The room that every socket has.
pub const ALL: &str = "!all";

/// Why a name was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// A room id outside its grammar.
    #[error("a room id is 1 to 64 of A-Z a-z 0-9 . _ - (a leading ~ or ! is reserved)")]
    Room,
    /// A subject outside its grammar.
    #[error("a subject is 1 to 63 of A-Z a-z 0-9 . _ -")]
    Subject,
    /// A region outside its grammar.
    #[error("a region is 1 to 16 of a-z 0-9 -")]
    Region,
    /// A node name outside its grammar.
    #[error("a node name is 1 to 32 of a-z 0-9 -")]
    Node,
}

fn is_sign(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-')
}

fn is_lower_sign(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'
}

fn fits(text: &str, most_bytes: usize, sign: fn(u8) -> bool) -> bool {
    !text.is_empty() && text.len() <= most_bytes && text.bytes().all(sign)
}

/// A room id: 1 to 64 of `[A-Za-z0-9._-]`, or a reserved one: `~` and a subject, or `!all`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RoomId(Arc<str>);

impl RoomId {
    /// The room that every socket has from `welcome` on.
    pub fn all() -> Self {
        Self(ALL.into())
    }

    /// A subject's own room, which only that subject may join.
    pub fn own(subject: &Subject) -> Self {
        Self(format!("~{subject}").into())
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What precedes the first `.`, else `default`. Reserved rooms have none of their own and share `default`.
    pub fn namespace(&self) -> &str {
        match self.0.split_once('.') {
            Some((namespace, _)) if !namespace.is_empty() && !self.is_reserved() => namespace,
            _ => "default",
        }
    }

    /// Whether it begins with `~` or `!`: it exists without being created, and only services publish there.
    pub fn is_reserved(&self) -> bool {
        self.0.starts_with(['~', '!'])
    }

    /// Whose own room it is.
    pub fn owner(&self) -> Option<&str> {
        self.0.strip_prefix('~')
    }
}

impl FromStr for RoomId {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let valid = match text.as_bytes().first() {
            Some(b'~') => fits(&text[1..], SUBJECT_BYTES, is_sign),
            Some(b'!') => text == ALL,
            _ => fits(text, ROOM_BYTES, is_sign),
        };
        if valid {
            Ok(Self(text.into()))
        } else {
            Err(NameError::Room)
        }
    }
}

/// Who acts or reads: 1 to 63 of `[A-Za-z0-9._-]`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Subject(Arc<str>);

impl Subject {
    /// What the subject of a ticket without a token begins with. No token may use it.
    pub const GUEST_PREFIX: &'static str = "guest-";

    /// The subject as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A guest: the prefix and 16 hex digits of `random`.
    pub fn guest(random: u64) -> Self {
        Self(format!("{}{random:016x}", Self::GUEST_PREFIX).into())
    }

    /// Whether it is a guest's.
    pub fn is_guest(&self) -> bool {
        self.0.starts_with(Self::GUEST_PREFIX)
    }
}

impl FromStr for Subject {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        if fits(text, SUBJECT_BYTES, is_sign) {
            Ok(Self(text.into()))
        } else {
            Err(NameError::Subject)
        }
    }
}

/// A region's name: 1 to 16 of `[a-z0-9-]`. It is the region's identity: never renamed, never used again.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Region(Arc<str>);

impl Region {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Region {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        if fits(text, REGION_BYTES, is_lower_sign) {
            Ok(Self(text.into()))
        } else {
            Err(NameError::Region)
        }
    }
}

/// A fan-out node's name within its region: 1 to 32 of `[a-z0-9-]`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct NodeName(Arc<str>);

impl NodeName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for NodeName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        if fits(text, NODE_BYTES, is_lower_sign) {
            Ok(Self(text.into()))
        } else {
            Err(NameError::Node)
        }
    }
}

impl fmt::Display for RoomId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for NodeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for RoomId {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        text.parse()
    }
}

impl TryFrom<String> for Subject {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        text.parse()
    }
}

impl TryFrom<String> for Region {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        text.parse()
    }
}

impl TryFrom<String> for NodeName {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        text.parse()
    }
}

impl From<RoomId> for String {
    fn from(name: RoomId) -> String {
        name.0.as_ref().to_owned()
    }
}

impl From<Subject> for String {
    fn from(name: Subject) -> String {
        name.0.as_ref().to_owned()
    }
}

impl From<Region> for String {
    fn from(name: Region) -> String {
        name.0.as_ref().to_owned()
    }
}

impl From<NodeName> for String {
    fn from(name: NodeName) -> String {
        name.0.as_ref().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rooms_keep_to_their_grammar() {
        for good in [
            "a",
            "demo.lobby",
            "A-b_c.9",
            "~alice",
            "!all",
            &"x".repeat(64),
        ] {
            assert!(good.parse::<RoomId>().is_ok(), "{good}");
        }
        for bad in [
            "",
            "a b",
            "a/b",
            "é",
            "!else",
            "~",
            "~a b",
            "a~",
            &"x".repeat(65),
            "a\n",
        ] {
            assert_eq!(bad.parse::<RoomId>(), Err(NameError::Room), "{bad:?}");
        }
    }

    #[test]
    fn a_namespace_is_what_precedes_the_first_dot() {
        let namespace = |room: &str| room.parse::<RoomId>().unwrap().namespace().to_owned();
        assert_eq!(namespace("demo.lobby.two"), "demo");
        assert_eq!(namespace("lobby"), "default");
        assert_eq!(namespace(".lobby"), "default");
        assert_eq!(namespace("~al.ice"), "default");
    }

    #[test]
    fn every_subject_has_a_room_of_its_own() {
        let longest: Subject = "s".repeat(SUBJECT_BYTES).parse().unwrap();
        let own = RoomId::own(&longest);
        assert_eq!(own.as_str().parse::<RoomId>().unwrap(), own);
        assert_eq!(own.owner(), Some(longest.as_str()));
        assert_eq!("s".repeat(64).parse::<Subject>(), Err(NameError::Subject));
    }

    #[test]
    fn guests_are_16_hex_digits() {
        let guest = Subject::guest(0xab);
        assert_eq!(guest.as_str(), "guest-00000000000000ab");
        assert!(guest.is_guest());
    }

    #[test]
    fn regions_are_lower_case() {
        assert!("eu-west-1".parse::<Region>().is_ok());
        for bad in ["", "EU", "eu_west", "12345678901234567"] {
            assert_eq!(bad.parse::<Region>(), Err(NameError::Region));
        }
    }
}
