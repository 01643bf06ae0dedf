//! A world: regions, their nodes, publishers and viewers, and the one list of what happens next.

mod asks;
mod conns;
mod copies;
mod faults;
mod link;
mod log;
mod node;
mod publisher;
mod relay;
mod site;
mod tail;
mod takeback;
mod viewer;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::rc::Rc;

use tidegate_stream::{Keys, RoomId, ShardCount};

use crate::check::Ledger;
use crate::plan::Plan;
use crate::redis::Library;
use crate::report::{Report, Tally};
use log::Log;
use node::Node;
use publisher::Publisher;
use relay::Relay;

pub(crate) use site::{NAMES, Site};
pub(crate) use viewer::Viewer;

/// When the clocks begin, ms since 1970.
const BEGIN_MS: u64 = 1_800_000_000_000;
/// How long a world may come to rest after everything was healed, ms: a Redis waits 3 s for what it lost, and what failed
/// is tried again after a second.
const REST_MS: u64 = 10_000;

/// When an hour passes for relays, after everything was healed, ms.
const HOUR_PASSES_MS: u64 = 5_000;

type Job = Box<dyn FnOnce(&mut World)>;

pub(crate) struct World {
    plan: Plan,
    chance: fastrand::Rng,
    now_ms: u64,
    jobs: BTreeMap<(u64, u64), Job>,
    next_job: u64,
    log: Log,
    library: Rc<Library>,
    keys: Keys,
    rooms: Vec<RoomId>,
    sites: Vec<Site>,
    nodes: Vec<Node>,
    viewers: Vec<Viewer>,
    publishers: Vec<Publisher>,
    relays: Vec<Relay>,
    ledger: Ledger,
    tally: Tally,
    partitions: BTreeSet<(usize, usize)>,
    /// Nothing more is broken: everything is to come right.
    calm: bool,
    broken: Option<String>,
}

impl World {
    pub(crate) fn new(plan: Plan, library: Rc<Library>, keep_log: bool) -> Self {
        let count = ShardCount::new(plan.shards).expect("a plan has shards");
        let rooms = (0..plan.rooms)
            .map(|index| format!("room-{index}").parse().expect("that is a name"))
            .collect();
        let mut world = Self {
            chance: fastrand::Rng::with_seed(plan.seed ^ 0x5eed),
            now_ms: 0,
            jobs: BTreeMap::new(),
            next_job: 0,
            log: Log::new(keep_log),
            library,
            keys: Keys::new("tg", count),
            rooms,
            sites: Vec::new(),
            nodes: Vec::new(),
            viewers: Vec::new(),
            publishers: Vec::new(),
            relays: Vec::new(),
            ledger: Ledger::new(plan.sites),
            tally: Tally::default(),
            partitions: BTreeSet::new(),
            calm: false,
            broken: None,
            plan,
        };
        world.build();
        world
    }

    fn build(&mut self) {
        for index in 0..self.plan.sites {
            let site = Site::new(index, &self.plan, &self.keys);
            self.sites.push(site);
        }
        for site in 0..self.plan.sites {
            for index in 0..self.plan.nodes {
                self.add_node(site, index);
            }
        }
        for (site, origin) in self.pairs() {
            for index in 0..self.plan.relays {
                self.add_relay(site, origin, index);
            }
        }
        self.create_rooms();
        for index in 0..self.plan.publishers {
            self.add_publisher(index);
        }
        for index in 0..self.plan.viewers {
            self.add_viewer(index);
        }
        for (at_ms, fault) in self.plan.faults.clone() {
            self.after(at_ms, move |world| world.strike(fault));
        }
        let span_ms = self.plan.span_ms;
        self.after(span_ms, Self::heal);
    }

    /// Each region with each other one.
    fn pairs(&self) -> Vec<(usize, usize)> {
        let sites = self.plan.sites;
        (0..sites)
            .flat_map(|site| (0..sites).map(move |origin| (site, origin)))
            .filter(|(site, origin)| site != origin)
            .collect()
    }

    /// Runs to its end, or until something is violated.
    pub(crate) fn run(mut self) -> Report {
        let end_ms = self.plan.span_ms + REST_MS;
        while self.broken.is_none() {
            let Some(((at_ms, _), job)) = self.jobs.pop_first() else {
                break;
            };
            if at_ms > end_ms {
                break;
            }
            self.now_ms = at_ms;
            job(&mut self);
        }
        if self.broken.is_none() {
            self.check_rest();
        }
        self.tally.holes = self.nodes.iter().map(|node| node.holes()).sum();
        if let Some(what) = &self.broken {
            let line = format!("VIOLATED: {what}");
            self.note(format_args!("{line}"));
        }
        Report {
            seed: self.plan.seed,
            broken: self.broken,
            hash: self.log.hash(),
            log: self.log.lines(),
            tally: self.tally,
        }
    }

    /// Does something in so many ms.
    fn after(&mut self, delay_ms: u64, job: impl FnOnce(&mut Self) + 'static) {
        self.next_job += 1;
        let at = (self.now_ms + delay_ms, self.next_job);
        self.jobs.insert(at, Box::new(job));
    }

    fn note(&mut self, line: fmt::Arguments<'_>) {
        self.log.add(self.now_ms, line);
    }

    /// Says that something does not hold that always holds. The first counts.
    fn violated(&mut self, what: String) {
        self.broken.get_or_insert(what);
    }

    fn must(&mut self, result: Result<(), String>) {
        if let Err(what) = result {
            self.violated(what);
        }
    }

    /// Whether it happens this time.
    fn happens(&mut self, of_1000: u32) -> bool {
        !self.calm && of_1000 > 0 && self.chance.u32(..1_000) < of_1000
    }

    /// Everything is repaired, and nobody publishes any more.
    fn heal(&mut self) {
        self.note(format_args!("healed"));
        self.calm = true;
        self.partitions.clear();
        for site in &mut self.sites {
            site.store.set_full(false);
        }
        // What is done once an hour is done when everybody is there again.
        self.after(HOUR_PASSES_MS, |world| {
            for relay in &mut world.relays {
                relay.ahead_ms = tidegate_relay::limits::MERGE_EVERY_MS;
            }
        });
    }

    fn check_rest(&mut self) {
        let result = crate::check::rest(
            &self.keys,
            &self.rooms,
            &mut self.sites,
            &self.viewers,
            &self.ledger,
            &mut self.tally,
        );
        self.must(result);
    }
}
