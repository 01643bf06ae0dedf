//! Reading on, sending, and what answers mean.

use tidegate_stream::StreamId;
use tidegate_stream::calls::{MOST_RELAYED, RelayAnswer, RelayEntry, RelayVerdict};

use super::{Effect, Phase, Refused, Sent, ShardRelay, Speed};
use crate::limits::{CALL_BYTES, FLIGHT_ENTRIES, SHORT_REPLY};

impl ShardRelay {
    /// Where to read on; none while nothing is to be read.
    pub fn wants(&self, now_ms: u64) -> Option<StreamId> {
        let ready = self.phase == Phase::Flowing
            && now_ms >= self.not_before_ms
            && self.queue.len() < FLIGHT_ENTRIES
            && !(self.hole_ahead && self.held_entries() > 0);
        ready.then_some(self.reached)
    }

    /// What was read after an id; `full` when there may be more.
    pub fn read(&mut self, after: StreamId, entries: Vec<RelayEntry>, full: bool) {
        // It was read for something that has been given up since.
        if self.phase != Phase::Flowing || after != self.reached {
            return;
        }
        self.change_speed(entries.len(), full);
        self.hole_ahead = false;
        for entry in entries {
            if entry.id() <= self.reached {
                continue;
            }
            if let Some(previous) = entry.previous().filter(|&id| id > self.reached) {
                if self.held_entries() > 0 {
                    self.hole_ahead = true;
                } else if self.checkpoint > self.reached {
                    // Somebody else got further.
                    self.flow();
                } else {
                    // All that was read is in the copy: what lies between is gone at the origin.
                    self.checkpoint = self.reached;
                    self.phase = Phase::Merging {
                        upto: Some(previous),
                        asked: false,
                    };
                }
                return;
            }
            self.reached = entry.id();
            self.queued_bytes += entry.bytes();
            self.queue.push_back(entry);
        }
    }

    fn change_speed(&mut self, count: usize, full: bool) {
        if full {
            self.speed = Speed::Bulk;
        } else if count < SHORT_REPLY {
            self.speed = Speed::Live;
        }
    }

    /// The next call's entries. Calls must be sent in this order, those of one speed on one connection.
    pub fn next_call(&mut self) -> Option<Vec<RelayEntry>> {
        if self.phase != Phase::Flowing || self.queue.is_empty() {
            return None;
        }
        if !self.flight.is_empty() {
            // On another connection they would overtake.
            let waits = self.flight_speed != self.speed;
            let in_flight: usize = self.flight.iter().map(|sent| sent.entries).sum();
            if waits || in_flight >= FLIGHT_ENTRIES {
                return None;
            }
        }
        self.flight_speed = self.speed;
        let mut call = Vec::with_capacity(MOST_RELAYED.min(self.queue.len()));
        let mut bytes = 0;
        while call.len() < MOST_RELAYED {
            let fits = |entry: &RelayEntry| call.is_empty() || bytes + entry.bytes() <= CALL_BYTES;
            if !self.queue.front().is_some_and(fits) {
                break;
            }
            let Some(entry) = self.queue.pop_front() else {
                break;
            };
            bytes += entry.bytes();
            call.push(entry);
        }
        self.queued_bytes -= bytes;
        self.flight.push_back(Sent {
            entries: call.len(),
            bytes,
            at_ms: call.last().map_or(0, RelayEntry::at_ms),
        });
        Some(call)
    }

    /// The oldest call on its way was answered.
    pub fn answered(
        &mut self,
        answer: Result<RelayAnswer, Refused>,
        now_ms: u64,
        random: u64,
    ) -> Effect {
        let Some(sent) = self.flight.pop_front() else {
            return Effect::default();
        };
        let mut effect = Effect::default();
        if let Ok(answer) = &answer {
            effect.appended = answer.appended;
        }
        match (self.phase, answer) {
            (Phase::Flowing, Ok(answer)) => {
                self.checkpoint = answer.last;
                match answer.verdict {
                    RelayVerdict::Taken => {
                        self.backoff.reset();
                        effect.reached_at_ms = Some(sent.at_ms);
                    }
                    RelayVerdict::Hole => self.settle(true),
                    RelayVerdict::Wait => {
                        self.settle(true);
                        self.not_before_ms = now_ms + self.backoff.fail(random);
                    }
                    RelayVerdict::Fenced => self.stand_by(),
                }
                effect.again = answer.verdict != RelayVerdict::Taken;
            }
            // Accepted after one that was not: by another relay's doing it may fit.
            (Phase::Settling { known: true }, Ok(answer)) => self.checkpoint = answer.last,
            (Phase::Flowing, Err(Refused::Failed)) => {
                self.settle(false);
                self.not_before_ms = now_ms + self.backoff.fail(random);
                effect.again = true;
            }
            (Phase::Settling { .. }, Err(Refused::Failed)) => {
                self.phase = Phase::Settling { known: false };
            }
            _ => {}
        }
        self.finish_settling();
        effect
    }

    fn settle(&mut self, known: bool) {
        self.drop_queue();
        self.phase = Phase::Settling { known };
    }

    fn finish_settling(&mut self) {
        if let Phase::Settling { known } = self.phase
            && self.flight.is_empty()
        {
            if known {
                self.flow();
            } else {
                self.phase = Phase::Unknown { asked: false };
            }
        }
    }
}
