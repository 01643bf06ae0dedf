//! A viewer's socket: connected without waiting, upgraded, read into one scratch that all share.

use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;

use mio::net::TcpStream;
use mio::{Interest, Registry, Token};
use socket2::{Domain, Protocol, Socket, Type};

use super::frame::{self, MOST_BYTES};

/// What a slow viewer's kernel is asked to take in at most, bytes; Linux doubles it. By default it would swallow megabytes
/// before a node noticed.
const NARROW_BYTES: usize = 16 << 10;
/// What a client may still have to send, bytes; a viewer says little.
const MOST_UNSENT: usize = 64 << 10;
/// Bytes of the scratch: whatever is kept of an earlier read has room, and the rest of its frame.
pub const SCRATCH_BYTES: usize = 2 * MOST_BYTES;

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The kernel connects.
    Connecting,
    /// The node has not answered the upgrade.
    Upgrading,
    /// Frames come and go.
    Open,
}

/// A socket.
pub struct Link {
    stream: TcpStream,
    /// How far it is.
    pub stage: Stage,
    inbox: Vec<u8>,
    outbox: Vec<u8>,
}

/// What one read gave.
pub struct Received {
    /// Bytes that now lie in the scratch, with those that were kept.
    pub bytes: usize,
    /// There may be more.
    pub more: bool,
    /// The node has closed, or reset.
    pub ended: bool,
}

impl Link {
    /// Begins to connect.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn open(
        address: SocketAddr,
        narrow: bool,
        registry: &Registry,
        token: Token,
    ) -> io::Result<Self> {
        let socket = Socket::new(
            Domain::for_address(address),
            Type::STREAM,
            Some(Protocol::TCP),
        )?;
        socket.set_nonblocking(true)?;
        socket.set_tcp_nodelay(true)?;
        if narrow {
            socket.set_recv_buffer_size(NARROW_BYTES)?;
        }
        match socket.connect(&address.into()) {
            Ok(()) => {}
            Err(error)
                if error.raw_os_error() == Some(rustix::io::Errno::INPROGRESS.raw_os_error()) => {}
            Err(error) => return Err(error),
        }
        let mut stream = TcpStream::from_std(socket.into());
        registry.register(&mut stream, token, Interest::READABLE | Interest::WRITABLE)?;
        Ok(Self {
            stream,
            stage: Stage::Connecting,
            inbox: Vec::new(),
            outbox: Vec::new(),
        })
    }

    /// Whether the kernel has connected it.
    ///
    /// # Errors
    /// When nobody listens there.
    pub fn is_connected(&self) -> io::Result<bool> {
        if let Some(error) = self.stream.take_error()? {
            return Err(error);
        }
        match self.stream.peer_addr() {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == ErrorKind::NotConnected => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Sends bytes, now or when the socket takes them.
    ///
    /// # Errors
    /// When it is broken, or the node has not read for long.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.outbox.extend_from_slice(bytes);
        self.flush()?;
        match self.outbox.len() > MOST_UNSENT {
            true => Err(ErrorKind::WriteZero.into()),
            false => Ok(()),
        }
    }

    /// Sends a frame.
    ///
    /// # Errors
    /// As [`Link::send`].
    pub fn say(&mut self, opcode: u8, payload: &[u8]) -> io::Result<()> {
        let mut frame = Vec::with_capacity(payload.len() + 8);
        frame::masked(&mut frame, opcode, payload);
        self.send(&frame)
    }

    /// Sends what is left.
    ///
    /// # Errors
    /// When the socket is broken.
    pub fn flush(&mut self) -> io::Result<()> {
        while !self.outbox.is_empty() {
            match self.stream.write(&self.outbox) {
                Ok(sent) => drop(self.outbox.drain(..sent)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.outbox = Vec::new();
        Ok(())
    }

    /// Reads once, behind what was kept.
    pub fn receive(&mut self, scratch: &mut [u8]) -> Received {
        let kept = self.inbox.len();
        scratch[..kept].copy_from_slice(&self.inbox);
        self.inbox = Vec::new();
        let room = &mut scratch[kept..];
        let (read, ended, more) = match self.stream.read(room) {
            Ok(0) => (0, true, false),
            // A short read has emptied the socket.
            Ok(read) => (read, false, read == room.len()),
            Err(error) if error.kind() == ErrorKind::WouldBlock => (0, false, false),
            Err(error) if error.kind() == ErrorKind::Interrupted => (0, false, true),
            Err(_) => (0, true, false),
        };
        Received {
            bytes: kept + read,
            more,
            ended,
        }
    }

    /// Keeps what is not a whole frame yet.
    pub fn keep(&mut self, rest: &[u8]) {
        self.inbox.extend_from_slice(rest);
    }
}
