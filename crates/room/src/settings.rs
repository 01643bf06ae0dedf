//! A room's settings, as they are asked for.

use serde::Deserialize;
use tidegate_stream::{Region, RoomId};

use crate::json::{self, BodyError};
use crate::limits::{SLOW_MS, TITLE_CHARS};
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
    /// At most 128 characters.
    pub title: Option<String>,
    /// Who may read it.
    pub access: Option<Access>,
    /// Least pause between two messages of one subject, in ms; 0 is none.
    pub slow_ms: Option<u32>,
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
    title: Option<String>,
    access: Option<Access>,
    slow_ms: Option<u32>,
}

#[derive(Deserialize)]
struct RawChange {
    title: Option<String>,
    access: Option<Access>,
    slow_ms: Option<u32>,
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
            settings: Settings::check(raw.title, raw.access, raw.slow_ms)?,
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
        let raw: RawChange = json::read(body)?;
        let settings = Self::check(raw.title, raw.access, raw.slow_ms)?;
        if settings == Self::default() {
            return Err(BodyError::field(
                "nothing to change: give `title`, `access` or `slow_ms`",
            ));
        }
        Ok(settings)
    }

    fn check(
        title: Option<String>,
        access: Option<Access>,
        slow_ms: Option<u32>,
    ) -> Result<Self, BodyError> {
        if let Some(title) = &title {
            if title.chars().count() > TITLE_CHARS {
                return Err(BodyError::field(format!(
                    "`title` has more than {TITLE_CHARS} characters"
                )));
            }
            if title.chars().any(char::is_control) {
                return Err(BodyError::field("`title` has a control character"));
            }
        }
        if slow_ms.is_some_and(|ms| ms > SLOW_MS) {
            return Err(BodyError::field(format!(
                "`slow_ms` is at most {SLOW_MS}, an hour"
            )));
        }
        Ok(Self {
            title,
            access,
            slow_ms,
        })
    }
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
}
