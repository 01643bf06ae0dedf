//! Flushes: what is new in a room goes to those who stand at its start, in slices.

use tidegate_protocol::frames::ErrorCode;
use tidegate_stream::Cursor;

use crate::feed::{Fed, feed, served};
use crate::frames::Frames;
use crate::hub::{Hub, Offered, Sink, Times};
use crate::limits::{FRAME_BYTES, SLICE};
use crate::room::{Flush, NOBODY};
use crate::subscription::Phase;

enum Visit {
    Served,
    TooSlow,
    Ended,
}

impl Hub {
    /// When the next flush may begin, ms; none if nothing waits.
    pub fn next_due_ms(&self) -> Option<u64> {
        self.due.first().map(|&(due_ms, _)| due_ms)
    }

    /// Whether flushes are under way, or due.
    pub fn has_work(&self, now_ms: u64) -> bool {
        !self.flushing.is_empty() || self.next_due_ms().is_some_and(|due_ms| due_ms <= now_ms)
    }

    /// Looks for counters that have changed by themselves, as when a node's count has lapsed. For the shell to call every
    /// few seconds.
    pub fn check_counters(&mut self, times: Times) {
        let changed: Vec<u32> = self
            .rooms
            .iter_mut()
            .filter_map(|(key, room)| {
                let totals = room.tally.totals(times.clock_ms);
                (totals != room.shown).then_some(key as u32)
            })
            .collect();
        for key in changed {
            self.schedule(key, times.now_ms);
        }
    }

    /// Has counters that are not what viewers were told last said in time.
    pub(crate) fn schedule_counters(&mut self, key: u32, times: Times) {
        let room = &mut self.rooms[key as usize];
        let totals = room.tally.totals(times.clock_ms);
        if totals != room.shown {
            let due_ms = times.now_ms.max(room.counters_due_ms(totals));
            self.schedule(key, due_ms);
        }
    }

    /// Begins what is due, and serves one slice of one room's viewers. Rooms take turns.
    pub fn slice<S: Sink>(&mut self, times: Times, sink: &mut S) {
        while let Some(&(due_ms, key)) = self.due.first() {
            if due_ms > times.now_ms {
                break;
            }
            self.due.pop_first();
            self.rooms[key as usize].due_ms = None;
            if self.begin(key, times) {
                self.flushing.push_back(key);
            }
        }
        let Some(key) = self.flushing.pop_front() else {
            return;
        };
        if self.serve(key, sink) {
            self.finish(key, times);
        } else {
            self.flushing.push_back(key);
        }
    }

    /// `false`: there is nothing to say.
    fn begin(&mut self, key: u32, times: Times) -> bool {
        let room = &mut self.rooms[key as usize];
        let subs = &mut self.subs;
        room.compact(|sub, at| subs[sub as usize].at = at);
        let from = room.flushed.max(room.ring.first());
        let cut = room.ring.cut(from, room.ring.end(), FRAME_BYTES);
        let items = cut.to - cut.from;
        let totals = room.tally.totals(times.clock_ms);
        let due_ms = room.counters_due_ms(totals);
        let fresh = totals != room.shown && (items > 0 || times.now_ms >= due_ms);
        if items == 0 && !fresh && !room.closed {
            if totals != room.shown {
                self.schedule(key, due_ms);
            }
            return false;
        }
        if fresh {
            room.shown = totals;
            room.shown_ms = times.now_ms;
        }
        room.pace.begins(times.now_ms, items);
        self.stats.flushes += 1;
        room.flush = Some(Flush {
            cut,
            counters: fresh.then_some(totals),
            level: room.budget.level(times.now_ms),
            frames: Frames::default(),
            next: 0,
            len: room.list.len(),
        });
        true
    }

    /// Serves one slice; whether it was the last.
    fn serve<S: Sink>(&mut self, key: u32, sink: &mut S) -> bool {
        let room = &mut self.rooms[key as usize];
        let positions: Cursor = self.shards[&room.shard].positions.clone();
        let Some(flush) = &mut room.flush else {
            return true;
        };
        let first = flush.next;
        let stop = flush.len.min(first + SLICE);
        flush.next = stop;
        let done = stop == flush.len;
        for at in first..stop {
            let sub = self.rooms[key as usize].list[at];
            if sub == NOBODY {
                continue;
            }
            match self.visit(key, sub, &positions, sink) {
                Visit::Served => {}
                Visit::TooSlow => self.too_slow(sub),
                Visit::Ended => self.end_key(sub, ErrorCode::RoomClosed),
            }
        }
        done
    }

    fn visit<S: Sink>(&mut self, key: u32, sub: u32, positions: &Cursor, sink: &mut S) -> Visit {
        let room = &mut self.rooms[key as usize];
        let sub = &mut self.subs[sub as usize];
        let Some(flush) = &room.flush else {
            return Visit::Served;
        };
        let (cut, counters) = (flush.cut, flush.counters);
        let nothing = cut.from == cut.to && counters.is_none();
        // A burst may have evicted what was not served yet, since the flush began. A frame that was made before has it.
        let level = flush.level.max(sub.strain.level());
        let made = flush.frames.get(sub.encoding, level);
        let whole = made.is_some() || cut.from >= room.ring.first();
        let fed = match sub.phase {
            Phase::Opening(_) => Fed::Level,
            Phase::Live if sub.served == cut.from && whole && !nothing => {
                let made = match made {
                    Some(made) => made.clone(),
                    None => {
                        let made = room.frame(cut, sub.encoding, level, positions, counters);
                        if let Some(flush) = &mut room.flush {
                            flush.frames.put(sub.encoding, level, made.clone());
                        }
                        made
                    }
                };
                match sink.offer(sub.viewer, &made.frame) {
                    offered @ (Offered::Sent | Offered::Kept) => {
                        self.stats.deliveries += 1;
                        self.stats.left_out += made.left_out;
                        served(room, sub, cut.to, positions);
                        if offered == Offered::Kept {
                            self.stats.blocked += 1;
                            sub.strain.block(level);
                        }
                    }
                    Offered::Refused => {
                        self.stats.refused += 1;
                        sub.strain.block(level);
                        sub.stale |= counters.is_some();
                    }
                    Offered::Gone => {}
                }
                Fed::Level
            }
            Phase::Live | Phase::Ahead(_) => feed(
                room,
                sub,
                positions,
                cut.to,
                counters,
                sink,
                &mut self.stats,
            ),
        };
        match fed {
            Fed::TooSlow => Visit::TooSlow,
            _ if room.closed && room.mend.is_none() && cut.to == room.ring.end() => Visit::Ended,
            _ => Visit::Served,
        }
    }

    fn finish(&mut self, key: u32, times: Times) {
        let room = &mut self.rooms[key as usize];
        if let Some(flush) = room.flush.take() {
            room.flushed = flush.cut.to;
        }
        if room.list.len() == room.gone {
            return self.drop_room(key);
        }
        if room.flushed < room.ring.end() {
            let due_ms = room.pace.due_ms(times.now_ms);
            self.schedule(key, due_ms);
        } else {
            self.schedule_counters(key, times);
        }
        self.rested(key);
    }
}
