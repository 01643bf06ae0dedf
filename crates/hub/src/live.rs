//! What the tail read.

use tidegate_stream::{Region, Shard, StreamId};

use crate::hub::{Hub, Times};
use crate::message::{LogEntry, Says};
use crate::ring::Item;

impl Hub {
    /// Takes entries of one shard's log from one origin, in order. A repeat is passed over; a hole has the rooms of the
    /// shard read their history.
    pub fn take(&mut self, shard: Shard, origin: &Region, entries: &[LogEntry], times: Times) {
        for entry in entries {
            let Some(state) = self.shards.get(&shard).filter(|state| state.open) else {
                return;
            };
            let at = state.positions.get(origin);
            if entry.id <= at {
                continue;
            }
            if entry.previous > at {
                self.hole(shard, origin, entry.previous);
            } else if entry.previous < at {
                self.stats.rewinds += 1;
            }
            self.step(shard, origin, entry.id);
            self.apply(shard, origin, entry, times);
        }
    }

    /// The tail has passed over everything up to `position` without handing it over.
    pub fn missed(&mut self, shard: Shard, origin: &Region, position: StreamId) {
        self.origin_opened(shard, origin, position);
    }

    fn step(&mut self, shard: Shard, origin: &Region, id: StreamId) {
        if let Some(state) = self.shards.get_mut(&shard) {
            state.positions.set(origin.clone(), id);
        }
    }

    fn apply(&mut self, shard: Shard, origin: &Region, entry: &LogEntry, times: Times) {
        let room = entry
            .room
            .as_ref()
            .and_then(|room| self.by_name.get(room))
            .copied();
        match (&entry.says, room) {
            (Says::Message(message), Some(room)) => {
                if message.text.is_some() {
                    self.append(room, Item::Message(message.clone()), times.now_ms);
                }
                if let Some(order) = &message.order {
                    self.obey(room, order, times);
                }
            }
            (Says::Likes(total), Some(key)) => {
                let room = &mut self.rooms[key as usize];
                room.tally.likes(origin, *total);
                self.schedule_counters(key, times);
            }
            (Says::Presence { node, at_ms, rooms }, _) => {
                for (id, viewers) in rooms {
                    if let Some(&key) = self.by_name.get(id) {
                        let room = &mut self.rooms[key as usize];
                        room.tally.presence(origin, node, *viewers, *at_ms);
                        self.schedule_counters(key, times);
                    }
                }
            }
            (Says::Gap, _) => self.gap(shard, origin, entry.id, times.now_ms),
            (Says::Message(_) | Says::Likes(_), None) | (Says::Unknown, _) => {}
        }
    }

    /// Appends to a room, or to what waits while its history is read.
    pub(crate) fn append(&mut self, key: u32, item: Item, now_ms: u64) {
        let room = &mut self.rooms[key as usize];
        if let Item::Message(message) = &item {
            room.budget.came(message.level, now_ms);
        }
        if room.mend.is_some() {
            self.wait(key, item);
            return;
        }
        room.push(item);
        let due_ms = room.pace.due_ms(now_ms);
        self.schedule(key, due_ms);
    }

    /// A relay could not copy everything of `origin` up to `lost`: whoever stands below it is told, and what a missed entry
    /// may have said of bans and rooms is looked up.
    fn gap(&mut self, shard: Shard, origin: &Region, lost: StreamId, now_ms: u64) {
        let Some(state) = self.shards.get(&shard) else {
            return;
        };
        self.stats.gaps += 1;
        let position = state.positions.clone();
        for key in state.rooms.clone() {
            self.stats.resets += 1;
            let item = Item::Reset {
                position: position.clone(),
                lost: std::iter::once((origin.clone(), lost)).collect(),
            };
            self.append(key, item, now_ms);
            self.check_again(key);
        }
    }
}
