//! How a route is written: `/v1/rooms/{room}`, `/files/{*rest}`.

use crate::limits::{PARAMS, PATH_BYTES, ROUTES, SEGMENTS};

/// Why a route was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// Not a path: no slash at its beginning, an empty or dotted segment, or too long.
    #[error("`{0}` is not a route: it begins with a slash and has no empty segment, `.` or `..`")]
    Path(String),
    /// A brace that does not enclose a whole segment, or a name outside its grammar.
    #[error(
        "`{0}`: a parameter is a whole segment, `{{name}}` or at the end `{{*name}}`, of a-z 0-9 _"
    )]
    Parameter(String),
    /// Two parameters of one name.
    #[error("`{0}` names a parameter twice")]
    TwiceNamed(String),
    /// Too many segments or parameters.
    #[error("`{0}` has more than {SEGMENTS} segments or {PARAMS} parameters")]
    TooLong(String),
    /// More routes than a router takes.
    #[error("there are {ROUTES} routes at most")]
    TooMany,
    /// The same method on a route of the same shape.
    #[error("`{0}` is there already for this method")]
    Taken(String),
}

/// What a tree is made of: bytes that are written out, up to the next parameter, and parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Part<'a> {
    /// Compared byte for byte.
    Literal(&'a str),
    /// One segment.
    Param(&'a str),
    /// The rest.
    Wildcard(&'a str),
}

/// Takes a route apart.
pub(crate) fn parse(pattern: &str) -> Result<Vec<Part<'_>>, PatternError> {
    let segments = pattern
        .strip_prefix('/')
        .filter(|_| pattern.len() <= PATH_BYTES)
        .ok_or_else(|| PatternError::Path(pattern.to_owned()))?;
    let count = segments.split('/').count();
    if count > SEGMENTS {
        return Err(PatternError::TooLong(pattern.to_owned()));
    }
    let mut parts = Vec::new();
    let mut names: Vec<&str> = Vec::new();
    let mut literal_from = 0;
    let mut at = 1;
    for (index, segment) in segments.split('/').enumerate() {
        let last = index + 1 == count;
        if (segment.is_empty() && !last) || matches!(segment, "." | "..") {
            return Err(PatternError::Path(pattern.to_owned()));
        }
        if segment.contains(['{', '}']) {
            let (part, name) = parameter(segment, last)
                .ok_or_else(|| PatternError::Parameter(pattern.to_owned()))?;
            if names.contains(&name) {
                return Err(PatternError::TwiceNamed(pattern.to_owned()));
            }
            names.push(name);
            parts.push(Part::Literal(&pattern[literal_from..at]));
            parts.push(part);
            literal_from = at + segment.len();
        }
        at += segment.len() + 1;
    }
    if literal_from < pattern.len() {
        parts.push(Part::Literal(&pattern[literal_from..]));
    }
    if names.len() > PARAMS {
        return Err(PatternError::TooLong(pattern.to_owned()));
    }
    Ok(parts)
}

fn parameter(segment: &str, last: bool) -> Option<(Part<'_>, &str)> {
    let inner = segment.strip_prefix('{')?.strip_suffix('}')?;
    let name = inner.strip_prefix('*').unwrap_or(inner);
    let sign = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    if name.is_empty() || !name.bytes().all(sign) {
        return None;
    }
    match (inner.len() > name.len(), last) {
        (false, _) => Some((Part::Param(name), name)),
        (true, true) => Some((Part::Wildcard(name), name)),
        (true, false) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_is_taken_apart() {
        assert_eq!(
            parse("/v1/rooms/{room}/bans/{user}"),
            Ok(vec![
                Part::Literal("/v1/rooms/"),
                Part::Param("room"),
                Part::Literal("/bans/"),
                Part::Param("user")
            ])
        );
        assert_eq!(
            parse("/{*rest}"),
            Ok(vec![Part::Literal("/"), Part::Wildcard("rest")])
        );
        assert_eq!(parse("/"), Ok(vec![Part::Literal("/")]));
        assert_eq!(
            parse("/{a}/"),
            Ok(vec![
                Part::Literal("/"),
                Part::Param("a"),
                Part::Literal("/")
            ])
        );
    }

    #[test]
    fn what_is_no_route_is_refused() {
        for bad in ["", "v1", "/a//b", "/a/../b"] {
            assert!(matches!(parse(bad), Err(PatternError::Path(_))), "{bad}");
        }
        for bad in ["/{", "/x{a}", "/{a}x", "/{}", "/{A}", "/{*r}/b", "/{*}"] {
            assert!(
                matches!(parse(bad), Err(PatternError::Parameter(_))),
                "{bad}"
            );
        }
        assert!(matches!(
            parse("/{a}/{a}"),
            Err(PatternError::TwiceNamed(_))
        ));
        assert!(matches!(
            parse(&"/x".repeat(33)),
            Err(PatternError::TooLong(_))
        ));
    }
}
