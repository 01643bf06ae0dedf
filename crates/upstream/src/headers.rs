//! Which header fields pass, in either direction (RFC 9110, section 7.6).
//!
//! Bodies are held whole and framed anew, so neither `Content-Length` nor `Transfer-Encoding` of one side ever reaches the
//! other: what could be read as two messages here cannot be there.

use std::borrow::Cow;
use std::net::IpAddr;

use crate::limits::{HEADERS, HEADERS_BYTES, HOPS};

/// A field's name, in lower case, and its value.
pub type Field = (String, Vec<u8>);

/// What this edge is called in `Via`.
pub const VIA: &str = "tidegate";
/// Fields that begin so are this edge's own words: who calls, how loaded an upstream is, what was put in an answer's place.
/// Whoever else sends them, they do not pass.
pub const OWN: &str = "tidegate-";
/// Who calls, to an upstream.
pub const SUBJECT: &str = "tidegate-subject";
/// How loaded an upstream is, from it.
pub const LOAD: &str = "tidegate-load";
/// What was put in the place of an upstream's answer, to the caller: `stale`, `default` or `unavailable`.
pub const DEGRADED: &str = "tidegate-degraded";

/// Fields that are between two neighbours, with those that `Connection` names.
const HOP_BY_HOP: [&str; 10] = [
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-authentication-info",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Fields of a request that are made anew, or that only this edge's host may set.
const REMADE: [&str; 11] = [
    "host",
    "content-length",
    "expect",
    "forwarded",
    "via",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-proto",
    "x-real-ip",
    "x-request-id",
];

/// What a request is told beside its own fields.
#[derive(Debug, Clone)]
pub struct Forward<'a> {
    /// The caller's address, as the trusted proxies tell it.
    pub client: Option<IpAddr>,
    /// `http` or `https`, as the caller spoke.
    pub scheme: &'a str,
    /// The name that the caller asked for.
    pub host: Option<&'a str>,
    /// The id under which the log knows the request.
    pub request_id: &'a str,
    /// Who calls, where the route asks for it.
    pub subject: Option<&'a str>,
    /// Whether `Authorization` passes.
    pub authorization: bool,
}

/// Why fields do not pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HeaderFault {
    /// Too many or too long.
    #[error(
        "there are more than {HEADERS} header fields, or more than {HEADERS_BYTES} bytes of them"
    )]
    TooLarge,
    /// It has passed this edge too often.
    #[error("the request has passed here {HOPS} times: an upstream sends it back")]
    Loop,
}

/// The fields of a request as they are sent on.
///
/// # Errors
/// See [`HeaderFault`].
pub fn forward(fields: &[(&str, &[u8])], with: &Forward<'_>) -> Result<Vec<Field>, HeaderFault> {
    let vias = fields.iter().filter(|(name, _)| *name == "via");
    let vias: Vec<Cow<'_, str>> = vias
        .map(|(_, value)| String::from_utf8_lossy(value))
        .collect();
    let been_here = vias
        .iter()
        .flat_map(|line| line.split(','))
        .filter(|entry| entry.split_whitespace().nth(1) == Some(VIA))
        .count();
    if been_here >= HOPS {
        return Err(HeaderFault::Loop);
    }
    let passes = |name: &str| {
        !REMADE.contains(&name)
            && !name.starts_with("spin-")
            && (with.authorization || name != "authorization")
    };
    let mut kept = end_to_end(fields, passes)?;
    let mut add = |name: &str, value: String| kept.push((name.to_owned(), value.into_bytes()));
    if let Some(client) = with.client {
        add("x-forwarded-for", client.to_string());
    }
    add("x-forwarded-proto", with.scheme.to_owned());
    if let Some(host) = with.host.filter(|host| is_authority(host)) {
        add("x-forwarded-host", host.to_owned());
    }
    add("x-request-id", with.request_id.to_owned());
    if let Some(subject) = with.subject {
        add(SUBJECT, subject.to_owned());
    }
    let before = vias
        .iter()
        .map(|line| line.trim())
        .filter(|line| !line.is_empty() && line.is_ascii());
    let via: Vec<&str> = before.chain(["1.1 tidegate"]).collect();
    add("via", via.join(", "));
    Ok(kept)
}

/// The fields of an answer as they are handed on. CORS is this edge's affair.
///
/// # Errors
/// [`HeaderFault::TooLarge`].
pub fn backward(fields: &[(&str, &[u8])]) -> Result<Vec<Field>, HeaderFault> {
    let passes = |name: &str| {
        !name.starts_with("access-control-")
            && !name.starts_with("spin-")
            && !matches!(name, "content-length" | "x-request-id" | "traceresponse")
    };
    let mut kept = end_to_end(fields, passes)?;
    kept.push(("via".to_owned(), b"1.1 tidegate".to_vec()));
    Ok(kept)
}

/// What is neither between two neighbours nor this edge's own, and passes a further test.
fn end_to_end(
    fields: &[(&str, &[u8])],
    passes: impl Fn(&str) -> bool,
) -> Result<Vec<Field>, HeaderFault> {
    let named: Vec<String> = fields
        .iter()
        .filter(|(name, _)| *name == "connection")
        .flat_map(|(_, value)| {
            let text = String::from_utf8_lossy(value).to_ascii_lowercase();
            text.split(',')
                .map(|option| option.trim().to_owned())
                .collect::<Vec<_>>()
        })
        .collect();
    let (mut kept, mut bytes) = (Vec::new(), 0);
    for &(name, value) in fields {
        bytes += name.len() + value.len();
        if kept.len() == HEADERS || bytes > HEADERS_BYTES {
            return Err(HeaderFault::TooLarge);
        }
        let stays = HOP_BY_HOP.contains(&name)
            || name.starts_with(OWN)
            || named.iter().any(|option| option == name);
        if !stays && passes(name) {
            kept.push((name.to_owned(), value.to_vec()));
        }
    }
    Ok(kept)
}

/// Letters, digits and the few signs of a host and port; nothing that a header or a URL could be ended with.
fn is_authority(text: &str) -> bool {
    let sign =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b':' | b'[' | b']');
    !text.is_empty() && text.len() <= 260 && text.bytes().all(sign)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with() -> Forward<'static> {
        Forward {
            client: Some([203, 0, 113, 9].into()),
            scheme: "https",
            host: Some("api.example:8443"),
            request_id: "r1",
            subject: Some("alice"),
            authorization: false,
        }
    }

    fn forwarded(fields: &[(&str, &str)], with: &Forward<'_>) -> Result<String, HeaderFault> {
        forward(&bytes(fields), with).map(lines)
    }

    fn bytes<'h>(fields: &[(&'h str, &'h str)]) -> Vec<(&'h str, &'h [u8])> {
        let field = |(name, value): &(&'h str, &'h str)| (*name, value.as_bytes());
        fields.iter().map(field).collect()
    }

    fn lines(fields: Vec<Field>) -> String {
        let line = |(name, value): Field| format!("{name}: {}", String::from_utf8_lossy(&value));
        fields.into_iter().map(line).collect::<Vec<_>>().join("\n")
    }

    const HOSTILE: [(&str, &str); 32] = [
        ("host", "evil.example"),
        ("connection", "close, X-Secret , accept-language"),
        ("connection", "x-forwarded-for,via"),
        ("x-secret", "1"),
        ("accept-language", "de"),
        ("accept", "application/json"),
        ("accept-encoding", "gzip"),
        ("content-type", "application/json"),
        ("content-length", "5"),
        ("content-length", "6"),
        ("transfer-encoding", "chunked"),
        ("te", "trailers"),
        ("trailer", "x-late"),
        ("upgrade", "websocket"),
        ("keep-alive", "timeout=5"),
        ("proxy-connection", "keep-alive"),
        ("proxy-authorization", "Basic eDp5"),
        ("expect", "100-continue"),
        ("authorization", "Bearer a.b.c"),
        ("cookie", "a=b"),
        ("forwarded", "for=10.0.0.1"),
        ("x-forwarded-for", "10.0.0.1, 10.0.0.2"),
        ("x-forwarded-proto", "http"),
        ("x-forwarded-host", "evil.example"),
        ("x-forwarded-port", "1"),
        ("x-real-ip", "10.0.0.1"),
        ("x-request-id", "theirs"),
        ("tidegate-subject", "admin"),
        ("tidegate-load", "0"),
        ("spin-client-addr", "10.0.0.1"),
        ("via", "1.0 proxy.example"),
        (
            "traceparent",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ),
    ];

    #[test]
    fn a_request_is_sent_on_like_this() {
        insta::assert_snapshot!(forwarded(&HOSTILE, &with()).unwrap());
        let open = Forward {
            client: None,
            host: Some("a\r\nb"),
            subject: None,
            authorization: true,
            ..with()
        };
        insta::assert_snapshot!(forwarded(&HOSTILE, &open).unwrap());
    }

    #[test]
    fn an_answer_is_handed_on_like_this() {
        let fields = [
            ("content-type", "text/plain"),
            ("content-length", "5"),
            ("transfer-encoding", "chunked"),
            ("connection", "x-internal"),
            ("x-internal", "10.0.0.5"),
            ("set-cookie", "a=1"),
            ("set-cookie", "b=2"),
            ("cache-control", "max-age=5"),
            ("access-control-allow-origin", "*"),
            ("tidegate-degraded", "stale"),
            ("tidegate-load", "0.5"),
            ("location", "/elsewhere"),
            ("via", "1.1 inner"),
        ];
        insta::assert_snapshot!(lines(backward(&bytes(&fields)).unwrap()));
    }

    #[test]
    fn a_loop_is_ended() {
        let via = |text: &'static str| forwarded(&[("via", text)], &with());
        assert!(via("1.1 tidegate, 1.1 tidegate, 1.1 tidegates, 1.1 x").is_ok());
        assert_eq!(
            via("1.1 tidegate, 1.1 tidegate,1.1 tidegate"),
            Err(HeaderFault::Loop)
        );
        let lines = [("via", "1.1 tidegate"); 3];
        assert_eq!(forwarded(&lines, &with()), Err(HeaderFault::Loop));
    }

    #[test]
    fn fields_are_bounded() {
        let long = "x".repeat(HEADERS_BYTES);
        assert_eq!(
            forwarded(&[("a", &long)], &with()),
            Err(HeaderFault::TooLarge)
        );
        assert_eq!(
            forwarded(&[("a", "b"); HEADERS + 1], &with()),
            Err(HeaderFault::TooLarge)
        );
        assert!(forwarded(&[("a", "b"); HEADERS], &with()).is_ok());
    }
}
