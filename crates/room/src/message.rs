//! What may be posted into a room.

use std::fmt;

use serde::Deserialize;
use serde_json::value::RawValue;
use tidegate_auth::Scope;
use tidegate_stream::{Kind, Subject};

use crate::json::{self, BodyError};
use crate::limits::{DATA_BYTES, INFO_BYTES};

/// A kind that may be posted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PostKind {
    /// A line of chat, or danmaku.
    Chat,
    /// The application's own, in the chat lane.
    Custom,
    /// Counted, not appended.
    Like,
    /// Paid for; published by a back end after payment.
    Gift,
    /// What a back end tells the room.
    Control,
}

impl PostKind {
    /// The name in bodies and entries.
    pub fn name(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Custom => "custom",
            Self::Like => "like",
            Self::Gift => "gift",
            Self::Control => "control",
        }
    }

    /// What a token must have to publish it.
    pub fn scope(self) -> Scope {
        match self {
            Self::Chat | Self::Custom | Self::Like => Scope::Publish,
            Self::Gift => Scope::PublishGift,
            Self::Control => Scope::PublishControl,
        }
    }

    /// Whether moderation sees it: what viewers write freely.
    pub fn is_moderated(self) -> bool {
        matches!(self, Self::Chat | Self::Custom)
    }

    fn read(name: &str) -> Result<Self, BodyError> {
        match name {
            "chat" => Ok(Self::Chat),
            "custom" => Ok(Self::Custom),
            "like" => Ok(Self::Like),
            "gift" => Ok(Self::Gift),
            "control" => Ok(Self::Control),
            other => Err(match other.parse::<Kind>() {
                Ok(kind) => BodyError::field(format!(
                    "`{kind}` is written by Tidegate alone, through its own calls"
                )),
                Err(_) => BodyError::field("`kind` must be chat, custom, like, gift or control"),
            }),
        }
    }
}

impl fmt::Display for PostKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// In whose name a service publishes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Speaker {
    /// The subject.
    pub subject: Subject,
    /// JSON text about it; empty when there is none.
    pub info: String,
}

/// A message as it was posted, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Post {
    /// What it is.
    pub kind: PostKind,
    /// JSON text, an object without white space; `{}` for a like.
    pub data: String,
    /// In whose name, if not the caller's own.
    pub speaker: Option<Speaker>,
}

#[derive(Deserialize)]
struct RawPost<'b> {
    kind: String,
    #[serde(borrow)]
    data: Option<&'b RawValue>,
    #[serde(rename = "as", borrow)]
    speaker: Option<json::Object<RawSpeaker<'b>>>,
}

#[derive(Deserialize)]
struct RawSpeaker<'b> {
    sub: String,
    #[serde(borrow)]
    info: Option<&'b RawValue>,
}

impl Post {
    /// Reads the body of `POST …/messages`.
    ///
    /// # Errors
    /// See [`BodyError`].
    pub fn read(body: &[u8]) -> Result<Self, BodyError> {
        let raw: RawPost<'_> = json::read(body)?;
        let kind = PostKind::read(&raw.kind)?;
        let data = match raw.data {
            Some(data) => json::object("data", data.get(), DATA_BYTES)?,
            None if kind == PostKind::Like => "{}".to_owned(),
            None => return Err(BodyError::field("`data` is missing")),
        };
        if kind == PostKind::Like && data != "{}" {
            return Err(BodyError::field("a like is counted and carries no `data`"));
        }
        Ok(Self {
            kind,
            data,
            speaker: raw.speaker.map(|speaker| speaker.0.read()).transpose()?,
        })
    }
}

impl Post {
    /// Checks data that was not posted but put in a message's place.
    ///
    /// # Errors
    /// See [`BodyError`].
    pub fn check_data(data: &str) -> Result<String, BodyError> {
        json::check_depth(data)?;
        json::object("data", data, DATA_BYTES)
    }
}

impl RawSpeaker<'_> {
    fn read(self) -> Result<Speaker, BodyError> {
        Ok(Speaker {
            subject: self
                .sub
                .parse()
                .map_err(|error| BodyError::field(format!("`as.sub`: {error}")))?,
            info: match self.info {
                Some(info) => json::object("as.info", info.get(), INFO_BYTES)?,
                None => String::new(),
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(body: &str) -> String {
        let error = Post::read(body.as_bytes()).unwrap_err();
        assert!(!error.is_malformed(), "{body}: {error}");
        error.to_string()
    }

    #[test]
    fn a_message_is_read() {
        let post = Post::read(br#"{"kind":"chat","data":{ "text": "hi" }}"#).unwrap();
        assert_eq!(post.kind, PostKind::Chat);
        assert_eq!(post.data, r#"{"text":"hi"}"#);
        assert_eq!(post.speaker, None);
    }

    #[test]
    fn a_service_speaks_for_others() {
        let body =
            br#"{"kind":"gift","data":{"gift":"rose"},"as":{"sub":"bob","info":{"level": 7}}}"#;
        let speaker = Post::read(body).unwrap().speaker.unwrap();
        assert_eq!(speaker.subject.as_str(), "bob");
        assert_eq!(speaker.info, r#"{"level":7}"#);
        let bare = br#"{"kind":"gift","data":{},"as":{"sub":"bob"}}"#;
        assert_eq!(Post::read(bare).unwrap().speaker.unwrap().info, "");
    }

    #[test]
    fn a_like_needs_nothing_else() {
        assert_eq!(Post::read(br#"{"kind":"like"}"#).unwrap().data, "{}");
        assert_eq!(
            Post::read(br#"{"kind":"like","data":{}}"#).unwrap().data,
            "{}"
        );
        assert!(refused(r#"{"kind":"like","data":{"n":5}}"#).contains("counted"));
    }

    #[test]
    fn what_is_missing_or_too_much_is_named() {
        assert!(refused("[]").contains("invalid"));
        assert!(refused("{}").contains("`kind`"));
        assert!(refused(r#"{"kind":"chat"}"#).contains("`data`"));
        assert!(refused(r#"{"kind":"chat","data":null}"#).contains("`data`"));
        assert!(refused(r#"{"kind":"chat","data":"hi"}"#).contains("object"));
        assert!(refused(r#"{"kind":7,"data":{}}"#).contains("invalid type"));
        assert!(refused(r#"{"kind":"chat","data":{},"data":{}}"#).contains("duplicate"));
        assert!(refused(r#"{"kind":"wave","data":{}}"#).contains("must be chat"));
        assert!(refused(r#"{"kind":"chat","data":{},"as":{"sub":"a b"}}"#).contains("as.sub"));
        assert!(refused(r#"{"kind":"chat","data":{},"as":{}}"#).contains("`sub`"));
        assert!(refused(r#"{"kind":"chat","data":{},"as":["bob"]}"#).contains("an object"));
        let long = format!(
            r#"{{"kind":"chat","data":{{"t":"{}"}}}}"#,
            "x".repeat(DATA_BYTES)
        );
        assert!(refused(&long).contains("4096"));
        let info = format!(
            r#"{{"kind":"chat","data":{{}},"as":{{"sub":"a","info":{{"t":"{}"}}}}}}"#,
            "x".repeat(INFO_BYTES)
        );
        assert!(refused(&info).contains("512"));
    }

    #[test]
    fn fields_of_a_later_version_are_skipped() {
        let later = br#"{"kind":"chat","data":{},"reply_to":"x"}"#;
        let plain = br#"{"kind":"chat","data":{}}"#;
        assert_eq!(Post::read(later), Post::read(plain));
    }

    #[test]
    fn kinds_that_functions_write_cannot_be_posted() {
        for kind in [
            "state",
            "ban",
            "mute",
            "kick",
            "hide",
            "disconnect",
            "likes",
            "presence",
            "gap",
        ] {
            let body = format!(r#"{{"kind":"{kind}","data":{{}}}}"#);
            assert!(refused(&body).contains("Tidegate alone"), "{kind}");
        }
    }

    #[test]
    fn every_kind_needs_its_own_scope() {
        assert_eq!(PostKind::Custom.scope(), Scope::Publish);
        assert_eq!(PostKind::Like.scope(), Scope::Publish);
        assert_eq!(PostKind::Gift.scope(), Scope::PublishGift);
        assert_eq!(PostKind::Control.scope(), Scope::PublishControl);
    }
}
