//! Frames (RFC 6455, section 5): as few steps as a receiver can do with, and as few bytes kept for each socket.

use super::limits::{FRAME_BYTES, HEAD_BYTES};

/// A frame of a server.
#[derive(Debug, PartialEq, Eq)]
pub enum Frame<'a> {
    /// A whole message, text or binary.
    Message(&'a [u8]),
    /// The same, compressed.
    Packed(&'a [u8]),
    /// To be answered with a pong of the same bytes.
    Ping(&'a [u8]),
    /// The end, with its code.
    Close(Option<u16>),
    /// A pong.
    Pong,
}

/// Why a server's bytes are not taken.
#[derive(Debug, PartialEq, Eq)]
pub enum BadFrame {
    /// A message in several frames.
    Fragment,
    /// Masked, reserved bits, an unknown kind.
    Malformed,
    /// A compressed message that is none.
    Packed,
    /// A compressed message, which nobody asked for.
    Unasked,
    /// A frame, or the head of an answer, is longer than is taken here.
    TooLong,
}

impl std::fmt::Display for BadFrame {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Fragment => "a message came in several frames, which is not read here",
            Self::Malformed => "a frame is malformed",
            Self::Packed => "a compressed message cannot be inflated",
            Self::Unasked => "a message is compressed, which was not agreed on",
            Self::TooLong => "a frame or an answer is too long",
        })
    }
}

impl std::error::Error for BadFrame {}

/// A whole answer to an upgrade.
#[derive(Debug, PartialEq, Eq)]
pub struct Upgrade {
    /// Up to the empty line.
    pub head: Vec<u8>,
    /// What came with it.
    pub after: Vec<u8>,
}

/// What has arrived of a frame that is not whole yet.
#[derive(Debug, Default)]
pub struct Partial(Vec<u8>);

impl Partial {
    /// Takes what was read, and hands on each frame that is whole by now with its length on the wire.
    ///
    /// # Errors
    /// [`BadFrame`], or what `each` gives.
    pub fn read<E: From<BadFrame>>(
        &mut self,
        input: &[u8],
        mut each: impl FnMut(Frame<'_>, usize) -> Result<(), E>,
    ) -> Result<(), E> {
        if self.0.is_empty() {
            let used = whole(input, &mut each)?;
            self.0.extend_from_slice(&input[used..]);
            return Ok(());
        }
        self.0.extend_from_slice(input);
        let kept = std::mem::take(&mut self.0);
        let used = whole(&kept, &mut each)?;
        // A socket between frames should hold no memory.
        if used < kept.len() {
            self.0 = kept;
            self.0.drain(..used);
        }
        Ok(())
    }

    /// Takes what was read of the answer to an upgrade; gives the head once it is whole, and what follows it.
    ///
    /// # Errors
    /// When it is too long.
    pub fn head(&mut self, input: &[u8]) -> Result<Option<Upgrade>, BadFrame> {
        self.0.extend_from_slice(input);
        if let Some(at) = memchr::memmem::find(&self.0, b"\r\n\r\n") {
            let mut head = std::mem::take(&mut self.0);
            let after = head.split_off(at + 4);
            return Ok(Some(Upgrade { head, after }));
        }
        if self.0.len() > HEAD_BYTES {
            return Err(BadFrame::TooLong);
        }
        Ok(None)
    }
}

/// Hands on what is whole; gives how many bytes that was.
fn whole<E: From<BadFrame>>(
    input: &[u8],
    each: &mut impl FnMut(Frame<'_>, usize) -> Result<(), E>,
) -> Result<usize, E> {
    let mut used = 0;
    while let Some((first, begin, end)) = bounds(&input[used..])? {
        let payload = &input[used + begin..used + end];
        let frame = match first {
            0x81 | 0x82 => Frame::Message(payload),
            0xc1 | 0xc2 => Frame::Packed(payload),
            0x89 => Frame::Ping(payload),
            0x8a => Frame::Pong,
            0x88 => Frame::Close(payload.first_chunk().map(|code| u16::from_be_bytes(*code))),
            0x00..=0x02 | 0x80 => return Err(BadFrame::Fragment.into()),
            _ => return Err(BadFrame::Malformed.into()),
        };
        each(frame, end)?;
        used += end;
    }
    Ok(used)
}

/// First byte, begin and end of the payload of a frame that is whole.
fn bounds(input: &[u8]) -> Result<Option<(u8, usize, usize)>, BadFrame> {
    let [first, second, ..] = *input else {
        return Ok(None);
    };
    let (begin, length) = match second {
        0..126 => (2, usize::from(second)),
        126 => match input.get(2..4) {
            Some(bytes) => (4, usize::from(bytes[0]) << 8 | usize::from(bytes[1])),
            None => return Ok(None),
        },
        127 => match input[2..].first_chunk() {
            Some(bytes) => (
                10,
                usize::try_from(u64::from_be_bytes(*bytes)).map_err(|_| BadFrame::TooLong)?,
            ),
            None => return Ok(None),
        },
        _ => return Err(BadFrame::Malformed),
    };
    if length > FRAME_BYTES {
        return Err(BadFrame::TooLong);
    }
    let end = begin + length;
    Ok((input.len() >= end).then_some((first, begin, end)))
}

/// Writes a text frame as a client must, masked: with a mask of zeros, which costs the server what any other does.
pub fn client_text(out: &mut Vec<u8>, text: &str) {
    client(out, 0x81, text.as_bytes());
}

/// Writes a pong of a client.
pub fn client_pong(out: &mut Vec<u8>, payload: &[u8]) {
    client(out, 0x8a, payload);
}

fn client(out: &mut Vec<u8>, first: u8, payload: &[u8]) {
    head(out, first, 0x80, payload.len());
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(payload);
}

/// Writes a text frame as a server does.
pub fn server_text(out: &mut Vec<u8>, payload: &[u8]) {
    head(out, 0x81, 0, payload.len());
    out.extend_from_slice(payload);
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "each arm bounds what it writes"
)]
fn head(out: &mut Vec<u8>, first: u8, mask: u8, length: usize) {
    out.push(first);
    match length {
        0..126 => out.push(mask | length as u8),
        126..=0xffff => {
            out.push(mask | 126);
            out.extend_from_slice(&(length as u16).to_be_bytes());
        }
        _ => {
            out.push(mask | 127);
            out.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
}

#[cfg(test)]
#[path = "frames_tests.rs"]
mod tests;
