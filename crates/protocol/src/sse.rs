//! Server-sent events (WHATWG HTML, section 9.2): the same frames for viewers who cannot have a socket.

use std::fmt::Display;

use tidegate_stream::Cursor;

/// What an event holds; the name is the frame's type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventName {
    /// [`frames::batch`](crate::frames::batch).
    Batch,
    /// [`frames::reset`](crate::frames::reset).
    Reset,
    /// [`frames::error`](crate::frames::error).
    Error,
    /// [`frames::move_away`](crate::frames::move_away).
    Move,
}

impl EventName {
    /// The name in the stream.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Batch => "batch",
            Self::Reset => "reset",
            Self::Error => "error",
            Self::Move => "move",
        }
    }
}

/// Appends one event whose data `write` appends: one line, as all writers of [`frames`](crate::frames) do. `position`
/// is the cursor after it; without one, a browser keeps the last.
pub fn event(
    out: &mut Vec<u8>,
    position: Option<&Cursor>,
    name: EventName,
    write: impl FnOnce(&mut Vec<u8>),
) {
    if let Some(position) = position {
        field(out, "id: ", position);
    }
    field(out, "event: ", name.as_str());
    out.extend_from_slice(b"data: ");
    write(out);
    out.extend_from_slice(b"\n\n");
}

/// Appends a comment, which keeps proxies from closing a quiet stream: one each
/// [`SSE_COMMENT_MS`](crate::limits::SSE_COMMENT_MS).
pub fn comment(out: &mut Vec<u8>) {
    out.extend_from_slice(b":\n\n");
}

/// Appends how long a browser is to wait before it connects again, ms. Spread by the caller, else all come at once.
pub fn retry(out: &mut Vec<u8>, wait_ms: u64) {
    field(out, "retry: ", wait_ms);
    out.push(b'\n');
}

fn field(out: &mut Vec<u8>, name: &str, value: impl Display) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(value.to_string().as_bytes());
    out.push(b'\n');
}
