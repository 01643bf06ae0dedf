//! The parts of a request and an answer that the host makes itself.

use std::sync::Arc;

use bytes::Bytes;
use http::uri::{Authority, Scheme};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, Uri, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use tokio::sync::OwnedSemaphorePermit;
use wasmtime_wasi_http::{Error, WasiBody};

use crate::bounded::{Bounded, Bounds, TooLarge, announced};
use crate::limits;

/// Why the host answers itself. Each is one status.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// No host, or two that differ.
    #[error("the request names no host, or two that differ")]
    BadHost,
    /// No component has this path.
    #[error("no route of the app matches this path")]
    NoRoute,
    /// The body is over [`limits::MAX_BODY_BYTES`].
    #[error("the body is larger than {} bytes", limits::MAX_BODY_BYTES)]
    TooLarge,
    /// All places are taken.
    #[error("the host is at work on as many requests as it may")]
    Busy,
    /// The component failed, and its instance has ended with whatever else it was at work on. A fresh one takes its place,
    /// so whoever was only beside it may ask again.
    #[error("the component failed; it begins anew")]
    Failed,
    /// The component took too long.
    #[error("the component did not answer in time")]
    TimedOut,
}

/// The refusal as problem+json (RFC 9457).
pub fn problem(refusal: &Refusal) -> Response<WasiBody> {
    let status = StatusCode::from(refusal);
    let body = serde_json::json!({
        "type": "about:blank",
        "title": status.canonical_reason().unwrap_or_default(),
        "status": status.as_u16(),
        "detail": refusal.to_string(),
    });
    let body = Full::new(Bytes::from(body.to_string()))
        .map_err(Into::into)
        .boxed_unsync();
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/problem+json"),
    );
    if matches!(refusal, Refusal::Busy | Refusal::Failed) {
        headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    if matches!(refusal, Refusal::TooLarge) {
        // What is left of the body is not read.
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// The whole URI of a request, from its target and its `Host`.
pub fn absolute_uri(uri: &Uri, headers: &HeaderMap) -> Result<Uri, Refusal> {
    let mut hosts = headers.get_all(header::HOST).iter();
    let named = match (hosts.next(), hosts.next()) {
        (None, _) => None,
        (Some(host), None) => {
            Some(Authority::try_from(host.as_bytes()).map_err(|_| Refusal::BadHost)?)
        }
        (Some(_), Some(_)) => return Err(Refusal::BadHost),
    };
    let authority = match (named, uri.authority()) {
        (Some(named), Some(target)) if named != *target => return Err(Refusal::BadHost),
        (Some(named), _) => named,
        (None, Some(target)) => target.clone(),
        (None, None) => return Err(Refusal::BadHost),
    };
    let mut parts = uri.clone().into_parts();
    parts.scheme = Some(Scheme::HTTP);
    parts.authority = Some(authority);
    // `OPTIONS *` has no path that a route could match.
    Uri::from_parts(parts).map_err(|_| Refusal::NoRoute)
}

/// Takes `Connection` away with the fields that it names (RFC 9110, section 7.6.1): they were meant for this host, and a
/// component that hands requests on could not tell. What frames the message and says where it goes was read before and
/// stays.
pub fn remove_connection(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .flat_map(|value| value.as_bytes().split(|&byte| byte == b','))
        .filter_map(|option| HeaderName::from_bytes(option.trim_ascii()).ok())
        .filter(|name| ![header::HOST, header::CONTENT_LENGTH].contains(name))
        .collect();
    for name in named {
        headers.remove(name);
    }
    headers.remove(header::CONNECTION);
}

/// A request's body within its bounds. A length that is announced is checked at once.
pub fn bounded_body(body: Incoming, headers: &HeaderMap) -> Result<(WasiBody, TooLarge), Refusal> {
    if announced(headers).is_some_and(|length| length > limits::MAX_BODY_BYTES as u64) {
        return Err(Refusal::TooLarge);
    }
    let body = Bounded::new(
        body,
        Bounds {
            max_bytes: limits::MAX_BODY_BYTES,
            pause: limits::BODY_PAUSE,
            larger: Error::HttpRequestBodySize,
        },
    );
    let too_large = body.too_large();
    Ok((body.boxed_unsync(), too_large))
}

/// A response's body that keeps its request's place until it is sent.
pub fn with_place(body: WasiBody, place: Arc<OwnedSemaphorePermit>) -> WasiBody {
    body.map_frame(move |frame| {
        let _held = &place;
        frame
    })
    .boxed_unsync()
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, StatusCode, Uri};

    use super::{Refusal, absolute_uri, problem, remove_connection};

    fn uri(target: &str, hosts: &[&str]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for host in hosts {
            headers.append("host", host.parse().unwrap());
        }
        absolute_uri(&target.parse::<Uri>().unwrap(), &headers)
            .ok()
            .map(|uri| uri.to_string())
    }

    #[test]
    fn the_whole_uri_comes_from_target_and_host() {
        assert_eq!(uri("/a?b", &["h:1"]).unwrap(), "http://h:1/a?b");
        assert_eq!(uri("http://h/a", &["h"]).unwrap(), "http://h/a");
        assert_eq!(uri("http://h/a", &[]).unwrap(), "http://h/a");
        for (target, hosts) in [
            ("/a", &[][..]),
            ("/a", &["h", "h"]),
            ("/a", &["h h"]),
            ("http://g/a", &["h"]),
        ] {
            assert_eq!(uri(target, hosts), None, "{target} {hosts:?}");
        }
    }

    #[test]
    fn what_belongs_to_the_connection_stays_here() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("connection", "X-Secret ,close, ,host"),
            ("connection", "x-other,content-length,\u{7f}"),
            ("x-secret", "1"),
            ("x-secret", "2"),
            ("x-other", "3"),
            ("x-kept", "4"),
            ("host", "h"),
            ("content-length", "5"),
        ] {
            let value = http::HeaderValue::from_bytes(value.as_bytes());
            headers.append(
                name,
                value.unwrap_or(http::HeaderValue::from_static("x-other")),
            );
        }
        remove_connection(&mut headers);
        let mut left: Vec<&str> = headers.keys().map(http::HeaderName::as_str).collect();
        left.sort_unstable();
        assert_eq!(left, ["content-length", "host", "x-kept"]);
    }

    #[test]
    fn each_refusal_is_one_status() {
        for (refusal, status) in [
            (Refusal::BadHost, 400),
            (Refusal::NoRoute, 404),
            (Refusal::TooLarge, 413),
            (Refusal::Failed, 503),
            (Refusal::Busy, 503),
            (Refusal::TimedOut, 504),
        ] {
            let response = problem(&refusal);
            assert_eq!(response.status(), StatusCode::from_u16(status).unwrap());
            assert_eq!(
                response.headers().contains_key("retry-after"),
                status == 503
            );
        }
    }
}
