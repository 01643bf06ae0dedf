//! What a core asks of Redis: so many at once, the others in turn.

use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;

use tidegate_hub::{Gather, OriginPage, Reader, SubRef};
use tidegate_protocol::frames::ErrorCode;
use tidegate_stream::{Region, RoomId, StreamId};
use tokio::sync::mpsc;

use super::tick::slim;
use crate::link::{Asking, Found, Link, Refused, State, banned, look_up, read_room, state};
use crate::node::Node;

/// Look-ups of one core that are on their way at once. The others wait; each belongs to a subscription or a room, or is
/// one of several subscriptions.
const AT_ONCE: usize = 64;

/// What viewers wait for that may wait beside them. Of reads of history 4,096 take 32 ms, at half a millisecond each and 64 at
/// once; of subscriptions as many are 16 look-ups. A viewer has 32 rooms at most, so a hundred who come back at once with all of
/// them fit.
const WAITING: usize = 4_096;

/// Something to ask.
pub(super) enum Task {
    /// For each: may it begin?
    Joins(Vec<(SubRef, Asking)>),
    Read {
        reader: Reader,
        room: RoomId,
        after: Vec<(Region, StreamId)>,
    },
    Bans {
        room: RoomId,
        users: Vec<String>,
    },
    State {
        room: RoomId,
    },
}

/// What came of it.
pub(super) enum Done {
    Joined(Vec<(SubRef, Result<Found, ErrorCode>)>),
    Refused(SubRef, ErrorCode),
    Page(Reader, Vec<OriginPage>),
    /// These are banned from the room now.
    Banned(RoomId, Vec<String>),
    State(RoomId, State),
    /// Redis is away: to be asked again.
    Failed(Task),
}

/// The queue and what is on its way.
pub(super) struct Desk {
    node: Arc<Node>,
    link: Rc<Link>,
    /// What whole rooms wait for, which goes first: those who are there before those who come.
    rooms: VecDeque<Task>,
    /// What one viewer each waits for.
    viewers: VecDeque<Task>,
    /// Subscriptions that wait for each other, or for a place.
    joins: VecDeque<(SubRef, Asking)>,
    gather: Gather,
    on_the_way: usize,
    results: mpsc::UnboundedSender<Done>,
    /// Failed, to be asked again at the next tick.
    pub(super) again: Vec<Task>,
}

impl Desk {
    pub(super) fn new(node: Arc<Node>, results: mpsc::UnboundedSender<Done>) -> Self {
        let link = Rc::new(Link::new(node.redis.clone()));
        Self {
            node,
            link,
            rooms: VecDeque::new(),
            viewers: VecDeque::new(),
            joins: VecDeque::new(),
            gather: Gather::default(),
            on_the_way: 0,
            results,
            again: Vec::new(),
        }
    }

    pub(super) fn waiting(&self) -> usize {
        self.rooms.len()
            + self.viewers.len()
            + self.joins.len()
            + self.on_the_way
            + self.again.len()
    }

    /// No more look-ups of viewers can wait.
    pub(super) fn is_full(&self) -> bool {
        self.viewers.len() + self.joins.len() >= WAITING
    }

    pub(super) fn ask(&mut self, task: Task) {
        match &task {
            Task::Joins(_)
            | Task::Read {
                reader: Reader::Viewer(_),
                ..
            } => self.viewers.push_back(task),
            Task::Read { .. } | Task::Bans { .. } | Task::State { .. } => {
                self.rooms.push_back(task);
            }
        }
        self.start();
    }

    /// A subscription is to begin. It is looked up at the end of the turn, or a few milliseconds later together with others.
    /// `false`: it cannot wait, since too many do.
    pub(super) fn join(&mut self, sub: SubRef, asking: Asking) -> bool {
        if self.is_full() {
            return false;
        }
        self.joins.push_back((sub, asking));
        true
    }

    /// Asks for who has come, if they need not wait for others.
    pub(super) fn ask_joins(&mut self, now_ms: u64) {
        while self.on_the_way < AT_ONCE {
            let some = self.gather.take(self.joins.len(), now_ms);
            if some == 0 {
                return;
            }
            let joins = self.joins.drain(..some).collect();
            self.send(Task::Joins(joins));
        }
    }

    /// When they are to be asked for, ms; none if nobody has come, or an answer must come first.
    pub(super) fn joins_due_ms(&self) -> Option<u64> {
        let due_ms = self.gather.due_ms(self.joins.len());
        due_ms.filter(|_| self.on_the_way < AT_ONCE)
    }

    /// Gives the memory of long queues back.
    pub(super) fn slim(&mut self) {
        slim(&mut self.rooms);
        slim(&mut self.viewers);
        slim(&mut self.joins);
    }

    /// One has come back.
    pub(super) fn done(&mut self) {
        self.on_the_way -= 1;
        self.start();
    }

    fn start(&mut self) {
        while self.on_the_way < AT_ONCE {
            let next = self.rooms.pop_front();
            let Some(task) = next.or_else(|| self.viewers.pop_front()) else {
                return;
            };
            self.send(task);
        }
    }

    fn send(&mut self, task: Task) {
        self.on_the_way += 1;
        let (node, link, results) = (self.node.clone(), self.link.clone(), self.results.clone());
        tokio::task::spawn_local(async move {
            // The core ends before its tasks; then nobody waits.
            let _ = results.send(run(&node, &link, task).await);
        });
    }
}

/// What is said to a subscription that was looked up.
fn verdict(room: &RoomId, looked: Result<Found, Refused>) -> Result<Found, ErrorCode> {
    looked.map_err(|refused| match refused {
        Refused::Said(code) => code,
        Refused::Failed(error) => {
            tracing::debug!(%error, %room, "a room cannot be looked up");
            ErrorCode::TryAgain
        }
    })
}

async fn run(node: &Node, link: &Link, task: Task) -> Done {
    let (keys, region) = (&node.keys, &node.region);
    match &task {
        Task::Joins(joins) => {
            let origins = node.origins_now();
            let asking: Vec<&Asking> = joins.iter().map(|(_, asking)| asking).collect();
            let looked = look_up(link, keys, region, &origins.tailed, &asking).await;
            let answered = joins.iter().zip(looked);
            Done::Joined(
                answered
                    .map(|((sub, asking), looked)| (*sub, verdict(&asking.room, looked)))
                    .collect(),
            )
        }
        Task::Read {
            reader,
            room,
            after,
        } => match (read_room(link, keys, room, after).await, reader) {
            (Ok(pages), _) => Done::Page(*reader, pages),
            (Err(error), Reader::Viewer(sub)) => {
                tracing::debug!(%error, %room, "history cannot be read");
                Done::Refused(*sub, ErrorCode::TryAgain)
            }
            (Err(error), Reader::Room(_)) => {
                tracing::debug!(%error, %room, "history cannot be read; again soon");
                Done::Failed(task)
            }
        },
        Task::Bans { room, users } => {
            match banned(link, keys, room, users, node.clock.redis_ms()).await {
                Ok(users) => Done::Banned(room.clone(), users),
                Err(_) => Done::Failed(task),
            }
        }
        Task::State { room } => match state(link, keys, region, room).await {
            Ok(state) => Done::State(room.clone(), state),
            Err(_) => Done::Failed(task),
        },
    }
}
