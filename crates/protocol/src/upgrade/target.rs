//! Path and query of a request.

use std::borrow::Cow;

use super::refusal::Refusal;

/// What a path names.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Path<'a> {
    Connect,
    Events { room: Cow<'a, str> },
}

/// Path and query of a request target in origin or absolute form (RFC 9112, section 3.2).
pub(super) fn split(target: &str) -> (&str, &str) {
    let rest = match target.split_once("://") {
        Some(("http" | "https", rest)) => rest.find('/').map_or("", |at| &rest[at..]),
        _ => target,
    };
    rest.split_once('?').unwrap_or((rest, ""))
}

/// What the path names.
pub(super) fn path(path: &str) -> Result<Path<'_>, Refusal> {
    if path == "/v1/connect" {
        return Ok(Path::Connect);
    }
    path.strip_prefix("/v1/rooms/")
        .and_then(|rest| rest.strip_suffix("/events"))
        .filter(|room| !room.contains('/'))
        .ok_or(Refusal::NotFound)
        .and_then(percent_decoded)
        .map(|room| Path::Events { room })
}

/// The value of `name` in a query of `name=value` pairs.
pub(super) fn parameter<'a>(query: &'a str, name: &str) -> Result<Option<Cow<'a, str>>, Refusal> {
    let mut found = None;
    for pair in query.split('&') {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        if percent_decoded(key)? == name && found.replace(value).is_some() {
            return Err(Refusal::Malformed("a query parameter is given twice"));
        }
    }
    found.map(percent_decoded).transpose()
}

/// Decodes `%XX` (RFC 3986, section 2.1). Nothing in our grammars is a space, so `+` is itself.
fn percent_decoded(text: &str) -> Result<Cow<'_, str>, Refusal> {
    const BAD: Refusal =
        Refusal::Malformed("a percent sign must be followed by two hex digits of UTF-8");
    if !text.contains('%') {
        return Ok(Cow::Borrowed(text));
    }
    let digit = |byte: Option<u8>| {
        byte.and_then(|b| char::from(b).to_digit(16))
            .ok_or(BAD)
            .map(|d| d as u8)
    };
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => digit(bytes.next())? << 4 | digit(bytes.next())?,
            byte => byte,
        });
    }
    String::from_utf8(decoded).map(Cow::Owned).map_err(|_| BAD)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_target() {
        assert_eq!(split("/v1/connect"), ("/v1/connect", ""));
        assert_eq!(split("/a?b=c?d"), ("/a", "b=c?d"));
        assert_eq!(split("http://h:1/a?b"), ("/a", "b"));
        assert_eq!(split("https://h"), ("", ""));
        assert_eq!(split("*"), ("*", ""));
        assert_eq!(split("/a?u=http://b/c"), ("/a", "u=http://b/c"));
    }

    #[test]
    fn paths() {
        assert_eq!(path("/v1/connect"), Ok(Path::Connect));
        let events = |room: &str| {
            Ok(Path::Events {
                room: room.to_owned().into(),
            })
        };
        assert_eq!(path("/v1/rooms/demo.lobby/events"), events("demo.lobby"));
        assert_eq!(path("/v1/rooms/%7Ealice/events"), events("~alice"));
        assert_eq!(path("/v1/rooms/a%2fb/events"), events("a/b"));
        for missing in [
            "",
            "/",
            "*",
            "/v1/connect/",
            "/v1/rooms/events",
            "/v1/rooms/a/b/events",
            "/v1/rooms/a",
            "/metrics",
            "/drain",
            "/readyz/",
        ] {
            assert_eq!(path(missing), Err(Refusal::NotFound), "{missing}");
        }
        for bad in ["%", "%4", "%zz", "%ff", "%+1", "%4%"] {
            let full = format!("/v1/rooms/{bad}/events");
            assert!(matches!(path(&full), Err(Refusal::Malformed(_))), "{bad}");
        }
    }

    #[test]
    fn parameters() {
        assert_eq!(parameter("a=1&b=x%2Ey&c", "b"), Ok(Some("x.y".into())));
        assert_eq!(parameter("a=1&b=x%2Ey&c", "c"), Ok(Some("".into())));
        assert_eq!(parameter("%61=1", "a"), Ok(Some("1".into())));
        assert_eq!(parameter("a=1", "b"), Ok(None));
        assert_eq!(parameter("", "b"), Ok(None));
        assert!(parameter("a=1&a=1", "a").is_err());
        assert!(parameter("a=%", "a").is_err());
    }
}
