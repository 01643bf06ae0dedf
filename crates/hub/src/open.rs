//! From being let in to being level: replay and hand-over (link, section 4).

use tidegate_protocol::CloseCode;
use tidegate_protocol::frames::{Counters, ErrorCode, LeftOut};
use tidegate_stream::Cursor;
use tidegate_stream::cursor::COMPONENTS;

use crate::feed::{Fed, feed, served};
use crate::hub::{Action, Hub, Offered, Reader, Sink, Times};
use crate::limits::BEHIND_READS;
use crate::replay::{OriginPage, Replay};
use crate::room::texts;
use crate::subscription::{Opening, Phase, Stage, SubRef};
use crate::tally::Tally;

impl Hub {
    /// Room and bans allow it. `tally` are the room's counters, if they were asked for.
    pub fn admit<S: Sink>(
        &mut self,
        sub: SubRef,
        tally: Option<Tally>,
        times: Times,
        sink: &mut S,
    ) {
        if !self.is_alive(sub) {
            return;
        }
        let known = &mut self.subs[sub.key as usize];
        let key = known.room;
        let room = &mut self.rooms[key as usize];
        if let Some(tally) = tally {
            room.tally.merge(tally);
            if !room.tallied {
                room.tallied = true;
                room.shown = room.tally.totals(times.clock_ms);
            }
        }
        if room.closed {
            return self.end_key(sub.key, ErrorCode::RoomClosed);
        }
        let Phase::Opening(opening) = &mut known.phase else {
            return;
        };
        // The position is noted before history is read: what the tail reads from now on waits in the ring.
        let mark = room.level(&self.shards[&room.shard].positions).clone();
        let cursor = opening.cursor.take();
        let cursor = cursor.map(|cursor| self.departed.complete(cursor, &mark));
        if let Some(cursor) = &cursor
            && (cursor.check_ahead(&mark, times.clock_ms).is_err() || !fits(cursor, &mark))
        {
            return self.actions.push_back(Action::Close {
                viewer: known.viewer,
                code: CloseCode::BadCursor,
            });
        }
        let replay = Replay::new(cursor.unwrap_or_else(|| mark.clone()), &mark);
        opening.stage = Stage::Replay {
            replay,
            start: room.ring.end(),
            stalled: false,
            behind: 0,
        };
        room.viewers += 1;
        self.count_changed(key);
        self.go_on(sub.key, times, sink);
    }

    /// Reads the next page, or hands over to live.
    fn go_on<S: Sink>(&mut self, key: u32, times: Times, sink: &mut S) {
        let reference = self.sub_ref(key);
        let sub = &mut self.subs[key as usize];
        let Phase::Opening(opening) = &mut sub.phase else {
            return;
        };
        let Stage::Replay {
            replay,
            start,
            stalled,
            ..
        } = &mut opening.stage
        else {
            return;
        };
        *stalled = false;
        let room = &mut self.rooms[sub.room as usize];
        if replay.is_done() && *start < room.ring.first() {
            // The ring has moved on meanwhile: again, from what was sent.
            let mark = room.level(&self.shards[&room.shard].positions).clone();
            *replay = Replay::new(replay.reached().clone(), &mark);
            *start = room.ring.end();
        }
        if !replay.is_done() {
            if opening.owes_answer {
                self.stats.replays += 1;
            }
            let action = Action::Read {
                reader: Reader::Viewer(reference),
                room: room.id.clone(),
                after: replay.request(),
            };
            return self.actions.push_back(action);
        }
        let position = replay.reached().clone();
        if opening.owes_answer {
            let counters = self.totals(key, times);
            let sub = &mut self.subs[key as usize];
            let room = &self.rooms[sub.room as usize];
            let nothing = std::iter::empty();
            let frame = room.encoder.batch(
                sub.encoding,
                &room.id,
                &position,
                Some(counters),
                LeftOut::NONE,
                nothing,
            );
            if !self.offer(key, &frame, sink) {
                return;
            }
        }
        self.hand_over(key, position, sink);
    }

    /// Live from the mark on. Whoever is ahead of it in a component gets frames of its own until the node is there.
    fn hand_over<S: Sink>(&mut self, key: u32, reached: Cursor, sink: &mut S) {
        let sub = &mut self.subs[key as usize];
        let start = match &sub.phase {
            Phase::Opening(opening) => match opening.stage {
                Stage::Replay { start, .. } => start,
                Stage::Shard | Stage::Access => return,
            },
            Phase::Live | Phase::Ahead(_) => return,
        };
        let room = &mut self.rooms[sub.room as usize];
        let shard = &self.shards[&room.shard].positions;
        sub.phase = Phase::Ahead(Box::new(reached));
        served(room, sub, start, shard);
        self.feed_now(key, sink);
    }

    /// What was found for a returning viewer.
    pub fn page<S: Sink>(
        &mut self,
        reference: SubRef,
        pages: Vec<OriginPage>,
        times: Times,
        sink: &mut S,
    ) {
        if !self.is_alive(reference) {
            return;
        }
        let key = reference.key;
        let Some((mut replay, owes_answer)) = self.replay_of(key) else {
            return;
        };
        let behind = replay.is_behind(&pages);
        if behind && self.reads_again(key) {
            return self.behind.push(Reader::Viewer(reference));
        }
        let Some(mut step) = replay.take(pages) else {
            return self.end_key(key, ErrorCode::TryAgain);
        };
        step.reset |= behind;
        let counters = self.totals(key, times);
        let sub = &self.subs[key as usize];
        let room = &self.rooms[sub.room as usize];
        if step.reset {
            self.stats.resets += 1;
            let shard = &self.shards[&room.shard].positions;
            let mut position = room.level(shard).clone();
            position.merge(replay.reached());
            let frame = room
                .encoder
                .reset(sub.encoding, &room.id, &position, counters);
            let end = room.ring.end();
            if self.offer(key, &frame, sink) {
                self.set_replay(key, Replay::new(position.clone(), &position), Some(end));
                self.hand_over(key, position, sink);
            }
            return;
        }
        let all = step.messages.iter().map(|message| &**message);
        let all = all.filter(|message| message.text.is_some());
        if owes_answer || step.chat_gap || all.clone().next().is_some() {
            // A room over its budget is so for those who come back to it, too.
            let level = room.budget.known_level();
            let dropped = all.clone().filter(|message| message.level < level);
            let dropped = dropped.count() as u64;
            let left_out = if step.chat_gap {
                LeftOut::Unknown
            } else {
                LeftOut::Count(dropped)
            };
            let frame = room.encoder.batch(
                sub.encoding,
                &room.id,
                replay.reached(),
                owes_answer.then_some(counters),
                left_out,
                texts(all.filter(|message| message.level >= level)),
            );
            if !self.offer(key, &frame, sink) {
                return;
            }
            self.stats.left_out += dropped;
        }
        self.set_replay(key, replay, None);
        if !self.is_stalled(key) {
            self.go_on(key, times, sink);
        }
    }

    /// A read for a returning viewer failed.
    pub fn read_failed(&mut self, sub: SubRef) {
        self.end(sub, ErrorCode::TryAgain);
    }

    /// The viewer's connection can be written again.
    pub fn resume<S: Sink>(&mut self, sub: SubRef, times: Times, sink: &mut S) {
        if !self.is_alive(sub) {
            return;
        }
        self.subs[sub.key as usize].strain.unblock();
        match &self.subs[sub.key as usize].phase {
            Phase::Opening(_) if self.is_stalled(sub.key) => self.go_on(sub.key, times, sink),
            Phase::Opening(_) => {}
            Phase::Live | Phase::Ahead(_) => self.feed_now(sub.key, sink),
        }
    }

    /// Feeds a viewer up to where the room's flushes are, so that it stands where the next one starts.
    fn feed_now<S: Sink>(&mut self, key: u32, sink: &mut S) {
        let sub = &mut self.subs[key as usize];
        let room = &mut self.rooms[sub.room as usize];
        let shard = &self.shards[&room.shard].positions;
        let to = room.serving_to();
        let counters = sub.stale.then_some(room.shown);
        if feed(room, sub, shard, to, counters, sink, &mut self.stats) == Fed::TooSlow {
            self.too_slow(key);
        }
    }

    pub(crate) fn too_slow(&mut self, key: u32) {
        self.stats.too_slow += 1;
        self.actions.push_back(Action::Close {
            viewer: self.subs[key as usize].viewer,
            code: CloseCode::TooSlow,
        });
    }

    /// Offers a frame of a replay; `false` if it was not taken, and the replay waits.
    fn offer<S: Sink>(&mut self, key: u32, frame: &crate::encode::Frame, sink: &mut S) -> bool {
        let sub = &mut self.subs[key as usize];
        let offered = sink.offer(sub.viewer, frame);
        let taken = matches!(offered, Offered::Sent | Offered::Kept);
        self.stats.deliveries += u64::from(taken);
        self.stats.own_frames += u64::from(taken);
        self.stats.refused += u64::from(offered == Offered::Refused);
        if let Phase::Opening(opening) = &mut sub.phase {
            opening.owes_answer &= !taken;
            if let Stage::Replay { stalled, .. } = &mut opening.stage {
                *stalled = offered != Offered::Sent;
            }
        }
        taken
    }

    fn totals(&mut self, key: u32, times: Times) -> Counters {
        let room = &mut self.rooms[self.subs[key as usize].room as usize];
        room.tally.totals(times.clock_ms)
    }

    fn opening_of(&self, key: u32) -> Option<&Opening> {
        match &self.subs[key as usize].phase {
            Phase::Opening(opening) => Some(opening),
            Phase::Live | Phase::Ahead(_) => None,
        }
    }

    fn replay_of(&self, key: u32) -> Option<(Replay, bool)> {
        let opening = self.opening_of(key)?;
        match &opening.stage {
            Stage::Replay { replay, .. } => Some((replay.clone(), opening.owes_answer)),
            Stage::Shard | Stage::Access => None,
        }
    }

    fn set_replay(&mut self, key: u32, new: Replay, new_start: Option<u64>) {
        if let Phase::Opening(opening) = &mut self.subs[key as usize].phase
            && let Stage::Replay { replay, start, .. } = &mut opening.stage
        {
            *replay = new;
            *start = new_start.unwrap_or(*start);
        }
    }

    /// Counts that history was not all there; whether it is worth another read.
    fn reads_again(&mut self, key: u32) -> bool {
        if let Phase::Opening(opening) = &mut self.subs[key as usize].phase
            && let Stage::Replay { behind, .. } = &mut opening.stage
        {
            *behind += 1;
            return *behind <= BEHIND_READS;
        }
        false
    }

    /// Reads again what was not all there.
    pub(crate) fn read_again(&mut self) {
        for reader in std::mem::take(&mut self.behind) {
            match reader {
                Reader::Viewer(sub) if self.is_alive(sub) => {
                    let Some((replay, _)) = self.replay_of(sub.key) else {
                        continue;
                    };
                    let room = self.subs[sub.key as usize].room;
                    self.actions.push_back(Action::Read {
                        reader,
                        room: self.rooms[room as usize].id.clone(),
                        after: replay.request(),
                    });
                }
                Reader::Room(room) if self.room_waits(room) => self.read_room(room.key),
                Reader::Viewer(_) | Reader::Room(_) => {}
            }
        }
    }

    fn is_stalled(&self, key: u32) -> bool {
        self.opening_of(key)
            .is_some_and(|opening| matches!(opening.stage, Stage::Replay { stalled: true, .. }))
    }
}

/// Whether the cursors that this viewer will be given are ones that it may give back.
fn fits(cursor: &Cursor, mark: &Cursor) -> bool {
    let mut both = cursor.clone();
    both.merge(mark);
    both.iter().count() <= COMPONENTS
}

#[cfg(test)]
mod tests {
    use tidegate_stream::{RoomId, ShardCount};

    use super::*;
    use crate::testing::{Taker, cursor, entry, page};
    use crate::{Encoding, HubLimits, Subscribe, Who};

    #[test]
    fn a_replay_that_the_ring_overtakes_starts_again_from_what_was_sent() {
        let mut hub = Hub::new(HubLimits {
            ring_bytes: 1_000,
            tick_ceiling_ms: 0,
            chat_budget: 0,
        });
        let room: RoomId = "room".parse().unwrap();
        let shard = ShardCount::default().of(&room);
        let (times, mut taker) = (Times::default(), Taker::default());
        let sub = hub.subscribe(Subscribe {
            viewer: 0,
            room,
            shard,
            who: Who {
                subject: None,
                token: None,
            },
            encoding: Encoding::Sse,
            cursor: Some(cursor(&[("eu", 1)])),
            expires_ms: u64::MAX,
            answered: true,
        });
        assert_eq!(hub.next_action(), Some(Action::OpenShard(shard)));
        hub.opened(shard, cursor(&[("eu", 2)]));
        assert!(matches!(hub.next_action(), Some(Action::Join { .. })));
        hub.admit(sub, None, times, &mut taker);
        assert!(matches!(hub.next_action(), Some(Action::Read { .. })));
        // While history is read, far more comes than the ring holds.
        let origin = "eu".parse().unwrap();
        let live: Vec<_> = (3..=60).map(|ms| entry(ms, ms - 1)).collect();
        for some in live.chunks(4) {
            hub.take(shard, &origin, some, times);
            hub.slice(times, &mut taker);
        }
        hub.page(sub, vec![page("eu", false, &[2, 3, 4])], times, &mut taker);
        let Some(Action::Read { after, .. }) = hub.next_action() else {
            panic!("it reads on");
        };
        assert_eq!(after[0].1.ms, 2);
        let missed: Vec<u64> = (3..=60).collect();
        hub.page(sub, vec![page("eu", false, &missed)], times, &mut taker);
        hub.take(shard, &origin, &[entry(61, 60)], times);
        hub.slice(times, &mut taker);
        assert_eq!(hub.next_action(), None);
        let text: String = taker
            .0
            .iter()
            .map(|frame| String::from_utf8_lossy(frame).into_owned())
            .collect();
        let ids: Vec<u64> = text
            .match_indices("\"id\":\"eu-")
            .map(|(at, head)| {
                text[at + head.len()..]
                    .split('-')
                    .next()
                    .unwrap()
                    .parse()
                    .unwrap()
            })
            .collect();
        assert_eq!(ids, (2..=61).collect::<Vec<_>>());
    }
}
