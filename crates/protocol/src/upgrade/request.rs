//! One request: read, judged, and turned into what is to be done.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use httparse::{EMPTY_HEADER, Status};
use tidegate_stream::{Cursor, RoomId};

use super::extensions::{self, Deflate};
use super::headers::Headers;
use super::origins::{AllowedOrigin, Origins};
use super::probe::{Probe, Question};
use super::refusal::{Refusal, Refused};
use super::target::{self, Path};
use crate::frames::SubProtocol;
use crate::limits;
use crate::ws::Agreed;

/// A request that is good so far; tickets, rooms and bans are for the caller to see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// `GET /v1/connect`.
    Connect(Connect),
    /// `GET /v1/rooms/{room}/events`.
    Events(Events),
    /// `GET` or `HEAD` of `/healthz` or `/readyz`.
    Probe(Probe),
}

/// An upgrade to a WebSocket with one of the sub-protocols. Answered by [`Connect::answer`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Connect {
    /// `Sec-WebSocket-Key`: 24 signs of base64, 16 bytes.
    pub(super) key: [u8; 24],
    pub(super) sub_protocol: SubProtocol,
    pub(super) deflate: Option<Deflate>,
}

impl Connect {
    /// What the answer agrees to.
    pub const fn agreed(&self) -> Agreed {
        Agreed {
            sub_protocol: self.sub_protocol,
            deflate: self.deflate.is_some(),
        }
    }
}

/// A stream of events. Answered by [`Events::answer`], or refused by [`Events::refuse`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Events {
    /// Which room.
    pub room: RoomId,
    /// The right to read it, 1 to 768 bytes, not checked.
    pub ticket: String,
    /// Where to read on; none: live. Not checked against the clock.
    pub cursor: Option<Cursor>,
    pub(super) origin: Option<AllowedOrigin>,
}

impl Events {
    /// A refusal that the page which asked is able to read.
    pub fn refuse(&self, refusal: Refusal) -> Refused {
        Refused {
            refusal,
            origin: self.origin.clone(),
        }
    }
}

/// What the bytes so far amount to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Parsed {
    /// The head is not complete; give the same bytes again, and more.
    Incomplete,
    /// A request, and the bytes of its head. What follows belongs to the socket.
    Request(Request, usize),
}

/// The probe that the first bytes of a connection are, if all of its head is there. Whatever else they are costs a comparison.
pub fn probe(input: &[u8]) -> Option<Probe> {
    let line = [
        "GET /healthz",
        "GET /readyz",
        "HEAD /healthz",
        "HEAD /readyz",
    ];
    if !line.iter().any(|begin| input.starts_with(begin.as_bytes())) {
        return None;
    }
    match parse(input, &Origins::default()) {
        Ok(Parsed::Request(Request::Probe(probe), _)) => Some(probe),
        _ => None,
    }
}

/// Reads the head of a request from the start of `input`.
///
/// # Errors
///
/// [`Refused`]: to be written, and the connection closed.
pub fn parse(input: &[u8], origins: &Origins) -> Result<Parsed, Refused> {
    let mut storage = [EMPTY_HEADER; limits::HEADERS];
    let mut request = httparse::Request::new(&mut storage);
    let too_large = || {
        let line = input.iter().take(limits::HEAD_BYTES).any(|&b| b == b'\n');
        if line {
            Refusal::HeadTooLarge
        } else {
            Refusal::TargetTooLong
        }
    };
    let head_bytes = match request.parse(input) {
        Ok(Status::Complete(bytes)) if bytes <= limits::HEAD_BYTES => bytes,
        Ok(Status::Partial) if input.len() < limits::HEAD_BYTES => return Ok(Parsed::Incomplete),
        Ok(_) => return Err(too_large().into()),
        Err(error) => return Err(malformed(error).into()),
    };
    let headers = Headers(request.headers);
    let mut origin = None;
    judge(
        request.method.unwrap_or_default(),
        request.path.unwrap_or_default(),
        request.version,
        &headers,
        origins,
        &mut origin,
    )
    .map(|request| Parsed::Request(request, head_bytes))
    .map_err(|refusal| Refused { refusal, origin })
}

fn malformed(error: httparse::Error) -> Refusal {
    match error {
        httparse::Error::TooManyHeaders => Refusal::HeadTooLarge,
        httparse::Error::Version => Refusal::Version,
        _ => Refusal::Malformed("this is not a request of HTTP/1.1"),
    }
}

fn judge(
    method: &str,
    target: &str,
    version: Option<u8>,
    headers: &Headers<'_>,
    origins: &Origins,
    origin: &mut Option<AllowedOrigin>,
) -> Result<Request, Refusal> {
    let (path, query) = target::split(target);
    if let Some(question) = Question::at(path) {
        return probed(question, method, version, headers).map(Request::Probe);
    }
    if version != Some(1) {
        return Err(Refusal::Version);
    }
    require_host(headers)?;
    let path = target::path(path)?;
    if let Some(sent) = headers.one("origin")? {
        *origin = Some(origins.allow(sent).ok_or(Refusal::Origin)?);
    }
    if method != "GET" {
        return Err(Refusal::Method);
    }
    require_no_body(headers)?;
    match path {
        Path::Connect => connect(headers).map(Request::Connect),
        Path::Events { room } => events(&room, query, headers, origin).map(Request::Events),
    }
}

fn require_host(headers: &Headers<'_>) -> Result<(), Refusal> {
    match headers.one("host")? {
        Some(_) => Ok(()),
        None => Err(Refusal::Malformed("the Host header is missing")),
    }
}

fn require_no_body(headers: &Headers<'_>) -> Result<(), Refusal> {
    let bodiless = headers.one("content-length")?.is_none_or(|n| n == "0");
    if !bodiless || headers.one("transfer-encoding")?.is_some() {
        return Err(Refusal::Malformed("a request here has no body"));
    }
    Ok(())
}

/// Checkers speak HTTP/1.0 too, which asks for no `Host` (gdnsd and HAProxy do, unless told otherwise). A page may not read
/// the answer, so its `Origin` does not matter.
fn probed(
    question: Question,
    method: &str,
    version: Option<u8>,
    headers: &Headers<'_>,
) -> Result<Probe, Refusal> {
    if version == Some(1) {
        require_host(headers)?;
    }
    let head_only = match method {
        "GET" => false,
        "HEAD" => true,
        _ => return Err(Refusal::Method),
    };
    require_no_body(headers)?;
    Ok(Probe {
        question,
        head_only,
    })
}

/// RFC 6455, section 4.2.1.
fn connect(headers: &Headers<'_>) -> Result<Connect, Refusal> {
    if !headers.has_token("upgrade", "websocket")?
        || !headers.has_token("connection", "upgrade")?
        || headers.one("sec-websocket-version")? != Some("13")
    {
        return Err(Refusal::UpgradeRequired);
    }
    let key = headers
        .one("sec-websocket-key")?
        .and_then(|key| <[u8; 24]>::try_from(key.as_bytes()).ok())
        .filter(|key| STANDARD.decode(key).is_ok_and(|bytes| bytes.len() == 16))
        .ok_or(Refusal::Malformed(
            "Sec-WebSocket-Key must be 16 bytes in base64",
        ))?;
    // The client lists them as it prefers them.
    let sub_protocol = headers
        .list("sec-websocket-protocol")?
        .into_iter()
        .find_map(|name| {
            SubProtocol::ALL
                .into_iter()
                .find(|known| known.as_str() == name)
        })
        .ok_or(Refusal::Malformed(
            "offer the sub-protocol tidegate.v1.json or tidegate.v1.cbor in Sec-WebSocket-Protocol",
        ))?;
    let offers = headers
        .all("sec-websocket-extensions")
        .collect::<Result<Vec<_>, _>>()?;
    Ok(Connect {
        key,
        sub_protocol,
        deflate: extensions::deflate(offers),
    })
}

fn events(
    room: &str,
    query: &str,
    headers: &Headers<'_>,
    origin: &Option<AllowedOrigin>,
) -> Result<Events, Refusal> {
    let room = room.parse().map_err(|_| {
        Refusal::Malformed(
            "a room id is 1 to 64 of A-Z a-z 0-9 . _ - (a leading ~ or ! is reserved)",
        )
    })?;
    if !headers.accepts_events()? {
        return Err(Refusal::NotAcceptable);
    }
    let ticket = target::parameter(query, "ticket")?
        .filter(|ticket| (1..=limits::TICKET_BYTES).contains(&ticket.len()))
        .ok_or(Refusal::BadTicket)?;
    let last = headers.one("last-event-id")?.filter(|id| !id.is_empty());
    let cursor = match last {
        Some(last) => Some(last.into()),
        None => target::parameter(query, "cursor")?,
    };
    let cursor = cursor
        .filter(|cursor| !cursor.is_empty())
        .map(|cursor| cursor.parse().map_err(|_| Refusal::BadCursor))
        .transpose()?;
    Ok(Events {
        room,
        ticket: ticket.into_owned(),
        cursor,
        origin: origin.clone(),
    })
}
