//! Accepting and reading.

use std::io;

use tidegate_protocol::frames::ClientFrame;
use tidegate_protocol::upgrade::{self, Parsed, Probe, Refusal, Refused, Request};
use tidegate_protocol::ws::{self, Agreed, Event, Events, Parser};
use tidegate_protocol::{CloseCode, limits};

use super::actions::retry_s;
use super::conn::{Head, Kind, Received};
use super::core::{Core, READ_BYTES};
use super::tls::Session;

/// EMFILE and ENFILE.
const NO_FILES: [i32; 2] = [24, 23];
/// Between two looks at those who wait, while the rate is used up, ms.
const PACE_MS: u64 = 10;

impl Core {
    pub(super) fn now_s(&self) -> u32 {
        (self.node.clock.now_ms() / 1_000) as u32
    }

    /// Accepts at most so many.
    pub(super) fn accept(&mut self, most: usize) {
        for _ in 0..most {
            let Some(listener) = &self.listener else {
                return;
            };
            // Whoever is turned away is read from for a moment: while there is no room for that, the others wait in the
            // kernel's queue until the tick.
            if self.parting.is_full() && self.admission.is_full(self.lobby.len()) {
                self.accepts = false;
                return;
            }
            match listener.accept() {
                Ok((stream, _)) => self.arrived(stream),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.accepts = false;
                    return;
                }
                Err(error) => {
                    if error
                        .raw_os_error()
                        .is_some_and(|code| NO_FILES.contains(&code))
                    {
                        self.metrics().no_files.add(1);
                        // The tick tries again.
                        self.accepts = false;
                        return;
                    }
                    // The connection ended before it was accepted: the next one.
                }
            }
        }
    }

    /// Somebody who wants to come in.
    pub(super) fn newcomer(&mut self, stream: mio::net::TcpStream) {
        if !self.node.take_place() {
            self.metrics().full.add(1);
            self.turn_away(stream, retry_s());
        } else if self.drain.is_some() {
            // To be answered that it is too late.
            self.lobby.push_back(stream);
        } else if self.admission.is_full(self.lobby.len()) {
            self.node.give_place();
            self.metrics().turned_away.add(1);
            let retry_s = self.admission.retry_s(self.node.clock.now_ms());
            self.turn_away(stream, retry_s);
        } else {
            self.lobby.push_back(stream);
        }
    }

    /// Lets in at most so many of those who wait.
    pub(super) fn let_in(&mut self, most: usize) {
        let now_ms = self.node.clock.now_ms();
        if self.admit_due_ms.is_some_and(|due_ms| now_ms < due_ms) {
            return;
        }
        self.admit_due_ms = None;
        for _ in 0..most.min(self.lobby.len()) {
            if self.drain.is_none() && !self.admission.admits(now_ms, self.desk.waiting()) {
                self.admit_due_ms = Some(now_ms + PACE_MS);
                return;
            }
            if let Some(stream) = self.lobby.pop_front() {
                self.accepted(stream);
            }
        }
    }

    /// Answers 503. Where TLS is spoken the answer would need a handshake, which is most of what is to be spared: there it is
    /// let go.
    fn turn_away(&mut self, stream: mio::net::TcpStream, retry_s: u32) {
        if self.node.tls.is_some() {
            return;
        }
        let mut answer = Vec::new();
        Refused::from(Refusal::Unavailable { retry_s }).write(&mut answer);
        self.parting.add(stream, &answer, self.node.clock.now_ms());
    }

    fn accepted(&mut self, stream: mio::net::TcpStream) {
        let tls = match self.node.tls.as_ref().map(|tls| Session::new(tls.config())) {
            None => None,
            Some(Ok(session)) => Some(session),
            Some(Err(error)) => {
                tracing::warn!(%error, "a TLS session cannot be begun");
                return self.node.give_place();
            }
        };
        match self.conns.add(stream, tls, self.now_s()) {
            Ok(reference) => {
                self.metrics().accepted.add(1);
                let now_ms = self.node.clock.now_ms();
                self.waits.greet(reference, now_ms);
            }
            Err(error) => {
                tracing::warn!(%error, "a connection cannot be polled");
                self.node.give_place();
            }
        }
    }

    /// Reads a connection to its end, or 64 KiB: then it waits for its next turn.
    pub(super) fn read(&mut self, key: u32, closed: bool) {
        let now_s = self.now_s();
        let mut scratch = std::mem::take(&mut self.scratch);
        let mut read = 0;
        let mut more = false;
        while read < READ_BYTES {
            match self.conns.read(key, &mut scratch) {
                Received::Nothing => break,
                Received::More => {
                    more = true;
                    break;
                }
                Received::End => {
                    self.conns.gone.push(key);
                    break;
                }
                Received::PlainHttp => {
                    self.plain(key, &mut scratch);
                    // Its request is still to be read.
                    more = true;
                    break;
                }
                received @ (Received::Bytes(count) | Received::Last(count)) => {
                    if let Some(conn) = self.conns.get(key) {
                        conn.seen(now_s);
                    }
                    read += count;
                    self.received(key, &mut scratch[..count]);
                    // What comes after this is another event; so is the end, unless it was in this one.
                    if matches!(received, Received::Last(_)) && !closed {
                        break;
                    }
                }
            }
        }
        self.scratch = scratch;
        if (more || read >= READ_BYTES)
            && let Some(reference) = self.conns.reference(key)
        {
            self.ready.push_back((reference, closed));
        }
    }

    /// A plain request where TLS is spoken: only a probe is answered in plain, so that a checker is spared the handshake.
    fn plain(&mut self, key: u32, scratch: &mut [u8]) {
        let asked = self
            .conns
            .get(key)
            .and_then(|conn| conn.stream.peek(scratch).ok());
        match upgrade::probe(&scratch[..asked.unwrap_or(0)]) {
            Some(probe) => self.answer_probe(key, probe),
            None => self.refuse(key, &Refused::from(Refusal::PlainHttp)),
        }
    }

    fn answer_probe(&mut self, key: u32, probe: Probe) {
        let mut answer = Vec::new();
        probe.answer(self.node.readiness(), &mut answer);
        self.end(key, answer);
    }

    /// A node that is about to be gone takes nobody in any more.
    fn too_late(&self) -> Option<Refusal> {
        let drains = self.drain.is_some();
        drains.then(|| Refusal::Unavailable { retry_s: retry_s() })
    }

    fn received(&mut self, key: u32, bytes: &mut [u8]) {
        let Some(conn) = self.conns.get(key) else {
            return;
        };
        match &mut conn.kind {
            // Nearly always all of it comes at once.
            Kind::Request(None) => self.request(key, bytes),
            Kind::Request(Some(head)) => {
                let mut bytes_so_far = std::mem::take(&mut head.0);
                bytes_so_far.extend_from_slice(bytes);
                self.request(key, &mut bytes_so_far);
            }
            Kind::Socket { parser, agreed, .. } => {
                let (parser, agreed) = (std::mem::take(parser), *agreed);
                self.parse(key, parser, agreed, bytes);
            }
            // Nothing is expected of either.
            Kind::Events { .. } | Kind::Ending => {}
        }
    }

    fn request(&mut self, key: u32, head: &mut [u8]) {
        match upgrade::parse(head, &self.node.origins) {
            Ok(Parsed::Incomplete) => {
                let head = Box::new(Head(head.to_vec()));
                self.set_kind(key, Kind::Request(Some(head)));
            }
            Ok(Parsed::Request(Request::Probe(probe), _)) => self.answer_probe(key, probe),
            Ok(Parsed::Request(Request::Connect(connect), head_bytes)) => {
                if let Some(refusal) = self.too_late() {
                    return self.refuse(key, &Refused::from(refusal));
                }
                let mut answer = Vec::new();
                connect.answer(&mut answer);
                let agreed = connect.agreed();
                self.set_kind(
                    key,
                    Kind::Socket {
                        parser: Parser::new(),
                        agreed,
                        greeted: false,
                    },
                );
                self.conns.answer(key, answer);
                let now_ms = self.node.clock.now_ms();
                if let Some(reference) = self.conns.reference(key) {
                    self.waits.greet(reference, now_ms);
                }
                if head.len() > head_bytes {
                    self.parse(key, Parser::new(), agreed, &mut head[head_bytes..]);
                }
            }
            Ok(Parsed::Request(Request::Events(events), _)) => match self.too_late() {
                Some(refusal) => self.refuse(key, &events.refuse(refusal)),
                None => self.begin_events(key, events),
            },
            Err(refused) => self.refuse(key, &refused),
        }
    }

    pub(super) fn refuse(&mut self, key: u32, refused: &Refused) {
        self.metrics().refused.add(1);
        let mut answer = Vec::new();
        refused.write(&mut answer);
        self.end(key, answer);
    }

    pub(super) fn set_kind(&mut self, key: u32, kind: Kind) {
        if let Some(conn) = self.conns.get(key) {
            conn.kind = kind;
        }
    }

    /// Reads frames. The parser comes back to its connection if that has not ended.
    fn parse(&mut self, key: u32, mut parser: Parser, agreed: Agreed, bytes: &mut [u8]) {
        let mut inflater = std::mem::take(&mut self.inflater);
        let ended = self.take_frames(key, parser.read(bytes, agreed, &mut inflater));
        self.inflater = inflater;
        if !ended
            && let Some(conn) = self.conns.get(key)
            && let Kind::Socket { parser: place, .. } = &mut conn.kind
        {
            *place = parser;
        }
    }

    /// Whether the connection has ended.
    fn take_frames(&mut self, key: u32, mut events: Events<'_>) -> bool {
        let mut counted = 0;
        loop {
            let event = events.next();
            let ended = match event {
                Ok(None) => break,
                Ok(Some(Event::Text(text))) => ClientFrame::parse(text)
                    .and_then(|frame| self.frame(key, frame))
                    .err(),
                Ok(Some(Event::Binary(bytes))) => ClientFrame::parse_cbor(bytes)
                    .and_then(|frame| self.frame(key, frame))
                    .err(),
                Ok(Some(Event::Ping(payload))) => {
                    let mut pong = Vec::new();
                    ws::pong_frame(&mut pong, payload);
                    self.conns.answer(key, pong);
                    None
                }
                Ok(Some(Event::Pong(_))) => None,
                Ok(Some(Event::Close(status))) => {
                    let mut answer = Vec::new();
                    ws::close_answer(&mut answer, status);
                    self.conns.closed.push(CloseCode::Normal);
                    self.end(key, answer);
                    return true;
                }
                Err(code) => Some(code),
            };
            let frames = events.frames();
            let too_many = self.count_frames(key, frames - counted);
            counted = frames;
            if let Some(code) = ended.or(too_many) {
                self.close(key, code);
                return true;
            }
        }
        let rest = events.frames() - counted;
        match self.count_frames(key, rest) {
            Some(code) => {
                self.close(key, code);
                true
            }
            None => false,
        }
    }

    fn count_frames(&mut self, key: u32, more: u32) -> Option<CloseCode> {
        let conn = self.conns.get(key)?;
        let more = u16::try_from(more).unwrap_or(u16::MAX);
        conn.frames = conn.frames.saturating_add(more);
        (u32::from(conn.frames) > limits::FRAMES_PER_SECOND).then_some(CloseCode::TooManyFrames)
    }
}
