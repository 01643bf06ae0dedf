//! Connections that have their answer without having been let in: the node is full, or cannot take in more at once, or they only
//! asked whether it is ready.
//!
//! Closing a socket whose request has not been read makes the kernel send a reset, which takes the answer back before the
//! client has seen it. So what the client sends is read and dropped for a moment.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::net::Shutdown;

use mio::net::TcpStream;

/// How long a client may take to read the answer and close, ms.
const PARTING_MS: u64 = 1_000;
/// Most at once on all cores: half of the files that are kept for other things than viewers.
const MOST: usize = 128;

/// Those that have their answer.
pub(super) struct Parting {
    streams: VecDeque<(u64, TcpStream)>,
    most: usize,
}

impl Parting {
    /// For one of so many cores.
    pub(super) fn new(cores: usize) -> Self {
        Self {
            streams: VecDeque::new(),
            most: (MOST / cores).max(1),
        }
    }

    /// Whether another one would send the oldest off before its time.
    pub(super) fn is_full(&self) -> bool {
        self.streams.len() >= self.most
    }

    pub(super) fn is_empty(&self) -> bool {
        self.streams.is_empty()
    }

    /// Writes the answer and waits for the other end to close.
    pub(super) fn add(&mut self, mut stream: TcpStream, answer: &[u8], now_ms: u64) {
        // It fits a new socket's buffer. Who has gone already needs no answer.
        if stream.write(answer).is_err() || stream.shutdown(Shutdown::Write).is_err() {
            return;
        }
        if self.is_full() {
            self.streams.pop_front();
        }
        self.streams.push_back((now_ms + PARTING_MS, stream));
    }

    /// Reads what has come, and lets go of who has closed or takes too long. For every tick.
    pub(super) fn check(&mut self, now_ms: u64) {
        self.streams
            .retain_mut(|(deadline_ms, stream)| now_ms < *deadline_ms && is_open(stream));
    }
}

fn is_open(stream: &mut TcpStream) -> bool {
    let mut dropped = [0; 1024];
    // Once is enough for a request; whoever sends more is cut off at the deadline.
    match stream.read(&mut dropped) {
        Ok(count) => count > 0,
        Err(error) => error.kind() == io::ErrorKind::WouldBlock,
    }
}
