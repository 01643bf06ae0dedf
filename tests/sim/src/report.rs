//! What came of a seed.

use std::fmt;

/// How often what happened, so that one sees that it does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Entries appended by publishers and moderators.
    pub appended: u64,
    /// Of these, answered.
    pub acknowledged: u64,
    /// Of these, lost: a crash took them back, and no other region had them.
    pub lost: u64,
    /// Entries that a crash took back and another region gave back.
    pub taken_back: u64,
    /// Messages that viewers received.
    pub received: u64,
    /// Times that viewers came with a cursor.
    pub resumed: u64,
    /// Of these, elsewhere than before.
    pub moved: u64,
    /// Times that viewers were told `reset`.
    pub resets: u64,
    /// Frames that said that chat was left out.
    pub left_out: u64,
    /// Restarts and promotions of a Redis.
    pub restarts: u64,
    /// Gaps that relays wrote.
    pub gaps: u64,
    /// Holes that nodes saw.
    pub holes: u64,
}

impl Tally {
    /// Adds another's counts.
    pub fn add(&mut self, other: &Self) {
        let both = self.mine().into_iter().zip(other.fields());
        for (mine, (_, theirs)) in both {
            *mine += theirs;
        }
    }

    fn mine(&mut self) -> [&mut u64; 12] {
        [
            &mut self.appended,
            &mut self.acknowledged,
            &mut self.lost,
            &mut self.taken_back,
            &mut self.received,
            &mut self.resumed,
            &mut self.moved,
            &mut self.resets,
            &mut self.left_out,
            &mut self.restarts,
            &mut self.gaps,
            &mut self.holes,
        ]
    }

    /// Names and counts.
    pub fn fields(&self) -> [(&'static str, u64); 12] {
        [
            ("appended", self.appended),
            ("acknowledged", self.acknowledged),
            ("lost", self.lost),
            ("taken_back", self.taken_back),
            ("received", self.received),
            ("resumed", self.resumed),
            ("moved", self.moved),
            ("resets", self.resets),
            ("left_out", self.left_out),
            ("restarts", self.restarts),
            ("gaps", self.gaps),
            ("holes", self.holes),
        ]
    }
}

/// What came of a seed.
#[derive(Debug, Clone)]
pub struct Report {
    /// The seed.
    pub seed: u64,
    /// What was violated; none is good.
    pub broken: Option<String>,
    /// Of the whole log of events: the same seed gives the same.
    pub hash: u64,
    /// The log, if it was to be kept.
    pub log: Vec<String>,
    /// How often what happened.
    pub tally: Tally,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.broken {
            None => write!(f, "seed {}: nothing violated", self.seed),
            Some(what) => write!(
                f,
                "seed {}: {what}\n  again, with its log: cargo run -p sim -- --seed {} --log",
                self.seed, self.seed
            ),
        }
    }
}
