//! From a client's bytes to events.

use std::ops::Range;

use super::head::{Head, Opcode};
use super::spill::Spill;
use super::{Agreed, Inflater, mask};
use crate::close::CloseCode;
use crate::frames::SubProtocol;

/// What a connection keeps between two reads: one pointer, empty unless a frame or a message is incomplete.
#[derive(Debug, Default)]
pub struct Parser {
    spill: Option<Box<Spill>>,
}

/// What a client sent. Payloads are unmasked, inflated and complete.
#[derive(Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// A message of at most [`MESSAGE_BYTES`](crate::limits::MESSAGE_BYTES), fragments joined.
    Text(&'a str),
    /// The same, on the binary sub-protocol.
    Binary(&'a [u8]),
    /// To be answered by [`pong_frame`](super::pong_frame) with the same payload, at most 125 bytes.
    Ping(&'a [u8]),
    /// An answer to a ping, or a sign of life.
    Pong(&'a [u8]),
    /// The client closes, with a status code or without. To be answered by [`close_answer`](super::close_answer);
    /// nothing that follows is read.
    Close(Option<u16>),
}

impl Parser {
    /// A connection that has just been upgraded.
    pub const fn new() -> Self {
        Self { spill: None }
    }

    /// Reads what has come; `input` is unmasked in place. The events must be taken until there are none, else the
    /// rest of `input` is lost. The inflater keeps nothing from one message to the next: it may be any.
    pub fn read<'a>(
        &'a mut self,
        input: &'a mut [u8],
        agreed: Agreed,
        inflater: &'a mut Inflater,
    ) -> Events<'a> {
        Events {
            spill: &mut self.spill,
            input,
            agreed,
            inflater,
            at: 0,
            frames: 0,
            ended: false,
        }
    }

    /// Whether no frame and no message is incomplete; then nothing is allocated either.
    pub const fn is_idle(&self) -> bool {
        self.spill.is_none()
    }
}

/// The events in one read. Not an `Iterator`, since each event borrows from it.
#[derive(Debug)]
pub struct Events<'a> {
    spill: &'a mut Option<Box<Spill>>,
    input: &'a mut [u8],
    agreed: Agreed,
    inflater: &'a mut Inflater,
    at: usize,
    frames: u32,
    ended: bool,
}

/// Where a complete payload lies.
enum Ready {
    Input(Head, Range<usize>),
    Spill(Opcode),
}

impl Events<'_> {
    /// The next event; `None` when all of the input has been read.
    ///
    /// # Errors
    ///
    /// The close code with which the connection must be closed; nothing more is read then.
    // An `Iterator` cannot lend.
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self) -> Result<Option<Event<'_>>, CloseCode> {
        let ready = self.advance().inspect_err(|_| self.ended = true)?;
        let (opcode, compressed, payload): (_, _, &[u8]) = match ready {
            None => return Ok(None),
            Some(Ready::Input(head, range)) => (head.opcode, head.compressed, &self.input[range]),
            Some(Ready::Spill(opcode)) => match self.spill.as_deref() {
                Some(spill) if opcode.is_control() => (opcode, false, &spill.control),
                Some(spill) => (opcode, spill.compressed, &spill.message),
                None => (opcode, false, &[]),
            },
        };
        let event = match opcode {
            Opcode::Data | Opcode::Continuation => {
                let message = if compressed {
                    self.inflater.inflate(payload)
                } else {
                    Ok(payload)
                };
                message.and_then(|message| match self.agreed.sub_protocol {
                    SubProtocol::Json => std::str::from_utf8(message)
                        .map(Event::Text)
                        .map_err(|_| CloseCode::BadData),
                    SubProtocol::Cbor => Ok(Event::Binary(message)),
                })
            }
            Opcode::Ping => Ok(Event::Ping(payload)),
            Opcode::Pong => Ok(Event::Pong(payload)),
            Opcode::Close => close_status(payload).map(Event::Close),
        };
        if event.is_err() || opcode == Opcode::Close {
            self.ended = true;
        }
        event.map(Some)
    }

    /// Frames that were completed so far in this read, fragments and control frames included.
    pub const fn frames(&self) -> u32 {
        self.frames
    }

    fn advance(&mut self) -> Result<Option<Ready>, CloseCode> {
        if self.ended {
            *self.spill = None;
            return Ok(None);
        }
        // What the last event borrowed has been seen by now.
        if self.spill.as_deref().is_some_and(Spill::is_empty) {
            *self.spill = None;
        }
        loop {
            let rest = &mut self.input[self.at..];
            if rest.is_empty() {
                return Ok(None);
            }
            if let Some(spill) = self.spill.as_deref_mut() {
                let taken = spill.take(rest, self.agreed)?;
                self.at += taken.bytes;
                self.frames += u32::from(taken.frame);
                match taken.ready {
                    Some(opcode) => return Ok(Some(Ready::Spill(opcode))),
                    None => continue,
                }
            }
            let head = match Head::parse(rest, self.agreed)? {
                Some(head) if head.fin && head.bytes + head.payload_bytes <= rest.len() => head,
                _ => {
                    *self.spill = Some(Box::default());
                    continue;
                }
            };
            head.fits(None)?;
            let payload = head.bytes..head.bytes + head.payload_bytes;
            mask::unmask(&mut rest[payload.clone()], head.key);
            let range = self.at + payload.start..self.at + payload.end;
            self.at = range.end;
            self.frames += 1;
            return Ok(Some(Ready::Input(head, range)));
        }
    }
}

/// The status code of a close frame (RFC 6455, sections 5.5.1 and 7.4).
fn close_status(payload: &[u8]) -> Result<Option<u16>, CloseCode> {
    let (&[a, b], reason) = match payload {
        [] => return Ok(None),
        payload => payload
            .split_first_chunk::<2>()
            .ok_or(CloseCode::ProtocolError)?,
    };
    let code = u16::from_be_bytes([a, b]);
    if !matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999) {
        return Err(CloseCode::ProtocolError);
    }
    match std::str::from_utf8(reason) {
        Ok(_) => Ok(Some(code)),
        Err(_) => Err(CloseCode::BadData),
    }
}
