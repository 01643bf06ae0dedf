//! Pusher's protocol 7, as Sockudo speaks it.

use super::{Dialect, Heard, has};

/// Where it listens; `app-key` is the key of an app.
pub const PATH: &str = "/app/app-key?protocol=7&client=load&version=1";

/// See the module.
pub struct Sockudo;

const SUBSCRIBE: &str = r#"{"event":"pusher:subscribe","data":{"channel":"bench"}}"#;

impl Dialect for Sockudo {
    fn greeting(&self, _viewer: u32, _room: usize) -> Vec<String> {
        vec![SUBSCRIBE.to_owned()]
    }

    fn hear(&self, text: &[u8]) -> Heard {
        if has(text, "pusher_internal:subscription_succeeded") {
            Heard::Subscribed
        } else if has(text, "pusher:ping") {
            Heard::Say(r#"{"event":"pusher:pong","data":{}}"#.into())
        } else if has(text, "pusher:error") || has(text, "pusher:subscription_error") {
            Heard::Refused
        } else {
            Heard::Nothing
        }
    }

    fn alive(&self) -> Option<&'static str> {
        Some(r#"{"event":"pusher:ping","data":{}}"#)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_told_apart() {
        for (text, heard) in [
            (
                r#"{"event":"pusher:connection_established","data":"{}"}"#,
                Heard::Nothing,
            ),
            (
                r#"{"event":"pusher_internal:subscription_succeeded"}"#,
                Heard::Subscribed,
            ),
            (
                r#"{"event":"pusher:error","data":{"code":4001}}"#,
                Heard::Refused,
            ),
            (
                r#"{"event":"pusher:ping"}"#,
                Heard::Say(r#"{"event":"pusher:pong","data":{}}"#.into()),
            ),
        ] {
            assert_eq!(Sockudo.hear(text.as_bytes()), heard, "{text}");
        }
    }
}
