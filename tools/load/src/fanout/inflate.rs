//! Compressed messages of a server (RFC 7692), without context takeover, which viewers ask for.

use std::collections::VecDeque;
use std::rc::Rc;

use flate2::{Decompress, FlushDecompress, Status};

use super::frames::BadFrame;
use super::limits::{FRAME_BYTES, INFLATED};

/// What viewers offer.
pub const OFFER: &str =
    "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
/// What is stripped from a compressed message (section 7.2.1).
const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];

/// Inflates for all viewers of a process. Those to whom a server sends the very same bytes are told the same text, which is
/// inflated for the first of them only: so that receivers cost less than what they measure.
pub struct Inflater {
    decompress: Decompress,
    /// The last ones, as they came and inflated; the newest first.
    known: VecDeque<Known>,
}

struct Known {
    packed: Box<[u8]>,
    plain: Rc<[u8]>,
}

impl Inflater {
    /// Knows nothing yet.
    pub fn new() -> Self {
        Self {
            decompress: Decompress::new(false),
            known: VecDeque::with_capacity(INFLATED),
        }
    }

    /// The message that a frame's payload is.
    ///
    /// # Errors
    /// When it is malformed, or longer than any frame that is taken here.
    pub fn plain(&mut self, packed: &[u8]) -> Result<Rc<[u8]>, BadFrame> {
        if let Some(known) = self.known.iter().find(|known| *known.packed == *packed) {
            return Ok(Rc::clone(&known.plain));
        }
        let plain: Rc<[u8]> = self.inflate(packed)?.into();
        self.known.truncate(INFLATED - 1);
        self.known.push_front(Known {
            packed: packed.into(),
            plain: Rc::clone(&plain),
        });
        Ok(plain)
    }

    fn inflate(&mut self, packed: &[u8]) -> Result<Vec<u8>, BadFrame> {
        self.decompress.reset(false);
        let mut plain = Vec::with_capacity(packed.len() * 4 + 64);
        for mut input in [packed, &TAIL] {
            while !input.is_empty() {
                if plain.len() == plain.capacity() {
                    plain.reserve(plain.len());
                }
                let before = (self.decompress.total_in(), plain.len());
                let status = self
                    .decompress
                    .decompress_vec(input, &mut plain, FlushDecompress::Sync)
                    .map_err(|_| BadFrame::Packed)?;
                if plain.len() > FRAME_BYTES {
                    return Err(BadFrame::TooLong);
                }
                let taken = self.decompress.total_in() - before.0;
                let is_stuck = taken == 0 && plain.len() == before.1;
                // No server here ends its stream within a message.
                if status == Status::StreamEnd || (is_stuck && plain.len() < plain.capacity()) {
                    return Err(BadFrame::Packed);
                }
                input = usize::try_from(taken)
                    .ok()
                    .and_then(|taken| input.get(taken..))
                    .ok_or(BadFrame::Packed)?;
            }
        }
        Ok(plain)
    }
}

#[cfg(test)]
mod tests {
    use flate2::{Compress, Compression, FlushCompress};

    use super::*;

    fn packed(plain: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(plain.len() + 64);
        Compress::new(Compression::default(), false)
            .compress_vec(plain, &mut out, FlushCompress::Sync)
            .unwrap();
        assert!(out.ends_with(&TAIL));
        out.truncate(out.len() - TAIL.len());
        out
    }

    #[test]
    fn a_message_is_what_was_packed_and_the_next_needs_nothing_of_it() {
        let mut inflater = Inflater::new();
        let longer: Vec<u8> = (0..200_000_u32).flat_map(u32::to_be_bytes).collect();
        for plain in [&b"hello"[..], b"", &[b'a'; 100_000], &longer, b"hello"] {
            assert_eq!(inflater.plain(&packed(plain)), Ok(plain.into()));
        }
    }

    #[test]
    fn the_same_bytes_are_inflated_once() {
        let mut inflater = Inflater::new();
        let frames: Vec<Vec<u8>> = (0..=INFLATED)
            .map(|n| packed(n.to_string().as_bytes()))
            .collect();
        let first = inflater.plain(&frames[0]).unwrap();
        assert!(Rc::ptr_eq(&first, &inflater.plain(&frames[0]).unwrap()));
        for frame in &frames[1..] {
            inflater.plain(frame).unwrap();
        }
        assert_eq!(inflater.known.len(), INFLATED);
        let again = inflater.plain(&frames[0]).unwrap();
        assert!(!Rc::ptr_eq(&first, &again), "it was forgotten");
        assert_eq!(first, again);
    }

    #[test]
    fn what_is_malformed_or_too_long_is_refused() {
        let mut inflater = Inflater::new();
        for bytes in [&b"\xff\xff"[..], b"\x03\x00"] {
            assert_eq!(inflater.plain(bytes), Err(BadFrame::Packed), "{bytes:?}");
        }
        let bomb = packed(&vec![b' '; FRAME_BYTES + 1]);
        assert_eq!(inflater.plain(&bomb), Err(BadFrame::TooLong));
        assert_eq!(inflater.plain(&packed(b"next")), Ok(b"next"[..].into()));
    }
}
