//! A room's settings, as they are asked for.

use serde::Deserialize;
use tidegate_stream::{Region, RoomId, Subject};

use crate::json::{self, BodyError};
use crate::limits::{CHAT_BUDGET, HISTORY, MODERATORS, SLOW_MS, TITLE_CHARS};
use crate::named::{self, Namespace};

/// Who may read a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Access {
    /// Everybody, guests too.
    Open,
    /// Who has a token that is good for it.
    Token,
}

/// Settings to set; what is none stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Settings {
    /// Who owns it from now on.
    pub owner: Option<Subject>,
    /// At most 128 characters.
    pub title: Option<String>,
    /// Who may read it.
    pub access: Option<Access>,
    /// Least pause between two messages of one subject, in ms; 0 is none.
    pub slow_ms: Option<u32>,
    /// Chat is for those who follow the room.
    pub followers_only: Option<bool>,
    /// Chat is closed; gifts and control go on.
    pub gift_only: Option<bool>,
    /// Who moderates it beside its owner; at most 16, each once.
    pub moderators: Option<Vec<Subject>>,
    /// Chat messages a second that a viewer is sent at most; 0 is no budget.
    pub chat_budget: Option<u32>,
    /// Chat messages that it keeps; 0 is as many as its region.
    pub history_chat: Option<u32>,
    /// Control and gift messages that it keeps; 0 is as many as its region.
    pub history_keep: Option<u32>,
}

/// Which id a new room gets.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Wanted {
    Chosen(RoomId),
    Made(Namespace),
}

/// A room to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Creation {
    wanted: Wanted,
    /// Its settings.
    pub settings: Settings,
}

#[derive(Deserialize)]
struct RawCreation {
    id: Option<String>,
    namespace: Option<String>,
    #[serde(flatten)]
    settings: RawSettings,
}

#[derive(Deserialize)]
struct RawSettings {
    owner: Option<String>,
    title: Option<String>,
    access: Option<Access>,
    #[serde(default, deserialize_with = "json::whole")]
    slow_ms: Option<u32>,
    followers_only: Option<bool>,
    gift_only: Option<bool>,
    moderators: Option<Vec<String>>,
    #[serde(default, deserialize_with = "json::whole")]
    chat_budget: Option<u32>,
    #[serde(default, deserialize_with = "json::whole")]
    history_chat: Option<u32>,
    #[serde(default, deserialize_with = "json::whole")]
    history_keep: Option<u32>,
}

impl Creation {
    /// Reads the body of `POST /v1/rooms`. With no `id`, the server makes one in `namespace`, which is `default` unless
    /// told otherwise.
    ///
    /// # Errors
    /// See [`BodyError`].
    pub fn read(body: &[u8]) -> Result<Self, BodyError> {
        let raw: RawCreation = json::read(body)?;
        let wanted = match (raw.id, raw.namespace) {
            (Some(_), Some(_)) => {
                return Err(BodyError::field(
                    "`namespace` is for ids that the server makes; leave it or `id` out",
                ));
            }
            (Some(id), None) => Wanted::Chosen(
                id.parse()
                    .map_err(|error| BodyError::field(format!("`id`: {error}")))?,
            ),
            (None, Some(namespace)) => Wanted::Made(namespace.parse()?),
            (None, None) => Wanted::Made(Namespace::default()),
        };
        Ok(Self {
            wanted,
            settings: raw.settings.check()?,
        })
    }

    /// The new room's id; `random` goes into one that the server makes.
    pub fn id(&self, region: &Region, random: u64) -> RoomId {
        match &self.wanted {
            Wanted::Chosen(id) => id.clone(),
            Wanted::Made(namespace) => named::server_made(namespace, region, random),
        }
    }
}

impl Settings {
    /// Reads the body of `PATCH /v1/rooms/{room}`.
    ///
    /// # Errors
    /// See [`BodyError`].
    pub fn read(body: &[u8]) -> Result<Self, BodyError> {
        let settings = json::read::<RawSettings>(body)?.check()?;
        if settings == Self::default() {
            return Err(BodyError::field(
                "nothing to change: give at least one setting, such as `title`, `access` or `slow_ms`",
            ));
        }
        Ok(settings)
    }
}

impl RawSettings {
    fn check(self) -> Result<Settings, BodyError> {
        if let Some(title) = &self.title {
            if title.chars().count() > TITLE_CHARS {
                return Err(BodyError::field(format!(
                    "`title` has more than {TITLE_CHARS} characters"
                )));
            }
            if title.chars().any(char::is_control) {
                return Err(BodyError::field("`title` has a control character"));
            }
        }
        check_slow_ms(self.slow_ms)?;
        if self.chat_budget.is_some_and(|count| count > CHAT_BUDGET) {
            return Err(BodyError::field(format!(
                "`chat_budget` is at most {CHAT_BUDGET} messages a second"
            )));
        }
        check_history("history_chat", self.history_chat)?;
        check_history("history_keep", self.history_keep)?;
        Ok(Settings {
            owner: self.owner.map(|name| named("owner", &name)).transpose()?,
            title: self.title,
            access: self.access,
            slow_ms: self.slow_ms,
            followers_only: self.followers_only,
            gift_only: self.gift_only,
            moderators: self.moderators.map(moderators).transpose()?,
            chat_budget: self.chat_budget,
            history_chat: self.history_chat,
            history_keep: self.history_keep,
        })
    }
}

pub(crate) fn check_slow_ms(slow_ms: Option<u32>) -> Result<(), BodyError> {
    match slow_ms {
        Some(ms) if ms > SLOW_MS => Err(BodyError::field(format!(
            "`slow_ms` is at most {SLOW_MS}, an hour"
        ))),
        _ => Ok(()),
    }
}

pub(crate) fn check_history(name: &'static str, count: Option<u32>) -> Result<(), BodyError> {
    match count {
        Some(count) if count != 0 && !HISTORY.contains(&count) => Err(BodyError::field(format!(
            "`{name}` is {} to {}, or 0 for as many as the region keeps",
            HISTORY.start(),
            HISTORY.end()
        ))),
        _ => Ok(()),
    }
}

/// Somebody with a name that lasts.
fn named(field: &'static str, name: &str) -> Result<Subject, BodyError> {
    let subject: Subject = name
        .parse()
        .map_err(|error| BodyError::field(format!("`{field}`: {error}")))?;
    if subject.is_guest() {
        return Err(BodyError::field(format!(
            "`{field}`: guests have no name of their own"
        )));
    }
    Ok(subject)
}

fn moderators(names: Vec<String>) -> Result<Vec<Subject>, BodyError> {
    if names.len() > MODERATORS {
        return Err(BodyError::field(format!(
            "a room has {MODERATORS} moderators at most; the scope `moderate` is for whoever moderates many"
        )));
    }
    let mut subjects: Vec<Subject> = Vec::with_capacity(names.len());
    for name in names {
        let subject = named("moderators", &name)?;
        if !subjects.contains(&subject) {
            subjects.push(subject);
        }
    }
    Ok(subjects)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn region() -> Region {
        "eu".parse().unwrap()
    }

    #[test]
    fn a_room_is_asked_for() {
        let body = br#"{"id":"demo.lobby","title":"Lobby","access":"token","slow_ms":3600000}"#;
        let creation = Creation::read(body).unwrap();
        assert_eq!(creation.id(&region(), 7).as_str(), "demo.lobby");
        assert_eq!(creation.settings.access, Some(Access::Token));
        assert_eq!(creation.settings.slow_ms, Some(SLOW_MS));
        let made = Creation::read(b"{}").unwrap().id(&region(), 7);
        assert_eq!(made.as_str(), "default.eu-0000000000007");
        let named = Creation::read(br#"{"namespace":"demo"}"#).unwrap();
        assert_eq!(named.id(&region(), 7).namespace(), "demo");
    }

    #[test]
    fn what_is_out_of_bounds_is_refused() {
        let long = format!(r#"{{"title":"{}"}}"#, "\u{20ac}".repeat(TITLE_CHARS + 1));
        for bad in [
            &*long,
            r#"{"title":"a\nb"}"#,
            r#"{"slow_ms":3600001}"#,
            r#"{"slow_ms":-1}"#,
            r#"{"slow_ms":1.5}"#,
            r#"{"access":"secret"}"#,
            r#"{"followers_only":1}"#,
            r#"{"chat_budget":1001}"#,
            r#"{"history_chat":9}"#,
            r#"{"history_keep":100001}"#,
            r#"{"moderators":["a b"]}"#,
            r#"{"moderators":["guest-00000000000000ab"]}"#,
            r#"{"moderators":"bob"}"#,
            r#"{"owner":"a b"}"#,
            r#"{"owner":"guest-00000000000000ab"}"#,
            r#"{"moderators":["a","b","c","d","e","f","g","h","i","j","k","l","m","n","o","p","q"]}"#,
        ] {
            assert!(
                !Creation::read(bad.as_bytes()).unwrap_err().is_malformed(),
                "{bad}"
            );
            assert!(
                !Settings::read(bad.as_bytes()).unwrap_err().is_malformed(),
                "{bad}"
            );
        }
        for bad in [
            r#"{"id":"a b"}"#,
            r#"{"id":"a","namespace":"b"}"#,
            r#"{"namespace":"a.b"}"#,
            r#"{"namespace":""}"#,
        ] {
            assert!(
                !Creation::read(bad.as_bytes()).unwrap_err().is_malformed(),
                "{bad}"
            );
        }
        let fits = format!(r#"{{"title":"{}"}}"#, "\u{20ac}".repeat(TITLE_CHARS));
        assert!(Settings::read(fits.as_bytes()).is_ok());
    }

    #[test]
    fn a_change_of_nothing_is_refused() {
        assert!(Settings::read(b"{}").is_err());
        assert!(Settings::read(br#"{"id":"x"}"#).is_err());
        assert!(Settings::read(b"").unwrap_err().is_malformed());
    }
    #[test]
    fn rules_of_a_room_are_read_and_later_ones_skipped() {
        let body = br#"{"followers_only":true,"gift_only":false,"moderators":["bob","carol","bob"],"chat_budget":20,
            "history_chat":10,"history_keep":0,"mood":"cheerful"}"#;
        let settings = Settings::read(body).unwrap();
        let names: Vec<&str> = settings
            .moderators
            .as_ref()
            .unwrap()
            .iter()
            .map(Subject::as_str)
            .collect();
        assert_eq!(names, ["bob", "carol"]);
        assert_eq!(
            (settings.followers_only, settings.gift_only, settings.title),
            (Some(true), Some(false), None)
        );
        assert_eq!(
            (
                settings.chat_budget,
                settings.history_chat,
                settings.history_keep
            ),
            (Some(20), Some(10), Some(0))
        );
        assert_eq!(
            Settings::read(br#"{"moderators":[]}"#).unwrap().moderators,
            Some(vec![])
        );
    }
}
