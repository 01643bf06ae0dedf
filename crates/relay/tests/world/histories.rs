//! Whatever happens on the way, the copy is the log: in order, nothing twice, and what is missing is said and was trimmed.

use std::collections::VecDeque;

use proptest::prelude::*;
use tidegate_relay::{Pair, ReadPlan, Refused, Speed, Todo};
use tidegate_stream::calls::{LeaseVerb, Leased, RelayAnswer, RelayEntry};
use tidegate_stream::{Shard, ShardCount, StreamId};

use crate::copy::{Copy, Log};

#[derive(Debug, Clone)]
enum Step {
    /// The origin appends so many.
    Append(usize, u8),
    /// And trims to so many.
    Trim(usize, u8),
    /// So many things happen in order.
    Run(u8),
    /// The next call on the way is refused.
    Refuse,
    /// A call's answer is lost, with the connection.
    Break,
    /// The read on its way fails.
    ReadFails,
    /// Another relay copies so many entries as well.
    Rival(usize, u8),
    /// Another relay takes the leases.
    Fence,
    Wait(u16),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let shard = 0usize..2;
    let step = prop_oneof![
        4 => (shard.clone(), 1u8..120).prop_map(|(shard, count)| Step::Append(shard, count)),
        1 => (shard.clone(), 1u8..30).prop_map(|(shard, count)| Step::Trim(shard, count)),
        6 => (1u8..30).prop_map(Step::Run),
        1 => Just(Step::Refuse),
        1 => Just(Step::Break),
        1 => Just(Step::ReadFails),
        1 => (shard, 1u8..60).prop_map(|(shard, count)| Step::Rival(shard, count)),
        1 => Just(Step::Fence),
        2 => (1u16..6_000).prop_map(Step::Wait),
    ];
    prop::collection::vec(step, 1..60)
}

type Brought = Vec<(Shard, Vec<RelayEntry>)>;

struct World {
    pair: Pair,
    shards: Vec<Shard>,
    source: Vec<Log>,
    /// Everything that was ever appended at the source.
    all: Vec<Log>,
    copies: Vec<Copy>,
    reads: VecDeque<(ReadPlan, Brought)>,
    calls: VecDeque<(Shard, u64, Vec<RelayEntry>)>,
    refuse: bool,
    now_ms: u64,
    next_ms: u64,
    most_held: usize,
}

impl World {
    fn new() -> Self {
        let count = ShardCount::new(2).unwrap();
        Self {
            pair: Pair::new(count),
            shards: count.all().collect(),
            source: vec![Log::default(); 2],
            all: vec![Log::default(); 2],
            copies: vec![Copy::default(), Copy::default()],
            reads: VecDeque::new(),
            calls: VecDeque::new(),
            refuse: false,
            now_ms: 1,
            next_ms: 1,
            most_held: 0,
        }
    }

    fn append(&mut self, shard: usize, count: usize) {
        for _ in 0..count {
            self.next_ms += 1;
            let previous = self.all[shard].last();
            self.all[shard].append(self.next_ms);
            let id = self.all[shard].last();
            self.source[shard].0.push((id, previous));
        }
    }

    /// One thing, if there is any: what was sent first is done first.
    fn act(&mut self) -> bool {
        self.pair.source_answered(self.now_ms);
        for (shard, verb) in self.pair.lease_verbs(self.now_ms) {
            let copy = &mut self.copies[shard.index()];
            let answer = match verb {
                LeaseVerb::Keep(fence) if fence == copy.fence => Leased::Held(fence),
                LeaseVerb::Take | LeaseVerb::Wait => {
                    copy.fence += 1;
                    Leased::Held(copy.fence)
                }
                _ => Leased::Other { left_ms: 1 },
            };
            self.pair.leased(shard, answer);
        }
        if let Some((shard, todo)) = self.pair.todo(self.now_ms) {
            self.do_it(shard, todo);
            return true;
        }
        for speed in [Speed::Live, Speed::Bulk] {
            if let Some(plan) = self.pair.plan_read(speed, self.now_ms) {
                let brought = plan
                    .shards
                    .iter()
                    .map(|(shard, after)| {
                        (*shard, self.source[shard.index()].above(*after, plan.count))
                    })
                    .collect();
                self.reads.push_back((plan, brought));
            }
            while let Some((shard, entries)) = self.pair.next_call(speed) {
                assert!((1..=32).contains(&entries.len()));
                self.calls
                    .push_back((shard, self.pair.fence(shard), entries));
            }
        }
        let held = self.pair.held(Speed::Live).0 + self.pair.held(Speed::Bulk).0;
        self.most_held = self.most_held.max(held);
        if let Some((shard, fence, entries)) = self.calls.pop_front() {
            let answer = self.answer(shard, fence, &entries);
            self.pair.answered(shard, answer, self.now_ms, 7);
            return true;
        }
        if let Some((plan, brought)) = self.reads.pop_front() {
            let any = brought.iter().any(|(_, entries)| !entries.is_empty());
            self.pair.read(&plan, brought);
            return any;
        }
        false
    }

    fn answer(
        &mut self,
        shard: Shard,
        fence: u64,
        entries: &[RelayEntry],
    ) -> Result<RelayAnswer, Refused> {
        if std::mem::take(&mut self.refuse) {
            return Err(Refused::Failed);
        }
        Ok(self.copies[shard.index()].relay(fence, entries))
    }

    fn do_it(&mut self, shard: Shard, todo: Todo) {
        let copy = &mut self.copies[shard.index()];
        if std::mem::take(&mut self.refuse) {
            return self.pair.todo_failed(shard, todo, self.now_ms, 7);
        }
        match todo {
            Todo::Position => self.pair.positioned(shard, copy.log.last(), self.now_ms, 7),
            Todo::Merge => self.pair.merged(shard, self.now_ms, 7),
            Todo::Gap { last, upto } => {
                let (verdict, now) = copy.gap(self.pair.fence(shard), last, upto);
                self.pair.gapped(shard, verdict, now);
            }
        }
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Append(shard, count) => self.append(*shard, usize::from(*count)),
            Step::Trim(shard, keep) => {
                let log = &mut self.source[*shard].0;
                let surplus = log.len().saturating_sub(usize::from(*keep));
                log.drain(..surplus);
            }
            Step::Run(times) => {
                for _ in 0..*times {
                    self.act();
                }
            }
            Step::Refuse => self.refuse = true,
            Step::Break => {
                // It was done, and nobody is told.
                if let Some((shard, fence, entries)) = self.calls.pop_front() {
                    self.copies[shard.index()].relay(fence, &entries);
                }
                self.calls.clear();
                self.reads.clear();
                self.pair.reconnected();
            }
            Step::ReadFails => {
                if let Some((plan, _)) = self.reads.pop_front() {
                    self.pair.read_failed(plan.speed);
                }
            }
            Step::Rival(shard, count) => {
                let copy = &mut self.copies[*shard];
                let entries = self.source[*shard].above(copy.log.last(), usize::from(*count));
                copy.relay(0, &entries);
            }
            Step::Fence => {
                for copy in &mut self.copies {
                    copy.fence += 1;
                }
            }
            Step::Wait(ms) => self.now_ms += u64::from(*ms),
        }
    }

    /// Runs until nothing is left to do; the rival's leases lapse meanwhile.
    fn settle(&mut self) -> bool {
        for _ in 0..20_000 {
            self.now_ms += 10;
            let acted = self.act();
            let level = (0..2).all(|n| self.copies[n].log.last() == self.source[n].last());
            if !acted && level && self.calls.is_empty() {
                return true;
            }
        }
        false
    }

    fn check(&self) -> Result<(), TestCaseError> {
        for (copy, all) in self.copies.iter().zip(&self.all) {
            let ids: Vec<StreamId> = copy.log.0.iter().map(|(id, _)| *id).collect();
            prop_assert!(ids.is_sorted() && ids.windows(2).all(|pair| pair[0] < pair[1]));
            for (id, _) in &all.0 {
                let here = ids.binary_search(id).is_ok();
                let said = copy.gaps.iter().any(|(from, upto)| from < id && id <= upto);
                prop_assert!(
                    here || said || *id > copy.log.last(),
                    "{id} is missing and nobody says so"
                );
            }
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    #[test]
    fn the_copy_is_the_log(steps in steps()) {
        let mut world = World::new();
        for step in &steps {
            world.step(step);
            world.check()?;
        }
        world.refuse = false;
        prop_assert!(world.settle(), "it does not come to an end: {:?}", world.pair);
        world.check()?;
        prop_assert!(world.most_held <= 2 * (16_384 + 4_096));
    }
}

#[test]
fn nothing_is_missing_when_nothing_was_trimmed() {
    let mut world = World::new();
    for round in 0..200 {
        world.append(round % 2, 90);
        world.refuse = round % 7 == 0;
        for _ in 0..round % 13 {
            world.act();
        }
        if round % 31 == 0 {
            world.step(&Step::Break);
        }
    }
    assert!(world.settle());
    for (copy, all) in world.copies.iter().zip(&world.all) {
        assert!(copy.gaps.is_empty());
        assert_eq!(copy.log.0, all.0);
    }
}

#[test]
fn a_shard_that_is_behind_goes_on_at_bulk_speed_and_comes_back() {
    let mut world = World::new();
    world.append(0, 5_000);
    world.append(1, 3);
    let mut bulk = false;
    for _ in 0..400 {
        world.now_ms += 10;
        world.act();
        let speeds: Vec<Speed> = world
            .pair
            .shards()
            .map(|(_, relay)| relay.speed())
            .collect();
        bulk |= speeds == [Speed::Bulk, Speed::Live];
    }
    assert!(bulk);
    assert!(world.pair.shards().all(|(_, relay)| relay.is_level()));
}

#[test]
fn leases_are_left_to_whoever_reaches_the_source() {
    let mut pair = Pair::new(ShardCount::new(2).unwrap());
    assert!(pair.lease_verbs(1).is_empty());
    pair.source_answered(1);
    assert_eq!(pair.lease_verbs(1).len(), 2);
    assert!(pair.lease_verbs(2).is_empty());
    let first = pair.shards().next().unwrap().0;
    pair.leased(first, Leased::Held(4));
    assert_eq!(pair.lease_verbs(1_001)[0], (first, LeaseVerb::Keep(4)));
    pair.leased(first, Leased::Other { left_ms: 9 });
    assert_eq!(pair.lease_verbs(2_001)[0], (first, LeaseVerb::Wait));
    assert!(pair.lease_verbs(9_001).is_empty());
}

#[test]
fn rooms_are_merged_for_an_empty_copy_for_a_gap_and_by_the_hour() {
    let mut world = World::new();
    let mut merges = Vec::new();
    let mut run = |world: &mut World, ms: u64| {
        for _ in 0..60 {
            world.now_ms += ms / 60;
            world.pair.source_answered(world.now_ms);
            let shards = world.shards.clone();
            for shard in shards {
                world.pair.leased(shard, Leased::Held(1));
            }
            while let Some((shard, todo)) = world.pair.todo(world.now_ms) {
                if todo == Todo::Merge && shard.index() == 0 {
                    merges.push(world.now_ms);
                }
                world.do_it(shard, todo);
            }
            world.act();
        }
        merges.len()
    };
    for copy in &mut world.copies {
        copy.fence = 1;
    }
    world.append(0, 10);
    assert_eq!(run(&mut world, 60), 1);
    world.append(0, 200);
    world.step(&Step::Trim(0, 5));
    assert_eq!(run(&mut world, 600), 2);
    assert_eq!(world.copies[0].gaps.len(), 1);
    assert_eq!(run(&mut world, 3_600_000), 3);
}
