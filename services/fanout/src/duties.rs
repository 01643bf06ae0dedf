//! What a node owes its region each second: its place among the nodes, counts of viewers, likes that were left over, the
//! clock; and what it learns: which regions there are.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::Ordering;
use std::sync::{Arc, RwLock};
use std::time::Duration;

use serde::Deserialize;
use tidegate_room::places::{RegionEntry, Target};
use tidegate_stream::calls::{
    Bounds, CallError, Clock as ClockCall, Flush, Presence, Refusal, Remedy,
};
use tidegate_stream::{Region, RoomId, Shard};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::MissedTickBehavior;

use crate::link::{Link, LinkError, flatten, prepare, strings, words};
use crate::listing::Listing;
use crate::node::{CoreHandle, Counts, Node, ToCore};
use crate::regions::{Origins, Places};

const EVERY: Duration = Duration::from_secs(1);
/// All counts are told again after so many seconds, since they lapse.
const ALL_EVERY: u64 = 10;
/// A dead node is struck off the list after this, ms.
const FORGET_MS: u64 = 60 * 60 * 1000;

/// The duties of one node.
pub struct Duties {
    node: Arc<Node>,
    link: Link,
    bounds: Bounds,
    listing: Listing,
    cores: Vec<CoreHandle>,
    /// Every socket that viewers may have been given; none before the first look.
    told: Option<Vec<Target>>,
    /// When a region was first seen to have retired, ms of the node's clock.
    retired_ms: BTreeMap<Region, u64>,
    /// Viewers by room and core.
    counts: HashMap<RoomId, Vec<u64>>,
    changed: BTreeSet<RoomId>,
    away: bool,
}

#[derive(Deserialize)]
struct Until {
    until_ms: u64,
}

impl Duties {
    /// Of a node that lists itself so.
    pub fn new(node: Arc<Node>, bounds: Bounds, listing: Listing, cores: Vec<CoreHandle>) -> Self {
        Self {
            link: Link::new(node.redis.clone()),
            node,
            bounds,
            listing,
            cores,
            told: None,
            retired_ms: BTreeMap::new(),
            counts: HashMap::new(),
            changed: BTreeSet::new(),
            away: false,
        }
    }

    /// Does them until it is dropped.
    pub async fn run(&mut self, inbox: &mut UnboundedReceiver<Counts>) {
        let mut every = tokio::time::interval(EVERY);
        every.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut seconds: u64 = 0;
        loop {
            tokio::select! {
                _ = every.tick() => {
                    let all = seconds.is_multiple_of(ALL_EVERY);
                    if all {
                        self.changed.extend(self.counts.keys().cloned());
                    }
                    seconds += 1;
                    let result = self.once(all).await;
                    // A Redis that was emptied, or another one.
                    if result.as_ref().is_err_and(|error| error.remedy() == Remedy::LoadLibrary)
                        && let Err(error) = prepare(&self.link, self.node.keys.prefix()).await
                        && !self.away
                    {
                        tracing::error!(error = format!("{error:#}"), "Redis cannot be worked with");
                    }
                    self.note(result);
                }
                counts = inbox.recv() => match counts {
                    Some(counts) => self.count(counts),
                    None => return,
                }
            }
        }
    }

    /// Takes what cores said at last.
    pub fn take_rest(&mut self, inbox: &mut UnboundedReceiver<Counts>) {
        while let Ok(counts) = inbox.try_recv() {
            self.count(counts);
        }
    }

    fn count(&mut self, (core, rooms): Counts) {
        let cores = self.node.metrics.cores.len();
        for (room, viewers) in rooms {
            self.counts
                .entry(room.clone())
                .or_insert_with(|| vec![0; cores])[core] = viewers;
            self.changed.insert(room);
        }
    }

    fn note(&mut self, result: Result<(), LinkError>) {
        let metrics = &self.node.metrics;
        metrics.redis_up.set(u64::from(result.is_ok()));
        // A Redis that answers reads is not silent: viewers stay with it, whether it takes writes or not.
        if !result.as_ref().is_err_and(LinkError::is_silent) {
            let now_ms = self.node.clock.now_ms();
            self.node.answered_ms.store(now_ms, Ordering::Relaxed);
        }
        match result {
            Ok(()) => {
                if std::mem::take(&mut self.away) {
                    tracing::info!("Redis is back");
                }
                self.node
                    .served_ms
                    .store(self.node.clock.now_ms(), Ordering::Relaxed);
            }
            Err(error) => {
                metrics.duty_failures.add(1);
                if !std::mem::replace(&mut self.away, true) {
                    tracing::warn!(%error, "Redis does not serve; sockets stay open");
                }
            }
        }
    }

    async fn once(&mut self, tidy: bool) -> Result<(), LinkError> {
        self.say_here().await?;
        if tidy {
            self.forget_dead_nodes().await?;
        }
        match self.tell_and_flush().await {
            // It serves, but asks for a moment: what is owed is told in the next second.
            Err(LinkError::Call(CallError::Refused(Refusal::Recovering { .. }))) => Ok(()),
            other => other,
        }
    }

    async fn tell_and_flush(&mut self) -> Result<(), LinkError> {
        // Counts lie under the node's name.
        if !self.node.name_taken.load(Ordering::Relaxed) {
            self.tell_counts().await?;
        }
        self.flush_likes().await
    }

    async fn say_here(&mut self) -> Result<(), LinkError> {
        let (keys, region) = (&self.node.keys, &self.node.region);
        let mut commands = vec![
            ClockCall::call(keys).command(),
            words(["HGETALL", &keys.regions()]),
        ];
        let draining = self.node.draining.load(Ordering::Relaxed);
        let line = if draining {
            self.listing.strike()
        } else {
            self.listing.write()
        };
        commands.push(line.command());
        // Known a second later than the region itself.
        let places = self.node.places_now();
        let tiers: Vec<&Region> = std::iter::once(region)
            .chain(places.others().map(|place| &place.region))
            .collect();
        let nodes = |region: &&Region| words(["HGETALL", &keys.nodes(region)]);
        commands.extend(tiers.iter().map(nodes));
        let mut answers = self.link.pipeline(&commands).await?.into_iter();
        let mut next = || answers.next().unwrap_or_default();
        let now_ms = ClockCall::answer(&flatten(next()))?;
        self.node.clock.redis_said(now_ms);
        let listed = listed(&strings(next()));
        self.listing.written(&flatten(next()))?;
        let mut found = Places::new(
            region,
            &self.node.named,
            &listed,
            self.listing.public_url(),
            now_ms,
        );
        for tier in tiers {
            found.add_nodes(tier, &strings(next()), &self.node.name);
        }
        let (seen_ms, retention_ms) = (self.node.clock.now_ms(), self.bounds.retention_ms());
        let retired_ms = &mut self.retired_ms;
        let origins = Origins::new(region, &listed, |name| {
            let since_ms = *retired_ms.entry(name.clone()).or_insert(seen_ms);
            seen_ms >= since_ms.saturating_add(retention_ms)
        });
        self.learn(origins, found);
        Ok(())
    }

    /// Takes in what was found; viewers are told when their endpoints are not what they were.
    fn learn(&mut self, origins: Origins, places: Places) {
        if *self.node.origins_now() != origins {
            let names: Vec<&str> = origins.tailed.iter().map(Region::as_str).collect();
            tracing::info!(origins = names.join(" "), "the regions have changed");
            put(&self.node.regions, origins.clone());
        }
        self.node.metrics.origins.set(origins.tailed.len() as u64);
        let known = places.known();
        if self.told.as_ref().is_some_and(|told| *told != known) {
            for core in &self.cores {
                // One that has ended has no viewers.
                let _ = core.sender.send(ToCore::Endpoints(places.all()));
            }
        }
        self.told = Some(known);
        put(&self.node.places, places);
    }

    /// Strikes nodes off the list that have been silent for long. They count as dead much sooner; this only keeps the
    /// list short.
    async fn forget_dead_nodes(&self) -> Result<(), LinkError> {
        let nodes = self.node.keys.nodes(&self.node.region);
        let fields = strings(self.link.command(&words(["HGETALL", &nodes])).await?);
        let now_ms = self.node.clock.redis_ms();
        let mut strike: Vec<Vec<u8>> = words(["HDEL", &nodes]);
        for pair in fields.chunks_exact(2) {
            let dead = serde_json::from_slice::<Until>(&pair[1])
                .is_ok_and(|line| line.until_ms.saturating_add(FORGET_MS) < now_ms);
            if dead {
                strike.push(pair[0].clone());
            }
        }
        if strike.len() > 2 {
            self.link.command(&strike).await?;
        }
        Ok(())
    }

    async fn tell_counts(&mut self) -> Result<(), LinkError> {
        let mut by_shard: BTreeMap<Shard, Vec<(RoomId, u64)>> = BTreeMap::new();
        for room in &self.changed {
            let viewers = self.counts.get(room).map_or(0, |cores| cores.iter().sum());
            by_shard
                .entry(self.node.keys.shard(room))
                .or_default()
                .push((room.clone(), viewers));
        }
        let mut commands = Vec::new();
        for (shard, counts) in &by_shard {
            let presence = Presence {
                region: &self.node.region,
                node: &self.node.name,
                shard: *shard,
                counts,
            };
            let calls = presence.calls(&self.node.keys, &self.bounds);
            commands.extend(calls.iter().map(|call| call.command()));
        }
        for answer in self.link.pipeline(&commands).await? {
            // A refusal leaves all of them to be told again.
            Presence::answer(&flatten(answer))?;
        }
        self.changed.clear();
        self.counts
            .retain(|_, cores| cores.iter().any(|&viewers| viewers > 0));
        Ok(())
    }

    async fn flush_likes(&mut self) -> Result<(), LinkError> {
        let keys = &self.node.keys;
        let commands: Vec<_> = keys
            .shards()
            .all()
            .map(|shard| {
                let flush = Flush {
                    region: &self.node.region,
                    shard,
                };
                flush.call(keys, &self.bounds).command()
            })
            .collect();
        for answer in self.link.pipeline(&commands).await? {
            Flush::answer(&flatten(answer))?;
        }
        Ok(())
    }

    /// Takes the node off the list, so that nobody is sent to it any more. A node that has taken its place stays there.
    pub async fn leave(&self) {
        let struck = self.link.call(&self.listing.strike()).await;
        if let Err(error) = struck.and_then(|answer| self.listing.written(&answer)) {
            tracing::warn!(%error, "the node stays on the list until its time is over");
        }
    }

    /// Says that its viewers are gone, unless the counts under its name are another node's by now.
    pub async fn forget_viewers(&mut self) {
        self.leave().await;
        if self.node.name_taken.load(Ordering::Relaxed) {
            return;
        }
        for cores in self.counts.values_mut() {
            cores.fill(0);
        }
        self.changed.extend(self.counts.keys().cloned());
        if let Err(error) = self.tell_counts().await {
            tracing::debug!(%error, "the node's counts stay until they lapse");
        }
    }
}

/// The list of regions. What has no name of a region is passed over.
fn listed(fields: &[Vec<u8>]) -> BTreeMap<Region, RegionEntry> {
    fields
        .chunks_exact(2)
        .filter_map(|pair| {
            let name = std::str::from_utf8(&pair[0]).ok()?.parse().ok()?;
            Some((name, RegionEntry::read(&pair[1])))
        })
        .collect()
}

fn put<T>(place: &RwLock<Arc<T>>, value: T) {
    *place
        .write()
        .unwrap_or_else(std::sync::PoisonError::into_inner) = Arc::new(value);
}
