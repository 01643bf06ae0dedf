//! What a core asks of Redis: so many at once, the others in turn.

use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;

use tidegate_hub::{OriginPage, Reader, SubRef, Who};
use tidegate_protocol::frames::ErrorCode;
use tidegate_stream::{Region, RoomId, StreamId};
use tokio::sync::mpsc;

use crate::link::{Found, Link, Refused, State, banned, look_up, read_room, state};
use crate::node::Node;

/// Look-ups of one core that are on their way at once. The others wait; each belongs to a subscription or a room.
const AT_ONCE: usize = 64;

/// Look-ups of viewers that may wait beside them: at half a millisecond each and 64 at once, 4,096 take 32 ms. A viewer has 32
/// rooms at most, so a hundred who come back at once with all of them fit.
const WAITING: usize = 4_096;

/// Something to ask.
pub(super) enum Task {
    Join {
        sub: SubRef,
        room: RoomId,
        who: Rc<Who>,
        tally: bool,
    },
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
    Joined(SubRef, Found),
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
            on_the_way: 0,
            results,
            again: Vec::new(),
        }
    }

    pub(super) fn waiting(&self) -> usize {
        self.rooms.len() + self.viewers.len() + self.on_the_way + self.again.len()
    }

    /// No more look-ups of viewers can wait.
    pub(super) fn is_full(&self) -> bool {
        self.viewers.len() >= WAITING
    }

    pub(super) fn ask(&mut self, task: Task) {
        match &task {
            Task::Join { .. }
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
            self.on_the_way += 1;
            let (node, link, results) =
                (self.node.clone(), self.link.clone(), self.results.clone());
            tokio::task::spawn_local(async move {
                // The core ends before its tasks; then nobody waits.
                let _ = results.send(run(&node, &link, task).await);
            });
        }
    }
}

async fn run(node: &Node, link: &Link, task: Task) -> Done {
    let (keys, region) = (&node.keys, &node.region);
    match &task {
        Task::Join {
            sub,
            room,
            who,
            tally,
        } => {
            let origins = node.origins_now();
            let origins = tally.then_some(&*origins.tailed);
            match look_up(link, keys, region, room, who, origins).await {
                Ok(found) => Done::Joined(*sub, found),
                Err(Refused::Said(code)) => Done::Refused(*sub, code),
                Err(Refused::Failed(error)) => {
                    tracing::debug!(%error, %room, "a room cannot be looked up");
                    Done::Refused(*sub, ErrorCode::TryAgain)
                }
            }
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
