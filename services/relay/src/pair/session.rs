//! A session: connections to both, and everything that goes on over them until one of them breaks.

use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesOrdered, FuturesUnordered};
use redis::Value;
use tidegate_relay::{ReadPlan, Speed, Todo};
use tidegate_stream::calls::{Gap, Leased, RelayVerdict, Remedy};
use tidegate_stream::{Shard, StreamId};
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;

use super::backlog::{self, Backlog, Looked};
use super::read::{Brought, Logs, Streams, read};
use super::takeback::{self, Taken};
use super::{Kept, Shared, leases, merge, neighbour, send};
use crate::connection::{Link, LinkError, words};
use crate::ground::{compare, run_id};
use crate::run::chance;
use crate::values::first_id;

/// How often it is looked whether something is due.
const TICK: Duration = Duration::from_millis(20);
/// How often nodes and regions are copied.
const NEIGHBOUR_MS: u64 = 1_000;
/// How often it is looked whether the Redis here is still the same run: publishers wait until it has its tail back.
const RUN_MS: u64 = 200;
/// How often the backlog is counted.
const BACKLOG_MS: u64 = 5_000;
/// How often it is looked where the addresses lead. A primary that was cut off, and another promoted in its place, goes on
/// answering on old connections; nothing else tells that it is the wrong one.
const LOOK_MS: u64 = 5_000;
/// Shards whose rooms are merged at once.
const MERGES: usize = 8;

const SPEEDS: [Speed; 2] = [Speed::Live, Speed::Bulk];

/// Something was done.
enum Event {
    Read(ReadPlan, Result<Streams, LinkError>),
    Leased(Result<Vec<(Shard, Leased)>, LinkError>),
    Positioned(Shard, Result<StreamId, LinkError>),
    Merged(Shard, Result<u64, LinkError>),
    Gapped(Shard, Todo, Result<(RelayVerdict, StreamId), LinkError>),
    Neighbour(Result<(), LinkError>),
    Run(Result<String, LinkError>),
    TakenBack(String, Result<Taken, LinkError>),
    Backlog(Result<Looked, LinkError>),
    /// Whether both addresses lead to the same as before.
    Led(Result<bool, LinkError>),
}

type Answers = (Vec<Shard>, Result<Vec<Value>, LinkError>);

/// Connections, and what is under way.
pub struct Session<'a> {
    shared: &'a Shared,
    kept: &'a mut Kept,
    logs: Logs,
    home: Link,
    home_calls: [Link; 2],
    source: Link,
    source_reads: [Link; 2],
    ops: FuturesUnordered<BoxFuture<'a, Event>>,
    sent: [FuturesOrdered<BoxFuture<'a, Answers>>; 2],
    merges: usize,
    waiting_merges: Vec<Shard>,
    neighbour_ms: u64,
    run_ms: u64,
    backlog_ms: u64,
    look_ms: u64,
    backlog: Backlog,
    taking_back: bool,
}

impl<'a> Session<'a> {
    /// Connects to the other region as well, and checks that.
    pub async fn open(shared: &'a Shared, kept: &'a mut Kept, home: Link) -> anyhow::Result<Self> {
        let source = Link::open(&shared.source).await?;
        compare(&source, &shared.keys).await?;
        kept.pair.reconnected();
        kept.pair.source_answered(shared.clock.now_ms());
        Ok(Self {
            logs: Logs::new(&shared.keys, &shared.origin),
            home_calls: [
                Link::open(&shared.home).await?,
                Link::open(&shared.home).await?,
            ],
            source_reads: [
                Link::blocking(&shared.source).await?,
                Link::blocking(&shared.source).await?,
            ],
            shared,
            kept,
            home,
            source,
            ops: FuturesUnordered::new(),
            sent: [FuturesOrdered::new(), FuturesOrdered::new()],
            merges: 0,
            waiting_merges: Vec::new(),
            neighbour_ms: 0,
            run_ms: 0,
            backlog_ms: 0,
            look_ms: shared.clock.now_ms() + LOOK_MS,
            backlog: Backlog::default(),
            taking_back: false,
        })
    }

    /// Works until something breaks, which is the error, or it is told to stop.
    pub async fn run(&mut self, mut stop: watch::Receiver<bool>) -> anyhow::Result<()> {
        // What was lost comes first.
        let run = run_id(&self.home).await?;
        self.note_run(run);
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            self.act();
            let [live, bulk] = &mut self.sent;
            tokio::select! {
                Some(event) = self.ops.next() => self.take(event)?,
                Some(answers) = live.next(), if !live.is_empty() => self.answered(answers)?,
                Some(answers) = bulk.next(), if !bulk.is_empty() => self.answered(answers)?,
                _ = tick.tick() => {}
                _ = stop.changed() => {
                    leases::free(self.shared, &self.home, &self.kept.pair).await;
                    return Ok(());
                }
            }
        }
    }

    fn push(&mut self, op: impl Future<Output = Event> + Send + 'a) {
        self.ops.push(Box::pin(op));
    }

    /// Begins whatever can be begun.
    fn act(&mut self) {
        let now_ms = self.shared.clock.now_ms();
        while let Some((shard, todo)) = self.kept.pair.todo(now_ms) {
            self.begin(shard, todo);
        }
        while self.merges < MERGES
            && let Some(shard) = self.waiting_merges.pop()
        {
            self.merges += 1;
            let (shared, home, source) = (self.shared, self.home.clone(), self.source.clone());
            self.push(async move {
                Event::Merged(shard, merge::shard(shared, &home, &source, shard).await)
            });
        }
        self.lease(now_ms);
        for (index, speed) in SPEEDS.into_iter().enumerate() {
            while let Some(batch) = send::gather(self.shared, &mut self.kept.pair, speed) {
                let link = self.home_calls[index].clone();
                // Sent at the first poll, whatever else the task has done in this turn: else a later one could overtake it,
                // which would do no harm, but be read again.
                let op = tokio::task::unconstrained(async move {
                    let answers = link.pipeline(&batch.pipeline).await;
                    (batch.shards, answers)
                });
                self.sent[index].push_back(Box::pin(op));
            }
            if let Some(plan) = self.kept.pair.plan_read(speed, now_ms) {
                let command = self.logs.query(&plan);
                let link = self.source_reads[index].clone();
                self.push(async move { Event::Read(plan, read(link, command).await) });
            }
        }
        self.keep_house(now_ms);
    }

    fn begin(&mut self, shard: Shard, todo: Todo) {
        let (shared, home) = (self.shared, self.home.clone());
        match todo {
            Todo::Position => {
                let key = shared.keys.log(shard, &shared.origin);
                let command = words(["XREVRANGE", &key, "+", "-", "COUNT", "1"]);
                self.push(async move {
                    Event::Positioned(shard, home.one(command).await.map(first_id))
                });
            }
            Todo::Merge => self.waiting_merges.push(shard),
            Todo::Gap { last, upto } => {
                let gap = Gap {
                    region: &shared.region,
                    origin: &shared.origin,
                    shard,
                    fence: self.kept.pair.fence(shard),
                    last,
                    upto,
                };
                let call = gap.call(&shared.keys, &shared.bounds);
                self.push(async move {
                    let answer = home.call(&call).await;
                    let read = answer.and_then(|replies| Ok(Gap::answer(&replies)?));
                    Event::Gapped(shard, todo, read)
                });
            }
        }
    }

    fn lease(&mut self, now_ms: u64) {
        let verbs = self.kept.pair.lease_verbs(now_ms);
        if verbs.is_empty() {
            return;
        }
        let (shared, home) = (self.shared, self.home.clone());
        self.push(async move { Event::Leased(leases::ask(shared, &home, verbs).await) });
    }

    fn keep_house(&mut self, now_ms: u64) {
        let (shared, home, source) = (self.shared, self.home.clone(), self.source.clone());
        if now_ms >= self.neighbour_ms {
            // Never two at once: the next comes a second after this one is done.
            self.neighbour_ms = u64::MAX;
            let (home, source) = (home.clone(), source.clone());
            self.push(
                async move { Event::Neighbour(neighbour::once(shared, &home, &source).await) },
            );
        }
        if now_ms >= self.run_ms {
            self.run_ms = u64::MAX;
            let home = home.clone();
            self.push(async move { Event::Run(run_id(&home).await) });
        }
        if now_ms >= self.backlog_ms {
            self.backlog_ms = u64::MAX;
            let (home, source) = (home.clone(), source.clone());
            self.push(async move { Event::Backlog(backlog::look(shared, &home, &source).await) });
        }
        if now_ms >= self.look_ms {
            self.look_ms = u64::MAX;
            self.push(async move { Event::Led(is_there(shared, &home, &source).await) });
        }
        let metrics = &self.shared.metrics;
        let pair = &self.kept.pair;
        let (live, bulk) = (pair.held(Speed::Live), pair.held(Speed::Bulk));
        metrics.held_entries.set((live.0 + bulk.0) as u64);
        metrics.held_bytes.set((live.1 + bulk.1) as u64);
        let (mut behind, mut leases, mut level) = (0, 0, true);
        for (_, relay) in pair.shards() {
            behind += u64::from(relay.speed() == Speed::Bulk);
            leases += u64::from(relay.is_held());
            level &= relay.is_level();
        }
        metrics.bulk_shards.set(behind);
        metrics.leases.set(leases);
        if level {
            metrics.lag.level();
        }
    }

    fn heard(&mut self) {
        let now_ms = self.shared.clock.now_ms();
        self.kept.pair.source_answered(now_ms);
        self.shared.metrics.contact_ms.set(now_ms);
    }

    /// The Redis here is in this run: if it is a new one, it may have lost something.
    fn note_run(&mut self, run: String) {
        if self.kept.whole_run == run || self.taking_back {
            return;
        }
        self.taking_back = true;
        let (shared, home, source) = (self.shared, self.home.clone(), self.source.clone());
        self.push(async move {
            let taken = takeback::all(shared, &home, &source).await;
            Event::TakenBack(run, taken)
        });
    }

    fn take(&mut self, event: Event) -> Result<(), LinkError> {
        let now_ms = self.shared.clock.now_ms();
        let random = chance();
        match event {
            Event::Read(plan, result) => match settle(result)? {
                Ok(streams) => {
                    self.heard();
                    let brought: Brought = streams
                        .into_iter()
                        .filter_map(|(key, entries)| Some((self.logs.shard(&key)?, entries)))
                        .collect();
                    self.kept.pair.read(&plan, brought);
                }
                Err(error) => {
                    // Nothing that reads may go round without a pause.
                    return Err(LinkError::Away(error.to_string()));
                }
            },
            Event::Leased(result) => {
                if let Ok(answers) = settle(result)? {
                    for (shard, answer) in answers {
                        self.kept.pair.leased(shard, answer);
                    }
                }
            }
            Event::Positioned(shard, result) => match settle(result)? {
                Ok(last) => self.kept.pair.positioned(shard, last, now_ms, random),
                Err(_) => self
                    .kept
                    .pair
                    .todo_failed(shard, Todo::Position, now_ms, random),
            },
            Event::Merged(shard, result) => {
                self.merges -= 1;
                match settle(result)? {
                    Ok(_) => self.kept.pair.merged(shard, now_ms, random),
                    Err(error) => {
                        tracing::warn!(%error, %shard, origin = %self.shared.origin, "rooms could not be merged; trying again");
                        self.kept
                            .pair
                            .todo_failed(shard, Todo::Merge, now_ms, random);
                    }
                }
            }
            Event::Gapped(shard, todo, result) => match settle(result)? {
                Ok((verdict, last)) => {
                    if self.kept.pair.gapped(shard, verdict, last) {
                        self.shared.metrics.gaps.add(1);
                        tracing::warn!(%shard, origin = %self.shared.origin, upto = %last, "a gap: what lies before was trimmed there before it was copied");
                    }
                }
                Err(_) => self.kept.pair.todo_failed(shard, todo, now_ms, random),
            },
            Event::Neighbour(result) => {
                self.neighbour_ms = now_ms + NEIGHBOUR_MS;
                match settle(result)? {
                    Ok(()) => self.heard(),
                    Err(error) => {
                        tracing::debug!(%error, origin = %self.shared.origin, "nodes and regions are not copied");
                    }
                }
            }
            Event::Run(result) => {
                self.run_ms = now_ms + RUN_MS;
                if let Ok(run) = settle(result)? {
                    self.note_run(run);
                }
            }
            Event::TakenBack(run, result) => {
                self.taking_back = false;
                if let Ok(taken) = settle(result)? {
                    self.kept.whole_run = run;
                    self.taken_back(&taken);
                }
            }
            Event::Backlog(result) => {
                self.backlog_ms = now_ms + BACKLOG_MS;
                if let Ok(looked) = settle(result)? {
                    let entries = self.backlog.entries(&looked);
                    self.shared.metrics.lag_entries.set(entries);
                }
            }
            Event::Led(result) => {
                self.look_ms = now_ms + LOOK_MS;
                match result {
                    Ok(true) => {}
                    Ok(false) => {
                        return Err(LinkError::Away(
                            "an address leads to another Redis than before".to_owned(),
                        ));
                    }
                    // What goes on over the connections that are open says more.
                    Err(error) => {
                        tracing::debug!(%error, "where the addresses lead cannot be seen")
                    }
                }
            }
        }
        Ok(())
    }

    fn taken_back(&self, taken: &Taken) {
        self.shared.metrics.taken_back.add(taken.back);
        self.shared.metrics.left_there.add(taken.left);
        if taken.back + taken.left > 0 {
            tracing::warn!(
                from = %self.shared.origin,
                back = taken.back,
                left = taken.left,
                "this region had lost its tail: entries that came back, and that stay there only"
            );
        }
    }

    fn answered(&mut self, (shards, answers): Answers) -> Result<(), LinkError> {
        let now_ms = self.shared.clock.now_ms();
        for (shard, answer) in shards.into_iter().zip(answers?) {
            send::take(
                self.shared,
                &mut self.kept.pair,
                shard,
                answer,
                now_ms,
                chance(),
            )?;
        }
        Ok(())
    }
}

/// A connection that broke ends the session, as does a Redis that is no longer the one to write to or has lost its functions: the
/// next session connects anew and looks at the ground first. Whatever else was refused is an answer.
///
/// # Errors
/// What ends the session.
pub(super) fn settle<T>(result: Result<T, LinkError>) -> Result<Result<T, LinkError>, LinkError> {
    match result {
        Err(error) if matches!(error.remedy(), Remedy::ConnectAnew | Remedy::LoadLibrary) => {
            Err(error)
        }
        other => Ok(other),
    }
}

async fn is_there(shared: &Shared, home: &Link, source: &Link) -> Result<bool, LinkError> {
    Ok(home.is_there(&shared.home).await? && source.is_there(&shared.source).await?)
}
