//! Socket.IO 5 over Engine.IO 4, over WebSocket alone. A server must take an event `publish` with a text.

use super::{Dialect, Heard};

/// Where an Engine.IO server listens.
pub const PATH: &str = "/socket.io/?EIO=4&transport=websocket";

/// See the module.
pub struct Socketio;

impl Dialect for Socketio {
    fn greeting(&self, _viewer: u32, _room: usize) -> Vec<String> {
        vec!["40".to_owned()]
    }

    fn hear(&self, text: &[u8]) -> Heard {
        match text {
            b"2" => Heard::Say("3".into()),
            [b'4', b'0', ..] => Heard::Subscribed,
            // Of Engine.IO: the end; of Socket.IO: the end, or an error.
            [b'1', ..] | [b'4', b'1' | b'4', ..] => Heard::Refused,
            _ => Heard::Nothing,
        }
    }

    fn published(&self, text: &str) -> String {
        format!("42[\"publish\",\"{text}\"]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_are_told_apart() {
        for (text, heard) in [
            (r#"0{"sid":"a","pingInterval":25000}"#, Heard::Nothing),
            (r#"40{"sid":"b"}"#, Heard::Subscribed),
            (r#"44{"message":"no"}"#, Heard::Refused),
            ("41", Heard::Refused),
            ("2", Heard::Say("3".into())),
            (r#"42["other"]"#, Heard::Nothing),
        ] {
            assert_eq!(Socketio.hear(text.as_bytes()), heard, "{text}");
        }
        assert_eq!(Socketio.published("~T"), r#"42["publish","~T"]"#);
    }
}
