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

/// What a connection still has to write.
enum Pending {
    /// Kept back for a moment, to go out in one with what comes next.
    Held(Vec<u8>),
    /// The socket takes no more now.
    Blocked(Queue),
}

#[derive(Default)]
struct Queue {
    frames: VecDeque<Frame>,
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

impl Default for Pending {
    fn default() -> Self {
        Self::Blocked(Queue::default())
    }
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
        matches!(self.pending.as_deref(), Some(Pending::Blocked(_)))
    }

    pub(super) fn is_holding(&self) -> bool {
        matches!(self.pending.as_deref(), Some(Pending::Held(_)))
    }

    /// Keeps an answer back until something else is written, or until it is [released](Self::release).
    pub(super) fn hold(&mut self, answer: Vec<u8>, bytes: &mut u64) -> Written {
        if self.pending.is_some() {
            return self.answer(answer, bytes);
        }
        self.pending = Some(Box::new(Pending::Held(answer)));
        Written::All
    }

    /// Writes what was kept back.
    pub(super) fn release(&mut self, bytes: &mut u64) -> Written {
        match self.take_held() {
            Some(held) => self.answer(held, bytes),
            None => Written::All,
        }
    }

    fn take_held(&mut self) -> Option<Vec<u8>> {
        let pending = self
            .pending
            .take_if(|pending| matches!(**pending, Pending::Held(_)))?;
        match *pending {
            Pending::Held(held) => Some(held),
            Pending::Blocked(_) => None,
        }
    }

    /// Offers a shared frame.
    pub(super) fn offer(&mut self, frame: &Frame, bytes: &mut u64) -> Offered {
        if self.pending.is_some() {
            let Some(mut held) = self.take_held() else {
                return Offered::Refused;
            };
            held.extend_from_slice(frame);
            return self.offer(&Frame::new(held), bytes);
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
                self.pending = Some(Box::new(Pending::Blocked(Queue {
                    frames: VecDeque::from([frame.clone()]),
                    offset,
                    bytes: frame.len(),
                })));
                Offered::Kept
            }
            Written::Gone => Offered::Gone,
        }
    }

    /// Writes an answer of its own, behind what waits.
    pub(super) fn answer(&mut self, answer: Vec<u8>, bytes: &mut u64) -> Written {
        let answer = match self.take_held() {
            None => answer,
            Some(mut held) => {
                held.extend_from_slice(&answer);
                held
            }
        };
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
        let Pending::Blocked(queue) = &mut **self.pending.get_or_insert_default() else {
            return Written::All;
        };
        match queue.frames.front() {
            None => queue.offset = offset,
            // It asks and does not read.
            Some(first) if queue.bytes + answer.len() > WAITING_BYTES + first.len() => {
                return Written::Gone;
            }
            Some(_) => {}
        }
        queue.bytes += answer.len();
        queue.frames.push_back(Rc::new(answer));
        Written::Blocked
    }

    /// Goes on with what waits for the socket.
    pub(super) fn write_on(&mut self, bytes: &mut u64) -> Written {
        let Some(Pending::Blocked(queue)) = self.pending.as_deref_mut() else {
            return Written::All;
        };
        // A session's part of its handshake may be all that waits.
        if queue.frames.is_empty() {
            let tls = self.tls.as_deref_mut();
            match write_all(&mut self.stream, tls, &[], &mut 0, bytes) {
                Written::All => {}
                other => return other,
            }
        }
        while let Some(frame) = queue.frames.front() {
            match write_all(
                &mut self.stream,
                self.tls.as_deref_mut(),
                frame,
                &mut queue.offset,
                bytes,
            ) {
                Written::All => {
                    queue.bytes -= frame.len();
                    queue.frames.pop_front();
                    queue.offset = 0;
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

    /// A connection, and its other end.
    fn pair() -> (Conn, std::net::TcpStream) {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let other = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (own, _) = listener.accept().unwrap();
        own.set_nonblocking(true).unwrap();
        (Conn::new(TcpStream::from_std(own), None, 1, 0), other)
    }

    /// What the other end gets when nothing more comes.
    fn all(conn: &mut Conn, other: &mut std::net::TcpStream) -> String {
        conn.finish();
        let mut text = String::new();
        other.read_to_string(&mut text).unwrap();
        text
    }

    #[test]
    fn what_was_held_goes_out_before_whatever_comes_next() {
        let frame = Frame::new(b" frame".to_vec());
        let (mut conn, mut other) = pair();
        let mut bytes = 0;
        assert_eq!(conn.hold(b"held".to_vec(), &mut bytes), Written::All);
        assert!(conn.is_holding() && !conn.is_blocked());
        assert_eq!((bytes, conn.write_on(&mut bytes)), (0, Written::All));
        assert!(conn.is_holding(), "a socket that takes bytes again");
        assert_eq!(conn.offer(&frame, &mut bytes), Offered::Sent);
        assert!(!conn.is_holding());
        assert_eq!(conn.hold(b" again".to_vec(), &mut bytes), Written::All);
        let answer = b" answer".to_vec();
        assert_eq!(conn.answer(answer, &mut bytes), Written::All);
        assert_eq!(conn.hold(b" alone".to_vec(), &mut bytes), Written::All);
        assert_eq!(conn.release(&mut bytes), Written::All);
        assert_eq!(conn.release(&mut bytes), Written::All);
        let text = "held frame again answer alone";
        assert_eq!(bytes, text.len() as u64);
        assert_eq!(all(&mut conn, &mut other), text);
    }

    #[test]
    fn what_was_held_is_not_lost_when_the_socket_blocks() {
        let (mut conn, mut other) = pair();
        let mut bytes = 0;
        let large = vec![b'x'; 16 * 1024 * 1024];
        assert_eq!(conn.hold(b"held".to_vec(), &mut bytes), Written::All);
        let frame = Frame::new(large.clone());
        assert_eq!(conn.offer(&frame, &mut bytes), Offered::Kept);
        assert!(conn.is_blocked() && !conn.is_holding());
        assert_eq!(conn.hold(b"last".to_vec(), &mut bytes), Written::Blocked);
        assert_eq!(conn.offer(&frame, &mut bytes), Offered::Refused);
        let mut got = vec![0; 4 + large.len() + 4];
        let reader = std::thread::spawn(move || {
            other.read_exact(&mut got).unwrap();
            got
        });
        while conn.write_on(&mut bytes) == Written::Blocked {
            std::thread::yield_now();
        }
        let got = reader.join().unwrap();
        assert!(got.starts_with(b"heldx") && got.ends_with(b"xlast"));
    }

    #[test]
    fn a_connection_costs_little() {
        // A stream is 4 bytes, and more where mio checks itself.
        let state = size_of::<Conn>() - size_of::<TcpStream>();
        assert!(state <= 72, "{state}");
        assert_eq!(size_of::<Option<Conn>>(), size_of::<Conn>());
    }
}
