//! One entry as the JSON text that goes into batches.

use tidegate_stream::{Entry, Region, digest};

use super::embed::embed;
use super::json;

/// An entry's JSON text. It is encoded once, however many batches, encodings and viewers it goes into. It holds no
/// line end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageText {
    text: Box<[u8]>,
    damaged: bool,
}

impl MessageText {
    /// Encodes an entry of `origin`. `None`: its kind is a counter or a gap, which viewers do not get as a message.
    ///
    /// `info` and `data` are JSON texts already and are embedded, after a check: one that a reader refuses would break
    /// the whole batch. Then `data` is `null`, `info` is left out, and [`MessageText::is_damaged`] says so: not JSON,
    /// nested deeper than [`DEPTH`](crate::limits::DEPTH), or a number beyond a double.
    pub fn new(origin: &Region, entry: &Entry) -> Option<Self> {
        let lane = entry.kind.lane()?;
        let mut damaged = false;
        let mut out = Vec::with_capacity(192 + entry.info.len() + entry.data.len());
        out.extend_from_slice(b"{\"id\":\"");
        json::plain(&mut out, format_args!("{origin}-{}", entry.id));
        out.extend_from_slice(b"\",\"kind\":\"");
        out.extend_from_slice(entry.kind.as_str().as_bytes());
        out.extend_from_slice(b"\",\"lane\":\"");
        out.extend_from_slice(lane.as_str().as_bytes());
        out.extend_from_slice(b"\",\"sub\":");
        json::string(&mut out, &entry.sub);
        if !entry.info.is_empty() {
            let at = out.len();
            out.extend_from_slice(b",\"info\":");
            if !embed(&mut out, &entry.info) {
                out.truncate(at);
                damaged = true;
            }
        }
        if entry.hidden {
            out.extend_from_slice(b",\"hidden\":true");
        } else {
            out.extend_from_slice(b",\"data\":");
            if entry.data.is_empty() || !embed(&mut out, &entry.data) {
                out.extend_from_slice(b"null");
                damaged |= !entry.data.is_empty();
            }
        }
        out.extend_from_slice(b",\"at_ms\":");
        json::plain(&mut out, entry.at_ms);
        if !entry.key.is_empty() {
            out.extend_from_slice(b",\"key\":\"");
            out.extend_from_slice(digest::key(&entry.key).as_bytes());
            out.push(b'"');
        }
        out.push(b'}');
        Some(Self {
            text: out.into_boxed_slice(),
            damaged,
        })
    }

    /// The JSON text.
    pub fn as_bytes(&self) -> &[u8] {
        &self.text
    }

    /// Whether `info` or `data` had to be left out: to be counted.
    pub const fn is_damaged(&self) -> bool {
        self.damaged
    }
}
