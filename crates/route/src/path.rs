//! Paths that mean one thing only. Proxies, caches and handlers read `..`, `//` and escapes in different ways, so a path
//! that holds them is refused instead of being mended.

use std::borrow::Cow;

use crate::limits::PATH_BYTES;

/// Why a path was refused: a 400, whatever the method.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// Longer than [`PATH_BYTES`].
    #[error("the path is longer than {PATH_BYTES} bytes")]
    TooLong,
    /// Does not begin with a slash.
    #[error("a path begins with a slash")]
    NotAbsolute,
    /// An empty segment: two slashes in a row.
    #[error("the path has two slashes in a row")]
    EmptySegment,
    /// A segment `.` or `..`, plain or escaped.
    #[error("the path has a segment `.` or `..`")]
    DotSegment,
    /// A `%` that is not followed by two hex digits.
    #[error("the path has a `%` that two hex digits do not follow")]
    BadEscape,
    /// A slash or backslash, escaped; or a plain backslash.
    #[error("the path has an escaped slash, or a backslash")]
    HiddenSlash,
    /// A control character, NUL among them, plain or escaped.
    #[error("the path has a control character")]
    Control,
    /// What is written, or escaped, is not UTF-8.
    #[error("the path is not UTF-8")]
    NotUtf8,
}

/// Checks a path, without its query.
///
/// # Errors
/// See [`PathError`].
pub fn check(path: &str) -> Result<(), PathError> {
    if path.len() > PATH_BYTES {
        return Err(PathError::TooLong);
    }
    let bytes = path.as_bytes();
    if bytes.first() != Some(&b'/') {
        return Err(PathError::NotAbsolute);
    }
    let (mut from, mut escaped) = (1, false);
    for (at, &byte) in bytes.iter().enumerate().skip(1) {
        match byte {
            b'/' if at == from => return Err(PathError::EmptySegment),
            b'/' if is_dots(&bytes[from..at]) => return Err(PathError::DotSegment),
            b'/' => from = at + 1,
            b'%' => escaped = true,
            b'\\' => return Err(PathError::HiddenSlash),
            0..=0x1f | 0x7f => return Err(PathError::Control),
            _ => {}
        }
    }
    // The last segment is empty when the path ends with a slash, which is another path but not an ambiguous one.
    if is_dots(&bytes[from..]) {
        return Err(PathError::DotSegment);
    }
    if escaped {
        path.split('/').try_for_each(check_escaped)
    } else {
        Ok(())
    }
}

fn check_escaped(segment: &str) -> Result<(), PathError> {
    let plain = decode(segment)?;
    if plain.contains(['/', '\\']) {
        return Err(PathError::HiddenSlash);
    }
    if plain.contains(char::is_control) {
        return Err(PathError::Control);
    }
    if is_dots(plain.as_bytes()) {
        return Err(PathError::DotSegment);
    }
    Ok(())
}

fn is_dots(segment: &[u8]) -> bool {
    matches!(segment, b"." | b"..")
}

/// Resolves the escapes of one segment (RFC 3986, section 2.1). A `+` is a plus.
///
/// # Errors
/// [`PathError::BadEscape`] and [`PathError::NotUtf8`].
pub fn decode(segment: &str) -> Result<Cow<'_, str>, PathError> {
    if !segment.contains('%') {
        return Ok(Cow::Borrowed(segment));
    }
    let mut plain = Vec::with_capacity(segment.len());
    let mut bytes = segment.bytes();
    while let Some(byte) = bytes.next() {
        plain.push(match byte {
            b'%' => match (hex(bytes.next()), hex(bytes.next())) {
                (Some(high), Some(low)) => high << 4 | low,
                _ => return Err(PathError::BadEscape),
            },
            other => other,
        });
    }
    String::from_utf8(plain)
        .map(Cow::Owned)
        .map_err(|_| PathError::NotUtf8)
}

fn hex(digit: Option<u8>) -> Option<u8> {
    char::from(digit?)
        .to_digit(16)
        .and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_could_mean_two_things_is_refused() {
        for (path, error) in [
            ("", PathError::NotAbsolute),
            ("v1/rooms", PathError::NotAbsolute),
            ("*", PathError::NotAbsolute),
            ("//", PathError::EmptySegment),
            ("/v1//rooms", PathError::EmptySegment),
            ("//evil.example/v1", PathError::EmptySegment),
            ("/v1/../rooms", PathError::DotSegment),
            ("/v1/.", PathError::DotSegment),
            ("/..", PathError::DotSegment),
            ("/v1/%2e%2E/rooms", PathError::DotSegment),
            ("/v1/.%2e", PathError::DotSegment),
            ("/v1/rooms/a%2fb", PathError::HiddenSlash),
            ("/v1/rooms/a%5Cb", PathError::HiddenSlash),
            ("/v1\\rooms", PathError::HiddenSlash),
            ("/v1/rooms/%00", PathError::Control),
            ("/v1/rooms/%0a", PathError::Control),
            ("/v1/rooms/\u{7f}", PathError::Control),
            ("/v1/rooms/%ff", PathError::NotUtf8),
            ("/v1/rooms/%c3%28", PathError::NotUtf8),
            ("/v1/rooms/%ed%a0%80", PathError::NotUtf8),
            ("/v1/rooms/%", PathError::BadEscape),
            ("/v1/rooms/%2", PathError::BadEscape),
            ("/v1/rooms/%zz", PathError::BadEscape),
            ("/v1/rooms/%+1", PathError::BadEscape),
        ] {
            assert_eq!(check(path), Err(error), "{path:?}");
        }
        assert_eq!(
            check(&format!("/{}", "x".repeat(PATH_BYTES))),
            Err(PathError::TooLong)
        );
    }

    #[test]
    fn what_means_one_thing_passes() {
        for path in [
            "/",
            "/v1/rooms",
            "/v1/rooms/",
            "/v1/rooms/...",
            "/a/.b",
            "/v1/rooms/%E2%82%AC",
            "/~x/!all",
            "/caf\u{e9}",
        ] {
            assert_eq!(check(path), Ok(()), "{path}");
        }
        assert_eq!(decode("%E2%82%AC+1"), Ok(Cow::Borrowed("\u{20ac}+1")));
    }

    proptest! {
        #[test]
        fn no_path_panics(path in "(/|%|%2[efEF]|%00|\\.|[a-z]|.){0,40}") {
            if check(&path).is_ok() {
                for segment in path.split('/') {
                    let plain = decode(segment).unwrap();
                    prop_assert!(!plain.contains(['/', '\0']) && plain != "..", "{path}");
                }
            }
        }
    }
}
