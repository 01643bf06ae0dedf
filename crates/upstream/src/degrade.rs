//! What a caller gets when no upstream does its work.

use tidegate_route::Method;

use crate::attempt::End;
use crate::breaker::Outcome;

/// What is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// The upstream's own.
    Upstream,
    /// One that it gave before; `tidegate-degraded: stale`.
    Stale,
    /// The route's default; `tidegate-degraded: default`.
    Default,
    /// 502: the upstream's answer is larger than the route allows.
    TooLarge,
    /// 503; `tidegate-degraded: unavailable`.
    Unavailable,
}

/// What there is to fall back on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fallbacks {
    /// An answer given before that may still be used.
    pub stale: bool,
    /// A default on the route.
    pub default: bool,
}

/// Whether a request may be answered with something else than its upstream's word: only one that reads.
pub fn may_fall_back(method: Method) -> bool {
    matches!(method, Method::Get | Method::Head)
}

/// Decides. `end` is none when no upstream was asked, since none may be.
pub fn decide(method: Method, end: Option<&End>, there: Fallbacks) -> Answer {
    let sound = end.is_some_and(|end| end.outcome() == Outcome::Good);
    match end {
        Some(End::Answered(_)) if sound => return Answer::Upstream,
        _ if may_fall_back(method) && there.stale => return Answer::Stale,
        _ if may_fall_back(method) && there.default => return Answer::Default,
        _ => {}
    }
    match end {
        // What it says of its own failure is better than nothing: it may say when to come back.
        Some(End::Answered(_)) => Answer::Upstream,
        Some(End::TooLarge) => Answer::TooLarge,
        Some(End::Failed(_)) | None => Answer::Unavailable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_that_there_is() {
        let failed = End::Failed(String::new());
        let (ok, sick) = (End::Answered(200), End::Answered(503));
        let get = |end: Option<&End>, stale, default| {
            decide(Method::Get, end, Fallbacks { stale, default })
        };
        for stale in [false, true] {
            assert_eq!(get(Some(&ok), stale, true), Answer::Upstream);
            assert_eq!(
                get(Some(&End::Answered(404)), stale, true),
                Answer::Upstream
            );
        }
        for end in [Some(&failed), Some(&sick), Some(&End::TooLarge), None] {
            assert_eq!(get(end, true, true), Answer::Stale);
            assert_eq!(get(end, false, true), Answer::Default);
        }
        assert_eq!(get(Some(&failed), false, false), Answer::Unavailable);
        assert_eq!(get(None, false, false), Answer::Unavailable);
        assert_eq!(get(Some(&sick), false, false), Answer::Upstream);
        assert_eq!(get(Some(&End::TooLarge), false, false), Answer::TooLarge);
    }

    #[test]
    fn a_write_is_never_answered_with_something_else() {
        for method in [
            Method::Post,
            Method::Put,
            Method::Patch,
            Method::Delete,
            Method::Options,
        ] {
            let there = Fallbacks {
                stale: true,
                default: true,
            };
            assert_eq!(
                decide(method, None, there),
                Answer::Unavailable,
                "{method:?}"
            );
        }
    }
}
