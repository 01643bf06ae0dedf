//! The TLS session of one connection: what goes between its plain bytes and its socket.

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::sync::Arc;

use mio::net::TcpStream;
use rustls::{ServerConfig, ServerConnection};

use super::conn::{Received, Written};

/// Plain bytes that are sealed before the socket must take them: one record (RFC 8446, section 5.1). So a viewer who does
/// not read holds one record here beside the frame that it is in.
const SEALED_BYTES: usize = 16 * 1024;
/// Reads of the socket without a plain byte, 4 KiB each, before others have their turn: a whole handshake fits.
const READS: usize = 4;
/// What the first byte of a connection that speaks TLS is (RFC 8446, section 5.1): a handshake record.
const HANDSHAKE: u8 = 22;

/// A session. It is made with its connection, and lives in a box beside it.
pub(super) struct Session {
    rustls: ServerConnection,
    /// Something came that begins as TLS does.
    begun: bool,
}

impl Session {
    pub(super) fn new(config: Arc<ServerConfig>) -> Result<Box<Self>, rustls::Error> {
        let mut rustls = ServerConnection::new(config)?;
        rustls.set_buffer_limit(Some(SEALED_BYTES));
        Ok(Box::new(Self {
            rustls,
            begun: false,
        }))
    }

    /// Whether its keys are still being agreed upon.
    pub(super) fn is_shaking_hands(&self) -> bool {
        self.rustls.is_handshaking()
    }

    /// Seals and writes from `offset` on. `All`: the socket has taken everything.
    pub(super) fn write(
        &mut self,
        stream: &mut TcpStream,
        plain: &[u8],
        offset: &mut usize,
        bytes: &mut u64,
    ) -> Written {
        loop {
            match self.flush(stream, bytes) {
                Written::All if *offset < plain.len() => {}
                other => return other,
            }
            match self.rustls.writer().write(&plain[*offset..]) {
                // Its buffer is empty, so it takes some.
                Ok(0) | Err(_) => return Written::Gone,
                Ok(count) => *offset += count,
            }
        }
    }

    fn flush(&mut self, stream: &mut TcpStream, bytes: &mut u64) -> Written {
        while self.rustls.wants_write() {
            match self.rustls.write_tls(stream) {
                Ok(0) => return Written::Gone,
                Ok(count) => *bytes += count as u64,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Written::Blocked,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return Written::Gone,
            }
        }
        Written::All
    }

    /// Reads and opens what has come. What the session itself answers lies in it: [`write`](Self::write) sends it.
    pub(super) fn read(&mut self, stream: &mut TcpStream, into: &mut [u8]) -> Received {
        if !self.begun {
            match stream.peek(&mut into[..1]) {
                Ok(1) if into[0] == HANDSHAKE => self.begun = true,
                Ok(1) if into[0].is_ascii_uppercase() => return Received::PlainHttp,
                Ok(0) => return Received::End,
                // The session answers what is neither, with an alert.
                Ok(_) => self.begun = true,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Received::Nothing;
                }
                Err(_) => return Received::End,
            }
        }
        for _ in 0..READS {
            match self.rustls.reader().read(into) {
                Ok(0) => return Received::End,
                Ok(count) => return Received::Bytes(count),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => return Received::End,
            }
            match self.rustls.read_tls(stream) {
                Ok(0) => return Received::End,
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Received::Nothing;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return Received::End,
            }
            if let Err(error) = self.rustls.process_new_packets() {
                tracing::debug!(%error, "a TLS session ends");
                // The alert that says why, if the socket takes it.
                let _ = self.rustls.write_tls(stream);
                return Received::End;
            }
        }
        Received::More
    }

    /// Whether the session itself has something to send.
    pub(super) fn wants_write(&self) -> bool {
        self.rustls.wants_write()
    }

    /// Says that nothing more comes (`close_notify`), and closes the socket's half.
    pub(super) fn finish(&mut self, stream: &mut TcpStream) {
        self.rustls.send_close_notify();
        // All that went before was taken, so there is room for a few bytes; who has gone needs none.
        let _ = self.rustls.write_tls(stream);
        let _ = stream.shutdown(Shutdown::Write);
    }
}
