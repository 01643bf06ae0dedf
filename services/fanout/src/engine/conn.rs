//! One viewer's connection: what it is, and what it still has to write.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::rc::Rc;

use mio::net::TcpStream;
use tidegate_hub::{Frame, Offered};
use tidegate_protocol::upgrade::Events;
use tidegate_protocol::ws::{Agreed, Parser};

use super::subs::Subs;
use super::tls::Session;

/// Answers that may wait behind a blocked frame, bytes: a second of pongs with the longest payload, twice.
const WAITING_BYTES: usize = 16 * 1024;

/// The head of a request, as far as it has come.
#[derive(Default)]
pub(super) struct Head(pub(super) Vec<u8>);

/// What a connection has become.
pub(super) enum Kind {
    /// Its request's head is not complete; none of it has come yet if there is none.
    Request(Option<Box<Head>>),
    /// A WebSocket.
    Socket {
        parser: Parser,
        agreed: Agreed,
        /// It has said hello.
        greeted: bool,
    },
    /// A stream of events; its head is sent with the first one.
    Events { request: Box<Events>, started: bool },
    /// It has got its last bytes and is let go when it closes, or soon.
    Ending,
}

/// A cache line or little more: an idle viewer has nothing else here but its subscriptions.
pub(super) struct Conn {
    pub(super) stream: TcpStream,
    /// All that a plain connection has of TLS is that there is none.
    tls: Option<Box<Session>>,
    pub(super) generation: u32,
    pub(super) kind: Kind,
    /// Subscriptions; the first of a socket that has said hello is `!all`.
    pub(super) subs: Subs,
    pending: Option<Box<Pending>>,
    /// Second in which something was last received.
    pub(super) seen_s: u32,
    /// Frames received in that second.
    pub(super) frames: u16,
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

/// What a read gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Received {
    /// So many bytes, at least one.
    Bytes(usize),
    /// So many bytes, at least one; nothing more now, unless the other end has closed.
    Last(usize),
    /// Nothing now: the poll tells when there is.
    Nothing,
    /// Nothing yet, though the socket has more.
    More,
    /// The other end has closed, or the connection is broken.
    End,
    /// A plain request where TLS is spoken. The connection is plain from now on, so that it can be told.
    PlainHttp,
}

impl Conn {
    pub(super) fn new(
        stream: TcpStream,
        tls: Option<Box<Session>>,
        generation: u32,
        now_s: u32,
    ) -> Self {
        Self {
            stream,
            tls,
            generation,
            kind: Kind::Request(None),
            subs: Subs::default(),
            pending: None,
            seen_s: now_s,
            frames: 0,
        }
    }

    /// Something was received.
    pub(super) fn seen(&mut self, now_s: u32) {
        if self.seen_s != now_s {
            self.seen_s = now_s;
            self.frames = 0;
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
        match write_all(
            &mut self.stream,
            self.tls.as_deref_mut(),
            frame,
            &mut offset,
            bytes,
        ) {
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
            match write_all(
                &mut self.stream,
                self.tls.as_deref_mut(),
                &answer,
                &mut offset,
                bytes,
            ) {
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
        // A session's part of its handshake may be all that waits.
        if pending.queue.is_empty() {
            let tls = self.tls.as_deref_mut();
            match write_all(&mut self.stream, tls, &[], &mut 0, bytes) {
                Written::All => {}
                other => return other,
            }
        }
        while let Some(frame) = pending.queue.front() {
            match write_all(
                &mut self.stream,
                self.tls.as_deref_mut(),
                frame,
                &mut pending.offset,
                bytes,
            ) {
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

    /// Reads what has come.
    pub(super) fn read(&mut self, into: &mut [u8], bytes: &mut u64) -> Received {
        let Some(session) = &mut self.tls else {
            return read(&mut self.stream, into);
        };
        let received = session.read(&mut self.stream, into);
        match received {
            Received::PlainHttp => self.tls = None,
            Received::End => session.finish(&mut self.stream),
            // Its part of the handshake. Behind a frame that waits it goes out with that.
            _ if session.wants_write() && self.pending.is_none() => {
                match session.write(&mut self.stream, &[], &mut 0, bytes) {
                    Written::All => {}
                    Written::Blocked => self.pending = Some(Box::default()),
                    Written::Gone => return Received::End,
                }
            }
            _ => {}
        }
        received
    }

    /// Whether its keys are still being agreed upon, which is much work.
    pub(super) fn is_shaking_hands(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.is_shaking_hands())
    }

    /// Nothing more is written: the other end is told so.
    pub(super) fn finish(&mut self) {
        match &mut self.tls {
            Some(session) => session.finish(&mut self.stream),
            // Who has gone need not be told.
            None => drop(self.stream.shutdown(Shutdown::Write)),
        }
    }
}

fn read(stream: &mut TcpStream, into: &mut [u8]) -> Received {
    loop {
        match stream.read(into) {
            Ok(0) => return Received::End,
            Ok(count) if count < into.len() => return Received::Last(count),
            Ok(count) => return Received::Bytes(count),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Received::Nothing,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return Received::End,
        }
    }
}

fn write_all(
    stream: &mut TcpStream,
    tls: Option<&mut Session>,
    frame: &[u8],
    offset: &mut usize,
    bytes: &mut u64,
) -> Written {
    if let Some(session) = tls {
        return session.write(stream, frame, offset, bytes);
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_costs_little() {
        // A stream is 4 bytes, and more where mio checks itself.
        let state = size_of::<Conn>() - size_of::<TcpStream>();
        assert!(state <= 72, "{state}");
        assert_eq!(size_of::<Option<Conn>>(), size_of::<Conn>());
    }
}
