//! All shards of one origin: what to read next, and what to send, within bounds.

use tidegate_stream::calls::{LeaseVerb, Leased, RelayAnswer, RelayEntry, RelayVerdict};
use tidegate_stream::{Shard, ShardCount, StreamId};

use crate::limits::{
    BULK_SHARDS, FLIGHT_CALLS, HELD_BYTES, HELD_ENTRIES, LEASE_EVERY_MS, LIVE_ENTRIES,
    READ_ENTRIES, SOURCE_FRESH_MS,
};
use crate::shard::{Effect, Refused, ShardRelay, Speed, Todo};

/// One XREAD at the source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadPlan {
    /// At which speed.
    pub speed: Speed,
    /// Shards, and after which id.
    pub shards: Vec<(Shard, StreamId)>,
    /// Most entries of each.
    pub count: usize,
}

/// The copy of one origin's logs.
#[derive(Debug)]
pub struct Pair {
    shards: Vec<(Shard, ShardRelay)>,
    /// Reads on their way, by speed.
    reading: [bool; 2],
    /// Whose turn it is, by speed: to be read at bulk speed, and to send.
    next_read: usize,
    next_send: [usize; 2],
    source_ms: Option<u64>,
    leased_ms: Option<u64>,
}

fn index(speed: Speed) -> usize {
    match speed {
        Speed::Live => 0,
        Speed::Bulk => 1,
    }
}

impl Pair {
    /// Nothing is known yet.
    pub fn new(count: ShardCount) -> Self {
        Self {
            shards: count
                .all()
                .map(|shard| (shard, ShardRelay::default()))
                .collect(),
            reading: [false; 2],
            next_read: 0,
            next_send: [0; 2],
            source_ms: None,
            leased_ms: None,
        }
    }

    /// Every shard.
    pub fn shards(&self) -> impl Iterator<Item = (Shard, &ShardRelay)> {
        self.shards.iter().map(|(shard, relay)| (*shard, relay))
    }

    fn get(&mut self, shard: Shard) -> Option<&mut ShardRelay> {
        self.shards.get_mut(shard.index()).map(|(_, relay)| relay)
    }

    /// The number to send with a shard's calls.
    pub fn fence(&self, shard: Shard) -> u64 {
        self.shards
            .get(shard.index())
            .map_or(0, |(_, relay)| relay.fence())
    }

    /// Entries read and not answered for, and their bytes.
    pub fn held(&self, speed: Speed) -> (usize, usize) {
        let of_speed = self
            .shards
            .iter()
            .filter(|(_, relay)| relay.speed() == speed);
        of_speed.fold((0, 0), |(entries, bytes), (_, relay)| {
            (entries + relay.held_entries(), bytes + relay.held_bytes())
        })
    }

    /// The source answered something.
    pub fn source_answered(&mut self, now_ms: u64) {
        self.source_ms = Some(now_ms);
    }

    /// When it last did.
    pub fn source_ms(&self) -> Option<u64> {
        self.source_ms
    }

    /// All connections are new, or about to be: no read and no call on its way is answered for any more.
    pub fn reconnected(&mut self) {
        self.leased_ms = None;
        self.reading = [false; 2];
        for (_, relay) in &mut self.shards {
            relay.reconnected();
        }
    }

    /// What to ask about leases, if it is time, for shards in order; empty while the source is not reached, so that
    /// somebody who reaches it may take them.
    pub fn lease_verbs(&mut self, now_ms: u64) -> Vec<(Shard, LeaseVerb)> {
        let fresh = self
            .source_ms
            .is_some_and(|at| now_ms.saturating_sub(at) <= SOURCE_FRESH_MS);
        let due = self
            .leased_ms
            .is_none_or(|at| now_ms.saturating_sub(at) >= LEASE_EVERY_MS);
        if !fresh || !due {
            return Vec::new();
        }
        self.leased_ms = Some(now_ms);
        self.shards
            .iter()
            .map(|(shard, relay)| (*shard, relay.lease_verb()))
            .collect()
    }

    /// What was answered about a lease.
    pub fn leased(&mut self, shard: Shard, answer: Leased) {
        if let Some(relay) = self.get(shard) {
            relay.leased(answer);
        }
    }

    /// The next thing to do beside reading and sending.
    pub fn todo(&mut self, now_ms: u64) -> Option<(Shard, Todo)> {
        self.shards
            .iter_mut()
            .find_map(|(shard, relay)| Some((*shard, relay.todo(now_ms)?)))
    }

    /// It failed.
    pub fn todo_failed(&mut self, shard: Shard, todo: Todo, now_ms: u64, random: u64) {
        if let Some(relay) = self.get(shard) {
            relay.todo_failed(todo, now_ms, random);
        }
    }

    /// The copy's last id.
    pub fn positioned(&mut self, shard: Shard, last: StreamId, now_ms: u64, random: u64) {
        if let Some(relay) = self.get(shard) {
            relay.positioned(last, now_ms, random);
        }
    }

    /// A shard's rooms were merged.
    pub fn merged(&mut self, shard: Shard, now_ms: u64, random: u64) {
        if let Some(relay) = self.get(shard) {
            relay.merged(now_ms, random);
        }
    }

    /// `tg_gap` answered; true when a gap was written.
    pub fn gapped(&mut self, shard: Shard, verdict: RelayVerdict, last: StreamId) -> bool {
        self.get(shard)
            .is_some_and(|relay| relay.gapped(verdict, last))
    }

    /// What to read next at a speed; none while a read of it is on its way, or enough is held.
    pub fn plan_read(&mut self, speed: Speed, now_ms: u64) -> Option<ReadPlan> {
        let (entries, bytes) = self.held(speed);
        if self.reading[index(speed)] || entries >= HELD_ENTRIES || bytes >= HELD_BYTES {
            return None;
        }
        let most = match speed {
            Speed::Live => self.shards.len(),
            Speed::Bulk => BULK_SHARDS,
        };
        let from = match speed {
            Speed::Live => 0,
            Speed::Bulk => self.next_read,
        };
        let count = self.shards.len();
        let mut shards = Vec::new();
        for at in (0..count).map(|step| (from + step) % count) {
            let (shard, relay) = &self.shards[at];
            if relay.speed() != speed {
                continue;
            }
            if let Some(after) = relay.wants(now_ms) {
                shards.push((*shard, after));
                self.next_read = (at + 1) % count;
                if shards.len() == most {
                    break;
                }
            }
        }
        if shards.is_empty() {
            return None;
        }
        let each = (READ_ENTRIES / shards.len()).max(1);
        let count = match speed {
            Speed::Live => each.min(LIVE_ENTRIES),
            Speed::Bulk => each,
        };
        self.reading[index(speed)] = true;
        Some(ReadPlan {
            speed,
            shards,
            count,
        })
    }

    /// What a read brought: shards without entries are left out, or come with none.
    pub fn read(&mut self, plan: &ReadPlan, mut brought: Vec<(Shard, Vec<RelayEntry>)>) {
        self.reading[index(plan.speed)] = false;
        for (shard, after) in &plan.shards {
            let found = brought.iter_mut().find(|(other, _)| other == shard);
            let entries = found.map(|(_, entries)| std::mem::take(entries));
            let entries = entries.unwrap_or_default();
            let full = entries.len() >= plan.count;
            if let Some(relay) = self.get(*shard) {
                relay.read(*after, entries, full);
            }
        }
    }

    /// A read failed.
    pub fn read_failed(&mut self, speed: Speed) {
        self.reading[index(speed)] = false;
    }

    /// The next call to send at a speed, shards in turn.
    pub fn next_call(&mut self, speed: Speed) -> Option<(Shard, Vec<RelayEntry>)> {
        let of_speed = self
            .shards
            .iter()
            .filter(|(_, relay)| relay.speed() == speed);
        let calls: usize = of_speed.map(|(_, relay)| relay.flight_calls()).sum();
        if calls >= FLIGHT_CALLS {
            return None;
        }
        let count = self.shards.len();
        let from = self.next_send[index(speed)];
        for at in (0..count).map(|step| (from + step) % count) {
            let (shard, relay) = &mut self.shards[at];
            if relay.speed() == speed
                && let Some(call) = relay.next_call()
            {
                self.next_send[index(speed)] = (at + 1) % count;
                return Some((*shard, call));
            }
        }
        None
    }

    /// The oldest call of a shard on its way was answered.
    pub fn answered(
        &mut self,
        shard: Shard,
        answer: Result<RelayAnswer, Refused>,
        now_ms: u64,
        random: u64,
    ) -> Effect {
        self.get(shard)
            .map(|relay| relay.answered(answer, now_ms, random))
            .unwrap_or_default()
    }
}
