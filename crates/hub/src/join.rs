//! Coming and going.

use tidegate_protocol::frames::ErrorCode;
use tidegate_stream::{Cursor, RoomId, Shard};

use crate::budget::Budget;
use crate::encode::Encoding;
use crate::hub::{Action, Hub, ShardState};
use crate::pace::Pace;
use crate::ring::Ring;
use crate::room::{NOBODY, Room};
use crate::strain::Strain;
use crate::subscription::{Lapse, Named, Opening, Phase, Stage, Sub, SubRef, ViewerKey, Who};

/// What a new subscription is.
#[derive(Debug, Clone)]
pub struct Subscribe {
    /// Whose.
    pub viewer: ViewerKey,
    /// Of which room.
    pub room: RoomId,
    /// In which shard that room lies.
    pub shard: Shard,
    /// In whose name.
    pub who: Who,
    /// How its frames are encoded.
    pub encoding: Encoding,
    /// Where to read on; none: live.
    pub cursor: Option<Cursor>,
    /// When the ticket lapses, ms, kept as a whole second; `u64::MAX` without one.
    pub expires_ms: u64,
    /// Whether it is owed a first frame, even an empty one.
    pub answered: bool,
}

impl Hub {
    /// Begins a subscription. It is answered by an [`Action::Join`], at once or when the shard is tailed.
    pub fn subscribe(&mut self, new: Subscribe) -> SubRef {
        let room_key = match self.by_name.get(&new.room) {
            Some(&key) => key,
            None => self.add_room(&new.room, new.shard),
        };
        let generation = self.next_generation();
        let room = &mut self.rooms[room_key as usize];
        let opening = Opening {
            cursor: new.cursor,
            owes_answer: new.answered,
            stage: Stage::Shard,
        };
        let key = self.subs.insert(Sub {
            viewer: new.viewer,
            room: room_key,
            at: room.list.len() as u32,
            generation,
            encoding: new.encoding,
            strain: Strain::default(),
            stale: false,
            served: 0,
            lapses: Lapse::at_ms(new.expires_ms),
            who: Named::new(&new.who),
            phase: Phase::Opening(Box::new(opening)),
        }) as u32;
        room.list.push(key);
        if self.shards[&new.shard].open {
            self.ask_access(key);
        }
        SubRef { key, generation }
    }

    fn add_room(&mut self, id: &RoomId, shard: Shard) -> u32 {
        let state = self.shards.entry(shard).or_insert_with(|| {
            self.actions.push_back(Action::OpenShard(shard));
            ShardState::default()
        });
        let ring = Ring::new(self.limits.ring_bytes, state.positions.clone());
        let pace = Pace::new(self.limits.tick_ceiling_ms);
        self.generation = self.generation.wrapping_add(1);
        let room = Room::new(
            id.clone(),
            shard,
            self.generation,
            ring,
            pace,
            Budget::new(self.limits.chat_budget),
            self.encoder.clone(),
        );
        let key = self.rooms.insert(room) as u32;
        state.rooms.insert(key);
        self.by_name.insert(id.clone(), key);
        key
    }

    /// Ends a subscription whose connection knows why. One that has ended already is passed over.
    pub fn leave(&mut self, sub: SubRef) {
        if self.is_alive(sub) {
            self.remove(sub.key);
        }
    }

    /// Ends a subscription and says so with an [`Action::Ended`].
    pub fn end(&mut self, sub: SubRef, code: ErrorCode) {
        if self.is_alive(sub) {
            self.end_key(sub.key, code);
        }
    }

    pub(crate) fn end_key(&mut self, key: u32, code: ErrorCode) {
        let sub = &self.subs[key as usize];
        self.actions.push_back(Action::Ended {
            viewer: sub.viewer,
            sub: self.sub_ref(key),
            room: self.rooms[sub.room as usize].id.clone(),
            code,
        });
        self.remove(key);
    }

    fn remove(&mut self, key: u32) {
        let sub = self.subs.remove(key as usize);
        let room = &mut self.rooms[sub.room as usize];
        room.list[sub.at as usize] = NOBODY;
        room.gone += 1;
        if !is_before_access(&sub) {
            room.viewers -= 1;
            self.count_changed(sub.room);
        }
        let room = &self.rooms[sub.room as usize];
        if room.gone == room.list.len() && room.flush.is_none() {
            self.drop_room(sub.room);
        }
    }

    pub(crate) fn drop_room(&mut self, key: u32) {
        let room = self.rooms.remove(key as usize);
        self.by_name.remove(&room.id);
        if let Some(due_ms) = room.due_ms {
            self.due.remove(&(due_ms, key));
        }
        if let Some(state) = self.shards.get_mut(&room.shard) {
            state.rooms.remove(&key);
        }
    }

    pub(crate) fn count_changed(&mut self, key: u32) {
        let room = &self.rooms[key as usize];
        if !room.id.is_reserved() {
            self.changed.insert(room.id.clone(), room.viewers);
        }
    }

    /// A newer ticket.
    pub fn refresh(&mut self, sub: SubRef, who: &Who, expires_ms: u64) {
        if self.is_alive(sub) {
            let sub = &mut self.subs[sub.key as usize];
            sub.who = Named::new(who);
            sub.lapses = Lapse::at_ms(expires_ms);
        }
    }

    /// Ends a subscription whose ticket has lapsed.
    pub fn expire(&mut self, sub: SubRef, clock_ms: u64) {
        if self.is_alive(sub) && self.subs[sub.key as usize].lapses.is_over(clock_ms) {
            self.end_key(sub.key, ErrorCode::TicketExpired);
        }
    }

    /// Where a subscription that has not been let in yet will start; none if it has, or the shard is not tailed.
    pub fn starts_at(&self, sub: SubRef) -> Option<Cursor> {
        let known = self.subs.get(sub.key as usize)?;
        let Phase::Opening(opening) = &known.phase else {
            return None;
        };
        match &opening.cursor {
            Some(cursor) => Some(cursor.clone()),
            None => self.position(&self.rooms[known.room as usize].id),
        }
    }

    /// The room of a subscription, and how many viewers it was last said to have.
    pub fn crowd_of(&self, sub: SubRef) -> Option<(&RoomId, u64)> {
        let known = self.subs.get(sub.key as usize)?;
        let room = &self.rooms[known.room as usize];
        (known.generation == sub.generation).then_some((&room.id, room.shown.online))
    }

    /// The room of a subscription.
    pub fn room_of(&self, sub: SubRef) -> Option<&RoomId> {
        let known = self.subs.get(sub.key as usize)?;
        (known.generation == sub.generation).then(|| &self.rooms[known.room as usize].id)
    }
}

fn is_before_access(sub: &Sub) -> bool {
    match &sub.phase {
        Phase::Opening(opening) => matches!(opening.stage, Stage::Shard | Stage::Access),
        Phase::Live | Phase::Ahead(_) => false,
    }
}
