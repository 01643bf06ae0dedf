//! From the shard's position to being let in, and being put out again.

use std::collections::BTreeSet;

use tidegate_protocol::CloseCode;
use tidegate_protocol::frames::ErrorCode;
use tidegate_stream::{Cursor, Region, RoomId, Shard, StreamId};

use crate::hub::{Action, Hub, Times};
use crate::limits::{CHECKED, KICK_MS};
use crate::message::Order;
use crate::room::NOBODY;
use crate::subscription::{Named, Phase, Stage};

impl Hub {
    /// The shard is tailed from these positions on.
    pub fn opened(&mut self, shard: Shard, positions: Cursor) {
        let Some(state) = self.shards.get_mut(&shard).filter(|state| !state.open) else {
            return;
        };
        state.open = true;
        state.positions = positions.clone();
        for key in state.rooms.clone() {
            let room = &mut self.rooms[key as usize];
            room.ring.begin_at(positions.clone());
            for sub in room.list.clone() {
                if sub != NOBODY {
                    self.ask_access(sub);
                }
            }
        }
    }

    /// The shard cannot be tailed now: whoever waits for it may try again. `!all`, which nobody asks for, waits on.
    pub fn not_opened(&mut self, shard: Shard) {
        let Some(state) = self.shards.get(&shard).filter(|state| !state.open) else {
            return;
        };
        for key in state.rooms.clone() {
            let room = &self.rooms[key as usize];
            if room.id == RoomId::all() {
                continue;
            }
            for sub in room.list.clone() {
                if sub != NOBODY {
                    self.end_key(sub, ErrorCode::TryAgain);
                }
            }
        }
        if self
            .shards
            .get(&shard)
            .is_some_and(|state| state.rooms.is_empty())
        {
            self.shards.remove(&shard);
        }
    }

    /// Asks again for shards that are not tailed yet, and for history that was not all there. For the shell to call each
    /// second.
    pub fn ask_again(&mut self) {
        self.read_again();
        let waiting = self.shards.iter().filter(|(_, state)| !state.open);
        self.actions
            .extend(waiting.map(|(&shard, _)| Action::OpenShard(shard)));
    }

    /// An origin is tailed from now on, in a shard that was open before. What it wrote up to `position` is a hole.
    pub fn origin_opened(&mut self, shard: Shard, origin: &Region, position: StreamId) {
        let known = self
            .shards
            .get(&shard)
            .filter(|state| state.open)
            .map(|state| state.positions.get(origin));
        if known.is_some_and(|known| known < position) {
            self.hole(shard, origin, position);
        }
    }

    pub(crate) fn ask_access(&mut self, key: u32) {
        let reference = self.sub_ref(key);
        let sub = &mut self.subs[key as usize];
        let Phase::Opening(opening) = &mut sub.phase else {
            return;
        };
        opening.stage = Stage::Access;
        let room = &self.rooms[sub.room as usize];
        self.actions.push_back(Action::Join {
            sub: reference,
            viewer: sub.viewer,
            room: room.id.clone(),
            who: sub.who.who(),
            tally: !room.tallied,
        });
    }

    /// Obeys what an entry says beside being a message.
    pub(crate) fn obey(&mut self, key: u32, order: &Order, times: Times) {
        match order {
            Order::Ban(user) => {
                let room = &self.rooms[key as usize];
                if !self.matching(key, user).is_empty() {
                    self.actions.push_back(Action::CheckBan {
                        room: room.id.clone(),
                        user: user.clone(),
                    });
                }
            }
            Order::Kick { user, at_ms } => {
                if times.clock_ms <= at_ms + KICK_MS {
                    for sub in self.matching(key, user) {
                        self.end_key(sub, ErrorCode::Kicked);
                    }
                }
            }
            Order::Disconnect(user) => self.disconnect(user),
            Order::Budget => {
                let room = self.rooms[key as usize].id.clone();
                self.actions.push_back(Action::CheckState { room });
            }
            Order::Close => {
                self.rooms[key as usize].closed = true;
                self.schedule(key, times.now_ms);
            }
        }
    }

    /// Has bans and state of a room looked up, after entries that may have changed them were missed.
    pub(crate) fn check_again(&mut self, key: u32) {
        let room = &self.rooms[key as usize];
        let id = room.id.clone();
        let everywhere = id == RoomId::all();
        let mut users = BTreeSet::new();
        let mut add = |who: &Named| {
            users.extend(
                Some(who.subject())
                    .filter(|user| !user.is_empty())
                    .map(str::to_owned),
            );
            // A token is revoked everywhere at once.
            users.extend(who.token().filter(|_| everywhere).map(str::to_owned));
        };
        if everywhere {
            self.subs.iter().for_each(|(_, sub)| add(&sub.who));
        } else {
            let here = room.list.iter().filter(|&&sub| sub != NOBODY);
            here.for_each(|&sub| add(&self.subs[sub as usize].who));
            self.actions
                .push_back(Action::CheckState { room: id.clone() });
        }
        let users: Vec<String> = users.into_iter().collect();
        for some in users.chunks(CHECKED) {
            self.actions.push_back(Action::CheckBans {
                room: id.clone(),
                users: some.to_vec(),
            });
        }
    }

    /// The room's chat budget, as its settings say now: none if they say nothing, 0 if there is to be none. Unless it is
    /// `asked` for, because it may have changed, it counts only when none is known yet: it may have been read before that.
    pub fn budget(&mut self, room: &RoomId, budget: Option<u64>, asked: bool) {
        let limit = self.limits.chat_budget;
        if let Some(&key) = self.by_name.get(room) {
            let known = &mut self.rooms[key as usize].budget;
            known.set(budget.unwrap_or(limit), asked);
        }
    }

    /// The room is not open any more: its subscriptions end when what it has was served.
    pub fn closed(&mut self, room: &RoomId, now_ms: u64) {
        if let Some(&key) = self.by_name.get(room) {
            self.rooms[key as usize].closed = true;
            self.schedule(key, now_ms);
        }
    }

    /// A ban of `user` in `room` holds now.
    pub fn banned(&mut self, room: &RoomId, user: &str) {
        if *room == RoomId::all() {
            self.disconnect(user);
        } else if let Some(&key) = self.by_name.get(room) {
            for sub in self.matching(key, user) {
                self.end_key(sub, ErrorCode::Banned);
            }
        }
    }

    fn disconnect(&mut self, user: &str) {
        let mut viewers: Vec<_> = self
            .subs
            .iter()
            .filter(|(_, sub)| sub.who.is(user))
            .map(|(_, sub)| sub.viewer)
            .collect();
        viewers.dedup();
        for viewer in viewers {
            self.actions.push_back(Action::Close {
                viewer,
                code: CloseCode::Disconnected,
            });
        }
    }

    /// Subscriptions of `user` in a room; in `!all`, which has no subjects, of all rooms.
    fn matching(&self, key: u32, user: &str) -> Vec<u32> {
        let room = &self.rooms[key as usize];
        if room.id == RoomId::all() {
            return self
                .subs
                .iter()
                .filter(|(_, sub)| sub.who.is(user))
                .map(|(key, _)| key as u32)
                .collect();
        }
        room.list
            .iter()
            .copied()
            .filter(|&sub| sub != NOBODY && self.subs[sub as usize].who.is(user))
            .collect()
    }
}
