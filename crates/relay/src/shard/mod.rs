//! One shard of one origin: from what was read there to what lies in the copy here.

mod flow;

use std::collections::VecDeque;

use tidegate_stream::StreamId;
use tidegate_stream::calls::{LeaseVerb, Leased, RelayEntry, RelayVerdict};

use crate::backoff::Backoff;
use crate::limits::{MERGE_AGAIN_MS, MERGE_EVERY_MS};

/// Which connections a shard uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Speed {
    /// Level with its origin, or nearly.
    Live,
    /// Behind: on connections of its own, so that what is live does not wait.
    Bulk,
}

/// What is to be done for a shard beside reading and sending.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Todo {
    /// Ask the Redis here for the copy's last id.
    Position,
    /// Copy the origin's rooms of this shard through `tg_merge`.
    Merge,
    /// Call `tg_gap`.
    Gap {
        /// The copy's last id.
        last: StreamId,
        /// The id to go on from.
        upto: StreamId,
    },
}

/// Why a call had no answer of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// Redis refused it, or the connection broke: whether it was done is not known.
    Failed,
}

/// What an answer came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Effect {
    /// Entries appended.
    pub appended: u64,
    /// When the call's last entry was appended at its origin, in ms, if the whole call was taken.
    pub reached_at_ms: Option<u64>,
    /// Whether entries will be read again.
    pub again: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Somebody else does it, or nobody yet.
    Standby,
    /// Where the copy ends is not known.
    Unknown { asked: bool },
    /// Entries are read and sent.
    Flowing,
    /// What is on its way comes back, and then it begins anew; from the checkpoint if that is `known`.
    Settling { known: bool },
    /// The origin's rooms are copied; then comes the gap, if there is one.
    Merging { upto: Option<StreamId>, asked: bool },
    /// The gap is written.
    Gapping { upto: StreamId, asked: bool },
}

#[derive(Debug, Clone, Copy)]
struct Sent {
    entries: usize,
    bytes: usize,
    at_ms: u64,
}

/// The copy of one shard.
#[derive(Debug)]
pub struct ShardRelay {
    phase: Phase,
    speed: Speed,
    /// The copy's last id, as far as it is known.
    checkpoint: StreamId,
    /// The last id that was read.
    reached: StreamId,
    queue: VecDeque<RelayEntry>,
    queued_bytes: usize,
    flight: VecDeque<Sent>,
    flight_speed: Speed,
    /// The next entry names a predecessor that was not read: nothing is read until all that was is answered for.
    hole_ahead: bool,
    backoff: Backoff,
    not_before_ms: u64,
    fence: Option<u64>,
    took: bool,
    merge_at_ms: Option<u64>,
    merging: bool,
}

impl Default for ShardRelay {
    fn default() -> Self {
        Self {
            phase: Phase::Standby,
            speed: Speed::Live,
            checkpoint: StreamId::ZERO,
            reached: StreamId::ZERO,
            queue: VecDeque::new(),
            queued_bytes: 0,
            flight: VecDeque::new(),
            flight_speed: Speed::Live,
            hole_ahead: false,
            backoff: Backoff::default(),
            not_before_ms: 0,
            fence: None,
            took: false,
            merge_at_ms: None,
            merging: false,
        }
    }
}

impl ShardRelay {
    /// Its speed.
    pub fn speed(&self) -> Speed {
        self.speed
    }

    /// The number of its lease; 0 when it has none, which every Redis takes.
    pub fn fence(&self) -> u64 {
        self.fence.unwrap_or_default()
    }

    /// Whether it is this relay's to copy.
    pub fn is_held(&self) -> bool {
        self.fence.is_some()
    }

    /// Whether entries flow, nothing is held and the last reply was short: as near to its origin as can be.
    pub fn is_level(&self) -> bool {
        self.phase == Phase::Flowing && self.speed == Speed::Live && self.held_entries() == 0
    }

    /// The copy's last id, as far as it is known.
    pub fn checkpoint(&self) -> StreamId {
        self.checkpoint
    }

    /// Entries that were read and are not answered for.
    pub fn held_entries(&self) -> usize {
        self.queue.len() + self.flight.iter().map(|sent| sent.entries).sum::<usize>()
    }

    /// The same in bytes.
    pub fn held_bytes(&self) -> usize {
        self.queued_bytes + self.flight.iter().map(|sent| sent.bytes).sum::<usize>()
    }

    /// Calls on their way.
    pub fn flight_calls(&self) -> usize {
        self.flight.len()
    }

    /// What to ask about the lease. The first time it is taken, since the one that held it may have been this relay before
    /// it was killed.
    pub fn lease_verb(&self) -> LeaseVerb {
        match self.fence {
            Some(fence) => LeaseVerb::Keep(fence),
            None if self.took => LeaseVerb::Wait,
            None => LeaseVerb::Take,
        }
    }

    /// What was answered about the lease.
    pub fn leased(&mut self, answer: Leased) {
        self.took = true;
        match answer {
            Leased::Held(fence) => {
                self.fence = Some(fence);
                if self.phase == Phase::Standby {
                    self.begin();
                }
            }
            Leased::Other { .. } => self.stand_by(),
        }
    }

    fn stand_by(&mut self) {
        self.fence = None;
        self.drop_queue();
        // Answers that are still to come count for nothing.
        self.phase = Phase::Standby;
    }

    /// The connection to the Redis here is new: nothing that was sent is answered for any more.
    pub fn reconnected(&mut self) {
        self.flight.clear();
        self.drop_queue();
        self.merging = false;
        if self.phase != Phase::Standby {
            self.phase = Phase::Unknown { asked: false };
        }
    }

    fn begin(&mut self) {
        self.phase = if self.flight.is_empty() {
            Phase::Unknown { asked: false }
        } else {
            Phase::Settling { known: false }
        };
    }

    fn drop_queue(&mut self) {
        self.queue.clear();
        self.queued_bytes = 0;
        self.hole_ahead = false;
    }

    fn flow(&mut self) {
        self.drop_queue();
        self.reached = self.checkpoint;
        self.phase = Phase::Flowing;
    }

    /// What is to be done now, once: it is done or has failed before it is named again.
    pub fn todo(&mut self, now_ms: u64) -> Option<Todo> {
        if now_ms < self.not_before_ms {
            return None;
        }
        match &mut self.phase {
            Phase::Unknown { asked } if !*asked => {
                *asked = true;
                Some(Todo::Position)
            }
            Phase::Merging { asked, .. } if !*asked && !self.merging => {
                *asked = true;
                self.merging = true;
                Some(Todo::Merge)
            }
            Phase::Gapping { upto, asked } if !*asked => {
                *asked = true;
                Some(Todo::Gap {
                    last: self.checkpoint,
                    upto: *upto,
                })
            }
            Phase::Flowing if !self.merging && self.merge_at_ms.is_some_and(|at| at <= now_ms) => {
                self.merging = true;
                Some(Todo::Merge)
            }
            _ => None,
        }
    }

    /// What was to be done failed; the same again after a while.
    pub fn todo_failed(&mut self, todo: Todo, now_ms: u64, random: u64) {
        if todo == Todo::Merge {
            self.merging = false;
        }
        match &mut self.phase {
            Phase::Unknown { asked }
            | Phase::Merging { asked, .. }
            | Phase::Gapping { asked, .. } => *asked = false,
            // A merge that nothing waits for.
            Phase::Flowing | Phase::Settling { .. } | Phase::Standby => {
                self.merge_at_ms = Some(now_ms + MERGE_AGAIN_MS);
                return;
            }
        }
        self.not_before_ms = now_ms + self.backoff.fail(random);
    }

    /// The copy's last id, as asked for.
    pub fn positioned(&mut self, last: StreamId, now_ms: u64, random: u64) {
        if self.phase != (Phase::Unknown { asked: true }) {
            return;
        }
        self.checkpoint = last;
        if self.merge_at_ms.is_none() {
            self.merge_later(now_ms, random);
        }
        if last == StreamId::ZERO {
            // The log alone does not tell what was said before it begins.
            self.phase = Phase::Merging {
                upto: None,
                asked: false,
            };
        } else {
            self.flow();
        }
    }

    fn merge_later(&mut self, now_ms: u64, random: u64) {
        self.merge_at_ms = Some(now_ms + MERGE_EVERY_MS / 2 + random % (MERGE_EVERY_MS / 2));
    }

    /// The rooms were merged.
    pub fn merged(&mut self, now_ms: u64, random: u64) {
        self.merging = false;
        self.merge_later(now_ms, random);
        if let Phase::Merging { upto, asked: true } = self.phase {
            match upto {
                Some(upto) => self.phase = Phase::Gapping { upto, asked: false },
                None => self.flow(),
            }
        }
    }

    /// `tg_gap` answered. True when a gap was written.
    pub fn gapped(&mut self, verdict: RelayVerdict, last: StreamId) -> bool {
        if !matches!(self.phase, Phase::Gapping { asked: true, .. }) {
            return false;
        }
        if verdict == RelayVerdict::Fenced {
            self.stand_by();
            return false;
        }
        self.checkpoint = last;
        self.flow();
        verdict == RelayVerdict::Taken
    }
}
