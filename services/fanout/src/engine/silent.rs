//! Probes of balancers and monitors, answered ahead of newcomers who wait.
//!
//! While newcomers wait or are turned away, what a connection sends first tells which of them it is; until it has, it waits here.
//! It is looked at without being taken from the socket: a newcomer is read from when it is let in.

use std::collections::VecDeque;
use std::io;

use mio::net::TcpStream;
use tidegate_protocol::upgrade::{self, Probe};

use super::core::Core;

/// How long a connection that says nothing may wait here before it counts as a newcomer, ms.
const SILENT_MS: u64 = 1_000;
/// Most of them on all cores, beyond which they are newcomers at once: a quarter of the files that are kept for other things
/// than viewers.
const MOST: usize = 64;
/// How much of what was sent is looked at, bytes. Checkers send 100 to 400.
const HEAD_BYTES: usize = 1_024;

/// Connections that have said nothing yet, in the order in which they came.
pub(super) struct Silent {
    streams: VecDeque<(u64, TcpStream)>,
    most: usize,
}

/// What somebody has said so far.
enum Said {
    Nothing,
    Probe(Probe),
    Else,
}

impl Silent {
    /// For one of so many cores.
    pub(super) fn new(cores: usize) -> Self {
        Self {
            streams: VecDeque::new(),
            most: (MOST / cores).max(1),
        }
    }

    /// All who wait.
    pub(super) fn take(&mut self) -> VecDeque<TcpStream> {
        self.streams.drain(..).map(|(_, stream)| stream).collect()
    }
}

fn said(stream: &TcpStream) -> Said {
    let mut head = [0; HEAD_BYTES];
    match stream.peek(&mut head) {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Said::Nothing,
        // Who has gone is found out as a newcomer is.
        Err(_) => Said::Else,
        Ok(count) => upgrade::probe(&head[..count]).map_or(Said::Else, Said::Probe),
    }
}

impl Core {
    /// Somebody has come.
    pub(super) fn arrived(&mut self, stream: TcpStream) {
        let crowded = !self.lobby.is_empty() || self.admit_due_ms.is_some() || self.node.is_full();
        if !crowded {
            // A probe is answered as fast as anybody.
            return self.newcomer(stream);
        }
        match said(&stream) {
            Said::Nothing if self.silent.streams.len() < self.silent.most => {
                let until_ms = self.node.clock.now_ms() + SILENT_MS;
                self.silent.streams.push_back((until_ms, stream));
            }
            Said::Probe(probe) => self.probed(stream, probe),
            Said::Nothing | Said::Else => self.newcomer(stream),
        }
    }

    /// Looks whether those who said nothing have said something. For every tick.
    pub(super) fn hear(&mut self, now_ms: u64) {
        for _ in 0..self.silent.streams.len() {
            let Some((until_ms, stream)) = self.silent.streams.pop_front() else {
                return;
            };
            match said(&stream) {
                Said::Nothing if now_ms < until_ms => {
                    self.silent.streams.push_back((until_ms, stream));
                }
                Said::Probe(probe) => self.probed(stream, probe),
                Said::Nothing | Said::Else => self.newcomer(stream),
            }
        }
    }

    /// Answers at once, unless so many ask that they could be anybody: then it waits like anybody.
    fn probed(&mut self, stream: TcpStream, probe: Probe) {
        let now_ms = self.node.clock.now_ms();
        if !self.probes.admits(now_ms, 0) {
            return self.newcomer(stream);
        }
        let mut answer = Vec::new();
        probe.answer(self.node.readiness(), &mut answer);
        self.parting.add(stream, &answer, now_ms);
    }
}
