//! A request as the pipeline reads it.

use std::net::IpAddr;
use std::rc::Rc;

use http_body_util::BodyExt;
use spin_sdk::http::{HeaderMap, HeaderValue, Request};
use spin_sdk::wasip3::http_compat::IncomingRequestBody;
use tidegate_api::limits::BODY_MS;
use tidegate_api::{Headers, Refusal, Trace};
use tidegate_limit::address;

use crate::alarm::Alarm;

/// Where the host says who opened the connection.
const CLIENT_ADDRESS: &str = "spin-client-addr";

/// One request. Its body is read when it is asked for, once.
pub(crate) struct Incoming {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: String,
    /// The name and port that were asked for.
    pub(crate) authority: Option<String>,
    /// For whatever it waits for.
    pub(crate) alarm: Rc<Alarm>,
    scheme: Option<String>,
    headers: HeaderMap,
    trace: Option<Trace>,
    body: Option<IncomingRequestBody>,
}

impl Incoming {
    pub(crate) fn of(request: Request) -> Self {
        let (mut parts, body) = request.into_parts();
        let trace = Trace::of(
            &headers(&parts.headers),
            wasi::random::insecure::get_insecure_random_u64(),
        );
        // Whoever the request is handed on to continues this step; what is malformed goes no further.
        match trace
            .as_ref()
            .map(|trace| HeaderValue::from_str(trace.as_str()))
        {
            Some(Ok(step)) => drop(parts.headers.insert("traceparent", step)),
            _ => {
                parts.headers.remove("traceparent");
                parts.headers.remove("tracestate");
            }
        }
        Self {
            method: parts.method.as_str().to_owned(),
            path: parts.uri.path().to_owned(),
            authority: parts
                .uri
                .authority()
                .map(|authority| authority.as_str().to_owned()),
            scheme: parts.uri.scheme_str().map(str::to_owned),
            query: parts.uri.query().unwrap_or_default().to_owned(),
            alarm: Rc::default(),
            headers: parts.headers,
            trace,
            body: Some(body),
        }
    }

    pub(crate) fn headers(&self) -> Headers<'_> {
        headers(&self.headers)
    }

    /// The trace that it belongs to.
    pub(crate) fn trace(&self) -> Option<&Trace> {
        self.trace.as_ref()
    }

    /// What the caller has of the answer already, if they say so once.
    pub(crate) fn if_none_match(&self) -> Option<&str> {
        self.headers.get("if-none-match")?.to_str().ok()
    }

    /// The page that calls, if a browser does.
    pub(crate) fn origin(&self) -> Option<&str> {
        self.headers.get("origin")?.to_str().ok()
    }

    /// The caller's own id for this request, or a new one.
    pub(crate) fn request_id(&self) -> String {
        match self.headers().request_id() {
            Some(id) => id.to_owned(),
            None => format!("{:016x}", wasi::random::insecure::get_insecure_random_u64()),
        }
    }

    /// The address that limits count, where anybody who is trusted tells it.
    pub(crate) fn address(&self, trusted_proxies: usize) -> Option<IpAddr> {
        let headers = self.headers();
        // The host's own header is the last of its name, should a caller have sent one too.
        let peer = headers.all(CLIENT_ADDRESS).last().copied();
        address::client(
            peer.and_then(address::address),
            &headers.all("x-forwarded-for"),
            trusted_proxies,
        )
    }

    /// How the caller spoke, as far as the trusted proxies tell it: `http` or `https`.
    pub(crate) fn scheme(&self, trusted_proxies: usize) -> &'static str {
        let headers = self.headers();
        let told = headers
            .all("x-forwarded-proto")
            .last()
            .copied()
            .filter(|_| trusted_proxies > 0);
        match told.or(self.scheme.as_deref()) {
            Some("https") => "https",
            _ => "http",
        }
    }

    /// Every header field; names in lower case.
    pub(crate) fn fields(&self) -> Vec<(&str, &[u8])> {
        self.headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_bytes()))
            .collect()
    }

    /// The body, bounded in size and time.
    pub(crate) async fn body(&mut self, most_bytes: usize) -> Result<Vec<u8>, Refusal> {
        let Some(body) = self.body.take() else {
            return Ok(Vec::new());
        };
        let announced = self.headers.get("content-length");
        let announced = announced.and_then(|length| length.to_str().ok()?.parse().ok());
        self.alarm
            .within(BODY_MS, whole(body, announced, most_bytes))
            .await
            .ok_or(Refusal::TooSlow)?
    }
}

/// Reads a body to the length that was announced, else to its end: asking for an end that is known would be two more calls to
/// the host, each with something to wait for.
async fn whole(
    mut body: IncomingRequestBody,
    announced: Option<usize>,
    most_bytes: usize,
) -> Result<Vec<u8>, Refusal> {
    let mut bytes = Vec::new();
    while announced.is_none_or(|length| bytes.len() < length) {
        let Some(frame) = body.frame().await else {
            break;
        };
        let frame = frame.map_err(|_| Refusal::BadBody("it broke off".to_owned()))?;
        if let Ok(data) = frame.into_data() {
            if bytes.len() + data.len() > most_bytes {
                return Err(Refusal::TooLarge { most_bytes });
            }
            bytes.extend_from_slice(&data);
        }
    }
    Ok(bytes)
}

fn headers(map: &HeaderMap) -> Headers<'_> {
    map.iter()
        .map(|(name, value)| (name.as_str(), value.as_bytes()))
        .collect()
}
