//! The slab of a core's connections.

use mio::{Interest, Registry, Token};
use slab::Slab;
use tidegate_hub::{Frame, Offered, Sink, ViewerKey};
use tidegate_protocol::{CloseCode, sse, ws};

use super::conn::{Conn, Kind, Received, Written};
use super::tls::Session;
use crate::chance;

/// A connection that may have ended meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ConnRef {
    pub(super) key: u32,
    pub(super) generation: u32,
}

const KEY_BITS: u32 = 32;
/// The longest that a browser waits before it asks for events again, ms.
const RETRY_MS: u64 = 3_000;

impl ConnRef {
    pub(super) fn token(self) -> Token {
        Token((self.generation as usize) << KEY_BITS | self.key as usize)
    }

    pub(super) fn of(token: Token) -> Self {
        Self {
            key: token.0 as u32,
            generation: (token.0 >> KEY_BITS) as u32,
        }
    }
}

/// Connections by number.
pub(super) struct Conns {
    slab: Slab<Conn>,
    registry: Registry,
    generation: u32,
    /// To be removed: a write failed.
    pub(super) gone: Vec<u32>,
    /// Bytes written since this was last read.
    pub(super) bytes: u64,
    pub(super) closed: Vec<CloseCode>,
}

impl Conns {
    pub(super) fn new(registry: Registry) -> Self {
        Self {
            slab: Slab::new(),
            registry,
            generation: 0,
            gone: Vec::new(),
            bytes: 0,
            closed: Vec::new(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.slab.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.slab.is_empty()
    }

    /// One past the greatest number in use or free.
    pub(super) fn capacity(&self) -> u32 {
        self.slab.capacity() as u32
    }

    pub(super) fn blocked(&self) -> usize {
        self.slab
            .iter()
            .filter(|(_, conn)| conn.is_blocked())
            .count()
    }

    pub(super) fn add(
        &mut self,
        mut stream: mio::net::TcpStream,
        tls: Option<Box<Session>>,
        now_s: u32,
    ) -> std::io::Result<ConnRef> {
        // 31 bits, so that no token is the listener's.
        self.generation = self.generation.wrapping_add(1) & (u32::MAX >> 1);
        let entry = self.slab.vacant_entry();
        let reference = ConnRef {
            key: entry.key() as u32,
            generation: self.generation,
        };
        self.registry.register(
            &mut stream,
            reference.token(),
            Interest::READABLE | Interest::WRITABLE,
        )?;
        entry.insert(Conn::new(stream, tls, self.generation, now_s));
        Ok(reference)
    }

    pub(super) fn find(&self, reference: ConnRef) -> Option<u32> {
        self.slab
            .get(reference.key as usize)
            .filter(|conn| conn.generation == reference.generation)
            .map(|_| reference.key)
    }

    pub(super) fn reference(&self, key: u32) -> Option<ConnRef> {
        self.slab.get(key as usize).map(|conn| ConnRef {
            key,
            generation: conn.generation,
        })
    }

    pub(super) fn get(&mut self, key: u32) -> Option<&mut Conn> {
        self.slab.get_mut(key as usize)
    }

    pub(super) fn remove(&mut self, key: u32) -> Option<Conn> {
        let mut conn = self.slab.try_remove(key as usize)?;
        // The descriptor is about to be closed, which takes it off the poll anyway.
        let _ = self.registry.deregister(&mut conn.stream);
        Some(conn)
    }

    pub(super) fn is_shaking_hands(&self, key: u32) -> bool {
        let conn = self.slab.get(key as usize);
        conn.is_some_and(Conn::is_shaking_hands)
    }

    /// Reads from a connection.
    pub(super) fn read(&mut self, key: u32, into: &mut [u8]) -> Received {
        match self.slab.get_mut(key as usize) {
            Some(conn) => conn.read(into, &mut self.bytes),
            None => Received::Nothing,
        }
    }

    /// Writes an answer of the connection's own.
    pub(super) fn answer(&mut self, key: u32, answer: Vec<u8>) {
        if let Some(conn) = self.slab.get_mut(key as usize)
            && conn.answer(answer, &mut self.bytes) == Written::Gone
        {
            self.gone.push(key);
        }
    }

    /// Keeps an answer back until something else is written there, or it is released.
    pub(super) fn hold(&mut self, key: u32, answer: Vec<u8>) {
        if let Some(conn) = self.slab.get_mut(key as usize)
            && conn.hold(answer, &mut self.bytes) == Written::Gone
        {
            self.gone.push(key);
        }
    }

    pub(super) fn is_holding(&self, key: u32) -> bool {
        let conn = self.slab.get(key as usize);
        conn.is_some_and(Conn::is_holding)
    }

    /// Writes what was kept back.
    pub(super) fn release(&mut self, key: u32) {
        if let Some(conn) = self.slab.get_mut(key as usize)
            && conn.release(&mut self.bytes) == Written::Gone
        {
            self.gone.push(key);
        }
    }

    /// Writes the last bytes; then the connection only waits for its other end to close. `false`: it ended before.
    pub(super) fn end(&mut self, key: u32, last: Vec<u8>) -> bool {
        let Some(conn) = self.slab.get_mut(key as usize) else {
            return false;
        };
        if matches!(conn.kind, Kind::Ending) {
            return false;
        }
        conn.kind = Kind::Ending;
        match conn.answer(last, &mut self.bytes) {
            Written::All => {
                conn.finish();
            }
            Written::Blocked => {}
            Written::Gone => self.gone.push(key),
        }
        true
    }

    /// Closes a WebSocket with a code.
    pub(super) fn close(&mut self, key: u32, code: CloseCode) -> bool {
        let mut frame = Vec::new();
        ws::close_frame(&mut frame, code);
        let ended = self.end(key, frame);
        if ended {
            self.closed.push(code);
        }
        ended
    }

    /// Goes on writing; whether the connection takes frames again.
    pub(super) fn write_on(&mut self, key: u32) -> bool {
        let Some(conn) = self.slab.get_mut(key as usize) else {
            return false;
        };
        if !conn.is_blocked() {
            return false;
        }
        match conn.write_on(&mut self.bytes) {
            Written::All if matches!(conn.kind, Kind::Ending) => {
                conn.finish();
                false
            }
            Written::All => true,
            Written::Blocked => false,
            Written::Gone => {
                self.gone.push(key);
                false
            }
        }
    }
}

impl Sink for Conns {
    fn offer(&mut self, viewer: ViewerKey, frame: &Frame) -> Offered {
        let Some(conn) = self.slab.get_mut(viewer as usize) else {
            return Offered::Gone;
        };
        match &mut conn.kind {
            Kind::Socket { .. } | Kind::Events { started: true, .. } => {}
            Kind::Events { request, started } => {
                *started = true;
                let mut head = Vec::new();
                request.answer(&mut head);
                // Spread, so that those who lose a node do not all come back at once.
                sse::retry(&mut head, chance::jitter(RETRY_MS));
                match conn.answer(head, &mut self.bytes) {
                    Written::All => {}
                    Written::Blocked => return Offered::Refused,
                    Written::Gone => {
                        self.gone.push(viewer);
                        return Offered::Gone;
                    }
                }
            }
            Kind::Request(_) | Kind::Ending => return Offered::Gone,
        }
        let offered = conn.offer(frame, &mut self.bytes);
        if offered == Offered::Gone {
            self.gone.push(viewer);
        }
        offered
    }
}
