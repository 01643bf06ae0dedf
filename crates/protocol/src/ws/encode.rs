//! What a server sends: unmasked frames, each contiguous with its head.

use crate::close::CloseCode;
use crate::limits;

const FIN: u8 = 0x80;
/// The message is compressed (RFC 7692, section 6).
const RSV1: u8 = 0x40;
const TEXT: u8 = 0x1;
const BINARY: u8 = 0x2;
const CLOSE: u8 = 0x8;
const PING: u8 = 0x9;
const PONG: u8 = 0xa;

/// Bytes of the head that nearly every batch has: a 16-bit length.
const USUAL_HEAD: usize = 4;

/// Appends one text frame whose payload `write` appends, so that a batch is built right behind its head and nothing
/// is copied: unless it is shorter than 126 bytes or longer than 65,535, when the payload is moved once.
///
/// `write` must only append.
pub fn text_frame(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    data_frame(out, FIN | TEXT, write);
}

/// Appends one binary frame, as [`text_frame`] does.
pub fn binary_frame(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    data_frame(out, FIN | BINARY, write);
}

/// Appends a message that the deflater made smaller, or left as it was.
pub(super) fn deflated_frame(out: &mut Vec<u8>, text: bool, compressed: bool, payload: &[u8]) {
    let opcode = if text { TEXT } else { BINARY };
    let first = if compressed { FIN | RSV1 } else { FIN } | opcode;
    let (head, head_bytes) = head(first, payload.len());
    out.reserve_exact(head_bytes + payload.len());
    out.extend_from_slice(&head[..head_bytes]);
    out.extend_from_slice(payload);
}

fn data_frame(out: &mut Vec<u8>, first: u8, write: impl FnOnce(&mut Vec<u8>)) {
    let at = out.len();
    out.extend_from_slice(&[0; USUAL_HEAD]);
    write(out);
    let (head, head_bytes) = head(first, out.len() - at - USUAL_HEAD);
    if head_bytes == USUAL_HEAD {
        out[at..at + USUAL_HEAD].copy_from_slice(&head[..USUAL_HEAD]);
    } else {
        out.splice(at..at + USUAL_HEAD, head[..head_bytes].iter().copied());
    }
}

/// A head, and how many bytes of it are used.
fn head(first: u8, payload_bytes: usize) -> ([u8; 10], usize) {
    let mut head = [first; 10];
    let head_bytes = match payload_bytes {
        0..=125 => {
            head[1] = payload_bytes as u8;
            2
        }
        126..=0xffff => {
            head[1] = 126;
            head[2..4].copy_from_slice(&(payload_bytes as u16).to_be_bytes());
            4
        }
        _ => {
            head[1] = 127;
            head[2..10].copy_from_slice(&(payload_bytes as u64).to_be_bytes());
            10
        }
    };
    (head, head_bytes)
}

/// Appends a ping with the first 125 bytes of `payload`.
pub fn ping_frame(out: &mut Vec<u8>, payload: &[u8]) {
    control(out, PING, &[], payload);
}

/// Appends a pong with the first 125 bytes of `payload`, which is a ping's.
pub fn pong_frame(out: &mut Vec<u8>, payload: &[u8]) {
    control(out, PONG, &[], payload);
}

/// Appends the close frame of `code`.
pub fn close_frame(out: &mut Vec<u8>, code: CloseCode) {
    control(
        out,
        CLOSE,
        &code.code().to_be_bytes(),
        code.reason().as_bytes(),
    );
}

/// Appends the answer to a client's close: its own status code, or none when it gave none.
pub fn close_answer(out: &mut Vec<u8>, status: Option<u16>) {
    match status {
        Some(status) => control(out, CLOSE, &status.to_be_bytes(), &[]),
        None => control(out, CLOSE, &[], &[]),
    }
}

fn control(out: &mut Vec<u8>, opcode: u8, status: &[u8], rest: &[u8]) {
    let room = limits::CONTROL_BYTES - status.len();
    let rest = &rest[..rest.len().min(room)];
    out.extend_from_slice(&[FIN | opcode, (status.len() + rest.len()) as u8]);
    out.extend_from_slice(status);
    out.extend_from_slice(rest);
}
