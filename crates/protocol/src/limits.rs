//! Every bound of the viewers' listener, with the arithmetic behind it.
//!
//! `docs/protocol.md` prints the same figures; a test holds the two in step.

/// Request line and headers of one upgrade or SSE request, bytes. The longest that a client has reason to send is a
/// ticket (768), a cursor twice (query and `Last-Event-ID`, 1,024 each) and about 1 KiB of a browser's own headers:
/// under 4 KiB. The rest is room for cookies and for headers that balancers add.
pub const HEAD_BYTES: usize = 8 * 1024;

/// Headers of one request. Browsers send about 20, a chain of proxies adds about 10.
pub const HEADERS: usize = 64;

/// How long a request head may take, ms.
pub const HEAD_MS: u64 = 5_000;

/// One message of a client, all fragments together, bytes. The longest frame that means anything is `subscribe`:
/// room 64, ticket 768, cursor 1,024, names and quotes under 100; every sign written as `\u0000` makes it six times
/// that, 11.7 KB.
pub const MESSAGE_BYTES: usize = 16 * 1024;

/// The least payload that is compressed, bytes. A batch of one chat message has about 320; to take 90 off costs 8 us, more
/// than the 7 us of one send, and most rooms are quiet and small. Three messages have 720 and lose 390 for 10 us.
pub const DEFLATE_BYTES: usize = 512;

/// Last blocks of DEFLATE in one compressed message of a client. One has a reason to be there; each costs a look and a new
/// beginning, and 8,192 of them would fit.
pub const LAST_BLOCKS: usize = 8;

/// Payload of a control frame, bytes (RFC 6455, section 5.5).
pub const CONTROL_BYTES: usize = 125;

/// Rooms that one socket may be subscribed to.
pub const ROOMS: usize = 32;

/// Frames that a client may send in one second, control frames and fragments included: 32 subscriptions at once after
/// a reconnect, `hello`, and a ping, with half as much again.
pub const FRAMES_PER_SECOND: u32 = 50;

/// `client` and `version` of `hello`, bytes each.
pub const CLIENT_NAME_BYTES: usize = 64;

/// How long a socket may take from the upgrade to `hello`, ms.
pub const HELLO_MS: u64 = 5_000;

/// After so long without a frame a client sends `ping`, ms.
pub const PING_MS: u64 = 10_000;

/// A socket that sent nothing for so long is closed, ms: six pings in a row were lost.
pub const IDLE_MS: u64 = 60_000;

/// An SSE stream gets a comment line after so long without an event, ms: half of the 30 s after which the most
/// impatient of the usual proxies gives up.
pub const SSE_COMMENT_MS: u64 = 15_000;

/// A ticket, bytes: payload of room 64, subject 63, token 32 and expiry 14 with their names is under 250, base64 and
/// a MAC make it under 430; the rest is for fields to come.
pub const TICKET_BYTES: usize = 768;

/// An entry's `data`, bytes of JSON text.
pub const DATA_BYTES: usize = 4 * 1024;

/// An entry's `info`, bytes of JSON text.
pub const INFO_BYTES: usize = 512;

/// Nesting of an entry's `data` or `info`. The edge takes 32; what a later edge may take has as much room again, and
/// with the batch's own three levels it stays far below the 127 at which common readers give up.
pub const DEPTH: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doc_table;
    use tidegate_stream::cursor::{COMPONENTS, CURSOR_BYTES};

    #[test]
    fn documentation_has_these_limits() {
        let rows = [
            (
                "request line and headers of an upgrade",
                format!(
                    "{} KiB, {HEADERS} headers, {} s",
                    HEAD_BYTES / 1024,
                    HEAD_MS / 1000
                ),
            ),
            (
                "a message from a client",
                format!("{} KiB", MESSAGE_BYTES / 1024),
            ),
            ("rooms a socket", ROOMS.to_string()),
            (
                "frames a second from a client, fragments and control frames included",
                FRAMES_PER_SECOND.to_string(),
            ),
            (
                "cursor",
                format!(
                    "{},{:03} bytes, {COMPONENTS} components",
                    CURSOR_BYTES / 1000,
                    CURSOR_BYTES % 1000
                ),
            ),
            (
                "entry's `data`",
                format!("{} KiB; `info` {INFO_BYTES} B", DATA_BYTES / 1024),
            ),
        ];
        let rows: Vec<Vec<String>> = rows
            .into_iter()
            .map(|(what, limit)| vec![what.to_owned(), limit])
            .collect();
        assert_eq!(doc_table("Limits"), rows);
    }

    #[test]
    fn prose_has_these_limits() {
        let doc = include_str!("../../../docs/protocol.md");
        for said in [
            format!("at most {CLIENT_NAME_BYTES} bytes each"),
            format!("no `hello` within {} s", HELLO_MS / 1000),
            format!("nothing received for {} s", IDLE_MS / 1000),
            format!("over {FRAMES_PER_SECOND} frames in a second"),
            format!("a message over {} KiB", MESSAGE_BYTES / 1024),
            format!("a comment line every {} s", SSE_COMMENT_MS / 1000),
            format!("{TICKET_BYTES} bytes at most"),
        ] {
            assert!(doc.contains(&said), "{said}");
        }
    }
}
