//! The access log: what is written of each request, as one line of JSON.

use serde::Serialize;

/// One request, answered.
///
/// It names the route and not the path, so that rooms and users stay out of it; it holds no query, no header, no body and
/// no address.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Access<'a> {
    /// When it was answered, in ms since 1970.
    pub at_ms: u64,
    /// Its method, if it is one that a route can have.
    pub method: &'a str,
    /// The pattern of its route, if there is one.
    pub route: Option<&'a str>,
    /// The answer's status.
    pub status: u16,
    /// From its head to its answer, in us.
    pub duration_us: u64,
    /// What `X-Request-Id` says.
    pub request_id: &'a str,
    /// The trace that it belongs to, if the caller said so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<&'a str>,
}

/// Probes that are answered well: they come every few seconds and say nothing.
const QUIET: [&str; 2] = ["/healthz", "/readyz"];

impl Access<'_> {
    /// The line, without its end; none for a probe that was answered well.
    pub fn line(&self) -> Option<String> {
        if self.status < 400 && self.route.is_some_and(|route| QUIET.contains(&route)) {
            return None;
        }
        // Numbers and text always serialise.
        serde_json::to_string(self).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACCESS: Access<'_> = Access {
        at_ms: 1_732_400_000_000,
        method: "POST",
        route: Some("/v1/rooms/{room}/messages"),
        status: 202,
        duration_us: 480,
        request_id: "r-1",
        trace_id: Some("0af7651916cd43dd8448eb211c80319c"),
    };

    #[test]
    fn a_request_is_one_line() {
        insta::assert_snapshot!(ACCESS.line().unwrap(), @r#"{"at_ms":1732400000000,"method":"POST","route":"/v1/rooms/{room}/messages","status":202,"duration_us":480,"request_id":"r-1","trace_id":"0af7651916cd43dd8448eb211c80319c"}"#);
        let lost = Access {
            route: None,
            status: 404,
            trace_id: None,
            ..ACCESS
        };
        insta::assert_snapshot!(lost.line().unwrap(), @r#"{"at_ms":1732400000000,"method":"POST","route":null,"status":404,"duration_us":480,"request_id":"r-1"}"#);
    }

    #[test]
    fn probes_are_told_of_when_they_fail() {
        let probe = |status| {
            Access {
                route: Some("/readyz"),
                status,
                ..ACCESS
            }
            .line()
        };
        assert_eq!(probe(200), None);
        assert!(probe(503).is_some());
    }
}
