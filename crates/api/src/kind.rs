//! Kinds of calls, by the names under which the variables `limit_costs` and `limit_routes` speak of them.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use tidegate_room::PostKind;
use tidegate_route::Sanction;

use crate::act::Act;

/// What a call does, as far as limits tell calls apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct CallKind(&'static str);

/// Every kind that may be spoken of: calls about rooms, messages by their kind, calls that go to an upstream. A batch costs what its messages cost.
const NAMES: [&str; 18] = [
    "create",
    "list",
    "read",
    "change",
    "close",
    "history",
    "hide",
    "join",
    "ban",
    "mute",
    "kick",
    "disconnect",
    "chat",
    "custom",
    "like",
    "gift",
    "control",
    "upstream",
];

/// A name that is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KindsError {
    /// Not of the form `KIND=…,KIND=…`.
    #[error("write KIND=VALUE, several with commas between; got {0:?}")]
    Form(String),
    /// No such kind.
    #[error("`{0}` is no kind of call; there are {kinds}", kinds = NAMES.join(", "))]
    Unknown(String),
    /// One kind twice.
    #[error("`{0}` stands there twice")]
    Twice(CallKind),
    /// The value.
    #[error("`{0}`: {1}")]
    Value(CallKind, String),
}

impl CallKind {
    /// A call that goes to an upstream by a configured route.
    pub const UPSTREAM: Self = Self("upstream");

    /// The name.
    pub fn name(self) -> &'static str {
        self.0
    }
}

impl fmt::Display for CallKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl FromStr for CallKind {
    type Err = KindsError;

    fn from_str(text: &str) -> Result<Self, KindsError> {
        match NAMES.iter().find(|name| **name == text) {
            Some(name) => Ok(Self(name)),
            None => Err(KindsError::Unknown(text.chars().take(32).collect())),
        }
    }
}

impl From<PostKind> for CallKind {
    fn from(kind: PostKind) -> Self {
        Self(kind.name())
    }
}

impl From<&Act> for CallKind {
    fn from(act: &Act) -> Self {
        Self(match act {
            Act::Create { .. } => "create",
            Act::List(_) => "list",
            Act::Batch(_) => "batch",
            Act::Disconnect(_) => "disconnect",
            Act::Read(_) => "read",
            Act::Change { .. } => "change",
            Act::Close { .. } => "close",
            Act::History { .. } => "history",
            Act::Hide { .. } => "hide",
            Act::Join(_) => "join",
            Act::Sanction { what, .. } => match what {
                Sanction::Ban => "ban",
                Sanction::Mute => "mute",
            },
            Act::Kick { .. } => "kick",
            Act::Publish { post, .. } => post.kind.name(),
        })
    }
}

/// Reads `KIND=VALUE,KIND=VALUE`; nothing at all is an empty table.
///
/// # Errors
/// [`KindsError`], for the first that is wrong.
pub fn table<T: FromStr<Err: fmt::Display>>(
    text: &str,
) -> Result<BTreeMap<CallKind, T>, KindsError> {
    let mut table = BTreeMap::new();
    for entry in text.split(',').filter(|_| !text.trim().is_empty()) {
        let (name, value) = entry
            .split_once('=')
            .ok_or_else(|| KindsError::Form(entry.chars().take(64).collect()))?;
        let kind: CallKind = name.trim().parse()?;
        let value = value
            .trim()
            .parse()
            .map_err(|error: T::Err| KindsError::Value(kind, error.to_string()))?;
        if table.insert(kind, value).is_some() {
            return Err(KindsError::Twice(kind));
        }
    }
    Ok(table)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_read() {
        let create: CallKind = "create".parse().unwrap();
        let like: CallKind = "like".parse().unwrap();
        assert_eq!(
            table("create=5, like = 1"),
            Ok(BTreeMap::from([(create, 5_u32), (like, 1)]))
        );
        assert_eq!(table::<u32>(" "), Ok(BTreeMap::new()));
    }

    #[test]
    fn what_is_no_table_says_why() {
        let error = |text: &str| table::<u32>(text).unwrap_err().to_string();
        insta::assert_snapshot!(
            ["create", "create=5,", "fly=1", "like=1,like=2", "like=x"].map(error).join("\n"),
            @r#"
        write KIND=VALUE, several with commas between; got "create"
        write KIND=VALUE, several with commas between; got ""
        `fly` is no kind of call; there are create, list, read, change, close, history, hide, join, ban, mute, kick, disconnect, chat, custom, like, gift, control, upstream
        `like` stands there twice
        `like`: invalid digit found in string
        "#
        );
    }
}
