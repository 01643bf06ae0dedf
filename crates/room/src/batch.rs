//! Many messages in one call, each of which is answered by itself.

use serde::Deserialize;
use serde_json::value::RawValue;
use tidegate_stream::RoomId;

use crate::json::{self, BodyError};
use crate::key::IdempotencyKey;
use crate::limits::BATCH;
use crate::message::{Post, PostKind};

/// One message of a batch, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchItem {
    /// Where to.
    pub room: RoomId,
    /// What.
    pub post: Post,
    /// Idempotency key.
    pub key: Option<IdempotencyKey>,
    /// The message as it stands in the body, by which a repeat is told.
    pub posted: Vec<u8>,
}

#[derive(Deserialize)]
struct RawBatch<'b> {
    #[serde(borrow)]
    messages: Vec<&'b RawValue>,
}

#[derive(Deserialize)]
struct RawAddress {
    room: String,
    key: Option<String>,
}

/// Reads the body of `POST /v1/messages`. One message that is not what is asked for spoils no other.
///
/// # Errors
/// See [`BodyError`]: for the body as a whole, that is when it is not a list of 1 to 100 messages.
pub fn read(body: &[u8]) -> Result<Vec<Result<BatchItem, BodyError>>, BodyError> {
    let raw: RawBatch<'_> = json::read(body)?;
    if !(1..=BATCH).contains(&raw.messages.len()) {
        return Err(BodyError::field(format!(
            "`messages` has {} messages, 1 to {BATCH} are taken",
            raw.messages.len()
        )));
    }
    Ok(raw
        .messages
        .into_iter()
        .map(|message| BatchItem::read(message.get()))
        .collect())
}

impl BatchItem {
    fn read(text: &str) -> Result<Self, BodyError> {
        let address: RawAddress = json::read(text.as_bytes())?;
        let post = Post::read(text.as_bytes())?;
        let key = address
            .key
            .map(|key| {
                key.parse()
                    .map_err(|_| BodyError::field("`key` is 1 to 64 visible ASCII signs"))
            })
            .transpose()?;
        if key.is_some() && post.kind == PostKind::Like {
            return Err(BodyError::field(
                "a like is counted each time and takes no `key`",
            ));
        }
        Ok(Self {
            room: address
                .room
                .parse()
                .map_err(|error| BodyError::field(format!("`room`: {error}")))?,
            post,
            key,
            posted: text.as_bytes().to_vec(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn one_bad_message_spoils_no_other() {
        let body = br#"{"messages":[
            {"room":"demo.a","key":"k1","kind":"gift","data":{"gift":"rose"},"as":{"sub":"bob"}},
            {"room":"no room","kind":"chat","data":{}},
            {"room":"demo.b","kind":"like","key":"k2"},
            {"room":"demo.b","kind":"state","data":{}},
            7,
            {"room":"demo.b","kind":"like","later":true}
        ]}"#;
        let items = read(body).unwrap();
        assert_eq!(items.len(), 6);
        let first = items[0].as_ref().unwrap();
        assert_eq!(first.room.as_str(), "demo.a");
        assert_eq!(first.key.as_ref().unwrap().as_str(), "k1");
        assert_eq!(first.post.speaker.as_ref().unwrap().subject.as_str(), "bob");
        assert!(first.posted.starts_with(b"{\"room\""));
        for item in &items[1..5] {
            assert!(!item.as_ref().unwrap_err().is_malformed(), "{item:?}");
        }
        assert_eq!(items[5].as_ref().unwrap().post.kind, PostKind::Like);
    }

    #[test]
    fn a_batch_is_bounded() {
        let of = |count: usize| {
            let item = r#"{"room":"a","kind":"like"}"#;
            format!(r#"{{"messages":[{}]}}"#, vec![item; count].join(","))
        };
        assert!(read(of(BATCH).as_bytes()).is_ok());
        for bad in [
            of(0),
            of(BATCH + 1),
            "{}".into(),
            "[]".into(),
            r#"{"messages":7}"#.into(),
        ] {
            assert!(!read(bad.as_bytes()).unwrap_err().is_malformed(), "{bad}");
        }
        assert!(read(b"{").unwrap_err().is_malformed());
    }

    proptest! {
        #[test]
        fn no_batch_panics(items in proptest::collection::vec("\\PC{0,40}", 0..5)) {
            let _ = read(format!("{{\"messages\":[{}]}}", items.join(",")).as_bytes());
        }
    }
}
