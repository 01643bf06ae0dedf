//! Bodies of answers.

use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use crate::refusal::Problem;

/// JSON text that is passed on as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Json(String);

impl Json {
    /// Takes a JSON text; none for an empty one. What is not JSON, which only somebody who writes past the edge can put
    /// into a stream, is shown as `null`.
    pub fn of(text: String) -> Option<Self> {
        (!text.is_empty()).then_some(Self(text))
    }
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match serde_json::from_str::<&RawValue>(&self.0) {
            Ok(raw) => raw.serialize(serializer),
            Err(_) => serializer.serialize_unit(),
        }
    }
}

/// A room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Room {
    /// Its id.
    pub id: String,
    /// Its title.
    pub title: String,
    /// `open` or `closed`.
    pub state: &'static str,
    /// `open` or `token`.
    pub access: &'static str,
    /// Who owns it.
    pub owner: String,
    /// When it was created, in ms.
    pub created_ms: u64,
    /// Slow mode's pause, in ms; 0 is none.
    pub slow_ms: u32,
    /// Chat is for followers only.
    pub followers_only: bool,
    /// Chat is closed.
    pub gift_only: bool,
    /// Who moderates it beside its owner.
    pub moderators: Vec<String>,
    /// Chat messages a second that a viewer is sent at most; 0 is no budget.
    pub chat_budget: u32,
    /// Chat messages that it keeps; 0 is as many as its region.
    pub history_chat: u32,
    /// Control and gift messages that it keeps; 0 is as many as its region.
    pub history_keep: u32,
    /// Viewers now.
    pub online: u64,
    /// Likes so far.
    pub likes: u64,
}

/// A room in the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Listed {
    /// Its id.
    pub id: String,
    /// Its title.
    pub title: String,
    /// `open` or `token`.
    pub access: &'static str,
    /// Who owns it.
    pub owner: String,
    /// When it was created, in ms.
    pub created_ms: u64,
    /// Viewers, at most ten seconds old.
    pub online: u64,
}

/// A page of the list of rooms.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RoomList {
    /// Rooms, those with most viewers first.
    pub rooms: Vec<Listed>,
    /// Where to go on; left out on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

/// The answer to one message of a batch.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum BatchAnswer {
    /// It is in the log.
    Published {
        /// 202.
        status: u16,
        /// Its id and the room's position.
        #[serde(flatten)]
        published: Published,
    },
    /// A like was counted.
    Liked {
        /// 202.
        status: u16,
        /// This region's total.
        #[serde(flatten)]
        liked: Liked,
    },
    /// Refused, as problem details.
    Refused(Problem),
}

/// The answer to a batch.
#[derive(Debug, Serialize)]
pub struct Batch {
    /// One for each message, in the order in which they were posted.
    pub results: Vec<BatchAnswer>,
}

/// Where a socket is to be had.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Endpoint {
    /// Its region.
    pub region: String,
    /// The WebSocket URL, path included.
    pub url: String,
}

/// The answer to a join.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Joined {
    /// The room.
    pub room: Room,
    /// As whom the ticket reads.
    pub subject: String,
    /// The right to read.
    pub ticket: String,
    /// When it lapses, in ms.
    pub ticket_expires_ms: u64,
    /// Where to start.
    pub cursor: String,
    /// Sockets to try, in order.
    pub endpoints: Vec<Endpoint>,
}

/// The answer to a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Published {
    /// Its id.
    pub id: String,
    /// The room's position just after it.
    pub cursor: String,
}

/// The answer to a like.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Liked {
    /// This region's total.
    pub likes: u64,
}

/// A message in history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Message {
    /// Its id.
    pub id: String,
    /// What it is.
    pub kind: String,
    /// How it is treated under load.
    pub lane: String,
    /// By whom.
    pub sub: String,
    /// About the subject.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub info: Option<Json>,
    /// What it says; left out when hidden.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<Json>,
    /// When it was appended, in ms.
    pub at_ms: u64,
    /// A hash of its idempotency key.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub key: String,
    /// Hidden by a moderator.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub hidden: bool,
}

/// A page of history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct History {
    /// Messages, oldest first.
    pub messages: Vec<Message>,
    /// Where to read on.
    pub cursor: String,
    /// Whether chat that lay above `after` is gone.
    pub left_out: bool,
}

/// The answer of `/healthz`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Health {
    /// `alive`.
    pub status: &'static str,
}

/// The answer of `/readyz`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Readiness {
    /// `ready` or `not_ready`.
    pub status: &'static str,
    /// This region.
    pub region: String,
    /// Whether its Redis takes writes.
    pub redis: bool,
    /// Its live fan-out nodes.
    pub live_nodes: u32,
    /// Why not, if it is not.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub detail: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(view: &impl Serialize) -> String {
        serde_json::to_string(view).unwrap()
    }

    fn room() -> Room {
        Room {
            id: "demo.lobby".into(),
            title: "Lobby".into(),
            state: "open",
            access: "open",
            owner: "alice".into(),
            created_ms: 1_732_400_000_000,
            slow_ms: 0,
            followers_only: false,
            gift_only: true,
            moderators: vec!["bob".into()],
            chat_budget: 0,
            history_chat: 50,
            history_keep: 0,
            online: 3,
            likes: 12,
        }
    }

    #[test]
    fn answers_keep_their_form() {
        let joined = Joined {
            room: room(),
            subject: "guest-00000000000000ab".into(),
            ticket: "t1.k.p.m".into(),
            ticket_expires_ms: 1_732_403_600_000,
            cursor: "1".into(),
            endpoints: vec![Endpoint {
                region: "local".into(),
                url: "ws://127.0.0.1:7001/v1/connect".into(),
            }],
        };
        insta::assert_snapshot!(text(&joined), @r#"{"room":{"id":"demo.lobby","title":"Lobby","state":"open","access":"open","owner":"alice","created_ms":1732400000000,"slow_ms":0,"followers_only":false,"gift_only":true,"moderators":["bob"],"chat_budget":0,"history_chat":50,"history_keep":0,"online":3,"likes":12},"subject":"guest-00000000000000ab","ticket":"t1.k.p.m","ticket_expires_ms":1732403600000,"cursor":"1","endpoints":[{"region":"local","url":"ws://127.0.0.1:7001/v1/connect"}]}"#);
        let published = Published {
            id: "local-1732400000000-0".into(),
            cursor: "1bG9".into(),
        };
        insta::assert_snapshot!(text(&published), @r#"{"id":"local-1732400000000-0","cursor":"1bG9"}"#);
        insta::assert_snapshot!(text(&Liked { likes: 7 }), @r#"{"likes":7}"#);
    }

    #[test]
    fn messages_leave_out_what_is_empty() {
        let message = Message {
            id: "eu-7-0".into(),
            kind: "chat".into(),
            lane: "chat".into(),
            sub: "alice".into(),
            info: Json::of("{\"level\":7}".into()),
            data: Json::of("{\"n\":12345678901234567890123}".into()),
            at_ms: 7,
            key: "ba7816bf8f01cfea".into(),
            hidden: false,
        };
        let hidden = Message {
            info: Json::of(String::new()),
            data: None,
            key: String::new(),
            hidden: true,
            ..message.clone()
        };
        let broken = Message {
            data: Json::of("{".into()),
            ..hidden.clone()
        };
        let page = History {
            messages: vec![message, hidden, broken],
            cursor: "1".into(),
            left_out: true,
        };
        insta::assert_snapshot!(text(&page), @r#"{"messages":[{"id":"eu-7-0","kind":"chat","lane":"chat","sub":"alice","info":{"level":7},"data":{"n":12345678901234567890123},"at_ms":7,"key":"ba7816bf8f01cfea"},{"id":"eu-7-0","kind":"chat","lane":"chat","sub":"alice","at_ms":7,"hidden":true},{"id":"eu-7-0","kind":"chat","lane":"chat","sub":"alice","data":null,"at_ms":7,"hidden":true}],"cursor":"1","left_out":true}"#);
    }

    #[test]
    fn lists_and_batches_keep_their_form() {
        let list = RoomList {
            rooms: vec![Listed {
                id: "demo.lobby".into(),
                title: "Lobby".into(),
                access: "token",
                owner: "alice".into(),
                created_ms: 7,
                online: 3,
            }],
            after: Some("1x".into()),
        };
        insta::assert_snapshot!(text(&list), @r#"{"rooms":[{"id":"demo.lobby","title":"Lobby","access":"token","owner":"alice","created_ms":7,"online":3}],"after":"1x"}"#);
        let batch = Batch {
            results: vec![
                BatchAnswer::Published {
                    status: 202,
                    published: Published {
                        id: "eu-7-0".into(),
                        cursor: "1".into(),
                    },
                },
                BatchAnswer::Liked {
                    status: 202,
                    liked: Liked { likes: 7 },
                },
                BatchAnswer::Refused(crate::Refusal::NoRoom.problem()),
            ],
        };
        insta::assert_snapshot!(text(&batch), @r#"{"results":[{"status":202,"id":"eu-7-0","cursor":"1"},{"status":202,"likes":7},{"type":"urn:tidegate:problem:no_room","title":"No such room","status":404,"detail":"create it first, or look for a slip in its id","code":"no_room"}]}"#);
    }

    #[test]
    fn readiness_says_why_not() {
        let view = Readiness {
            status: "not_ready",
            region: "eu".into(),
            redis: true,
            live_nodes: 0,
            detail: "no fan-out node of this region is live".into(),
        };
        insta::assert_snapshot!(text(&view), @r#"{"status":"not_ready","region":"eu","redis":true,"live_nodes":0,"detail":"no fan-out node of this region is live"}"#);
        insta::assert_snapshot!(text(&Health { status: "alive" }), @r#"{"status":"alive"}"#);
    }
}
