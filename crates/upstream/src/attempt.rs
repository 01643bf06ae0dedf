//! One attempt at an upstream: how it counts, and whether there is another.

use tidegate_route::Method;

use crate::breaker::Outcome;
use crate::limits::RETRY_LEFT_MS;

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// With a whole answer of this status.
    Answered(u16),
    /// With an answer that is longer than the route allows, or whose head is.
    TooLarge,
    /// Without a whole answer: no connection, none in time, or one that broke off. The text is for the log.
    Failed(String),
}

impl End {
    /// What it says of the upstream. 501 and 505 are about the request. So is an answer that is too large: it is a whole
    /// one from an upstream that works.
    pub fn outcome(&self) -> Outcome {
        match self {
            Self::Answered(500 | 502..=504 | 506..=599) | Self::Failed(_) => Outcome::Bad,
            Self::Answered(_) | Self::TooLarge => Outcome::Good,
        }
    }

    /// Whether the upstream may not have seen the request, or could answer better a second time.
    fn is_passing(&self) -> bool {
        matches!(self, Self::Answered(502..=504) | Self::Failed(_))
    }
}

/// Whether repeating a request does no more than making it once (RFC 9110, section 9.2.2).
pub fn is_idempotent(method: Method) -> bool {
    match method {
        Method::Get | Method::Head | Method::Options | Method::Put | Method::Delete => true,
        Method::Post | Method::Patch => false,
    }
}

/// Whether a request is sent once more: one that is idempotent, after the first attempt only, and while there is time.
pub fn again(method: Method, attempts: u32, end: &End, left_ms: u64) -> bool {
    attempts == 1 && is_idempotent(method) && end.is_passing() && left_ms >= RETRY_LEFT_MS
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed() -> End {
        End::Failed("refused".to_owned())
    }

    #[test]
    fn what_fails_counts_against_an_upstream() {
        for status in [500, 502, 503, 504, 599] {
            assert_eq!(End::Answered(status).outcome(), Outcome::Bad, "{status}");
        }
        for status in [200, 204, 304, 400, 404, 429, 501, 505] {
            assert_eq!(End::Answered(status).outcome(), Outcome::Good, "{status}");
        }
        assert_eq!(failed().outcome(), Outcome::Bad);
        assert_eq!(End::TooLarge.outcome(), Outcome::Good);
    }

    #[test]
    fn only_what_is_idempotent_is_sent_again_and_once() {
        for method in Method::ALL {
            let expected = !matches!(method, Method::Post | Method::Patch);
            assert_eq!(again(method, 1, &failed(), 1_000), expected, "{method:?}");
            assert!(!again(method, 2, &failed(), 1_000));
        }
        assert!(!again(Method::Get, 1, &failed(), RETRY_LEFT_MS - 1));
        assert!(again(Method::Get, 1, &End::Answered(503), 1_000));
        for end in [End::Answered(500), End::Answered(200), End::TooLarge] {
            assert!(!again(Method::Get, 1, &end, 1_000), "{end:?}");
        }
    }
}
