//! `RateLimit-Policy` and `RateLimit` by draft-ietf-httpapi-ratelimit-headers-11, which are structured fields (RFC 9651),
//! and `Retry-After` (RFC 9110).

use std::fmt::Write;

use crate::policy::{Policy, PolicyName};
use crate::standing::Standing;

/// The value of `RateLimit-Policy`: a list of names with quota (`q`) and window (`w`, in seconds).
pub fn policies<'a>(policies: impl IntoIterator<Item = (&'a PolicyName, Policy)>) -> String {
    list(policies, |out, (name, policy)| {
        // A String takes everything that is written to it.
        let _ = write!(
            out,
            "\"{name}\";q={};w={}",
            policy.quota(),
            policy.window_ms().div_ceil(1_000)
        );
    })
}

/// The value of `RateLimit`: a list of names with the units left (`r`) and the seconds until all are there again (`t`).
pub fn standings<'a>(standings: impl IntoIterator<Item = (&'a PolicyName, Standing)>) -> String {
    list(standings, |out, (name, standing)| {
        let _ = write!(
            out,
            "\"{name}\";r={};t={}",
            standing.remaining,
            standing.reset_ms.div_ceil(1_000)
        );
    })
}

/// The value of `Retry-After`, in whole seconds: never too early, never 0.
pub fn retry_after_s(retry_ms: u64) -> u64 {
    retry_ms.div_ceil(1_000).max(1)
}

fn list<T>(items: impl IntoIterator<Item = T>, write_item: impl Fn(&mut String, T)) -> String {
    let mut out = String::new();
    for item in items {
        if !out.is_empty() {
            out.push_str(", ");
        }
        write_item(&mut out, item);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_as_the_draft_writes_them() {
        let (ip, user): (PolicyName, PolicyName) = ("ip".parse().unwrap(), "user".parse().unwrap());
        let policy = |text: &str| text.parse::<Policy>().unwrap();
        insta::assert_snapshot!(
            policies([(&ip, policy("100/60")), (&user, policy("20/10/40"))]),
            @r#""ip";q=100;w=60, "user";q=20;w=10"#
        );
        let standing = |remaining, reset_ms| Standing {
            allowed: true,
            remaining,
            reset_ms,
            retry_ms: 0,
        };
        insta::assert_snapshot!(
            standings([(&ip, standing(99, 600)), (&user, standing(15, 2_500))]),
            @r#""ip";r=99;t=1, "user";r=15;t=3"#
        );
        assert_eq!(policies([]), "");
    }

    #[test]
    fn a_wait_is_never_told_too_short() {
        assert_eq!(
            [0, 1, 1_000, 1_001, 59_999].map(retry_after_s),
            [1, 1, 1, 2, 60]
        );
    }
}
