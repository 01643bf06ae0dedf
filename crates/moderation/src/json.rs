//! The texts in a JSON document, looked at and changed in place, so that everything else stays as it was sent: numbers
//! with all their digits, members in their order.

use serde::de::IgnoredAny;

/// A document that is not JSON, or holds a text that is not Unicode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not JSON")]
pub struct NotJson;

/// Hands each text of a document to `judge`, but not the names of members, which no viewer is shown. Where `judge` gives
/// another text, it is put in its place. Answers the changed document, or none when nothing changed.
///
/// # Errors
/// If the document is not JSON.
pub fn map_texts(
    document: &str,
    mut judge: impl FnMut(&str) -> Option<String>,
) -> Result<Option<String>, NotJson> {
    serde_json::from_str::<IgnoredAny>(document).map_err(|_| NotJson)?;
    let bytes = document.as_bytes();
    let mut out = String::new();
    let mut copied = 0;
    let mut at = 0;
    while let Some(start) = bytes[at..]
        .iter()
        .position(|b| *b == b'"')
        .map(|offset| at + offset)
    {
        let end = literal_end(bytes, start).ok_or(NotJson)?;
        at = end;
        if is_name(bytes, end) {
            continue;
        }
        let literal = &document[start..end];
        let text: String = serde_json::from_str(literal).map_err(|_| NotJson)?;
        if let Some(other) = judge(&text) {
            out.push_str(&document[copied..start]);
            out.push_str(&serde_json::Value::String(other).to_string());
            copied = end;
        }
    }
    if copied == 0 {
        return Ok(None);
    }
    out.push_str(&document[copied..]);
    Ok(Some(out))
}

/// Where the text that begins at `start` is over.
fn literal_end(bytes: &[u8], start: usize) -> Option<usize> {
    let mut at = start + 1;
    loop {
        match bytes.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

fn is_name(bytes: &[u8], after: usize) -> bool {
    bytes[after..].iter().find(|b| !b.is_ascii_whitespace()) == Some(&b':')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shout(document: &str) -> Result<Option<String>, NotJson> {
        map_texts(document, |text| {
            text.contains('a').then(|| text.replace('a', "*"))
        })
    }

    #[test]
    fn texts_are_changed_and_nothing_else() {
        let document =
            r#"{ "a" : "a\"a", "n":1.10000000000000000001, "l":["a","b",{"x":"\u0061\\"}] }"#;
        insta::assert_snapshot!(
            shout(document).unwrap().unwrap(),
            @r#"{ "a" : "*\"*", "n":1.10000000000000000001, "l":["*","b",{"x":"*\\"}] }"#
        );
        assert_eq!(shout(r#""a""#), Ok(Some(r#""*""#.to_owned())));
        for same in ["{}", "1", "null", r#"{"a":"b"}"#, r#"["b",":"]"#] {
            assert_eq!(shout(same), Ok(None), "{same}");
        }
    }

    #[test]
    fn depth_costs_no_stack() {
        let deep = format!("{}\"a\"{}", "[".repeat(10_000), "]".repeat(10_000));
        assert_eq!(shout(&deep), Ok(Some(deep.replace('a', "*"))));
    }

    #[test]
    fn what_is_not_json_is_refused() {
        for bad in ["", "{", "\"a", "\"a\\\"", "{\"a\":\"b\"}x", r#""\ud800""#] {
            assert_eq!(shout(bad), Err(NotJson), "{bad:?}");
        }
    }
}
