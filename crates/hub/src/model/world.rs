//! Logs, two nodes with their tails, and viewers between them.

use std::collections::VecDeque;

use tidegate_stream::{ShardCount, StreamId};

use super::log::{Log, region, room};
use super::viewers::{Connections, Viewer};
use super::{KNOWN, NODES, ORIGINS, Op, VIEWERS};
use crate::{Action, Encoding, Hub, HubLimits, LogEntry, Reader, Subscribe, Times, Who};

pub(super) struct World {
    pub(super) logs: Vec<Log>,
    pub(super) hubs: Vec<Hub>,
    pub(super) tails: Vec<[usize; ORIGINS.len()]>,
    /// How many of the origins a node knows.
    pub(super) known: [usize; NODES],
    pub(super) actions: Vec<VecDeque<Action>>,
    pub(super) viewers: Vec<Viewer>,
    pub(super) times: Times,
    pub(super) trimmed: bool,
    /// A connection was blocked, or a room has a budget.
    pub(super) sampled: bool,
}

impl World {
    pub(super) fn new() -> Self {
        let limits = HubLimits {
            ring_bytes: 1_500,
            tick_ceiling_ms: 0,
            chat_budget: 0,
        };
        Self {
            logs: ORIGINS.map(|_| Log::default()).into(),
            hubs: (0..NODES).map(|_| Hub::new(limits)).collect(),
            tails: vec![[0; ORIGINS.len()]; NODES],
            known: [KNOWN; NODES],
            actions: vec![VecDeque::new(); NODES],
            viewers: (0..VIEWERS).map(|_| Viewer::default()).collect(),
            times: Times::default(),
            trimmed: false,
            sampled: false,
        }
    }

    pub(super) fn with<T>(
        &mut self,
        node: usize,
        what: impl FnOnce(&mut Hub, &mut Connections<'_>) -> T,
    ) -> T {
        let mut sink = Connections {
            logs: &self.logs,
            viewers: &mut self.viewers,
            trimmed: self.trimmed,
            sampled: self.sampled,
        };
        let result = what(&mut self.hubs[node], &mut sink);
        while let Some(action) = self.hubs[node].next_action() {
            match action {
                Action::Close { viewer, .. } => self.leave(viewer as usize),
                Action::Ended { viewer, sub, .. } => {
                    let viewer = &mut self.viewers[viewer as usize];
                    if viewer.sub == Some(sub) {
                        viewer.sub = None;
                    }
                }
                other => self.actions[node].push_back(other),
            }
        }
        result
    }

    pub(super) fn leave(&mut self, viewer: usize) {
        if let Some(sub) = self.viewers[viewer].sub.take() {
            let node = self.viewers[viewer].node;
            self.viewers[viewer].closing = true;
            self.with(node, |hub, _| hub.leave(sub));
        }
    }

    pub(super) fn subscribe(&mut self, index: usize, node: usize, forget: bool) {
        self.leave(index);
        let mut viewer = std::mem::take(&mut self.viewers[index]);
        viewer = Viewer {
            node,
            at: if forget { None } else { viewer.at },
            ..Viewer::default()
        };
        let cursor = viewer.at.clone();
        self.viewers[index] = viewer;
        let shard = ShardCount::new(1).unwrap().of(&room());
        let new = Subscribe {
            viewer: index as u32,
            room: room(),
            shard,
            who: Who {
                subject: None,
                token: None,
            },
            encoding: Encoding::Sse,
            cursor,
            expires_ms: u64::MAX,
            answered: true,
        };
        let sub = self.with(node, |hub, _| hub.subscribe(new));
        self.viewers[index].sub = Some(sub);
    }

    pub(super) fn act(&mut self, node: usize) -> bool {
        let Some(action) = self.actions[node].pop_front() else {
            return false;
        };
        let times = self.times;
        match action {
            Action::OpenShard(shard) => {
                let positions = (0..self.known[node])
                    .map(|origin| (region(origin), self.tail_id(node, origin)))
                    .collect();
                self.with(node, |hub, _| hub.opened(shard, positions));
            }
            Action::Join { sub, .. } => {
                self.with(node, |hub, sink| hub.admit(sub, None, times, sink))
            }
            Action::Read { reader, after, .. } => {
                let pages = after
                    .iter()
                    .map(|(origin, after)| {
                        let index = ORIGINS
                            .iter()
                            .position(|name| *name == origin.as_str())
                            .unwrap();
                        self.logs[index].read(index, *after)
                    })
                    .collect();
                match reader {
                    Reader::Viewer(sub) => {
                        self.with(node, |hub, sink| hub.page(sub, pages, times, sink));
                    }
                    Reader::Room(room) => {
                        self.with(node, |hub, _| hub.room_page(room, pages, times))
                    }
                }
            }
            Action::CheckBans { .. } | Action::CheckState { .. } => {}
            other => panic!("{other:?}"),
        }
        true
    }

    pub(super) fn tail_id(&self, node: usize, origin: usize) -> StreamId {
        let log = &self.logs[origin];
        let read = &log.entries[..self.tails[node][origin]];
        let last = read.iter().rev().find(|(entry, _)| log.came(entry));
        last.map_or(StreamId::ZERO, |(entry, _)| entry.id)
    }

    /// The node learns of the last origin, and goes on from where its log stands.
    pub(super) fn learn(&mut self, node: usize) {
        let origin = ORIGINS.len() - 1;
        if self.known[node] > origin {
            return;
        }
        self.known[node] = ORIGINS.len();
        self.tails[node][origin] = self.logs[origin].entries.len();
        let position = self.tail_id(node, origin);
        let shard = ShardCount::new(1).unwrap().of(&room());
        self.with(node, |hub, _| {
            hub.origin_opened(shard, &region(origin), position)
        });
    }

    pub(super) fn deliver(&mut self, node: usize, origin: usize, most: usize, skip: bool) -> bool {
        if origin >= self.known[node] {
            return false;
        }
        let from = self.tails[node][origin];
        let to = (from + most).min(self.logs[origin].entries.len());
        let entries: Vec<LogEntry> = self.logs[origin].entries[from..to]
            .iter()
            .filter(|(entry, _)| self.logs[origin].came(entry))
            .map(|(entry, _)| LogEntry::new(&region(origin), entry))
            .collect();
        self.tails[node][origin] = to;
        if !skip {
            let shard = ShardCount::new(1).unwrap().of(&room());
            let times = self.times;
            self.with(node, |hub, _| {
                hub.take(shard, &region(origin), &entries, times)
            });
        }
        from < to
    }

    pub(super) fn unblock(&mut self, viewer: usize) {
        let known = &mut self.viewers[viewer];
        known.blocked = false;
        known.keeps = false;
        let (node, times) = (known.node, self.times);
        if let Some(sub) = known.sub {
            self.with(node, |hub, sink| hub.resume(sub, times, sink));
        }
    }

    pub(super) fn slice(&mut self, node: usize) {
        self.times.now_ms += 1;
        let times = self.times;
        self.with(node, |hub, sink| hub.slice(times, sink));
    }

    pub(super) fn apply(&mut self, op: Op) {
        match op {
            Op::Append { origin, lane, here } => self.logs[origin].append(lane, here),
            Op::Deliver { node, origin, most } => {
                self.deliver(node, origin, most, false);
            }
            Op::Skip { node, origin, most } => {
                self.deliver(node, origin, most, true);
            }
            Op::Subscribe {
                viewer,
                node,
                forget,
            } => self.subscribe(viewer, node, forget),
            Op::Leave { viewer } => self.leave(viewer),
            Op::Block { viewer } => {
                self.viewers[viewer].blocked = true;
                self.sampled = true;
            }
            Op::Unblock { viewer } => self.unblock(viewer),
            Op::Act { node } => {
                self.act(node);
            }
            Op::FailRead { node } => {
                if let Some(Action::Read {
                    reader: Reader::Viewer(sub),
                    ..
                }) = self.actions[node].front()
                {
                    let sub = *sub;
                    self.actions[node].pop_front();
                    self.with(node, |hub, _| hub.read_failed(sub));
                }
            }
            Op::Slice { node } => self.slice(node),
            Op::Trim { origin, keep_too } => {
                let log = &mut self.logs[origin];
                log.trimmed_chat = log.last();
                if keep_too {
                    log.trimmed_keep = log.last();
                }
                self.trimmed = true;
            }
            Op::Gap { origin, lost } => {
                self.logs[origin].gap(lost);
                self.trimmed = true;
            }
            Op::Budget { node, most } => {
                self.sampled |= most > 0;
                self.with(node, |hub, _| hub.budget(&room(), Some(most), true));
            }
            Op::Wait => {
                self.times.now_ms += 1_000;
                let now_ms = self.times.now_ms;
                for node in 0..NODES {
                    self.with(node, |hub, _| hub.ease(now_ms));
                }
            }
            Op::Learn { node } => self.learn(node),
        }
    }

    /// Lets everything come to rest: one more entry each, so that what was skipped last is seen as a hole.
    pub(super) fn settle(&mut self) {
        for node in 0..NODES {
            self.learn(node);
        }
        for log in &mut self.logs {
            log.append(0, false);
        }
        for _ in 0..1_000 {
            let mut moved = false;
            for viewer in 0..VIEWERS {
                self.unblock(viewer);
            }
            for node in 0..NODES {
                for origin in 0..ORIGINS.len() {
                    moved |= self.deliver(node, origin, 4, false);
                }
                moved |= self.act(node);
                self.slice(node);
                moved |= self.hubs[node].has_work(self.times.now_ms);
                // A flush may have asked for more.
                moved |= !self.actions[node].is_empty();
            }
            if !moved {
                return;
            }
        }
        panic!("it never comes to rest");
    }
}
