//! The trace of a request (W3C Trace Context): taken over from the caller, with a step of the edge's own in it.

use crate::headers::Headers;

/// The edge's step in a caller's trace.
///
/// Its text is a `traceparent` of version 00. It goes into the entry that the request appends and to an upstream that it is
/// handed to, so that what they do hangs below the edge's step, and back to the caller as `traceresponse`. A request
/// without a trace begins none: its request id is enough to find it in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trace(String);

/// Flags that are handed on: sampled, and that the trace's id is random (level 2). The others have no meaning yet.
const FLAGS: u8 = 0b11;

impl Trace {
    /// The caller's trace, if there is one that is well formed, with a step whose id is made of `random`.
    pub fn of(headers: &Headers<'_>, random: u64) -> Option<Self> {
        let given = headers.traceparent();
        // What was read is 55 ASCII characters: version, trace, parent and flags, with `-` between them.
        let (trace, flags) = (given.get(3..35)?, given.get(53..55)?);
        let flags = u8::from_str_radix(flags, 16).ok()? & FLAGS;
        // An id of zeros is invalid.
        let step = random.max(1);
        Some(Self(format!("00-{trace}-{step:016x}-{flags:02x}")))
    }

    /// As `traceparent` and `traceresponse` say it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The trace's id: 32 hex digits.
    pub fn id(&self) -> &str {
        &self.0[3..35]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIVEN: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    fn trace(value: &str, random: u64) -> Option<Trace> {
        let headers: Headers<'_> = [("traceparent", value.as_bytes())].into_iter().collect();
        Trace::of(&headers, random)
    }

    #[test]
    fn the_edge_puts_a_step_of_its_own_into_the_callers_trace() {
        let trace = trace(GIVEN, 0xab).unwrap();
        assert_eq!(
            trace.as_str(),
            "00-0af7651916cd43dd8448eb211c80319c-00000000000000ab-01"
        );
        assert_eq!(trace.id(), "0af7651916cd43dd8448eb211c80319c");
    }

    #[test]
    fn what_a_later_version_says_is_told_in_this_one() {
        let later = format!(
            "{}-more",
            GIVEN.replacen("00", "cc", 1).replace("-01", "-ff")
        );
        let trace = trace(&later, 0).unwrap();
        assert_eq!(
            trace.as_str(),
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000001-03"
        );
    }

    #[test]
    fn without_a_trace_none_begins() {
        assert_eq!(Trace::of(&Headers::default(), 1), None);
        assert_eq!(trace("00-nonsense", 1), None);
    }
}
