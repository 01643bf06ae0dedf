//! Sending the viewers away, spread over the grace period, and the end of a core.

use tidegate_protocol::CloseCode;
use tidegate_room::places::Turns;

use super::core::Core;
use super::tour::Tour;

/// How long viewers have to leave after the grace period, ms.
const LAST_MS: u64 = 1_000;

pub(super) struct Drain {
    begun_ms: u64,
    grace_ms: u64,
    tour: Option<Tour>,
    closed: bool,
}

impl Core {
    /// No more viewers; those who are here are told one after the other.
    pub(super) fn begin_drain(&mut self, grace_ms: u64, turns: Turns) {
        if self.drain.is_some() {
            return;
        }
        self.listener = None;
        for _ in self.lobby.drain(..) {
            self.node.give_place();
        }
        let begun_ms = self.node.clock.now_ms();
        self.tours = super::tour::Tours::default();
        self.drain = Some(Drain {
            begun_ms,
            grace_ms,
            tour: Some(Tour::new(begun_ms, grace_ms, turns)),
            closed: false,
        });
        self.go_on_draining(begun_ms);
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
            self.conns.is_empty() || drain.closed && since_ms >= drain.grace_ms + LAST_MS
        })
    }
}
