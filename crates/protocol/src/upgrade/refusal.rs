//! Refusals of the viewers' listener: one table of status, code and detail.

use super::origins::AllowedOrigin;

/// Why a request was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// Not HTTP, or a request that this listener cannot take; says what is wrong.
    Malformed(&'static str),
    /// A plain request on a listener that speaks TLS.
    PlainHttp,
    /// No cursor, or one that is too large or too far ahead.
    BadCursor,
    /// A ticket that is missing, malformed, lapsed or for another room.
    BadTicket,
    /// An `Origin` that is not on the list.
    Origin,
    /// The subject is banned from the room, or its token was revoked.
    Banned,
    /// No such path.
    NotFound,
    /// No such room.
    NoRoom,
    /// A method other than GET.
    Method,
    /// An `Accept` that leaves out `text/event-stream`.
    NotAcceptable,
    /// The head was not complete within [`HEAD_MS`](crate::limits::HEAD_MS).
    Timeout,
    /// The room was closed for good.
    RoomClosed,
    /// A request line over [`HEAD_BYTES`](crate::limits::HEAD_BYTES).
    TargetTooLong,
    /// No upgrade to a WebSocket of version 13.
    UpgradeRequired,
    /// Headers over [`HEAD_BYTES`](crate::limits::HEAD_BYTES), or more than [`HEADERS`](crate::limits::HEADERS).
    HeadTooLarge,
    /// The node cannot take or serve it now; come back after so many seconds.
    Unavailable {
        /// At least 1.
        retry_s: u32,
    },
    /// Not HTTP/1.1.
    Version,
}

impl Refusal {
    /// The HTTP status.
    pub const fn status(self) -> u16 {
        self.row().0
    }

    /// The `code` of the problem.
    pub const fn code(self) -> &'static str {
        self.row().1
    }

    /// The `detail` of the problem: what to do about it.
    pub const fn detail(self) -> &'static str {
        self.row().2
    }

    const fn row(self) -> (u16, &'static str, &'static str) {
        match self {
            Self::Malformed(what) => (400, "malformed", what),
            Self::PlainHttp => (
                400,
                "plain_http",
                "this listener speaks TLS: connect with wss:// or https://",
            ),
            Self::BadCursor => (
                400,
                "bad_cursor",
                "the cursor is malformed, too large or too far ahead: leave it out to begin live",
            ),
            Self::BadTicket => (
                401,
                "bad_ticket",
                "the ticket is missing, malformed, expired or for another room: join the room again for a new one",
            ),
            Self::Origin => (
                403,
                "origin",
                "this page's origin is not allowed: add it to the node's list of origins",
            ),
            Self::Banned => (403, "banned", "you are banned from this room"),
            Self::NotFound => (
                404,
                "not_found",
                "a node serves GET /v1/connect, GET /v1/rooms/{room}/events, GET /healthz and GET /readyz",
            ),
            Self::NoRoom => (404, "no_room", "there is no such room"),
            Self::Method => (405, "method", "only GET is served here"),
            Self::NotAcceptable => (
                406,
                "not_acceptable",
                "the answer is text/event-stream: accept it",
            ),
            Self::Timeout => (408, "timeout", "the request's head took longer than 5 s"),
            Self::RoomClosed => (410, "room_closed", "the room was closed"),
            Self::TargetTooLong => (414, "target_too_long", "the request line is over 8 KiB"),
            Self::UpgradeRequired => (
                426,
                "upgrade_required",
                "connect with a WebSocket of version 13, not with a plain request",
            ),
            Self::HeadTooLarge => (
                431,
                "head_too_large",
                "request line and headers are over 8 KiB, or over 64 headers",
            ),
            Self::Unavailable { .. } => (
                503,
                "unavailable",
                "the node cannot serve this now: come back later, or take another endpoint",
            ),
            Self::Version => (505, "version", "speak HTTP/1.1"),
        }
    }

    /// The reason phrase (RFC 9110), which is the problem's title too.
    const fn phrase(self) -> &'static str {
        match self.status() {
            400 => "Bad Request",
            401 => "Unauthorized",
            403 => "Forbidden",
            404 => "Not Found",
            405 => "Method Not Allowed",
            406 => "Not Acceptable",
            408 => "Request Timeout",
            410 => "Gone",
            414 => "URI Too Long",
            426 => "Upgrade Required",
            431 => "Request Header Fields Too Large",
            503 => "Service Unavailable",
            _ => "HTTP Version Not Supported",
        }
    }

    /// Appends the whole answer, problem+json (RFC 9457) included. The connection is closed after it.
    pub fn write(self, out: &mut Vec<u8>, origin: Option<&AllowedOrigin>) {
        let status = self.status();
        let (title, code) = (self.phrase(), self.code());
        // Details are our own sentences and hold nothing that JSON would escape; a test sees to it.
        let body = format!(
            r#"{{"type":"about:blank","title":"{title}","status":{status},"code":"{code}","detail":"{}"}}"#,
            self.detail()
        );
        let head = format!(
            "HTTP/1.1 {status} {title}\r\ncontent-type: application/problem+json\r\ncontent-length: {}\r\n\
             cache-control: no-store\r\n",
            body.len()
        );
        out.extend_from_slice(head.as_bytes());
        match self {
            Self::BadTicket => {
                out.extend_from_slice(b"www-authenticate: Tidegate-Ticket\r\n");
            }
            Self::Method => out.extend_from_slice(b"allow: GET\r\n"),
            Self::UpgradeRequired => {
                out.extend_from_slice(b"upgrade: websocket\r\nsec-websocket-version: 13\r\n")
            }
            Self::Unavailable { retry_s } => {
                out.extend_from_slice(format!("retry-after: {}\r\n", retry_s.max(1)).as_bytes());
            }
            _ => {}
        }
        cors(out, origin);
        out.extend_from_slice(match self {
            // `upgrade` names a header of this hop (RFC 9110, section 7.8).
            Self::UpgradeRequired => b"connection: upgrade, close\r\n\r\n",
            _ => b"connection: close\r\n\r\n",
        });
        out.extend_from_slice(body.as_bytes());
    }
}

/// A refusal together with the page that is to be able to read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Why.
    pub refusal: Refusal,
    /// The page's origin, when it is on the list.
    pub origin: Option<AllowedOrigin>,
}

impl Refused {
    /// Appends the whole answer, see [`Refusal::write`].
    pub fn write(&self, out: &mut Vec<u8>) {
        self.refusal.write(out, self.origin.as_ref());
    }
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self {
            refusal,
            origin: None,
        }
    }
}

/// The headers with which a browser lets the page read the answer; `vary`, since another page gets another answer.
pub(super) fn cors(out: &mut Vec<u8>, origin: Option<&AllowedOrigin>) {
    out.extend_from_slice(b"vary: origin\r\n");
    if let Some(origin) = origin {
        out.extend_from_slice(b"access-control-allow-origin: ");
        out.extend_from_slice(origin.as_str().as_bytes());
        out.extend_from_slice(b"\r\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doc_table;

    #[test]
    fn documentation_has_this_table() {
        let table = [
            Refusal::Malformed("what is wrong with the request"),
            Refusal::PlainHttp,
            Refusal::BadCursor,
            Refusal::BadTicket,
            Refusal::Origin,
            Refusal::Banned,
            Refusal::NotFound,
            Refusal::NoRoom,
            Refusal::Method,
            Refusal::NotAcceptable,
            Refusal::Timeout,
            Refusal::RoomClosed,
            Refusal::TargetTooLong,
            Refusal::UpgradeRequired,
            Refusal::HeadTooLarge,
            Refusal::Unavailable { retry_s: 1 },
            Refusal::Version,
        ]
        .map(|refusal| {
            vec![
                refusal.status().to_string(),
                format!("`{}`", refusal.code()),
                refusal.detail().to_owned(),
            ]
        });
        assert_eq!(doc_table("Refusals"), table);
    }
}
