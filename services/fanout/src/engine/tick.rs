//! What a core does by the clock: no connection has a timer of its own.

use std::collections::VecDeque;

use tidegate_hub::{Reader, Sampled};
use tidegate_protocol::upgrade::{Refusal, Refused};
use tidegate_protocol::{CloseCode, limits, sse};

use super::conn::Kind;
use super::conns::ConnRef;
use super::core::Core;
use super::desk::Task;
use crate::node::ToTail;

/// A tick, ms.
pub(super) const TICK_MS: u64 = 100;
/// Ticks in which the whole slab is swept: as often as a stream of events gets a comment.
const SWEEP_TICKS: u64 = limits::SSE_COMMENT_MS / TICK_MS;
const SECOND: u64 = 1_000 / TICK_MS;
/// Ticks between two looks for counters that lapsed by themselves.
const COUNTERS: u64 = 10 * SECOND;
/// How long a connection that is ending may take to close, ms.
const ENDING_MS: u64 = 2_000;

/// How long a welcome may be kept back, ms: twice what those who come together wait for each other.
const HELD_MS: u64 = 10;

/// Connections with a deadline, in order: each list has one length of time.
#[derive(Default)]
pub(super) struct Waits {
    /// Something is kept back, to go out with what comes next.
    held: VecDeque<(u64, ConnRef)>,
    /// A head or a hello is owed.
    greeting: VecDeque<(u64, ConnRef)>,
    /// The other end is to close.
    ending: VecDeque<(u64, ConnRef)>,
}

impl Waits {
    pub(super) fn greet(&mut self, conn: ConnRef, now_ms: u64) {
        // A head may take as long as a hello, so that one list does.
        const { assert!(limits::HEAD_MS == limits::HELLO_MS) };
        self.greeting.push_back((now_ms + limits::HELLO_MS, conn));
    }

    pub(super) fn hold(&mut self, conn: ConnRef, now_ms: u64) {
        self.held.push_back((now_ms + HELD_MS, conn));
    }

    /// When the first of what is kept back goes out, ms.
    pub(super) fn held_due_ms(&self) -> Option<u64> {
        self.held.front().map(|(due_ms, _)| *due_ms)
    }

    pub(super) fn end(&mut self, conn: ConnRef, now_ms: u64) {
        self.ending.push_back((now_ms + ENDING_MS, conn));
    }
}

fn lapsed(list: &mut VecDeque<(u64, ConnRef)>, now_ms: u64) -> Option<ConnRef> {
    slim(list);
    list.pop_front_if(|(deadline_ms, _)| *deadline_ms <= now_ms)
        .map(|(_, conn)| conn)
}

/// A queue that was long gives its memory back once it is short.
pub(super) fn slim<T>(queue: &mut VecDeque<T>) {
    const KEPT: usize = 256;
    if queue.capacity() > KEPT && queue.len() < queue.capacity() / 4 {
        queue.shrink_to(KEPT.max(2 * queue.len()));
    }
}

impl Core {
    /// Writes what was kept back and has waited long enough. Nearly always it has gone out by itself before.
    pub(super) fn release(&mut self, now_ms: u64) {
        while let Some(&(due_ms, conn)) = self.waits.held.front() {
            let holds = self
                .conns
                .find(conn)
                .filter(|&key| self.conns.is_holding(key));
            match holds {
                Some(_) if due_ms > now_ms => return,
                Some(key) => self.conns.release(key),
                None => {}
            }
            self.waits.held.pop_front();
        }
    }

    pub(super) fn tick(&mut self) {
        self.ticks += 1;
        let now_ms = self.node.clock.now_ms();
        self.check_waits(now_ms);
        self.parting.check(now_ms);
        self.hear(now_ms);
        self.sweep();
        self.go_on_draining(now_ms);
        self.go_on_tours(now_ms);
        // Also after a want of files.
        self.accepts = true;
        if let Some(seen) = self.gauge.tick(now_ms, &mut self.admission) {
            let metrics = &self.node.metrics.cores[self.index];
            metrics.lag_ms.set(seen.lag_ms);
            metrics
                .cpu_permille
                .set(seen.cpu_permille.unwrap_or(0).into());
        }
        if self.ticks.is_multiple_of(SECOND) {
            self.each_second();
        }
        if self.ticks.is_multiple_of(COUNTERS) {
            let times = self.times();
            self.hub.check_counters(times);
        }
        self.settle();
    }

    fn check_waits(&mut self, now_ms: u64) {
        while let Some(conn) = lapsed(&mut self.waits.greeting, now_ms) {
            let Some(key) = self.conns.find(conn) else {
                continue;
            };
            match self.conns.get(key).map(|conn| &conn.kind) {
                Some(Kind::Request(None)) => self.conns.gone.push(key),
                Some(Kind::Request(Some(_))) => self.refuse(key, &Refused::from(Refusal::Timeout)),
                Some(Kind::Socket { greeted: false, .. }) => {
                    self.close(key, CloseCode::HelloTimeout)
                }
                _ => {}
            }
        }
        while let Some(conn) = lapsed(&mut self.waits.ending, now_ms) {
            if let Some(key) = self.conns.find(conn) {
                self.conns.gone.push(key);
            }
        }
    }

    /// Looks at a part of the slab: who has gone silent, whose ticket has lapsed, who is owed a comment.
    fn sweep(&mut self) {
        let capacity = u64::from(self.conns.capacity());
        let part = capacity.div_ceil(SWEEP_TICKS) as u32;
        let now_s = self.now_s();
        let clock_ms = self.node.clock.redis_ms();
        for _ in 0..part {
            let key = self.sweep_at;
            self.sweep_at = (self.sweep_at + 1) % self.conns.capacity().max(1);
            let Some(conn) = self.conns.get(key) else {
                continue;
            };
            let silent_ms = u64::from(now_s.saturating_sub(conn.seen_s)) * 1_000;
            match &conn.kind {
                Kind::Socket { .. } if silent_ms >= limits::IDLE_MS => {
                    self.close(key, CloseCode::Idle);
                    continue;
                }
                Kind::Events { started: true, .. } if !conn.is_blocked() => {
                    let mut comment = Vec::new();
                    sse::comment(&mut comment);
                    self.conns.answer(key, comment);
                }
                _ => {}
            }
            let subs = self
                .conns
                .get(key)
                .map(|conn| conn.subs.clone())
                .unwrap_or_default();
            for &sub in subs.as_slice() {
                self.hub.expire(sub, clock_ms);
            }
        }
    }

    fn each_second(&mut self) {
        self.hub.ask_again();
        for shard in self.hub.close_idle_shards() {
            let _ = self.tail.send(ToTail::Close(self.index, shard));
        }
        for task in std::mem::take(&mut self.desk.again) {
            let waits = match &task {
                Task::Read {
                    reader: Reader::Room(room),
                    ..
                } => self.hub.room_waits(*room),
                Task::Read { .. } | Task::Joins(_) | Task::Bans { .. } | Task::State { .. } => true,
            };
            if waits {
                self.desk.ask(task);
            }
        }
        let changed: Vec<_> = self.hub.changed_counts().collect();
        if !changed.is_empty() {
            // Whoever sums them up ends after the cores.
            let _ = self.counts.send((self.index, changed));
        }
        slim(&mut self.ready);
        slim(&mut self.waits.held);
        self.desk.slim();
        let now_ms = self.node.clock.now_ms();
        let sampled = self.hub.ease(now_ms);
        self.tell_metrics(sampled);
    }

    fn tell_metrics(&mut self, sampled: Sampled) {
        let bytes = std::mem::take(&mut self.conns.bytes);
        let closed = std::mem::take(&mut self.conns.closed);
        let metrics = &self.node.metrics.cores[self.index];
        metrics.bytes.add(bytes);
        for code in closed {
            if let Some(index) = CloseCode::ALL.iter().position(|known| *known == code) {
                metrics.closed[index].add(1);
            }
        }
        metrics.connections.set(self.conns.len() as u64);
        metrics.blocked.set(self.conns.blocked() as u64);
        metrics.ready.set(self.ready.len() as u64);
        metrics.subscriptions.set(self.hub.sub_count() as u64);
        metrics.rooms.set(self.hub.room_count() as u64);
        metrics.admitted_per_s.set(self.admission.per_s().into());
        metrics.lobby.set(self.lobby.len() as u64);
        metrics.lookups.set(self.desk.waiting() as u64);
        let queued = self.queued_bytes.load(std::sync::atomic::Ordering::Relaxed);
        metrics.queued_bytes.set(queued as u64);
        for (number, viewers) in metrics.viewers.iter().zip(sampled.viewers) {
            number.set(viewers);
        }
        metrics.sampled_rooms.set(sampled.rooms);
        metrics.hub.set(&self.hub.stats());
    }
}
