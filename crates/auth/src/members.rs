//! A JSON object whose members are unique. Parsers differ in which of two equal names they take; a signed text must not
//! mean one thing here and another elsewhere (RFC 7515 section 4, RFC 7519 section 4).

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use serde_json::Value;

const TWICE: &str = "a member stands there twice";

/// The members of one object, by name.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Members(BTreeMap<String, Value>);

impl Members {
    /// Reads one object; the error text never quotes values.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, String> {
        serde_json::from_slice(bytes).map_err(|error| {
            if !error.is_data() {
                format!("not JSON, at column {}", error.column())
            } else if error.to_string().starts_with(TWICE) {
                TWICE.to_owned()
            } else {
                "not a JSON object".to_owned()
            }
        })
    }

    /// Takes a member out.
    pub(crate) fn take(&mut self, name: &str) -> Option<Value> {
        self.0.remove(name)
    }

    /// Whether a member is there.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// Takes a text out; the error names the member.
    pub(crate) fn text(&mut self, name: &str) -> Result<Option<String>, String> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(format!("`{name}` must be a string")),
        }
    }

    /// Takes bytes out; the error names the member and never quotes it.
    pub(crate) fn base64url(&mut self, name: &str) -> Result<Option<Vec<u8>>, String> {
        self.text(name)?
            .map(|text| {
                URL_SAFE_NO_PAD
                    .decode(text)
                    .map_err(|_| format!("`{name}` must be base64url without padding"))
            })
            .transpose()
    }

    /// Takes a text out that must be this one.
    pub(crate) fn must_say(&mut self, name: &str, expected: &str) -> Result<(), String> {
        match self.text(name)?.as_deref() {
            Some(text) if text == expected => Ok(()),
            Some(other) => Err(format!(
                "`{name}` {} is not supported; use {expected}",
                shown(other)
            )),
            None => Err(format!("`{name}` is missing; it must be {expected}")),
        }
    }
}

/// The beginning of a text that is no secret, for an error.
pub(crate) fn shown(text: &str) -> String {
    format!("{:?}", text.chars().take(16).collect::<String>())
}

impl From<serde_json::Map<String, Value>> for Members {
    fn from(object: serde_json::Map<String, Value>) -> Self {
        Self(object.into_iter().collect())
    }
}

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Unique;

        impl<'de> Visitor<'de> for Unique {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = BTreeMap::new();
                while let Some((name, value)) = map.next_entry::<String, Value>()? {
                    if members.insert(name, value).is_some() {
                        return Err(A::Error::custom(TWICE));
                    }
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(Unique)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_stands_twice_is_refused() {
        assert!(Members::read(br#"{"a":1,"b":2}"#).is_ok());
        let refused = Members::read(br#"{"a":1,"b":2,"a":3}"#).unwrap_err();
        assert!(refused.contains("twice"), "{refused}");
        // The same name, written with an escape.
        assert!(Members::read(br#"{"exp":1,"e\u0078p":2}"#).is_err());
    }

    #[test]
    fn only_an_object_is_taken() {
        for text in ["", "[]", "1", "null", "{\"a\":1}x", "{", "\u{feff}{}"] {
            assert!(Members::read(text.as_bytes()).is_err(), "{text:?}");
        }
        assert!(Members::read(b"{\"a\":\"\xff\"}").is_err());
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(4_000), "]".repeat(4_000));
        assert!(Members::read(deep.as_bytes()).is_err());
    }
}
