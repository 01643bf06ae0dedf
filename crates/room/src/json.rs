//! JSON from outside (RFC 8259): bounded before it is read, and clean of signs that no reader shows.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_json::error::Category;

use crate::limits::DEPTH;

/// Why a body was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// 400.
    #[error("the body is not UTF-8")]
    NotUtf8,
    /// 400.
    #[error("the body is not JSON: {0}")]
    NotJson(String),
    /// 422.
    #[error("the body is nested deeper than {DEPTH}")]
    TooDeep,
    /// 422: a field is missing, of another type, or out of its bounds.
    #[error("{0}")]
    Field(Cow<'static, str>),
}

impl BodyError {
    /// Whether it is not even JSON (400), rather than JSON that is not allowed here (422).
    pub fn is_malformed(&self) -> bool {
        matches!(self, Self::NotUtf8 | Self::NotJson(_))
    }

    pub(crate) fn field(text: impl Into<Cow<'static, str>>) -> Self {
        Self::Field(text.into())
    }
}

/// Reads a body as one JSON text. A missing field and one of another type are
/// refused; one that this version does not know is skipped, so that clients and edges are upgraded in any order.
pub(crate) fn read<'b, T: Deserialize<'b>>(body: &'b [u8]) -> Result<T, BodyError> {
    let text = std::str::from_utf8(body).map_err(|_| BodyError::NotUtf8)?;
    check_depth(text)?;
    if text.trim_ascii().is_empty() {
        return Err(BodyError::NotJson("it is empty".to_owned()));
    }
    let mut reader = serde_json::Deserializer::from_str(text);
    let object: Object<T> = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let place = error.path().to_string();
        match error.inner().classify() {
            // `.` is the body itself, `?` a place that has no name.
            Category::Data if [".", "?"].contains(&place.as_str()) => {
                BodyError::field(error.inner().to_string())
            }
            Category::Data => BodyError::field(format!("`{place}`: {}", error.inner())),
            Category::Io | Category::Syntax | Category::Eof => {
                BodyError::NotJson(error.inner().to_string())
            }
        }
    })?;
    reader
        .end()
        .map_err(|error| BodyError::NotJson(error.to_string()))?;
    Ok(object.0)
}

/// A JSON object. What serde derives for a struct would take its fields from an array too.
pub(crate) struct Object<T>(pub(crate) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Members<T> {
            type Value = Object<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Object<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(members)).map(Object)
            }
        }
        deserializer.deserialize_map(Members(PhantomData))
    }
}

/// Greatest whole number that every reader of JSON holds exactly (RFC 8259, section 6).
const WHOLE_MAX: f64 = 9_007_199_254_740_991.0;

/// Reads an optional whole number as JSON Schema means it: 600, 600.0 and 6e2 are one and the same.
pub(crate) fn whole<'de, D: Deserializer<'de>, T: TryFrom<u64>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    let number = match Option::<Value>::deserialize(deserializer)? {
        None => return Ok(None),
        Some(Value::Number(number)) => number.as_f64().unwrap_or(f64::NAN),
        Some(_) => return Err(D::Error::custom("a whole number is meant")),
    };
    let fits = number.fract() == 0.0 && (0.0..=WHOLE_MAX).contains(&number);
    // Exact within these bounds.
    let whole = fits.then_some(number as u64).map(T::try_from);
    match whole {
        Some(Ok(whole)) => Ok(Some(whole)),
        _ => Err(D::Error::custom(format!(
            "{number} is not a whole number that this field can have"
        ))),
    }
}

/// Refuses what is nested too deeply.
pub(crate) fn check_depth(text: &str) -> Result<(), BodyError> {
    if depth(text) > DEPTH {
        Err(BodyError::TooDeep)
    } else {
        Ok(())
    }
}

/// Deepest nesting, told from brackets outside strings; right for every text that is JSON.
fn depth(text: &str) -> usize {
    let (mut now, mut deepest) = (0usize, 0usize);
    let (mut in_string, mut escaped) = (false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'{' | b'[' => {
                now += 1;
                deepest = deepest.max(now);
            }
            b'}' | b']' => now = now.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// Makes one JSON text out of what was posted: an object, without white space, numbers as they were written, every
/// string free of control characters other than line feed and tab.
///
/// # Errors
/// [`BodyError::Field`], which names `what`.
pub(crate) fn object(
    what: &'static str,
    raw: &str,
    most_bytes: usize,
) -> Result<String, BodyError> {
    // What a raw value holds is JSON by its grammar; reading it also finds numbers and escapes that stand for nothing.
    let value: Value =
        serde_json::from_str(raw).map_err(|error| BodyError::NotJson(error.to_string()))?;
    if !value.is_object() {
        return Err(BodyError::field(format!("`{what}` must be a JSON object")));
    }
    if !is_clean(&value) {
        return Err(BodyError::field(format!(
            "`{what}` has a string with a control character other than line feed and tab"
        )));
    }
    let compact = compact(raw);
    if compact.len() > most_bytes {
        return Err(BodyError::field(format!(
            "`{what}` has {} bytes, {most_bytes} are the most",
            compact.len()
        )));
    }
    Ok(compact)
}

/// Whether no string, name or value, holds a control character other than line feed and tab.
fn is_clean(value: &Value) -> bool {
    match value {
        Value::String(text) => is_clean_text(text),
        Value::Array(items) => items.iter().all(is_clean),
        Value::Object(fields) => fields
            .iter()
            .all(|(name, value)| is_clean_text(name) && is_clean(value)),
        Value::Null | Value::Bool(_) | Value::Number(_) => true,
    }
}

/// Whether a text holds no control character other than line feed and tab.
pub(crate) fn is_clean_text(text: &str) -> bool {
    !text
        .chars()
        .any(|c| c.is_control() && c != '\n' && c != '\t')
}

/// Leaves out white space between the tokens of a JSON text.
fn compact(raw: &str) -> String {
    let (mut in_string, mut escaped) = (false, false);
    raw.chars()
        .filter(|&c| {
            if escaped {
                escaped = false;
            } else if in_string && c == '\\' {
                escaped = true;
            } else if c == '"' {
                in_string = !in_string;
            }
            in_string || !matches!(c, ' ' | '\t' | '\n' | '\r')
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn nested(depth: usize) -> String {
        let inner = depth - 1;
        format!("{{\"a\":{}{}}}", "[".repeat(inner), "]".repeat(inner))
    }

    #[test]
    fn what_is_wrong_names_the_field() {
        #[derive(Debug, Deserialize)]
        struct Body {
            #[serde(default, deserialize_with = "whole")]
            slow_ms: Option<u32>,
            name: String,
        }
        let said = |text: &str| read::<Body>(text.as_bytes()).unwrap_err().to_string();
        assert!(
            said(r#"{"slow_ms":"x","name":"a"}"#).starts_with("`slow_ms`: a whole number is meant")
        );
        assert!(
            said(r#"{"slow_ms":-1,"name":"a"}"#).starts_with("`slow_ms`: -1 is not a whole number")
        );
        assert!(said(r#"{"name":7}"#).starts_with("`name`: invalid type"));
        assert!(said("{}").starts_with("missing field `name`"));
        assert_eq!(said(" \n"), "the body is not JSON: it is empty");
        assert!(said(r#"{"name":"a"} {}"#).contains("trailing"));
        let good: Body = read(br#"{"slow_ms":6e2,"name":"a"}"#).unwrap();
        assert_eq!((good.slow_ms, good.name.as_str()), (Some(600), "a"));
    }

    #[test]
    fn depth_counts_brackets_outside_strings() {
        assert_eq!(depth("1"), 0);
        assert_eq!(depth(r#"{"a":[{"[[[":"\"[["}]}"#), 3);
        assert!(read::<Value>(nested(DEPTH).as_bytes()).is_ok());
        assert_eq!(
            read::<Value>(nested(DEPTH + 1).as_bytes()),
            Err(BodyError::TooDeep)
        );
        assert_eq!(
            read::<Value>("[".repeat(16_000).as_bytes()),
            Err(BodyError::TooDeep)
        );
    }

    #[test]
    fn what_is_not_json_is_malformed() {
        for bad in [
            &b""[..],
            b"{",
            b"{a:1}",
            b"{\"a\":1}x",
            b"\xff",
            b"'a'",
            b"nul",
            b"\"\x01\"",
        ] {
            assert!(read::<Value>(bad).unwrap_err().is_malformed(), "{bad:?}");
        }
    }

    #[test]
    fn an_object_keeps_its_numbers_and_loses_its_white_space() {
        let raw = "{ \"a b\" : [ 1.50 , 12345678901234567890123 ],\n\t\"c\":\" \\\" x \" }";
        assert_eq!(
            object("data", raw, 100).unwrap(),
            r#"{"a b":[1.50,12345678901234567890123],"c":" \" x "}"#
        );
    }

    #[test]
    fn control_characters_are_found_wherever_they_hide() {
        for bad in [
            r#"{"a":"\u0000"}"#,
            r#"{"a":["x",{"b":"\u001b[2J"}]}"#,
            r#"{"\u0007":1}"#,
            "{\"a\":\"\u{7f}\"}",
            r#"{"a":"\u0085"}"#,
            r#"{"a":"\r"}"#,
        ] {
            assert!(
                matches!(object("data", bad, 100), Err(BodyError::Field(_))),
                "{bad}"
            );
        }
        assert!(object("data", r#"{"a":"x\n\ty\u0020"}"#, 100).is_ok());
    }

    #[test]
    fn escapes_and_numbers_that_stand_for_nothing_are_malformed() {
        for bad in [r#"{"a":"\ud800"}"#, r#"{"a":1e999}"#] {
            assert!(
                object("data", bad, 100).unwrap_err().is_malformed(),
                "{bad}"
            );
        }
    }

    #[test]
    fn only_objects_of_the_right_size_pass() {
        assert!(object("data", "[1]", 100).is_err());
        assert!(object("data", r#"{"a":1}"#, 7).is_ok());
        assert!(object("data", r#"{"a":1}"#, 6).is_err());
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            "[ -~\u{e9}\u{20ac}\"\\\\]{0,12}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 30, 5, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                proptest::collection::btree_map("[a-z \"]{0,6}", inner, 0..5)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn compacting_changes_nothing_but_white_space(value in any_json()) {
            let pretty = serde_json::to_string_pretty(&value).unwrap();
            prop_assert_eq!(compact(&pretty), value.to_string());
        }

        #[test]
        fn no_body_panics(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = read::<Value>(&body);
        }
    }
}
