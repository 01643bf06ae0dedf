//! One entry as it goes into batches.

use std::borrow::Cow;
use std::ops::Range;

use tidegate_stream::{Entry, Kind, Lane, Region, digest};

use super::embed::embed;
use super::{cbor, json};

/// An entry's JSON text, of which the binary form is cut when it is wanted. It is encoded once, however many batches, encodings and viewers it goes into. It holds no
/// line end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageText {
    text: Box<[u8]>,
    damaged: bool,
    at_ms: u64,
    places: Places,
}

/// Where the values of fields lie in the text: the binary form is cut out of it. Kept small, since rings hold thousands.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Places {
    kind: Kind,
    /// A key stands last.
    keyed: bool,
    id: Place,
    /// As JSON has it, quoted and escaped.
    sub: Place,
    /// Empty: none.
    info: Place,
    /// Empty: hidden.
    data: Place,
}

/// A range of the text; an entry that Redis holds is far below 4 GiB.
type Place = Range<u32>;

/// What stands behind the digits of a key.
const AFTER_KEY: usize = "\"}".len();

/// The values of a message's fields.
pub(super) struct Parts<'a> {
    pub(super) id: &'a [u8],
    pub(super) kind: &'a [u8],
    pub(super) lane: &'a [u8],
    pub(super) sub: Cow<'a, str>,
    pub(super) info: Option<&'a [u8]>,
    /// None: hidden.
    pub(super) data: Option<&'a [u8]>,
    pub(super) key: Option<&'a [u8]>,
    pub(super) at_ms: u64,
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
        let id = place(&mut out, |out| {
            json::plain(out, format_args!("{origin}-{}", entry.id));
        });
        out.extend_from_slice(b"\",\"kind\":\"");
        out.extend_from_slice(entry.kind.as_str().as_bytes());
        out.extend_from_slice(b"\",\"lane\":\"");
        out.extend_from_slice(lane.as_str().as_bytes());
        out.extend_from_slice(b"\",\"sub\":");
        let sub = place(&mut out, |out| json::string(out, &entry.sub));
        let mut info = 0..0;
        if !entry.info.is_empty() {
            let at = out.len();
            out.extend_from_slice(b",\"info\":");
            let mut good = false;
            let found = place(&mut out, |out| good = embed(out, &entry.info));
            if good {
                info = found;
            } else {
                out.truncate(at);
                damaged = true;
            }
        }
        let mut data = 0..0;
        if entry.hidden {
            out.extend_from_slice(b",\"hidden\":true");
        } else {
            out.extend_from_slice(b",\"data\":");
            data = place(&mut out, |out| {
                if entry.data.is_empty() || !embed(out, &entry.data) {
                    out.extend_from_slice(b"null");
                    damaged |= !entry.data.is_empty();
                }
            });
        }
        out.extend_from_slice(b",\"at_ms\":");
        json::plain(&mut out, entry.at_ms);
        let keyed = !entry.key.is_empty();
        if keyed {
            out.extend_from_slice(b",\"key\":\"");
            out.extend_from_slice(digest::key(&entry.key).as_bytes());
            out.push(b'"');
        }
        out.push(b'}');
        Some(Self {
            text: out.into_boxed_slice(),
            damaged,
            at_ms: entry.at_ms,
            places: Places {
                kind: entry.kind,
                keyed,
                id,
                sub,
                info,
                data,
            },
        })
    }

    /// The JSON text.
    pub fn as_bytes(&self) -> &[u8] {
        &self.text
    }

    /// Appends the message as `tidegate.v1.cbor` has it.
    pub fn write_cbor(&self, out: &mut Vec<u8>) {
        let sub = self.slice(&self.places.sub);
        let plain = sub.get(1..sub.len().saturating_sub(1)).unwrap_or_default();
        let sub = match std::str::from_utf8(plain) {
            Ok(plain) if !plain.contains('\\') => Cow::Borrowed(plain),
            // What was written as a JSON string reads as one.
            _ => Cow::Owned(serde_json::from_slice(sub).unwrap_or_default()),
        };
        let some = |place: &Place| Some(self.slice(place)).filter(|text| !text.is_empty());
        let kind = self.places.kind;
        let key = self.text.len().saturating_sub(AFTER_KEY);
        cbor::message(
            out,
            &Parts {
                id: self.slice(&self.places.id),
                kind: kind.as_str().as_bytes(),
                lane: kind.lane().map_or("", Lane::as_str).as_bytes(),
                sub,
                info: some(&self.places.info),
                data: some(&self.places.data),
                key: self
                    .places
                    .keyed
                    .then(|| &self.text[key - digest::KEY_DIGITS..key]),
                at_ms: self.at_ms,
            },
        );
    }

    fn slice(&self, place: &Place) -> &[u8] {
        &self.text[place.start as usize..place.end as usize]
    }

    /// Whether `info` or `data` had to be left out: to be counted.
    pub const fn is_damaged(&self) -> bool {
        self.damaged
    }
}

/// Notes where `write` appends.
fn place(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) -> Place {
    let start = out.len() as u32;
    write(out);
    start..out.len() as u32
}
