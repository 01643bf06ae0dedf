//! The end of a core: who has come is answered, the viewers are sent away, spread over the grace period.

use std::io;

use tidegate_protocol::CloseCode;
use tidegate_room::places::Turns;

use super::conn::Kind;
use super::core::Core;
use super::listen;
use super::tour::{Tour, Tours};

/// How long viewers have to leave after the grace period, ms.
const LAST_MS: u64 = 1_000;

pub(super) struct Drain {
    begun_ms: u64,
    grace_ms: u64,
    tour: Option<Tour>,
    closed: bool,
}

impl Core {
    /// No further connection begins; those that have begun come in as ever.
    pub(super) fn begin_closing(&mut self) {
        if let Some(listener) = &self.listener
            && let Err(error) = listen::shut(listener)
        {
            tracing::warn!(%error, "whoever connects in the moment in which the listener closes may be reset");
        }
    }

    /// The listener closes. Whoever has come and has no socket yet is let in, to be answered 503 when their request is there;
    /// the viewers who are here are told one after the other to move.
    pub(super) fn begin_drain(&mut self, grace_ms: u64, turns: Turns) {
        if self.drain.is_some() {
            return;
        }
        let begun_ms = self.node.clock.now_ms();
        self.tours = Tours::default();
        self.drain = Some(Drain {
            begun_ms,
            grace_ms,
            tour: Some(Tour::new(begun_ms, grace_ms, turns)),
            closed: false,
        });
        self.begin_closing();
        self.accept_rest();
        self.admit_due_ms = None;
        for key in 0..self.conns.capacity() {
            let waits = self
                .conns
                .get(key)
                .is_some_and(|conn| matches!(conn.kind, Kind::Events { started: false, .. }));
            if waits {
                self.close(key, CloseCode::Restart);
            }
        }
        self.go_on_draining(begun_ms);
    }

    /// Accepts all that wait in the kernel's queue, which a listener that closes would reset.
    fn accept_rest(&mut self) {
        let Some(listener) = self.listener.take() else {
            return;
        };
        for stream in self.silent.take() {
            self.newcomer(stream);
        }
        for _ in 0..=listen::BACKLOG {
            match listener.accept() {
                Ok((stream, _)) => self.newcomer(stream),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                // One that has gone already, or a want of files: the next one.
                Err(_) => {}
            }
        }
    }

    pub(super) fn go_on_draining(&mut self, now_ms: u64) {
        let Some(drain) = &mut self.drain else { return };
        let Some(mut tour) = drain.tour.take() else {
            return;
        };
        self.move_on(&mut tour, now_ms);
        let over = tour.left_ms(now_ms) == 0;
        if let Some(drain) = &mut self.drain {
            drain.tour = Some(tour).filter(|_| !over);
            drain.closed |= over;
        }
        if over {
            for key in 0..self.conns.capacity() {
                self.close(key, CloseCode::Restart);
            }
        }
    }

    pub(super) fn is_over(&self) -> bool {
        self.drain.as_ref().is_some_and(|drain| {
            let since_ms = self.node.clock.now_ms() - drain.begun_ms;
            let empty = self.conns.is_empty() && self.lobby.is_empty() && self.parting.is_empty();
            empty || drain.closed && since_ms >= drain.grace_ms + LAST_MS
        })
    }
}
