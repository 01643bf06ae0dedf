//! One core: its loop, and the order in which things get their turn.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use mio::{Events, Interest, Poll, Token};
use tidegate_hub::{Admission, Hub, PROBED_PER_S, Times};
use tidegate_protocol::ws::Inflater;
use tokio::io::unix::AsyncFd;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tokio::time::MissedTickBehavior;

use super::conns::{ConnRef, Conns};
use super::desk::{Desk, Done};
use super::drain::Drain;
use super::parting::Parting;
use super::pressure::Gauge;
use super::silent::Silent;
use super::tick::{TICK_MS, Waits};
use super::tour::Tours;
use crate::metrics::CoreMetrics;
use crate::node::{Counts, Node, ToCore, ToTail};

/// What one read takes at most, and what a connection may read in one turn, bytes.
pub(super) const READ_BYTES: usize = 64 * 1024;
/// Connections that are read in one turn.
const READS: usize = 64;
/// Of these, those whose TLS handshake is under way: each may take a signature, 0.1 to 1 ms.
const HANDSHAKES: usize = 4;
/// Connections that are accepted, and as many that are let in, in one turn.
const ACCEPTS: usize = 16;
/// Words that are taken from the tail in one turn.
const WORDS: usize = 64;
/// Events that are taken from the poll at once.
const EVENTS: usize = 1_024;
const LISTENER: Token = Token(usize::MAX);

pub(super) struct Core {
    pub(super) index: usize,
    pub(super) node: Arc<Node>,
    pub(super) hub: Hub,
    pub(super) conns: Conns,
    /// Connections with something to read, and whether their other end has closed.
    pub(super) ready: VecDeque<(ConnRef, bool)>,
    pub(super) listener: Option<mio::net::TcpListener>,
    pub(super) accepts: bool,
    /// Accepted and not let in yet: neither read from nor polled.
    pub(super) lobby: VecDeque<mio::net::TcpStream>,
    /// When the next of them is looked at, ms, while the rate is used up.
    pub(super) admit_due_ms: Option<u64>,
    pub(super) admission: Admission,
    /// Accepted while others wait, and they have not said what they are yet.
    pub(super) silent: Silent,
    /// Probes that are answered ahead of those who wait.
    pub(super) probes: Admission,
    pub(super) gauge: Gauge,
    pub(super) desk: Desk,
    pub(super) scratch: Box<[u8]>,
    /// Of all connections: it keeps nothing between messages.
    pub(super) inflater: Inflater,
    pub(super) tail: UnboundedSender<ToTail>,
    pub(super) counts: UnboundedSender<Counts>,
    pub(super) queued_bytes: Arc<AtomicUsize>,
    pub(super) waits: Waits,
    pub(super) parting: Parting,
    pub(super) ticks: u64,
    pub(super) sweep_at: u32,
    pub(super) drain: Option<Drain>,
    pub(super) tours: Tours,
}

impl Core {
    #[allow(clippy::too_many_arguments)]
    pub(super) fn new(
        index: usize,
        node: Arc<Node>,
        poll: &Poll,
        listener: std::net::TcpListener,
        tail: UnboundedSender<ToTail>,
        counts: UnboundedSender<Counts>,
        queued_bytes: Arc<AtomicUsize>,
        results: UnboundedSender<Done>,
    ) -> io::Result<Self> {
        let mut listener = mio::net::TcpListener::from_std(listener);
        poll.registry()
            .register(&mut listener, LISTENER, Interest::READABLE)?;
        Ok(Self {
            index,
            hub: Hub::new(node.hub),
            conns: Conns::new(poll.registry().try_clone()?),
            ready: VecDeque::new(),
            listener: Some(listener),
            accepts: true,
            lobby: VecDeque::new(),
            admit_due_ms: None,
            admission: Admission::new(node.admitted_per_s),
            silent: Silent::new(node.metrics.cores.len()),
            probes: Admission::new(PROBED_PER_S),
            gauge: Gauge::default(),
            desk: Desk::new(node.clone(), results),
            scratch: vec![0; READ_BYTES].into_boxed_slice(),
            inflater: Inflater::default(),
            tail,
            counts,
            queued_bytes,
            waits: Waits::default(),
            parting: Parting::new(node.metrics.cores.len()),
            ticks: 0,
            sweep_at: 0,
            drain: None,
            tours: Tours::default(),
            node,
        })
    }

    pub(super) fn metrics(&self) -> &CoreMetrics {
        &self.node.metrics.cores[self.index]
    }

    pub(super) fn times(&self) -> Times {
        self.node.clock.times()
    }

    pub(super) async fn run(
        mut self,
        poll: Poll,
        mut inbox: UnboundedReceiver<ToCore>,
        mut done: UnboundedReceiver<Done>,
    ) -> io::Result<()> {
        // Its successor asks for `unsafe`, for descriptors that change while they are watched; a poll keeps its own.
        #[allow(deprecated)]
        let mut poll = AsyncFd::with_interest(poll, tokio::io::Interest::READABLE)?;
        let mut events = Events::with_capacity(EVENTS);
        let mut tick = tokio::time::interval(Duration::from_millis(TICK_MS));
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !self.is_over() {
            let busy = self.has_work();
            let due = self
                .hub
                .next_due_ms()
                .into_iter()
                .chain(self.admit_due_ms)
                .chain(self.desk.joins_due_ms())
                .chain(self.waits.held_due_ms())
                .min()
                .map(|due_ms| self.node.clock.at(due_ms));
            tokio::select! {
                biased;
                guard = poll.readable_mut() => {
                    let mut guard = guard?;
                    if self.take_events(guard.get_inner_mut(), &mut events)? {
                        guard.clear_ready();
                    }
                }
                word = inbox.recv() => {
                    // The node's other threads end after the cores.
                    let Some(word) = word else { return Ok(()) };
                    self.obey(word);
                    for _ in 1..WORDS {
                        match inbox.try_recv() {
                            Ok(word) => self.obey(word),
                            Err(_) => break,
                        }
                    }
                }
                Some(result) = done.recv() => self.take_result(result),
                _ = tick.tick() => self.tick(),
                () = sleep_until(due), if !busy && due.is_some() => {}
                // Lets the runtime's few tasks have their turn.
                () = tokio::task::yield_now(), if busy => {}
            }
            self.turn();
        }
        Ok(())
    }

    fn has_work(&self) -> bool {
        !self.ready.is_empty()
            || self.accepts && self.listener.is_some()
            || !self.lobby.is_empty() && self.admit_due_ms.is_none()
            || self.hub.has_work(self.node.clock.now_ms())
    }

    /// Reads, then accepts, then one slice of one flush.
    fn turn(&mut self) {
        let mut handshakes = 0;
        for _ in 0..READS {
            if handshakes == HANDSHAKES {
                break;
            }
            let Some((next, closed)) = self.ready.pop_front() else {
                break;
            };
            if let Some(key) = self.conns.find(next) {
                handshakes += usize::from(self.conns.is_shaking_hands(key));
                self.read(key, closed);
                self.settle();
            }
        }
        if self.accepts {
            self.accept(ACCEPTS);
        }
        self.let_in(ACCEPTS);
        let times = self.times();
        if self.hub.has_work(times.now_ms) {
            if let Some(due_ms) = self.hub.next_due_ms() {
                self.gauge.began(due_ms, times.now_ms);
            }
            self.hub.slice(times, &mut self.conns);
        }
        self.release(times.now_ms);
        self.settle();
        self.desk.ask_joins(times.now_ms);
    }

    /// Takes what the poll has; `true` once it has nothing more.
    fn take_events(&mut self, poll: &mut Poll, events: &mut Events) -> io::Result<bool> {
        match poll.poll(events, Some(Duration::ZERO)) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(false),
            other => other?,
        }
        let mut count = 0;
        for event in events.iter() {
            count += 1;
            if event.token() == LISTENER {
                self.accepts = true;
                continue;
            }
            let reference = ConnRef::of(event.token());
            let Some(key) = self.conns.find(reference) else {
                continue;
            };
            if event.is_writable() && self.conns.write_on(key) {
                self.resume(key);
            }
            let closed = event.is_read_closed() || event.is_error();
            if event.is_readable() || closed {
                self.ready.push_back((reference, closed));
            }
        }
        self.settle();
        Ok(count < EVENTS)
    }

    /// A connection takes frames again: each of its rooms goes on.
    fn resume(&mut self, key: u32) {
        let times = self.times();
        let subs = self
            .conns
            .get(key)
            .map(|conn| conn.subs.clone())
            .unwrap_or_default();
        for &sub in subs.as_slice() {
            self.hub.resume(sub, times, &mut self.conns);
        }
    }

    fn obey(&mut self, word: ToCore) {
        let times = self.times();
        match word {
            ToCore::Opened(shard, positions) => self.hub.opened(shard, positions),
            ToCore::NotOpened(shard) => self.hub.not_opened(shard),
            ToCore::Entries {
                shard,
                origin,
                entries,
                bytes,
            } => {
                self.queued_bytes.fetch_sub(bytes, Ordering::Relaxed);
                self.hub.take(shard, &origin, &entries, times);
            }
            ToCore::Missed(shard, origin, position) => self.hub.missed(shard, &origin, position),
            ToCore::Departed(departed) => self.hub.set_departed(departed),
            ToCore::Close => self.begin_closing(),
            ToCore::Drain(grace_ms, turns) => self.begin_drain(grace_ms, turns),
            ToCore::Move(turns) => self.begin_moving(turns),
            ToCore::Stay => self.stop_moving(),
            ToCore::Endpoints(turns) => self.tell_endpoints(turns),
        }
        self.settle();
    }
}

async fn sleep_until(due: Option<std::time::Instant>) {
    if let Some(due) = due {
        tokio::time::sleep_until(due.into()).await;
    }
}
