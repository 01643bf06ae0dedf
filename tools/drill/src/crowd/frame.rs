//! A viewer's half of RFC 6455, and of a node's frames as much as a crowd needs to know: what kind, up to where, what was left
//! out. Messages themselves are found by their marks.

use memchr::memmem;

/// The longest frame that a node may send here, bytes: four times the largest batch.
pub const MOST_BYTES: usize = 256 << 10;

/// What begins a batch of the room, of `!all`, and the rest of a batch behind its messages.
const BATCH: &[u8] = b"{\"type\":\"batch\",\"room\":\"";
const ALL: &[u8] = b"!all\"";
const REST: &[u8] = b"],\"cursor\":\"";

/// A frame on the wire: what kind it is, and where its payload lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wire {
    /// RFC 6455's number for the kind.
    pub opcode: u8,
    /// Bytes before the payload.
    pub head: usize,
    /// Bytes of head and payload.
    pub whole: usize,
}

/// What is wrong with a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a node sent what is no frame: fragmented, masked, with reserved bits, or too long")]
pub struct Broken;

/// Looks at the first frame; none: more bytes are needed.
///
/// # Errors
/// When no node may send this.
pub fn first(bytes: &[u8]) -> Result<Option<Wire>, Broken> {
    let [first, second, rest @ ..] = bytes else {
        return Ok(None);
    };
    if first & 0xf0 != 0x80 || second & 0x80 != 0 {
        return Err(Broken);
    }
    let (length, head) = match (second, rest) {
        (126, [a, b, ..]) => (u64::from(u16::from_be_bytes([*a, *b])), 4),
        (127, [a, b, c, d, e, f, g, h, ..]) => {
            (u64::from_be_bytes([*a, *b, *c, *d, *e, *f, *g, *h]), 10)
        }
        (126 | 127, _) => return Ok(None),
        (short, _) => (u64::from(*short), 2),
    };
    let length = usize::try_from(length).map_err(|_| Broken)?;
    if length > MOST_BYTES {
        return Err(Broken);
    }
    let whole = head + length;
    Ok((bytes.len() >= whole).then_some(Wire {
        opcode: first & 0x0f,
        head,
        whole,
    }))
}

/// Appends a client's frame. The mask is nought: nobody between hears it, and a node unmasks as ever.
pub fn masked(out: &mut Vec<u8>, opcode: u8, payload: &[u8]) {
    out.push(0x80 | opcode);
    match payload.len() {
        length @ 0..=125 => out.push(0x80 | length as u8),
        length @ 126..=0xffff => {
            out.push(0x80 | 126);
            out.extend_from_slice(&(length as u16).to_be_bytes());
        }
        length => {
            out.push(0x80 | 127);
            out.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(payload);
}

/// A node's frame, as far as it matters here.
#[derive(Debug, PartialEq, Eq)]
pub enum Said<'a> {
    /// Messages, perhaps none, of the viewer's room.
    Batch {
        /// The position after them.
        cursor: &'a str,
        /// How much chat was left out; none: unknown.
        left_out: Option<u64>,
        /// The room's likes, if they are told.
        likes: Option<u64>,
    },
    /// History does not reach back to where this viewer was.
    Reset {
        /// The position now.
        cursor: &'a str,
    },
    /// Go elsewhere: the JSON says where to.
    Move(&'a [u8]),
    /// Subscribe again in a second.
    TryAgain,
    /// A refusal of another kind: the JSON says which.
    Refused(&'a [u8]),
    /// Nothing that matters here: `welcome`, `pong`, `endpoints`, what concerns everybody.
    Other,
}

/// Reads a text frame's payload.
pub fn read(payload: &[u8]) -> Said<'_> {
    if let Some(batch) = payload.strip_prefix(BATCH) {
        return match batch.starts_with(ALL) {
            true => Said::Other,
            false => of_room(batch).unwrap_or(Said::Refused(payload)),
        };
    }
    let is = |kind: &str| {
        payload
            .get(9..)
            .is_some_and(|rest| rest.starts_with(kind.as_bytes()))
    };
    if is("reset\"") {
        return match text_after(payload, b"\"cursor\":\"") {
            Some(cursor) => Said::Reset { cursor },
            None => Said::Refused(payload),
        };
    }
    if is("move\"") {
        return Said::Move(payload);
    }
    if is("error\"") {
        return match memmem::find(payload, b"\"code\":\"try_again\"") {
            Some(_) => Said::TryAgain,
            None => Said::Refused(payload),
        };
    }
    Said::Other
}

fn of_room(batch: &[u8]) -> Option<Said<'_>> {
    let rest = &batch[memmem::rfind(batch, REST)? + 1..];
    let left_out = match memmem::rfind(rest, b"\"left_out\":") {
        None => Some(0),
        Some(at) if rest[at + 11..].starts_with(b"null") => None,
        Some(at) => Some(number(&rest[at + 11..])?),
    };
    let likes = memmem::find(rest, b"\"likes\":").and_then(|at| number(&rest[at + 8..]));
    Some(Said::Batch {
        cursor: text_after(rest, b"\"cursor\":\"")?,
        left_out,
        likes,
    })
}

fn text_after<'a>(bytes: &'a [u8], name: &[u8]) -> Option<&'a str> {
    let text = &bytes[memmem::find(bytes, name)? + name.len()..];
    std::str::from_utf8(&text[..memchr::memchr(b'"', text)?]).ok()
}

fn number(bytes: &[u8]) -> Option<u64> {
    let digits = bytes
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    std::str::from_utf8(&bytes[..digits]).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use tidegate_protocol::frames::SubProtocol;
    use tidegate_protocol::frames::{Batch, Counters, LeftOut, batch, move_away, reset};
    use tidegate_protocol::ws::{Agreed, Event, Inflater, Parser, text_frame};
    use tidegate_stream::{Cursor, RoomId};

    use super::*;

    fn written(write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
        let mut out = Vec::new();
        text_frame(&mut out, write);
        out
    }

    fn payload(frame: &[u8]) -> &[u8] {
        let wire = first(frame).unwrap().unwrap();
        assert_eq!((wire.opcode, wire.whole), (1, frame.len()));
        &frame[wire.head..]
    }

    fn cursor() -> Cursor {
        let mut cursor = Cursor::default();
        cursor.set("local".parse().unwrap(), "12-3".parse().unwrap());
        cursor
    }

    #[test]
    fn what_a_node_writes_is_read() {
        let (room, cursor): (RoomId, _) = ("drill.r1".parse().unwrap(), cursor());
        let text = cursor.to_string();
        let counters = Some(Counters {
            online: 9,
            likes: 41,
        });
        for (left_out, read_as) in [
            (LeftOut::NONE, Some(0)),
            (LeftOut::Count(7), Some(7)),
            (LeftOut::Unknown, None),
        ] {
            let head = Batch {
                room: &room,
                cursor: &cursor,
                counters,
                left_out,
            };
            let frame = written(|out| batch(out, &head, [&b"{\"data\":{}}"[..]]));
            let said = Said::Batch {
                cursor: &text,
                left_out: read_as,
                likes: Some(41),
            };
            assert_eq!(read(payload(&frame)), said);
        }
        let frame = written(|out| reset(out, &room, &cursor, None));
        assert_eq!(read(payload(&frame)), Said::Reset { cursor: &text });
        let frame = written(|out| move_away(out, 500, &[]));
        assert!(matches!(read(payload(&frame)), Said::Move(_)));
        for (json, said) in [
            (
                r#"{"type":"error","code":"try_again","room":"a.b","message":""}"#,
                Said::TryAgain,
            ),
            (r#"{"type":"pong"}"#, Said::Other),
            (
                r#"{"type":"batch","room":"!all","messages":[],"cursor":"1"}"#,
                Said::Other,
            ),
        ] {
            assert_eq!(read(json.as_bytes()), said);
        }
        let refused = br#"{"type":"error","code":"banned","message":""}"#;
        assert_eq!(read(refused), Said::Refused(refused));
    }

    #[test]
    fn a_frame_is_whole_or_not_yet_there_or_broken() {
        for length in [0, 125, 126, 65_535, 65_536] {
            let frame = written(|out| out.extend(std::iter::repeat_n(b'x', length)));
            let wire = first(&frame).unwrap().unwrap();
            assert_eq!(wire.whole - wire.head, length);
            assert_eq!(first(&frame[..frame.len() - 1]), Ok(None));
        }
        for broken in [
            &[0x01, 0][..],
            &[0xc1, 0],
            &[0x81, 0x80],
            &[0x81, 127, 1, 0, 0, 0, 0, 0, 0, 0],
        ] {
            assert_eq!(first(broken), Err(Broken));
        }
        assert_eq!(first(&[0x81, 126, 0]), Ok(None));
    }

    #[test]
    fn a_node_takes_what_is_written_here() {
        for length in [0, 126, 9_000] {
            let text = "x".repeat(length);
            let mut bytes = Vec::new();
            masked(&mut bytes, 1, text.as_bytes());
            let (mut parser, mut inflater) = (Parser::new(), Inflater::default());
            let agreed = Agreed {
                sub_protocol: SubProtocol::Json,
                deflate: false,
            };
            let mut events = parser.read(&mut bytes, agreed, &mut inflater);
            assert_eq!(events.next().unwrap(), Some(Event::Text(&text)));
        }
    }
}
