//! One viewer's connection: what it is, and what it still has to write.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::rc::Rc;

use mio::net::TcpStream;
use tidegate_hub::{Frame, Offered, SubRef};
use tidegate_protocol::upgrade::Events;
use tidegate_protocol::ws::Parser;

/// Answers that may wait behind a blocked frame, bytes: a second of pongs with the longest payload, twice.
const WAITING_BYTES: usize = 16 * 1024;

/// What a connection has become.
pub(super) enum Kind {
    /// Its request's head is not complete.
    Request(Vec<u8>),
    /// A WebSocket.
    Socket {
        parser: Parser,
        /// It has said hello.
        greeted: bool,
    },
    /// A stream of events; its head is sent with the first one.
    Events { request: Box<Events>, started: bool },
    /// It has got its last bytes and is let go when it closes, or soon.
    Ending,
}

pub(super) struct Conn {
    pub(super) stream: TcpStream,
    pub(super) generation: u32,
    pub(super) kind: Kind,
    /// Subscriptions; the first of a socket that has said hello is `!all`.
    pub(super) subs: Vec<SubRef>,
    pending: Option<Box<Pending>>,
    /// Second in which something was last received.
    pub(super) seen_s: u32,
    /// Second in which frames are being counted, and how many.
    pub(super) counted_s: u32,
    pub(super) frames: u32,
}

#[derive(Default)]
struct Pending {
    queue: VecDeque<Frame>,
    /// Bytes of the first that are written.
    offset: usize,
    bytes: usize,
}

/// How far writing went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Written {
    All,
    Blocked,
    Gone,
}

impl Conn {
    pub(super) fn new(stream: TcpStream, generation: u32, now_s: u32) -> Self {
        Self {
            stream,
            generation,
            kind: Kind::Request(Vec::new()),
            subs: Vec::new(),
            pending: None,
            seen_s: now_s,
            counted_s: now_s,
            frames: 0,
        }
    }

    pub(super) fn is_blocked(&self) -> bool {
        self.pending.is_some()
    }

    /// Offers a shared frame.
    pub(super) fn offer(&mut self, frame: &Frame, bytes: &mut u64) -> Offered {
        if self.pending.is_some() {
            return Offered::Refused;
        }
        let mut offset = 0;
        match write_all(&mut self.stream, frame, &mut offset, bytes) {
            Written::All => Offered::Sent,
            Written::Blocked => {
                self.pending = Some(Box::new(Pending {
                    queue: VecDeque::from([frame.clone()]),
                    offset,
                    bytes: frame.len(),
                }));
                Offered::Kept
            }
            Written::Gone => Offered::Gone,
        }
    }

    /// Writes an answer of its own, behind what waits.
    pub(super) fn answer(&mut self, answer: Vec<u8>, bytes: &mut u64) -> Written {
        let mut offset = 0;
        if self.pending.is_none() {
            match write_all(&mut self.stream, &answer, &mut offset, bytes) {
                Written::Blocked => {}
                other => return other,
            }
        }
        let pending = self.pending.get_or_insert_default();
        let first = pending.queue.is_empty();
        if first {
            pending.offset = offset;
        } else if pending.bytes + answer.len() > WAITING_BYTES + pending.queue[0].len() {
            // It asks and does not read.
            return Written::Gone;
        }
        pending.bytes += answer.len();
        pending.queue.push_back(Rc::new(answer));
        Written::Blocked
    }

    /// Goes on with what waits.
    pub(super) fn write_on(&mut self, bytes: &mut u64) -> Written {
        let Some(pending) = &mut self.pending else {
            return Written::All;
        };
        while let Some(frame) = pending.queue.front() {
            match write_all(&mut self.stream, frame, &mut pending.offset, bytes) {
                Written::All => {
                    pending.bytes -= frame.len();
                    pending.queue.pop_front();
                    pending.offset = 0;
                }
                other => return other,
            }
        }
        self.pending = None;
        Written::All
    }

    /// Reads what has come; `None`: nothing now. 0 bytes: the end.
    pub(super) fn read(&mut self, into: &mut [u8]) -> io::Result<Option<usize>> {
        loop {
            match self.stream.read(into) {
                Ok(count) => return Ok(Some(count)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

fn write_all(stream: &mut TcpStream, frame: &[u8], offset: &mut usize, bytes: &mut u64) -> Written {
    while *offset < frame.len() {
        match stream.write(&frame[*offset..]) {
            Ok(0) => return Written::Gone,
            Ok(count) => {
                *offset += count;
                *bytes += count as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Written::Blocked,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return Written::Gone,
        }
    }
    Written::All
}
