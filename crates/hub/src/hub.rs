//! The hub of one core: what it holds, and what it asks of the shell around it.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::rc::Rc;

use slab::Slab;
use tidegate_protocol::CloseCode;
use tidegate_protocol::frames::ErrorCode;
use tidegate_stream::{Cursor, Region, RoomId, Shard, StreamId};

use crate::encode::{Encoder, Frame};
use crate::limits::{CHAT_BUDGET, RING_BYTES, TICK_CEILING_MS};
use crate::origins::Departed;
use crate::room::Room;
use crate::strain::Eased;
use crate::subscription::{Sub, SubRef, ViewerKey, Who};

/// What became of a frame that was offered to a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offered {
    /// All of it was written.
    Sent,
    /// The connection keeps it and writes the rest when it can: it counts as served, and nothing more is to be
    /// offered until [`Hub::resume`].
    Kept,
    /// The connection was blocked already and did not take it.
    Refused,
    /// The connection is ending.
    Gone,
}

/// Connections, as the hub sees them.
pub trait Sink {
    /// Writes a frame to a viewer's connection, as far as it goes.
    fn offer(&mut self, viewer: ViewerKey, frame: &Frame) -> Offered;
}

/// Both clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Times {
    /// Milliseconds of a clock that does not go back.
    pub now_ms: u64,
    /// Redis' clock, as far as it is known.
    pub clock_ms: u64,
}

/// A room that waits for a read of its history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RoomRef {
    pub(crate) key: u32,
    pub(crate) generation: u32,
}

/// For whom history is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reader {
    /// A returning viewer: [`Hub::page`], or [`Hub::read_failed`].
    Viewer(SubRef),
    /// All viewers of a room, after a hole in the tail: [`Hub::room_page`], or the same read again.
    Room(RoomRef),
}

/// What the shell is to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Have the shard tailed, then [`Hub::opened`].
    OpenShard(Shard),
    /// Look up room, bans and, if `tally`, its counters; then [`Hub::admit`] or [`Hub::end`].
    Join {
        /// Whose.
        sub: SubRef,
        /// Which connection's.
        viewer: ViewerKey,
        /// The room.
        room: RoomId,
        /// In whose name.
        who: Who,
        /// Its counters are not known yet.
        tally: bool,
    },
    /// Read history.
    Read {
        /// For whom.
        reader: Reader,
        /// Of which room.
        room: RoomId,
        /// By origin, the id after which to read.
        after: Vec<(Region, StreamId)>,
    },
    /// A subscription has ended: to be said on its connection, and struck off there.
    Ended {
        /// Which connection's.
        viewer: ViewerKey,
        /// Which.
        sub: SubRef,
        /// Of which room.
        room: RoomId,
        /// Why.
        code: ErrorCode,
    },
    /// Close a connection.
    Close {
        /// Which.
        viewer: ViewerKey,
        /// Why.
        code: CloseCode,
    },
    /// Look up whether `user` is banned from `room` now; if so, [`Hub::banned`].
    CheckBan {
        /// Where.
        room: RoomId,
        /// Who, or `jti:` and a digest.
        user: String,
    },
    /// Look up which of `users` are banned from `room` now; [`Hub::banned`] for each of these.
    CheckBans {
        /// Where.
        room: RoomId,
        /// Subjects; in `!all` also `jti:` and a digest each. At most [`CHECKED`](crate::CHECKED).
        users: Vec<String>,
    },
    /// Look up whether `room` is still open, and its chat budget; then [`Hub::closed`] or [`Hub::budget`].
    CheckState {
        /// Which.
        room: RoomId,
    },
}

/// What may be configured.
#[derive(Debug, Clone, Copy)]
pub struct HubLimits {
    /// Bytes of a room's ring.
    pub ring_bytes: usize,
    /// The longest that an entry waits for a flush to begin, ms.
    pub tick_ceiling_ms: u64,
    /// Chat messages a second that a viewer is sent at most in a room without a budget of its own; 0: no budget.
    pub chat_budget: u64,
}

impl Default for HubLimits {
    fn default() -> Self {
        Self {
            ring_bytes: RING_BYTES,
            tick_ceiling_ms: TICK_CEILING_MS,
            chat_budget: CHAT_BUDGET,
        }
    }
}

/// What a hub has done since it was made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stats {
    /// Frames taken by connections.
    pub deliveries: u64,
    /// Of these, frames that were made for one viewer or for a few that were behind.
    pub own_frames: u64,
    /// Flushes begun.
    pub flushes: u64,
    /// Frames that a blocked connection did not take.
    pub refused: u64,
    /// Frames that a connection took and could not write at once.
    pub blocked: u64,
    /// Chat messages that lanes left out of frames, counted for each viewer.
    pub left_out: u64,
    /// Holes in the tail.
    pub holes: u64,
    /// Resets said.
    pub resets: u64,
    /// Viewers who had something to replay.
    pub replays: u64,
    /// Viewers cut off because the ring no longer reached back.
    pub too_slow: u64,
    /// Entries from a log whose origin lost its tail.
    pub rewinds: u64,
    /// Gaps that a relay could not fill.
    pub gaps: u64,
}

#[derive(Default)]
pub(crate) struct ShardState {
    pub(crate) open: bool,
    pub(crate) positions: Cursor,
    pub(crate) rooms: BTreeSet<u32>,
}

/// Rooms and subscriptions of one core.
pub struct Hub {
    pub(crate) limits: HubLimits,
    pub(crate) shards: BTreeMap<Shard, ShardState>,
    pub(crate) rooms: Slab<Room>,
    pub(crate) by_name: HashMap<RoomId, u32>,
    pub(crate) subs: Slab<Sub>,
    pub(crate) generation: u32,
    pub(crate) actions: VecDeque<Action>,
    pub(crate) due: BTreeSet<(u64, u32)>,
    pub(crate) flushing: VecDeque<u32>,
    pub(crate) changed: HashMap<RoomId, u64>,
    pub(crate) departed: Departed,
    /// Who read history that is not all there: it is read again.
    pub(crate) behind: Vec<Reader>,
    pub(crate) stats: Stats,
    pub(crate) eased: Eased,
    pub(crate) encoder: Rc<Encoder>,
}

impl Hub {
    /// An empty one.
    pub fn new(limits: HubLimits) -> Self {
        Self {
            limits,
            shards: BTreeMap::new(),
            rooms: Slab::new(),
            by_name: HashMap::new(),
            subs: Slab::new(),
            generation: 0,
            actions: VecDeque::new(),
            due: BTreeSet::new(),
            flushing: VecDeque::new(),
            changed: HashMap::new(),
            departed: Departed::default(),
            behind: Vec::new(),
            stats: Stats::default(),
            eased: Eased::default(),
            encoder: Rc::default(),
        }
    }

    /// The next thing that the shell is to do.
    pub fn next_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// What it has done so far.
    pub fn stats(&self) -> Stats {
        self.stats
    }

    /// Rooms that have a subscription.
    pub fn room_count(&self) -> usize {
        self.rooms.len()
    }

    /// Subscriptions.
    pub fn sub_count(&self) -> usize {
        self.subs.len()
    }

    /// Rooms whose number of viewers has changed since this was last called, with that number.
    pub fn changed_counts(&mut self) -> impl Iterator<Item = (RoomId, u64)> + '_ {
        self.changed.drain()
    }

    /// Shards that no room needs any more; they are forgotten here, and the tail is to be told.
    pub fn close_idle_shards(&mut self) -> Vec<Shard> {
        let idle: Vec<Shard> = self
            .shards
            .iter()
            .filter(|(_, state)| state.open && state.rooms.is_empty())
            .map(|(&shard, _)| shard)
            .collect();
        for shard in &idle {
            self.shards.remove(shard);
        }
        idle
    }

    /// The position of a room here, if its shard is tailed.
    pub fn position(&self, room: &RoomId) -> Option<Cursor> {
        let room = &self.rooms[*self.by_name.get(room)? as usize];
        let shard = self.shards.get(&room.shard).filter(|shard| shard.open)?;
        Some(room.level(&shard.positions).clone())
    }

    pub(crate) fn next_generation(&mut self) -> u32 {
        self.generation = self.generation.wrapping_add(1);
        self.generation
    }

    pub(crate) fn sub_ref(&self, key: u32) -> SubRef {
        SubRef {
            key,
            generation: self.subs[key as usize].generation,
        }
    }

    pub(crate) fn is_alive(&self, sub: SubRef) -> bool {
        self.subs
            .get(sub.key as usize)
            .is_some_and(|known| known.generation == sub.generation)
    }

    /// Has a flush of the room begin by `at_ms`.
    pub(crate) fn schedule(&mut self, key: u32, at_ms: u64) {
        let room = &mut self.rooms[key as usize];
        if room.flush.is_some() || room.due_ms.is_some_and(|due_ms| due_ms <= at_ms) {
            return;
        }
        if let Some(due_ms) = room.due_ms.replace(at_ms) {
            self.due.remove(&(due_ms, key));
        }
        self.due.insert((at_ms, key));
    }
}
