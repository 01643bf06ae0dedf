//! JSON texts that others wrote, put into our frames so that no reader chokes on a whole batch for the sake of one.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::limits;

/// Appends `text` on one line, with U+FFFD for surrogates that have no partner. `false`, and nothing is appended: it
/// is not JSON, is nested deeper than [`limits::DEPTH`], or has a number beyond a double, which some readers refuse.
pub(super) fn embed(out: &mut Vec<u8>, text: &str) -> bool {
    let at = out.len();
    out.extend_from_slice(text.as_bytes());
    if text.contains(['\n', '\r', '\\']) {
        // What is mended below must be JSON before, or a line end inside a string would pass.
        if serde_json::from_str::<IgnoredAny>(text).is_err() {
            out.truncate(at);
            return false;
        }
        mend(&mut out[at..]);
    }
    let mut reader = serde_json::Deserializer::from_slice(&out[at..]);
    let levels = Levels(limits::DEPTH);
    let good = levels.deserialize(&mut reader).is_ok() && reader.end().is_ok();
    if !good {
        out.truncate(at);
    }
    good
}

/// Mends a JSON text, in place since nothing changes its length: a line end between tokens becomes a space, for it
/// would end an SSE field; an escaped surrogate without a partner, as cut-off text has it, becomes U+FFFD.
fn mend(json: &mut [u8]) {
    let mut at = 0;
    while let Some(&byte) = json.get(at) {
        at += match byte {
            b'\n' | b'\r' => {
                json[at] = b' ';
                1
            }
            b'\\' => match (escaped(&json[at..]), json.get(at + 6..).and_then(escaped)) {
                (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => 12,
                (Some(0xd800..=0xdfff), _) => {
                    json[at + 2..at + 6].copy_from_slice(b"fffd");
                    6
                }
                (Some(_), _) => 6,
                (None, _) => 2,
            },
            _ => 1,
        };
    }
}

/// The code unit of a `\uXXXX` that `json` begins with.
fn escaped(json: &[u8]) -> Option<u32> {
    let digits = json.strip_prefix(b"\\u")?.get(..4)?;
    u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

/// Reads any value of at most so many levels, keeps nothing.
#[derive(Clone, Copy)]
struct Levels(usize);

impl Levels {
    fn below<E: Error>(self) -> Result<Self, E> {
        self.0
            .checked_sub(1)
            .map(Self)
            .ok_or_else(|| E::custom("too deep"))
    }
}

impl<'de> DeserializeSeed<'de> for Levels {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Levels {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let below = self.below()?;
        while items.next_element_seed(below)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<(), A::Error> {
        let below = self.below()?;
        while fields.next_entry_seed(below, below)?.is_some() {}
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;

    fn embedded(text: &str) -> Option<String> {
        let mut out = b"before".to_vec();
        let good = embed(&mut out, text);
        let text = String::from_utf8(out.split_off(6)).unwrap();
        assert_eq!((good, text.is_empty()), (!text.is_empty(), !good));
        assert_eq!(out, b"before");
        good.then_some(text)
    }

    #[test]
    fn json_stays_as_it_is_on_one_line() {
        for same in [
            "null",
            "-0.5e300",
            "18446744073709551616",
            r#"{"a":[1, true,{}],"a":""}"#,
            r#""\\ud800 \" \ud83c\udf0a \u0000""#,
        ] {
            assert_eq!(embedded(same).as_deref(), Some(same));
        }
        let spread = "{\"a\":\r\n[1,\n2]}";
        assert_eq!(embedded(spread).as_deref(), Some("{\"a\":  [1, 2]}"));
    }

    #[test]
    fn what_is_not_json_is_left_out() {
        for bad in [
            "",
            " ",
            "{",
            "1,2",
            "\"\n\"",
            "{}}",
            "nul",
            "[1] x",
            "{\n",
            "\"\\x\"",
            "\"\\u12\"",
            "01",
            "{1:2}",
            "1e999",
            "\"\u{0}\"",
        ] {
            assert_eq!(embedded(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn surrogates_without_a_partner_are_replaced() {
        for (text, mended) in [
            (r#""\ud83c""#, r#""\ufffd""#),
            (r#""\udf0a\ud83c""#, r#""\ufffd\ufffd""#),
            (r#""\uD83C\uD83C\uDF0A""#, r#""\ufffd\uD83C\uDF0A""#),
            (r#""\ud83c\\udf0a""#, r#""\ufffd\\udf0a""#),
            (r#"{"\ud83c\n":"x\udf0a"}"#, r#"{"\ufffd\n":"x\ufffd"}"#),
        ] {
            assert_eq!(embedded(text).as_deref(), Some(mended));
        }
    }

    #[test]
    fn depth_is_bounded() {
        let nested = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
        assert!(embedded(&nested(limits::DEPTH)).is_some());
        assert!(embedded(&nested(limits::DEPTH + 1)).is_none());
        assert!(embedded(&nested(100_000)).is_none());
    }

    proptest! {
        #[test]
        fn what_is_embedded_is_what_was_given(text in "[\\[\\]{},:0-9eE.+\"\\\\undfaltrs8c \n-]{0,40}") {
            let given = serde_json::from_str::<Value>(&text).ok();
            let embedded = embedded(&text);
            if let Some(given) = given {
                prop_assert_eq!(serde_json::from_str::<Value>(&embedded.unwrap()).unwrap(), given);
            } else if let Some(embedded) = embedded {
                prop_assert!(embedded.contains("\\ufffd"));
                prop_assert!(serde_json::from_str::<Value>(&embedded).is_ok());
            }
        }

        #[test]
        fn strings_of_escapes_always_come_through(escapes in prop::collection::vec(any::<u16>(), 0..8)) {
            let text: String = escapes.iter().map(|unit| format!("\\u{unit:04x}")).collect();
            let embedded = embedded(&format!("\"{text}\"")).unwrap();
            let read: String = serde_json::from_str(&embedded).unwrap();
            prop_assert_eq!(read, String::from_utf16_lossy(&escapes));
        }
    }
}
