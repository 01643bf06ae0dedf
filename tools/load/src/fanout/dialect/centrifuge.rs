//! Centrifuge's protocol in JSON: one command or reply a line, several in a message.

use super::{Dialect, Heard, has};

/// See the module.
pub struct Centrifuge;

impl Dialect for Centrifuge {
    fn greeting(&self, _viewer: u32, _room: usize) -> Vec<String> {
        let both = "{\"id\":1,\"connect\":{}}\n{\"id\":2,\"subscribe\":{\"channel\":\"bench\"}}";
        vec![both.to_owned()]
    }

    fn hear(&self, text: &[u8]) -> Heard {
        if text.trim_ascii() == b"{}" {
            Heard::Say("{}".into())
        } else if has(text, r#""error":{"#) || has(text, r#""disconnect":{"#) {
            Heard::Refused
        } else if has(text, r#""subscribe":{"#) {
            Heard::Subscribed
        } else {
            Heard::Nothing
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_are_told_apart() {
        for (text, heard) in [
            (r#"{"id":1,"connect":{"client":"a"}}"#, Heard::Nothing),
            (
                "{\"id\":1,\"connect\":{}}\n{\"id\":2,\"subscribe\":{}}",
                Heard::Subscribed,
            ),
            (
                r#"{"id":2,"error":{"code":103,"message":"permission denied"}}"#,
                Heard::Refused,
            ),
            ("{}", Heard::Say("{}".into())),
        ] {
            assert_eq!(Centrifuge.hear(text.as_bytes()), heard, "{text}");
        }
    }
}
