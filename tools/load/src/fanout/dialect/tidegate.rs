//! A fan-out node (`docs/protocol.md`): the JSON sub-protocol, with tickets that are signed here.

use anyhow::{Context, Result};
use serde_json::json;
use tidegate_auth::ticket::{self, Grant, TicketKeys};
use tidegate_stream::RoomId;

use super::{Dialect, Heard, has};
use crate::edge::now_us;
use crate::fanout::control::room_name;
use crate::fanout::rooms::Spread;

/// What a viewer of a node needs.
pub struct Tidegate {
    keys: TicketKeys,
    rooms: Vec<RoomId>,
}

impl Tidegate {
    /// With the keys that sign tickets, and the rooms of the run.
    pub fn new(keys: &str, prefix: &str, spread: Spread) -> Result<Self> {
        let rooms = (0..spread.rooms() as usize).map(|room| room_name(prefix, room).parse());
        Ok(Self {
            keys: TicketKeys::parse(keys).context("SPIN_VARIABLE_TICKET_KEYS")?,
            rooms: rooms.collect::<Result<_, _>>()?,
        })
    }

    fn ticket(&self, viewer: u32, room: &RoomId) -> Option<String> {
        Some(self.keys.sign(&Grant {
            room: room.clone(),
            subject: format!("viewer-{viewer}").parse().ok()?,
            token: None,
            moderator: false,
            expires_ms: ticket::lapses_ms(now_us() / 1_000, None),
        }))
    }
}

impl Dialect for Tidegate {
    fn protocol(&self) -> Option<&'static str> {
        Some("tidegate.v1.json")
    }

    fn greeting(&self, viewer: u32, room: usize) -> Vec<String> {
        let room = &self.rooms[room];
        let hello =
            json!({"type": "hello", "client": "load", "version": env!("CARGO_PKG_VERSION")});
        let ticket = self.ticket(viewer, room);
        let subscribe = json!({"type": "subscribe", "room": room.as_str(), "ticket": ticket});
        vec![hello.to_string(), subscribe.to_string()]
    }

    fn hear(&self, text: &[u8]) -> Heard {
        if has(text, r#""type":"batch""#) {
            Heard::Subscribed
        } else if has(text, r#""type":"error""#) {
            Heard::Refused
        } else {
            Heard::Nothing
        }
    }

    fn alive(&self) -> Option<&'static str> {
        Some(r#"{"type":"ping"}"#)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    const KEYS: &str = r#"{"keys":[{"kty":"oct","alg":"HS256","kid":"a","k":"MNGqltnRuZ5_u2zQjqq4ldklIYGnMQ1wYspBrkZxG9E"}]}"#;

    #[test]
    fn each_viewer_has_a_ticket_of_its_own_for_its_room() {
        let dialect = Tidegate::new(KEYS, "load.r-", Spread::Many(3)).unwrap();
        let said = dialect.greeting(7, 2);
        assert!(said[0].contains(r#""type":"hello""#));
        let subscribe: Value = serde_json::from_str(&said[1]).unwrap();
        assert_eq!(subscribe["room"], "load.r-2");
        let keys = TicketKeys::parse(KEYS).unwrap();
        let ticket = subscribe["ticket"].as_str().unwrap();
        let room = "load.r-2".parse().unwrap();
        let grant = keys.verify(ticket, &room, now_us() / 1_000).unwrap();
        assert_eq!(grant.subject.as_str(), "viewer-7");
    }

    #[test]
    fn a_first_batch_is_a_subscription_and_an_error_none() {
        let dialect = Tidegate::new(KEYS, "load.r-", Spread::One).unwrap();
        for (text, heard) in [
            (r#"{"type":"welcome","region":"eu"}"#, Heard::Nothing),
            (
                r#"{"type":"batch","room":"a","messages":[]}"#,
                Heard::Subscribed,
            ),
            (r#"{"type":"error","code":"no_room"}"#, Heard::Refused),
            (r#"{"type":"pong"}"#, Heard::Nothing),
        ] {
            assert_eq!(dialect.hear(text.as_bytes()), heard, "{text}");
        }
        assert!(Tidegate::new("{}", "load.r-", Spread::One).is_err());
    }
}
