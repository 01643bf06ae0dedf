//! What is in every message: a mark that is found in any frame of any dialect without parsing it.
//!
//! `~T`, ten digits of the message's number in its room, 17 digits of microseconds since the epoch, `~`. No byte of it is
//! escaped by JSON, and no padding holds a `~`.

use memchr::memchr;

/// Bytes of a mark.
pub const BYTES: usize = 30;
const NUMBER: usize = 10;
const TIME: usize = 17;

/// Which message, and when it was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Marker {
    /// Its number in its room, from 0.
    pub number: u32,
    /// Microseconds since the epoch, just before it was sent.
    pub at_us: u64,
}

impl Marker {
    /// The text of a message of `payload_bytes`, at least [`BYTES`].
    pub fn text(self, payload_bytes: usize) -> String {
        let Self { number, at_us } = self;
        let mut text = format!("~T{number:010}{at_us:017}~");
        text.extend(std::iter::repeat_n(
            'x',
            payload_bytes.saturating_sub(BYTES),
        ));
        text
    }
}

/// All marks in some bytes, in order.
pub fn find(bytes: &[u8]) -> impl Iterator<Item = Marker> + '_ {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        loop {
            let at = memchr(b'~', rest)?;
            rest = &rest[at..];
            if let Some(marker) = rest.get(..BYTES).and_then(read) {
                rest = &rest[BYTES..];
                return Some(marker);
            }
            rest = &rest[1..];
        }
    })
}

fn read(mark: &[u8]) -> Option<Marker> {
    if mark[1] != b'T' || mark[BYTES - 1] != b'~' {
        return None;
    }
    Some(Marker {
        number: u32::try_from(digits(&mark[2..2 + NUMBER])?).ok()?,
        at_us: digits(&mark[2 + NUMBER..2 + NUMBER + TIME])?,
    })
}

fn digits(text: &[u8]) -> Option<u64> {
    text.iter().try_fold(0_u64, |sum, sign| {
        sign.is_ascii_digit()
            .then(|| sum * 10 + u64::from(sign - b'0'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_as_long_as_asked_and_is_found() {
        let marker = Marker {
            number: 4_294_967_295,
            at_us: 1_795_521_600_123_456,
        };
        for bytes in [BYTES, 31, 128] {
            let text = marker.text(bytes);
            assert_eq!(text.len(), bytes);
            assert!(
                !serde_json::to_string(&text).unwrap().contains('\\'),
                "{text}"
            );
            let frame = format!("{{\"a~b\":\"~T12\",\"data\":\"{text}\"}}");
            assert_eq!(find(frame.as_bytes()).collect::<Vec<_>>(), [marker]);
        }
    }

    #[test]
    fn several_in_a_frame_are_all_found() {
        let marks: Vec<Marker> = (0..5).map(|number| Marker { number, at_us: 7 }).collect();
        let frame: String = marks.iter().map(|mark| mark.text(64)).collect();
        assert_eq!(find(frame.as_bytes()).collect::<Vec<_>>(), marks);
    }

    #[test]
    fn what_is_cut_or_no_number_is_no_mark() {
        let text = Marker {
            number: 3,
            at_us: 9,
        }
        .text(BYTES);
        for end in 0..BYTES {
            assert_eq!(find(&text.as_bytes()[..end]).next(), None);
        }
        for at in 0..BYTES {
            let mut broken = text.clone().into_bytes();
            broken[at] = b'!';
            assert_eq!(find(&broken).next(), None, "{at}");
        }
        assert_eq!(find(text.replace("~T0", "~T9").as_bytes()).next(), None);
    }
}
