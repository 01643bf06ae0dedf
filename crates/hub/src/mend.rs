//! Holes: what the tail missed is read from the rooms' histories, once a room, and goes through its ring.

use std::collections::VecDeque;

use tidegate_stream::{Cursor, Region, Shard, StreamId};

use crate::hub::{Action, Hub, Reader, RoomRef, Times};
use crate::limits::BEHIND_READS;
use crate::message::Order;
use crate::replay::{OriginPage, Replay, Step};
use crate::ring::Item;
use crate::room::Mend;

impl Hub {
    /// The tail of `origin` went on from `to`, and what lies before was not seen.
    pub(crate) fn hole(&mut self, shard: Shard, origin: &Region, to: StreamId) {
        let Some(state) = self.shards.get_mut(&shard) else {
            return;
        };
        self.stats.holes += 1;
        let before = state.positions.clone();
        state.positions.set(origin.clone(), to);
        for key in state.rooms.clone() {
            let from = self.rooms[key as usize].level(&before).clone();
            self.begin_mend(key, from);
        }
    }

    /// Reads a room's history from `from` to where the shard stands now.
    fn begin_mend(&mut self, key: u32, from: Cursor) {
        let generation = self.next_generation();
        let room = &mut self.rooms[key as usize];
        let mark = self.shards[&room.shard].positions.clone();
        room.mend = Some(Mend {
            replay: Replay::new(from, &mark),
            mark,
            generation,
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            rests: false,
            behind: 0,
        });
        self.read_room(key);
    }

    pub(crate) fn read_room(&mut self, key: u32) {
        let room = &mut self.rooms[key as usize];
        if let Some(mend) = &mut room.mend {
            mend.rests = false;
            self.actions.push_back(Action::Read {
                reader: Reader::Room(RoomRef {
                    key,
                    generation: mend.generation,
                }),
                room: room.id.clone(),
                after: mend.replay.request(),
            });
        }
    }

    /// What arrives while history is read waits, up to a ring's bytes; then it is read from history too.
    pub(crate) fn wait(&mut self, key: u32, item: Item) {
        let room = &mut self.rooms[key as usize];
        let most_bytes = room.ring.most_bytes();
        let Some(mend) = &mut room.mend else { return };
        mend.waiting_bytes += item.bytes();
        mend.waiting.push_back(item);
        if mend.waiting_bytes > most_bytes {
            let from = mend.replay.reached().clone();
            self.begin_mend(key, from);
        }
    }

    /// Whether a room still waits for this read.
    pub fn room_waits(&self, room: RoomRef) -> bool {
        self.rooms
            .get(room.key as usize)
            .and_then(|known| known.mend.as_ref())
            .is_some_and(|mend| mend.generation == room.generation && !mend.rests)
    }

    /// What was found for a room.
    pub fn room_page(&mut self, reference: RoomRef, pages: Vec<OriginPage>, times: Times) {
        if !self.room_waits(reference) {
            return;
        }
        let key = reference.key;
        let room = &mut self.rooms[key as usize];
        let Some(mend) = &mut room.mend else { return };
        let behind = mend.replay.is_behind(&pages);
        if behind && mend.behind < BEHIND_READS {
            mend.behind += 1;
            return self.behind.push(Reader::Room(reference));
        }
        // History that does not go on is as good as none.
        let mut step = mend.replay.take(pages).unwrap_or(Step {
            reset: true,
            ..Step::default()
        });
        step.reset |= behind;
        let mut orders = Vec::new();
        let mut items = Vec::new();
        if step.reset {
            self.stats.resets += 1;
            items.push(Item::Reset {
                position: mend.mark.clone(),
                // What was read of the other origins goes with it.
                lost: mend.mark.clone(),
            });
        } else {
            if step.chat_gap {
                items.push(Item::ChatGap);
            }
            for message in step.messages {
                // A kick is for those who were here then: live tails alone obey it.
                let order = message.order.clone();
                orders.extend(order.filter(|order| !matches!(order, Order::Kick { .. })));
                if message.text.is_some() {
                    items.push(Item::Message(message));
                }
            }
            if step.chat_gap {
                items.push(Item::Level(mend.replay.reached().clone()));
            }
        }
        if step.reset || mend.replay.is_done() {
            items.extend(mend.waiting.drain(..));
            room.mend = None;
        } else {
            mend.rests = true;
        }
        for item in items {
            room.push(item);
        }
        let generation = room.generation;
        self.schedule(key, times.now_ms);
        if step.reset {
            // What was missed may have been bans, or the room's end.
            self.check_again(key);
        }
        for order in orders {
            // An order may have ended the room's last subscription, and the room with it.
            if self
                .rooms
                .get(key as usize)
                .is_some_and(|room| room.generation == generation)
            {
                self.obey(key, &order, times);
            }
        }
    }

    /// Goes on reading when what was read has been flushed, so that history does not push itself out of the ring.
    pub(crate) fn rested(&mut self, key: u32) {
        let room = &self.rooms[key as usize];
        let rests = room.mend.as_ref().is_some_and(|mend| mend.rests);
        if rests && room.flushed == room.ring.end() {
            self.read_room(key);
        }
    }
}
