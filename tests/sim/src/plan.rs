//! What a world consists of and what happens to it, drawn from a seed.

use tidegate_stream::calls::Bounds;

/// Something that is broken on purpose, to see that it is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Breakage {
    /// The hub is told that a shard was read further than it was.
    HubAheadOfTail,
    /// A core that was passed over is not told so, and the next entry is said to follow.
    MissedUntold,
    /// A viewer's cursor is the greatest id of all origins.
    CursorByMaximum,
    /// A relay takes what it has sent for copied.
    CheckpointBeforeApply,
}

/// What happens to a world once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// A region's Redis is killed and starts again; so many of its last writes were not on disk.
    Crash {
        site: usize,
        down_ms: u64,
        lost_of_1000: u32,
    },
    /// A replica takes its place, which is so far behind.
    Promote {
        site: usize,
        down_ms: u64,
        behind_ms: u64,
    },
    /// Its memory is full for a while.
    Full { site: usize, for_ms: u64 },
    /// Its clock is set, from then on.
    Skew { site: usize, skew_ms: i64 },
    /// A node is killed and starts again.
    NodeRestart { node: usize, down_ms: u64 },
    /// Two regions are cut off from each other.
    Partition {
        one: usize,
        other: usize,
        for_ms: u64,
    },
    /// A relay is killed and starts again.
    RelayRestart { relay: usize, down_ms: u64 },
}

/// A world, before anything happens in it.
#[derive(Debug, Clone)]
pub struct Plan {
    /// What it was drawn from.
    pub seed: u64,
    /// Regions.
    pub sites: usize,
    /// Shards.
    pub shards: u16,
    /// Rooms.
    pub rooms: usize,
    /// Nodes in each region.
    pub nodes: usize,
    /// Viewers.
    pub viewers: usize,
    /// Publishers.
    pub publishers: usize,
    /// Relays for each pair of regions.
    pub relays: usize,
    /// For so long things happen and are broken, ms.
    pub span_ms: u64,
    /// How much regions keep.
    pub bounds: Bounds,
    /// Nothing is trimmed and nothing expires: nobody may be told that history is missing.
    pub keeps_all: bool,
    /// Redis' `stream-node-max-entries`.
    pub block_entries: usize,
    /// Bytes of a room's ring.
    pub ring_bytes: usize,
    /// Between two messages of a publisher, at most, ms.
    pub pause_ms: u64,
    /// Requests and answers that get lost, of 1,000.
    pub loss_of_1000: u32,
    /// Requests that arrive twice, of 1,000.
    pub twice_of_1000: u32,
    /// Batches that a core is passed over with, of 1,000.
    pub missed_of_1000: u32,
    /// Viewers whose connection breaks, of 1,000, each 100 ms.
    pub leave_of_1000: u32,
    /// Frames that a connection takes before it is blocked.
    pub window: usize,
    /// How long a frame is on its way at most, ms.
    pub frame_ms: u64,
    /// By when what happens.
    pub faults: Vec<(u64, Fault)>,
    /// What is broken on purpose.
    pub breakage: Option<Breakage>,
}

fn one<T: Copy>(chance: &mut fastrand::Rng, of: &[T]) -> T {
    of[chance.usize(..of.len())]
}

impl Plan {
    /// The world of a seed.
    pub fn of(seed: u64) -> Self {
        let chance = &mut fastrand::Rng::with_seed(seed);
        let sites = one(chance, &[1, 1, 2, 2, 2, 2, 3]);
        let nodes = one(chance, &[1, 1, 2]);
        let relays = one(chance, &[1, 1, 2]);
        let span_ms = chance.u64(2_500..7_000);
        let keeps_all = chance.u32(..2) == 0;
        let bounds = if keeps_all {
            Bounds::new(100_000, 100_000, 1_000_000, 24 * 60 * 60 * 1_000)
        } else {
            Bounds::new(
                chance.u32(2..20),
                chance.u32(2..20),
                chance.u32(10..80),
                one(chance, &[700, 3_000, 60_000]),
            )
        };
        let quiet = chance.u32(..4) == 0;
        let mut plan = Self {
            seed,
            sites,
            shards: one(chance, &[1, 1, 2]),
            rooms: one(chance, &[1, 2, 3]),
            nodes,
            viewers: chance.usize(2..6),
            publishers: chance.usize(2..5),
            relays,
            span_ms,
            bounds: bounds.expect("the bounds above are within theirs"),
            keeps_all,
            block_entries: one(chance, &[1, 2, 4, 8, 100]),
            ring_bytes: one(chance, &[1_500, 6_000, 256 * 1024]),
            pause_ms: one(chance, &[60, 200, 500]),
            loss_of_1000: one(chance, &[0, 3, 30]),
            twice_of_1000: one(chance, &[0, 10, 100]),
            missed_of_1000: one(chance, &[0, 0, 50]),
            leave_of_1000: one(chance, &[3, 10, 40]),
            window: one(chance, &[1, 3, 64]),
            frame_ms: one(chance, &[1, 20, 150]),
            faults: Vec::new(),
            breakage: None,
        };
        if quiet {
            plan.loss_of_1000 = 0;
            plan.missed_of_1000 = 0;
        } else {
            plan.draw_faults(chance);
        }
        plan
    }

    fn draw_faults(&mut self, chance: &mut fastrand::Rng) {
        let mut skewed = false;
        for _ in 0..chance.u32(1..6) {
            let at_ms = chance.u64(500..self.span_ms);
            let site = chance.usize(..self.sites);
            let fault = match chance.u32(..10) {
                0..3 => Fault::Crash {
                    site,
                    down_ms: chance.u64(20..1_500),
                    lost_of_1000: one(chance, &[0, 300, 1_000]),
                },
                3 => Fault::Promote {
                    site,
                    down_ms: chance.u64(20..2_500),
                    behind_ms: chance.u64(..4_000),
                },
                4 => Fault::Full {
                    site,
                    for_ms: chance.u64(100..2_000),
                },
                // Once only: two crashes that take back the same moments, and a clock that was set back between them, are more
                // than Redis can know of.
                5 if !std::mem::replace(&mut skewed, true) => Fault::Skew {
                    site,
                    skew_ms: chance.i64(-20_000..20_000),
                },
                6 => Fault::NodeRestart {
                    node: chance.usize(..self.sites * self.nodes),
                    down_ms: chance.u64(..800),
                },
                7 => Fault::RelayRestart {
                    relay: chance.usize(..16),
                    down_ms: chance.u64(..1_500),
                },
                _ => Fault::Partition {
                    one: site,
                    other: chance.usize(..self.sites),
                    for_ms: chance.u64(200..4_000),
                },
            };
            self.faults.push((at_ms, fault));
        }
        let back = |(_, fault): &(u64, Fault)| matches!(fault, Fault::Skew { skew_ms, .. } if *skew_ms < 0);
        let starts = |(_, fault): &&(u64, Fault)| {
            matches!(fault, Fault::Crash { .. } | Fault::Promote { .. })
        };
        if self.faults.iter().filter(starts).count() > 1 {
            self.faults.retain(|fault| !back(fault));
        }
    }
}
