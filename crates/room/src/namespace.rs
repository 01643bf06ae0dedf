//! Settings of a namespace: what its new rooms begin with, how many it may have, and how much is said in all of them.

use std::str::FromStr;

use serde::{Deserialize, Deserializer, de};
use tidegate_limit::Policy;

use crate::json::{self, BodyError};
use crate::settings::{Access, Settings, check_history, check_slow_ms};

/// Every field that a namespace's settings may have.
pub const FIELDS: [&str; 7] = [
    "access",
    "slow_ms",
    "history_chat",
    "history_keep",
    "rooms_max",
    "limit_messages",
    "moderation_when_broken",
];

/// Longest body of a namespace's settings, in bytes.
pub const BODY_BYTES: usize = 4 * 1024;

/// What becomes of a message when moderation does not judge it in time, or answers what cannot be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WhenBroken {
    /// It is refused (503).
    Reject,
    /// It is published as it is.
    Allow,
}

impl FromStr for WhenBroken {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "reject" => Ok(Self::Reject),
            "allow" => Ok(Self::Allow),
            _ => Err("write reject or allow"),
        }
    }
}

/// Settings of a namespace. What is none is as without them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
pub struct NamespaceSettings {
    /// Who may read a new room that says nothing of it.
    pub access: Option<Access>,
    /// Slow mode of a new room that says nothing of it, in ms.
    pub slow_ms: Option<u32>,
    /// Chat messages that a new room keeps.
    pub history_chat: Option<u32>,
    /// Control and gift messages that a new room keeps.
    pub history_keep: Option<u32>,
    /// Rooms that are not closed, at most.
    pub rooms_max: Option<u64>,
    /// Messages of viewers into all its rooms together, written `QUOTA/SECONDS[/BURST]`.
    #[serde(default, deserialize_with = "policy")]
    pub limit_messages: Option<Policy>,
    /// What becomes of a message that moderation does not judge.
    pub moderation_when_broken: Option<WhenBroken>,
}

fn policy<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Policy>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    text.map(|text| text.parse().map_err(de::Error::custom))
        .transpose()
}

impl NamespaceSettings {
    /// Reads what lies in Redis. Fields of later versions are skipped.
    ///
    /// # Errors
    /// See [`BodyError`].
    pub fn read(body: &[u8]) -> Result<Self, BodyError> {
        if body.len() > BODY_BYTES {
            return Err(BodyError::field(format!(
                "the settings have {} bytes, {BODY_BYTES} are the most",
                body.len()
            )));
        }
        let settings: Self = json::read(body)?;
        check_slow_ms(settings.slow_ms)?;
        check_history("history_chat", settings.history_chat)?;
        check_history("history_keep", settings.history_keep)?;
        Ok(settings)
    }

    /// Reads what somebody wants to put there: a field that is not known is a slip.
    ///
    /// # Errors
    /// See [`BodyError`].
    pub fn read_strictly(body: &[u8]) -> Result<Self, BodyError> {
        let settings = Self::read(body)?;
        let fields: serde_json::Map<String, serde_json::Value> = json::read(body)?;
        match fields.keys().find(|name| !FIELDS.contains(&name.as_str())) {
            None => Ok(settings),
            Some(name) => Err(BodyError::field(format!(
                "`{name}` is no setting of a namespace; there are {}",
                FIELDS.join(", ")
            ))),
        }
    }

    /// Settings of a new room: its own, and the namespace's where it has none.
    #[must_use]
    pub fn fill(&self, asked: Settings) -> Settings {
        Settings {
            access: asked.access.or(self.access),
            slow_ms: asked.slow_ms.or(self.slow_ms),
            history_chat: asked.history_chat.or(self.history_chat),
            history_keep: asked.history_keep.or(self.history_keep),
            ..asked
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_room_begins_with_what_its_namespace_says() {
        let body = br#"{"access":"token","slow_ms":500,"rooms_max":3,"mood":1}"#;
        let namespace = NamespaceSettings::read(body).unwrap();
        assert_eq!(namespace.rooms_max, Some(3));
        let filled = namespace.fill(Settings {
            slow_ms: Some(0),
            title: Some("x".into()),
            ..Settings::default()
        });
        assert_eq!(filled.access, Some(Access::Token));
        assert_eq!((filled.slow_ms, filled.history_chat), (Some(0), None));
        assert_eq!(filled.title.as_deref(), Some("x"));
        assert_eq!(namespace.limit_messages, None);
        let limited = NamespaceSettings::read(br#"{"limit_messages":"50/10"}"#).unwrap();
        assert_eq!(limited.limit_messages, Policy::new(50, 10_000, 50).ok());
        let none = NamespaceSettings::read(b"{}").unwrap();
        assert_eq!(none, NamespaceSettings::default());
    }

    #[test]
    fn a_slip_is_found_before_it_is_put_there() {
        assert!(NamespaceSettings::read(br#"{"slowms":5}"#).is_ok());
        let error = NamespaceSettings::read_strictly(br#"{"slowms":5}"#).unwrap_err();
        assert!(error.to_string().contains("slow_ms"), "{error}");
        for bad in [
            r#"{"slow_ms":3600001}"#,
            r#"{"history_chat":5}"#,
            r#"{"access":"secret"}"#,
            r#"{"rooms_max":-1}"#,
            r#"{"limit_messages":"lots"}"#,
            r#"{"limit_messages":"0/10"}"#,
            r#"{"limit_messages":5}"#,
            "[]",
        ] {
            assert!(
                NamespaceSettings::read_strictly(bad.as_bytes()).is_err(),
                "{bad}"
            );
        }
        assert!(NamespaceSettings::read(&vec![b' '; BODY_BYTES + 1]).is_err());
    }

    #[test]
    fn every_field_is_named_once() {
        let body =
            br#"{"access":"open","slow_ms":0,"history_chat":10,"history_keep":10,"rooms_max":0,"limit_messages":"5000/10/8000","moderation_when_broken":"allow"}"#;
        assert!(NamespaceSettings::read_strictly(body).is_ok());
        let fields: serde_json::Map<String, serde_json::Value> =
            serde_json::from_slice(body).unwrap();
        let names: Vec<&str> = fields.keys().map(String::as_str).collect();
        let mut known = FIELDS;
        known.sort_unstable();
        let mut sorted = names.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, known);
    }
}
