//! A region that lost its tail takes back what another has of it: one shard, one other region.

use tidegate_stream::StreamId;
use tidegate_stream::calls::{RelayAnswer, RelayEntry, RelayVerdict};

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Ask the Redis here for the last id of the region's own log.
    Position,
    /// Read the other region's copy above this id.
    Read(StreamId),
    /// Call `tg_relay` for the own log.
    Apply(Vec<RelayEntry>),
    /// Call `tg_whole`: everything that can come back has.
    Whole,
    /// Nothing more.
    Done,
}

#[derive(Debug)]
enum Phase {
    Position,
    Read(StreamId),
    Apply(Vec<RelayEntry>),
    Whole,
    Done,
}

/// Taking one shard back. After each step what came of it is said; after a failure it begins anew.
#[derive(Debug)]
pub struct TakeBack {
    phase: Phase,
    taken: u64,
    left: u64,
}

impl Default for TakeBack {
    fn default() -> Self {
        Self {
            phase: Phase::Position,
            taken: 0,
            left: 0,
        }
    }
}

impl TakeBack {
    /// What to do now.
    pub fn step(&self) -> Step {
        match &self.phase {
            Phase::Position => Step::Position,
            Phase::Read(after) => Step::Read(*after),
            Phase::Apply(entries) => Step::Apply(entries.clone()),
            Phase::Whole => Step::Whole,
            Phase::Done => Step::Done,
        }
    }

    /// Entries that came back.
    pub fn taken(&self) -> u64 {
        self.taken
    }

    /// Entries that the other region has and this one cannot take any more: they stay there only. After a hole, those
    /// beyond the call are not counted.
    pub fn left(&self) -> u64 {
        self.left
    }

    /// The own log's last id.
    pub fn positioned(&mut self, last: StreamId) {
        if matches!(self.phase, Phase::Position) {
            self.phase = Phase::Read(last);
        }
    }

    /// What the other region's copy holds above the id; a call's worth at most.
    pub fn read(&mut self, entries: Vec<RelayEntry>) {
        if let Phase::Read(after) = self.phase {
            let above: Vec<_> = entries
                .into_iter()
                .filter(|entry| entry.id() > after)
                .collect();
            self.phase = if above.is_empty() {
                Phase::Whole
            } else {
                Phase::Apply(above)
            };
        }
    }

    /// What `tg_relay` answered.
    pub fn applied(&mut self, answer: &RelayAnswer) {
        let Phase::Apply(entries) = &self.phase else {
            return;
        };
        self.taken += answer.appended;
        let all = entries.len() as u64;
        let highest = entries.last().map_or(StreamId::ZERO, RelayEntry::id);
        let stuck = answer.verdict != RelayVerdict::Taken;
        // A repeat was not there when the log's end was asked for: it came too late, something was appended meanwhile.
        self.left += all - answer.appended.min(all);
        self.phase = if stuck {
            Phase::Whole
        } else {
            Phase::Read(answer.last.max(highest))
        };
    }

    /// `tg_whole` was called.
    pub fn whole(&mut self) {
        self.phase = Phase::Done;
    }

    /// A step failed: it begins anew.
    pub fn failed(&mut self) {
        if !matches!(self.phase, Phase::Done) {
            self.phase = Phase::Position;
        }
    }
}
