//! One viewer's socket.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use mio::net::TcpStream;
use rustix::io::Errno;
use socket2::{Domain, SockRef, Socket, Type};

use crate::edge::now_us;
use crate::fanout::dialect::{Dialect, Heard};
use crate::fanout::frames::{BadFrame, Frame, Partial, Upgrade, client_pong, client_text};
use crate::fanout::inflate::Inflater;
use crate::fanout::limits::{MUTE_S, SILENT_S};
use crate::fanout::marker;
use crate::fanout::tally::{Position, Tally};
use crate::fanout::target::Target;
use crate::fanout::upgrade::{beginning, upgraded};

/// What all sockets of a process share.
pub struct Shared {
    /// How the server is spoken to.
    pub dialect: Box<dyn Dialect>,
    /// What arrived.
    pub tally: Tally,
    /// Sockets that are in their room.
    pub open: u32,
    /// What inflates for them; none where they did not offer compression.
    inflater: Option<Inflater>,
    /// Seconds since the process began.
    pub now_s: u32,
    /// What is about to be written.
    out: Vec<u8>,
}

impl Shared {
    /// Nothing has happened yet.
    pub fn new(dialect: Box<dyn Dialect>, tally: Tally, deflate: bool) -> Self {
        Self {
            dialect,
            tally,
            open: 0,
            inflater: deflate.then(Inflater::new),
            now_s: 0,
            out: Vec::new(),
        }
    }
}

/// What a socket is ready for.
#[derive(Clone, Copy)]
pub struct Ready {
    /// It is connected, or failed to.
    pub writable: bool,
    /// There is something to read.
    pub readable: bool,
    /// The other side has ended it.
    pub ended: bool,
}

/// How a message came.
#[derive(Clone, Copy)]
struct Came {
    /// Of its frame, on the wire.
    bytes: usize,
    packed: bool,
    now_us: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Connecting,
    Upgrading,
    Greeting,
    Open,
}

/// A viewer.
pub struct Conn {
    stream: TcpStream,
    phase: Phase,
    viewer: u32,
    room: u32,
    heard_s: u32,
    said_s: u32,
    partial: Partial,
    position: Position,
}

impl Conn {
    /// Begins to connect.
    ///
    /// # Errors
    /// What the system says.
    pub fn connect(
        target: &Target,
        source: Option<Ipv4Addr>,
        viewer: u32,
        room: u32,
    ) -> Result<Self> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM.nonblocking(), None)
            .context("no further socket can be had: take more --processes")?;
        socket.set_tcp_nodelay(true)?;
        // Ends with a reset: otherwise ports would be taken for a minute after every run.
        socket.set_linger(Some(Duration::ZERO))?;
        if let Some(source) = source {
            socket
                .bind(&SocketAddrV4::new(source, 0).into())
                .with_context(|| format!("no port of {source} is free"))?;
        }
        match socket.connect(&target.addr.into()) {
            Err(error) if error.raw_os_error() != Some(Errno::INPROGRESS.raw_os_error()) => {
                return Err(error.into());
            }
            _ => {}
        }
        Ok(Self {
            stream: TcpStream::from_std(socket.into()),
            phase: Phase::Connecting,
            viewer,
            room,
            heard_s: 0,
            said_s: 0,
            partial: Partial::default(),
            position: Position::default(),
        })
    }

    /// For the poll.
    pub fn stream(&mut self) -> &mut TcpStream {
        &mut self.stream
    }

    /// Whether it is in its room.
    pub fn is_open(&self) -> bool {
        self.phase == Phase::Open
    }

    /// Goes on. `request` is for its target; `buffer` is anybody's.
    ///
    /// # Errors
    /// Why the socket has ended.
    pub fn go_on(
        &mut self,
        ready: Ready,
        request: &[u8],
        buffer: &mut [u8],
        shared: &mut Shared,
    ) -> Result<()> {
        if self.phase == Phase::Connecting {
            if !ready.writable {
                return Ok(());
            }
            if let Some(error) = self.stream.take_error()? {
                return Err(error.into());
            }
            self.write(request, shared.now_s)?;
            self.phase = Phase::Upgrading;
        }
        if !ready.readable && !ready.ended {
            return Ok(());
        }
        loop {
            match self.stream.read(buffer) {
                Ok(0) => bail!("the server ended the connection"),
                Ok(read) => {
                    self.take(&buffer[..read], shared)?;
                    // The poll tells again whatever comes after a read that left nothing.
                    if read < buffer.len() && !ready.ended {
                        return Ok(());
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn take(&mut self, input: &[u8], shared: &mut Shared) -> Result<()> {
        self.heard_s = shared.now_s;
        if self.phase != Phase::Upgrading {
            return self.frames(input, shared);
        }
        let Some(Upgrade { head, after }) = self.partial.head(input)? else {
            return Ok(());
        };
        upgraded(&head, &after, shared.inflater.is_some())?;
        let said = shared.dialect.greeting(self.viewer, self.room as usize);
        if said.is_empty() {
            self.phase = Phase::Open;
            shared.open += 1;
        } else {
            self.phase = Phase::Greeting;
            let mut out = std::mem::take(&mut shared.out);
            out.clear();
            for text in &said {
                client_text(&mut out, text);
            }
            self.write(&out, shared.now_s)?;
            shared.out = out;
        }
        self.frames(&after, shared)
    }

    fn frames(&mut self, input: &[u8], shared: &mut Shared) -> Result<()> {
        let now_us = now_us();
        let mut partial = std::mem::take(&mut self.partial);
        partial.read(input, |frame, bytes| match frame {
            Frame::Message(payload) => {
                let came = Came {
                    bytes,
                    packed: false,
                    now_us,
                };
                self.message(payload, came, shared)
            }
            Frame::Packed(payload) => {
                let inflater = shared.inflater.as_mut().ok_or(BadFrame::Unasked)?;
                let plain = inflater.plain(payload)?;
                let came = Came {
                    bytes,
                    packed: true,
                    now_us,
                };
                self.message(&plain, came, shared)
            }
            Frame::Ping(payload) => {
                let mut out = Vec::new();
                client_pong(&mut out, payload);
                self.write(&out, shared.now_s)
            }
            Frame::Close(Some(code)) => bail!("the server closed with {code}"),
            Frame::Close(None) => bail!("the server closed"),
            Frame::Pong => Ok(()),
        })?;
        self.partial = partial;
        Ok(())
    }

    fn message(&mut self, payload: &[u8], came: Came, shared: &mut Shared) -> Result<()> {
        let (mut has_mark, mut counts) = (false, false);
        for mark in marker::find(payload) {
            has_mark = true;
            counts |= shared
                .tally
                .add(self.room as usize, &mut self.position, mark, came.now_us);
        }
        if counts {
            shared.tally.add_frame(came.bytes, came.packed);
        }
        if has_mark && self.is_open() {
            return Ok(());
        }
        match shared.dialect.hear(payload) {
            Heard::Nothing => Ok(()),
            Heard::Say(text) => self.say(&text, shared.now_s),
            Heard::Subscribed => {
                if !self.is_open() {
                    self.phase = Phase::Open;
                    shared.open += 1;
                }
                Ok(())
            }
            Heard::Refused => bail!("the server says {}", beginning(payload)),
        }
    }

    /// Says that the viewer is there, if it was silent, or told nothing, for long.
    ///
    /// # Errors
    /// When the socket takes nothing.
    pub fn keep(&mut self, text: &str, now_s: u32) -> Result<()> {
        let is_due = now_s >= self.heard_s + SILENT_S || now_s >= self.said_s + MUTE_S;
        if self.is_open() && is_due && now_s >= self.said_s + SILENT_S {
            self.say(text, now_s)?;
        }
        Ok(())
    }

    fn say(&mut self, text: &str, now_s: u32) -> Result<()> {
        let mut out = Vec::new();
        client_text(&mut out, text);
        self.write(&out, now_s)
    }

    fn write(&mut self, bytes: &[u8], now_s: u32) -> Result<()> {
        let written = self.stream.write(bytes)?;
        ensure!(written == bytes.len(), "the server does not read");
        // Whoever answers counts as talkative, and has its acknowledgements delayed: then it is the server's sends that
        // make and take them, instead of the viewer's reads. That must be the same whatever a dialect has viewers say.
        SockRef::from(&self.stream).set_tcp_quickack(true)?;
        self.said_s = now_s;
        Ok(())
    }
}
