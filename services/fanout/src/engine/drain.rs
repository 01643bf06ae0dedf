//! Sending the viewers away, spread over the grace period, and the end of a core.

use tidegate_protocol::frames;
use tidegate_protocol::sse::{self, EventName};
use tidegate_protocol::{CloseCode, ws};

use super::conn::Kind;
use super::core::Core;

/// How long viewers have to leave after the grace period, ms.
const LAST_MS: u64 = 1_000;

pub(super) struct Drain {
    begun_ms: u64,
    grace_ms: u64,
    /// The next connection to be told.
    next: u32,
    closed: bool,
}

impl Core {
    /// No more viewers; those who are here are told one after the other.
    pub(super) fn begin_drain(&mut self, grace_ms: u64) {
        if self.drain.is_some() {
            return;
        }
        self.listener = None;
        let begun_ms = self.node.clock.now_ms();
        self.drain = Some(Drain {
            begun_ms,
            grace_ms,
            next: 0,
            closed: false,
        });
        self.go_on_draining(begun_ms);
    }

    pub(super) fn go_on_draining(&mut self, now_ms: u64) {
        let capacity = self.conns.capacity();
        let Some(drain) = &mut self.drain else { return };
        let since_ms = now_ms - drain.begun_ms;
        let left_ms = drain.grace_ms.saturating_sub(since_ms);
        let share = if left_ms == 0 {
            u64::from(capacity)
        } else {
            // One tick ahead, so that the first are told at once.
            (since_ms + super::tick::TICK_MS) * u64::from(capacity) / drain.grace_ms
        };
        let upto = share.min(u64::from(capacity)) as u32;
        let told = drain.next..upto.max(drain.next);
        drain.next = told.end;
        let close = left_ms == 0 && !drain.closed;
        drain.closed |= close;
        for key in told {
            self.say_move(key, left_ms);
        }
        if close {
            for key in 0..capacity {
                self.close(key, CloseCode::Restart);
            }
        }
    }

    fn say_move(&mut self, key: u32, within_ms: u64) {
        let mut frame = Vec::new();
        let write = |out: &mut Vec<u8>| frames::move_away(out, within_ms, &[]);
        match self.conns.get(key).map(|conn| &conn.kind) {
            Some(Kind::Socket { .. }) => ws::text_frame(&mut frame, write),
            Some(Kind::Events { started: true, .. }) => {
                sse::event(&mut frame, None, EventName::Move, write)
            }
            _ => return,
        }
        self.conns.answer(key, frame);
    }

    pub(super) fn is_over(&self) -> bool {
        self.drain.as_ref().is_some_and(|drain| {
            let since_ms = self.node.clock.now_ms() - drain.begun_ms;
            self.conns.is_empty() || drain.closed && since_ms >= drain.grace_ms + LAST_MS
        })
    }
}
