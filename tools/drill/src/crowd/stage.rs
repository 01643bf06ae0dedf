//! All viewers of a crowd and their sockets, in one thread: who comes, goes, and is lost.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mio::{Registry, Token};

use super::account::Seen;
use super::hear::subscribe;
use super::link::{Link, SCRATCH_BYTES};
use super::pace::READS_MS;
use super::publisher::Board;
use super::script::{Group, Manner};
use super::tally::{Sockets, Times};
use super::viewer::{Loss, State, Viewer, is_expected};
use crate::random::Random;
use crate::script::progress;

/// How long a socket may take from connect to the first frame of its room.
const OPEN: Duration = Duration::from_secs(5);
/// Refusals that are told in words.
const TOLD: u64 = 5;

/// What a timer is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum What {
    Connect,
    /// It should have been subscribed by now.
    Deadline,
    Subscribe,
    /// A slow viewer stops reading, or goes on.
    Stop,
    GoOn,
}

/// When, whom, in which of its turns.
type Timer = Reverse<(Instant, usize, u64, What)>;

/// Everything.
pub struct Crowd {
    pub(super) viewers: Vec<Viewer>,
    pub(super) board: Arc<Board>,
    pub(super) seen: Seen,
    pub(super) sockets: Sockets,
    pub(super) latency: Times,
    pub(super) measured: Option<Group>,
    pub(super) returned: Times,
    /// Viewers who have never had a first frame, of those who should.
    pub(super) unbegun: usize,
    /// Viewers of a lost node who do not read yet.
    pub(super) awaited: usize,
    pub(super) subscribed: Vec<usize>,
    pub(super) present: Vec<bool>,
    pub(super) churn: f64,
    pub(super) left_due: f64,
    pub(super) registry: Registry,
    pub(super) nodes: Vec<SocketAddr>,
    pub(super) rooms: Vec<String>,
    pub(super) tickets: Vec<String>,
    pub(super) queue: VecDeque<usize>,
    pub(super) opening: usize,
    pub(super) timers: BinaryHeap<Timer>,
    pub(super) random: Random,
    pub(super) scratch: Vec<u8>,
    pub(super) beaten: Instant,
    pub(super) spoken: usize,
    pub(super) turns: u64,
}

impl Crowd {
    /// Of nobody yet. A ticket for each room.
    pub fn new(
        registry: Registry,
        nodes: &[SocketAddr],
        rooms: Vec<String>,
        tickets: Vec<String>,
        board: Arc<Board>,
    ) -> Self {
        Self {
            viewers: Vec::new(),
            board,
            seen: Seen::default(),
            sockets: Sockets::default(),
            latency: Times::default(),
            measured: None,
            returned: Times::default(),
            unbegun: 0,
            awaited: 0,
            subscribed: vec![0; nodes.len()],
            present: vec![true; nodes.len()],
            churn: 0.0,
            left_due: 0.0,
            registry,
            nodes: nodes.to_vec(),
            rooms,
            tickets,
            queue: VecDeque::new(),
            opening: 0,
            timers: BinaryHeap::new(),
            random: Random::new(1),
            scratch: vec![0; SCRATCH_BYTES],
            beaten: Instant::now(),
            spoken: 0,
            turns: 0,
        }
    }

    /// So many more viewers, to a node or spread over all.
    pub fn add(&mut self, group: Group, count: usize, node: Option<usize>, manner: Manner) {
        for _ in 0..count {
            let index = self.viewers.len();
            let node = node.unwrap_or(index % self.nodes.len());
            // All of one node's are not all of one room's.
            let room = index / self.nodes.len() % self.rooms.len();
            self.viewers.push(Viewer::new(group, room, manner, node));
            self.begin_turn(index);
            self.unbegun += 1;
            self.queue.push_back(index);
            if let Manner::Slow(_) = manner {
                let after = self.random.below(READS_MS / 4);
                self.at(after, index, What::Stop);
            }
        }
    }

    /// A group leaves for good.
    pub fn close(&mut self, group: Group) {
        for index in 0..self.viewers.len() {
            if self.viewers[index].group == group && self.viewers[index].state != State::Ended {
                self.leave(index);
                self.viewers[index].state = State::Ended;
            }
        }
        self.queue
            .retain(|index| self.viewers[*index].state != State::Ended);
        // Places are kept, since sockets are named by them; only the last can go.
        while (self.viewers.last()).is_some_and(|last| last.state == State::Ended) {
            self.viewers.pop();
        }
    }

    /// A group reads again as everybody does.
    pub fn wake(&mut self, of: impl Fn(&Viewer) -> bool) {
        for index in 0..self.viewers.len() {
            let viewer = &mut self.viewers[index];
            if of(viewer) && viewer.manner != Manner::Reads {
                viewer.manner = Manner::Reads;
                viewer.paused = false;
                self.ready(index);
            }
        }
    }

    /// Notes who was at a node that is killed now.
    pub fn lose(&mut self, node: usize, now: Instant) -> usize {
        self.present[node] = false;
        self.returned = Times::default();
        let there = |viewer: &&mut Viewer| viewer.node == node && viewer.state == State::Subscribed;
        self.awaited = (self.viewers.iter_mut().filter(there))
            .map(|viewer| viewer.away = Some(now))
            .count();
        self.awaited
    }

    /// What timers were set for is over.
    pub(super) fn begin_turn(&mut self, index: usize) {
        self.turns += 1;
        self.viewers[index].turn = self.turns;
    }

    pub(super) fn at(&mut self, after_ms: u64, index: usize, what: What) {
        let due = Instant::now() + Duration::from_millis(after_ms);
        let turn = self.viewers[index].turn;
        self.timers.push(Reverse((due, index, turn, what)));
    }

    /// It has no socket any more, and its timers mean nothing.
    fn unlink(&mut self, index: usize) {
        self.begin_turn(index);
        let viewer = &mut self.viewers[index];
        viewer.link = None;
        if viewer.state == State::Subscribed {
            self.subscribed[viewer.node] -= 1;
        }
        if std::mem::take(&mut viewer.opening) {
            self.opening -= 1;
        }
    }

    /// It is at no node any more, and nobody waits for it.
    pub(super) fn let_go(&mut self, index: usize) {
        self.unlink(index);
        let viewer = &mut self.viewers[index];
        if !viewer.begun && viewer.state != State::Ended {
            self.unbegun -= 1;
        }
        if viewer.away.take().is_some() {
            self.awaited = self.awaited.saturating_sub(1);
        }
    }

    pub(super) fn connect(&mut self, index: usize) {
        self.begin_turn(index);
        let viewer = &mut self.viewers[index];
        viewer.state = State::Opening;
        let (address, narrow) = (self.nodes[viewer.node], viewer.is_narrow());
        match Link::open(address, narrow, &self.registry, Token(index)) {
            Ok(link) => viewer.link = Some(link),
            Err(_) => return self.lost(index, Loss::Broken),
        }
        self.at(OPEN.as_millis() as u64, index, What::Deadline);
    }

    pub(super) fn subscribe(&mut self, index: usize) {
        let viewer = &mut self.viewers[index];
        let (room, ticket) = (&self.rooms[viewer.room], &self.tickets[viewer.room]);
        let frame = subscribe(room, ticket, viewer);
        if let Some(link) = &mut viewer.link
            && link.say(1, frame.as_bytes()).is_err()
        {
            self.lost(index, Loss::Broken);
        }
    }

    /// A socket has ended, whoever ended it.
    pub(super) fn lost(&mut self, index: usize, loss: Loss) {
        match loss {
            Loss::Broken => self.sockets.broken += 1,
            Loss::Moved(_) => self.sockets.moved += 1,
            Loss::SentBack(_) => self.sockets.sent_back += 1,
            Loss::Closed(code) => *self.sockets.closed.entry(code).or_default() += 1,
            Loss::Astray => {}
        }
        if matches!(loss, Loss::Closed(code) if !is_expected(code)) || loss == Loss::Astray {
            self.sockets.refusals += 1;
            if self.sockets.refusals <= TOLD {
                progress(format!("viewer {index}: {loss:?}"));
            }
        }
        self.unlink(index);
        let viewer = &mut self.viewers[index];
        if viewer.manner == Manner::Never && viewer.begun {
            viewer.state = State::Ended;
            return;
        }
        viewer.state = State::Waiting;
        let wait = viewer.turn_to_next(loss, self.nodes.len(), &mut self.random);
        self.at(wait.as_millis() as u64, index, What::Connect);
    }
}
