//! What is kept of a connection while a frame or a message is incomplete.

use super::Agreed;
use super::head::{HEAD_BYTES, Head, Opcode};
use super::mask;
use crate::close::CloseCode;

/// Lives only while something is incomplete, so that an idle connection costs one pointer.
#[derive(Debug, Default)]
pub(super) struct Spill {
    head: [u8; HEAD_BYTES],
    head_bytes: u8,
    frame: Option<Frame>,
    /// A data frame without FIN was read.
    open: bool,
    /// The message is compressed.
    pub(super) compressed: bool,
    pub(super) message: Vec<u8>,
    pub(super) control: Vec<u8>,
}

#[derive(Debug)]
struct Frame {
    head: Head,
    /// Bytes of payload that have come.
    seen: usize,
}

/// What [`Spill::take`] did with its input.
#[derive(Debug, Default)]
pub(super) struct Taken {
    /// Bytes used up; at least one when there was one.
    pub(super) bytes: usize,
    /// A frame was completed.
    pub(super) frame: bool,
    /// A message lies complete in [`Spill::message`], or a control frame's payload in [`Spill::control`].
    pub(super) ready: Option<Opcode>,
}

impl Spill {
    /// Takes what of `input` belongs to the frame under way, or to a new one when there is none.
    pub(super) fn take(&mut self, input: &mut [u8], agreed: Agreed) -> Result<Taken, CloseCode> {
        let mut taken = Taken::default();
        let frame = loop {
            if let Some(frame) = &mut self.frame {
                break frame;
            }
            let Some(&byte) = input.get(taken.bytes) else {
                return Ok(taken);
            };
            taken.bytes += 1;
            self.head[usize::from(self.head_bytes)] = byte;
            self.head_bytes += 1;
            if let Some(head) = Head::parse(&self.head[..usize::from(self.head_bytes)], agreed)? {
                head.fits(self.open.then_some(self.message.len()))?;
                if head.opcode == Opcode::Data {
                    self.compressed = head.compressed;
                }
                self.head_bytes = 0;
                self.control.clear();
                self.frame = Some(Frame { head, seen: 0 });
            }
        };
        let head = frame.head;
        let rest = &mut input[taken.bytes..];
        let wanted = (head.payload_bytes - frame.seen).min(rest.len());
        let part = &mut rest[..wanted];
        mask::unmask(part, mask::advance(head.key, frame.seen));
        let into = if head.opcode.is_control() {
            &mut self.control
        } else {
            &mut self.message
        };
        into.extend_from_slice(part);
        taken.bytes += wanted;
        frame.seen += wanted;
        if frame.seen < head.payload_bytes {
            return Ok(taken);
        }
        self.frame = None;
        taken.frame = true;
        if head.opcode.is_control() {
            taken.ready = Some(head.opcode);
        } else {
            self.open = !head.fin;
            taken.ready = head.fin.then_some(Opcode::Data);
        }
        Ok(taken)
    }

    /// Nothing is under way: neither a frame nor a message.
    pub(super) fn is_empty(&self) -> bool {
        self.head_bytes == 0 && self.frame.is_none() && !self.open
    }
}
