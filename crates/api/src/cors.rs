//! Which pages may call (Fetch Standard, CORS protocol). Origins are compared exactly; there is no `*`.

use std::str::FromStr;

use tidegate_route::Allow;

use crate::answer::Answer;
use crate::limits::{ORIGINS, PREFLIGHT_S};

/// Headers that a page may send.
const SENT: &str =
    "authorization, content-type, idempotency-key, traceparent, tracestate, x-request-id";
/// Headers that a page may read.
const READ: &str = "allow, etag, location, ratelimit, ratelimit-policy, retry-after, tidegate-degraded, traceresponse, www-authenticate, x-request-id";

/// A list of origins that is not one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CorsError {
    /// Not an origin.
    #[error("`{0}` is not an origin: write scheme://host or scheme://host:port, and never `*`")]
    Origin(String),
    /// Too many.
    #[error("there are more than {ORIGINS} origins")]
    TooMany,
}

/// The origins whose pages may call.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Cors(Vec<String>);

impl FromStr for Cors {
    type Err = CorsError;

    /// Reads a list with commas. An empty one allows none.
    fn from_str(list: &str) -> Result<Self, CorsError> {
        let mut origins = Vec::new();
        for origin in list
            .split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty())
        {
            if !is_origin(origin) {
                return Err(CorsError::Origin(origin.chars().take(100).collect()));
            }
            origins.push(origin.to_owned());
        }
        if origins.len() > ORIGINS {
            return Err(CorsError::TooMany);
        }
        Ok(Self(origins))
    }
}

fn is_origin(text: &str) -> bool {
    let Some((scheme, host)) = text.split_once("://") else {
        return false;
    };
    let sign = |byte: u8| {
        byte.is_ascii_lowercase()
            || byte.is_ascii_digit()
            || matches!(byte, b'.' | b'-' | b':' | b'[' | b']')
    };
    let scheme_sign = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !scheme.is_empty()
        && scheme.bytes().all(scheme_sign)
        && !host.is_empty()
        && host.bytes().all(sign)
}

impl Cors {
    /// Adds to an answer what lets its page read it.
    #[must_use]
    pub fn apply(&self, answer: Answer, origin: Option<&str>) -> Answer {
        let answer = answer.with("vary", "Origin");
        match self.allowed(origin) {
            Some(origin) => answer
                .with("access-control-allow-origin", origin)
                .with("access-control-expose-headers", READ),
            None => answer,
        }
    }

    /// The answer to `OPTIONS`, a preflight or not; [`Cors::apply`] comes after it.
    pub fn options(&self, allow: Allow, origin: Option<&str>) -> Answer {
        let answer = Answer::no_content().with("allow", allow.to_string());
        match self.allowed(origin) {
            Some(_) => answer
                .with("access-control-allow-methods", allow.to_string())
                .with("access-control-allow-headers", SENT)
                .with("access-control-max-age", PREFLIGHT_S.to_string()),
            None => answer,
        }
    }

    fn allowed<'o>(&self, origin: Option<&'o str>) -> Option<&'o str> {
        origin.filter(|origin| self.0.iter().any(|known| known == origin))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tidegate_route::Method;

    fn cors() -> Cors {
        "https://live.example, http://127.0.0.1:8080,"
            .parse()
            .unwrap()
    }

    #[test]
    fn only_listed_origins_are_named() {
        let with = |origin| cors().apply(Answer::no_content(), origin);
        let answer = with(Some("https://live.example"));
        assert_eq!(
            answer.header("access-control-allow-origin"),
            Some("https://live.example")
        );
        for other in [
            None,
            Some("https://live.example.evil"),
            Some("https://LIVE.example"),
            Some("null"),
            Some("*"),
        ] {
            let answer = with(other);
            assert_eq!(
                answer.header("access-control-allow-origin"),
                None,
                "{other:?}"
            );
            assert_eq!(answer.header("vary"), Some("Origin"));
        }
    }

    #[test]
    fn a_preflight_names_the_methods_of_its_path() {
        let mut allow = Allow::default();
        allow.add(Method::Post);
        let answer = cors().options(allow, Some("http://127.0.0.1:8080"));
        assert_eq!(answer.status, 204);
        assert_eq!(
            answer.header("access-control-allow-methods"),
            Some("OPTIONS, POST")
        );
        let answer = cors().options(allow, Some("https://evil.example"));
        assert_eq!(answer.header("access-control-allow-methods"), None);
        assert_eq!(answer.header("allow"), Some("OPTIONS, POST"));
    }

    #[test]
    fn what_is_no_origin_is_refused() {
        for bad in [
            "*",
            "https://*",
            "https://*.example",
            "live.example",
            "https://a/",
            "https://A",
            "null",
            "https://",
        ] {
            assert!(
                matches!(bad.parse::<Cors>(), Err(CorsError::Origin(_))),
                "{bad}"
            );
        }
        assert_eq!("".parse::<Cors>(), Ok(Cors::default()));
    }
}
