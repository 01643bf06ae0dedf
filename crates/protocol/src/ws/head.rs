//! The head of one frame of a client (RFC 6455, section 5.2).

use super::Agreed;
use crate::close::CloseCode;
use crate::frames::SubProtocol;
use crate::limits;

/// The longest head: two bytes, a 64-bit length, a masking key.
pub(super) const HEAD_BYTES: usize = 14;

/// The message that begins here is compressed (RFC 7692, section 6).
const RSV1: u8 = 0x40;
/// Bits that nobody has given a meaning.
const RESERVED: u8 = 0x30;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Opcode {
    Continuation,
    /// Begins a message of the one type that the sub-protocol has.
    Data,
    Close,
    Ping,
    Pong,
}

impl Opcode {
    pub(super) fn is_control(self) -> bool {
        matches!(self, Self::Close | Self::Ping | Self::Pong)
    }
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Head {
    pub(super) fin: bool,
    pub(super) opcode: Opcode,
    /// The message that it begins is compressed.
    pub(super) compressed: bool,
    /// The masking key, little end first.
    pub(super) key: u32,
    /// Bytes of payload, at most [`limits::MESSAGE_BYTES`].
    pub(super) payload_bytes: usize,
    /// Bytes of the head itself.
    pub(super) bytes: usize,
}

impl Head {
    /// `None`: more bytes are needed. What is wrong is refused as soon as its byte is there.
    pub(super) fn parse(bytes: &[u8], agreed: Agreed) -> Result<Option<Self>, CloseCode> {
        let Some(&first) = bytes.first() else {
            return Ok(None);
        };
        if first & RESERVED != 0 {
            return Err(CloseCode::ProtocolError);
        }
        let fin = first & 0x80 != 0;
        let opcode = match first & 0x0f {
            0x0 => Opcode::Continuation,
            0x1 | 0x2 => Opcode::Data,
            0x8 => Opcode::Close,
            0x9 => Opcode::Ping,
            0xa => Opcode::Pong,
            _ => return Err(CloseCode::ProtocolError),
        };
        let compressed = first & RSV1 != 0;
        if compressed && !(agreed.deflate && opcode == Opcode::Data) {
            return Err(CloseCode::ProtocolError);
        }
        let foreign = match agreed.sub_protocol {
            SubProtocol::Json => 0x2,
            SubProtocol::Cbor => 0x1,
        };
        if first & 0x0f == foreign {
            return Err(CloseCode::WrongType);
        }
        let Some(&second) = bytes.get(1) else {
            return Ok(None);
        };
        if second & 0x80 == 0 {
            return Err(CloseCode::ProtocolError);
        }
        let short = second & 0x7f;
        if opcode.is_control() && (!fin || usize::from(short) > limits::CONTROL_BYTES) {
            return Err(CloseCode::ProtocolError);
        }
        let (payload_bytes, key_at) = match short {
            126 => match bytes.get(2..4) {
                Some(&[a, b]) => (u64::from(u16::from_be_bytes([a, b])), 4),
                _ => return Ok(None),
            },
            127 => match bytes.get(2..10) {
                Some(&[a, b, c, d, e, f, g, h]) => {
                    (u64::from_be_bytes([a, b, c, d, e, f, g, h]), 10)
                }
                _ => return Ok(None),
            },
            short => (u64::from(short), 2),
        };
        let minimal = match short {
            126 => payload_bytes >= 126,
            127 => (0x1_0000..1 << 63).contains(&payload_bytes),
            _ => true,
        };
        if !minimal {
            return Err(CloseCode::ProtocolError);
        }
        let payload_bytes = usize::try_from(payload_bytes)
            .ok()
            .filter(|&n| n <= limits::MESSAGE_BYTES)
            .ok_or(CloseCode::TooBig)?;
        let Some(&[a, b, c, d]) = bytes.get(key_at..key_at + 4) else {
            return Ok(None);
        };
        Ok(Some(Self {
            fin,
            opcode,
            compressed,
            key: u32::from_le_bytes([a, b, c, d]),
            payload_bytes,
            bytes: key_at + 4,
        }))
    }

    /// Checks the frame against the message under way: `open` holds its bytes so far.
    pub(super) fn fits(&self, open: Option<usize>) -> Result<(), CloseCode> {
        match (self.opcode, open) {
            (Opcode::Continuation, Some(so_far))
                if so_far + self.payload_bytes > limits::MESSAGE_BYTES =>
            {
                Err(CloseCode::TooBig)
            }
            (Opcode::Continuation, None) | (Opcode::Data, Some(_)) => Err(CloseCode::ProtocolError),
            _ => Ok(()),
        }
    }
}
