//! The hub against a model: over any interleaving of appends, tails with holes, subscriptions on two nodes, pages of
//! history, blocked connections and trimmed histories, no viewer gets a message twice or misses one unsaid.

use std::collections::{BTreeMap, VecDeque};

use proptest::prelude::*;
use tidegate_protocol::frames::ServerFrame;
use tidegate_stream::calls::Verdict;
use tidegate_stream::{Cursor, Entry, Kind, Lane, Region, RoomId, ShardCount, StreamId};

use crate::*;

const ORIGINS: [&str; 2] = ["ap", "eu"];
const NODES: usize = 2;
const VIEWERS: usize = 4;
const PAGE: usize = 3;

#[derive(Debug, Clone)]
enum Op {
    Append {
        origin: usize,
        lane: usize,
        here: bool,
    },
    Deliver {
        node: usize,
        origin: usize,
        most: usize,
    },
    Skip {
        node: usize,
        origin: usize,
        most: usize,
    },
    Subscribe {
        viewer: usize,
        node: usize,
        forget: bool,
    },
    Leave {
        viewer: usize,
    },
    Block {
        viewer: usize,
    },
    Unblock {
        viewer: usize,
    },
    Act {
        node: usize,
    },
    FailRead {
        node: usize,
    },
    Slice {
        node: usize,
    },
    Trim {
        origin: usize,
        keep_too: bool,
    },
}

fn op() -> impl Strategy<Value = Op> {
    let origin = 0..ORIGINS.len();
    let node = 0..NODES;
    let viewer = 0..VIEWERS;
    prop_oneof![
        6 => (origin.clone(), 0usize..3, prop::bool::weighted(0.8))
            .prop_map(|(origin, lane, here)| Op::Append { origin, lane, here }),
        6 => (node.clone(), origin.clone(), 1usize..6)
            .prop_map(|(node, origin, most)| Op::Deliver { node, origin, most }),
        1 => (node.clone(), origin.clone(), 1usize..4)
            .prop_map(|(node, origin, most)| Op::Skip { node, origin, most }),
        3 => (viewer.clone(), node.clone(), prop::bool::weighted(0.2))
            .prop_map(|(viewer, node, forget)| Op::Subscribe { viewer, node, forget }),
        1 => viewer.clone().prop_map(|viewer| Op::Leave { viewer }),
        2 => viewer.clone().prop_map(|viewer| Op::Block { viewer }),
        2 => viewer.clone().prop_map(|viewer| Op::Unblock { viewer }),
        8 => node.clone().prop_map(|node| Op::Act { node }),
        1 => node.clone().prop_map(|node| Op::FailRead { node }),
        6 => node.prop_map(|node| Op::Slice { node }),
        1 => (origin, any::<bool>()).prop_map(|(origin, keep_too)| Op::Trim { origin, keep_too }),
    ]
}

#[derive(Default)]
struct Log {
    entries: Vec<(Entry, bool)>,
    trimmed_keep: StreamId,
    trimmed_chat: StreamId,
}

fn region(origin: usize) -> Region {
    ORIGINS[origin].parse().unwrap()
}

fn room() -> RoomId {
    "room".parse().unwrap()
}

fn is_chat(entry: &Entry) -> bool {
    entry.kind.lane() == Some(Lane::Chat)
}

impl Log {
    fn append(&mut self, lane: usize, here: bool) {
        let last = self
            .entries
            .last()
            .map_or(StreamId::ZERO, |(entry, _)| entry.id);
        let kind = [Kind::Chat, Kind::Gift, Kind::Control][lane];
        let chat = kind == Kind::Chat;
        let previous = self
            .entries
            .iter()
            .rev()
            .find(|(entry, known)| *known == here && is_chat(entry) == chat)
            .map_or(StreamId::ZERO, |(entry, _)| entry.id);
        let id = StreamId {
            ms: last.ms + 1,
            seq: 0,
        };
        let entry = Entry {
            id,
            room: (if here { "room" } else { "other" }).parse().ok(),
            kind,
            sub: "alice".into(),
            info: String::new(),
            data: "{}".into(),
            at_ms: id.ms,
            key: String::new(),
            shard_previous: last,
            room_previous: previous,
            hidden: false,
        };
        self.entries.push((entry, here));
    }

    fn last(&self) -> StreamId {
        self.entries
            .last()
            .map_or(StreamId::ZERO, |(entry, _)| entry.id)
    }

    /// As `tg_read`.
    fn read(&self, origin: usize, after: StreamId) -> OriginPage {
        let there = |keep: bool| {
            self.entries
                .iter()
                .filter(move |(entry, here)| *here && is_chat(entry) != keep && entry.id > after)
                .map(|(entry, _)| entry)
        };
        let left = |keep: bool, entry: &Entry| {
            entry.id
                > if keep {
                    self.trimmed_keep
                } else {
                    self.trimmed_chat
                }
        };
        let broken = |keep: bool| match there(keep).find(|entry| left(keep, entry)) {
            Some(first) => first.room_previous > after,
            None => there(keep).next().is_some(),
        };
        let mut entries: Vec<&Entry> = there(true)
            .filter(|entry| left(true, entry))
            .chain(there(false).filter(|entry| left(false, entry)))
            .collect();
        entries.sort_by_key(|entry| entry.id);
        let verdict = if broken(true) {
            Verdict::Reset
        } else if broken(false) {
            Verdict::ChatGap
        } else {
            Verdict::Whole
        };
        let more = entries.len() > PAGE && verdict != Verdict::Reset;
        entries.truncate(if verdict == Verdict::Reset { 0 } else { PAGE });
        let origin = region(origin);
        OriginPage {
            messages: entries
                .iter()
                .filter_map(|entry| Message::new(&origin, entry).map(std::sync::Arc::new))
                .collect(),
            origin,
            verdict,
            more,
            reached: entries.last().map(|entry| entry.id),
        }
    }
}

#[derive(Default)]
struct Viewer {
    node: usize,
    sub: Option<SubRef>,
    blocked: bool,
    keeps: bool,
    closing: bool,
    /// What it may rely on having seen; none before the first frame of a subscription without a cursor.
    at: Option<Cursor>,
}

struct Connections<'a> {
    logs: &'a [Log],
    viewers: &'a mut [Viewer],
    trimmed: bool,
}

impl Sink for Connections<'_> {
    fn offer(&mut self, viewer: ViewerKey, frame: &Frame) -> Offered {
        let viewer = &mut self.viewers[viewer as usize];
        if viewer.closing {
            return Offered::Gone;
        }
        if viewer.keeps {
            return Offered::Refused;
        }
        viewer.keeps = viewer.blocked;
        let text = String::from_utf8(frame.to_vec()).unwrap();
        let json = text
            .lines()
            .find_map(|line| line.strip_prefix("data: "))
            .unwrap();
        let id = text
            .lines()
            .find_map(|line| line.strip_prefix("id: "))
            .unwrap();
        match serde_json::from_str(json).unwrap() {
            ServerFrame::Batch {
                messages,
                cursor,
                left_out,
                ..
            } => {
                assert_eq!(id, cursor);
                let mut at = match viewer.at.take() {
                    Some(at) => at,
                    None => {
                        assert!(messages.is_empty(), "live begins with an empty batch");
                        cursor.parse().unwrap()
                    }
                };
                let chat_gap = left_out == Some(None);
                assert!(!chat_gap || self.trimmed, "chat was whole");
                for message in messages {
                    pass(
                        self.logs,
                        &mut at,
                        &message.id.origin,
                        message.id.id,
                        chat_gap,
                        true,
                    );
                }
                let cursor: Cursor = cursor.parse().unwrap();
                for (origin, id) in cursor.iter() {
                    pass(self.logs, &mut at, origin, id, chat_gap, false);
                }
                assert_eq!(at, cursor, "the cursor lost a component, or went back");
                viewer.at = Some(at);
            }
            ServerFrame::Reset { cursor, .. } => {
                assert!(self.trimmed, "history was whole");
                viewer.at = Some(cursor.parse().unwrap());
            }
            other => panic!("{other:?}"),
        }
        if viewer.keeps {
            Offered::Kept
        } else {
            Offered::Sent
        }
    }
}

/// Moves a viewer's position to `to`: a message there, or nothing but what was seen or is not the room's.
fn pass(
    logs: &[Log],
    at: &mut Cursor,
    origin: &Region,
    to: StreamId,
    chat_gap: bool,
    message: bool,
) {
    let index = ORIGINS.iter().position(|name| *name == origin.as_str());
    let from = at.get(origin);
    if message {
        assert!(to > from, "{origin}-{to} again, or out of order, at {from}");
    }
    if let Some(index) = index {
        let silent = logs[index].entries.iter().find(|(entry, here)| {
            *here
                && entry.id > from
                && (entry.id < to || !message && entry.id == to)
                && !(chat_gap && is_chat(entry))
        });
        assert!(
            silent.is_none(),
            "{origin}: {silent:?} is missing between {from} and {to}"
        );
    }
    at.set(origin.clone(), to);
}

struct World {
    logs: Vec<Log>,
    hubs: Vec<Hub>,
    tails: Vec<[usize; ORIGINS.len()]>,
    actions: Vec<VecDeque<Action>>,
    viewers: Vec<Viewer>,
    times: Times,
    trimmed: bool,
}

impl World {
    fn new() -> Self {
        let limits = HubLimits {
            ring_bytes: 1_500,
            tick_ceiling_ms: 0,
        };
        Self {
            logs: ORIGINS.map(|_| Log::default()).into(),
            hubs: (0..NODES).map(|_| Hub::new(limits)).collect(),
            tails: vec![[0; ORIGINS.len()]; NODES],
            actions: vec![VecDeque::new(); NODES],
            viewers: (0..VIEWERS).map(|_| Viewer::default()).collect(),
            times: Times::default(),
            trimmed: false,
        }
    }

    fn with<T>(
        &mut self,
        node: usize,
        what: impl FnOnce(&mut Hub, &mut Connections<'_>) -> T,
    ) -> T {
        let mut sink = Connections {
            logs: &self.logs,
            viewers: &mut self.viewers,
            trimmed: self.trimmed,
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

    fn leave(&mut self, viewer: usize) {
        if let Some(sub) = self.viewers[viewer].sub.take() {
            let node = self.viewers[viewer].node;
            self.viewers[viewer].closing = true;
            self.with(node, |hub, _| hub.leave(sub));
        }
    }

    fn subscribe(&mut self, index: usize, node: usize, forget: bool) {
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

    fn act(&mut self, node: usize) -> bool {
        let Some(action) = self.actions[node].pop_front() else {
            return false;
        };
        let times = self.times;
        match action {
            Action::OpenShard(shard) => {
                let positions = (0..ORIGINS.len())
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
            other => panic!("{other:?}"),
        }
        true
    }

    fn tail_id(&self, node: usize, origin: usize) -> StreamId {
        match self.tails[node][origin] {
            0 => StreamId::ZERO,
            count => self.logs[origin].entries[count - 1].0.id,
        }
    }

    fn deliver(&mut self, node: usize, origin: usize, most: usize, skip: bool) -> bool {
        let from = self.tails[node][origin];
        let to = (from + most).min(self.logs[origin].entries.len());
        let entries: Vec<LogEntry> = self.logs[origin].entries[from..to]
            .iter()
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

    fn unblock(&mut self, viewer: usize) {
        let known = &mut self.viewers[viewer];
        known.blocked = false;
        known.keeps = false;
        let (node, times) = (known.node, self.times);
        if let Some(sub) = known.sub {
            self.with(node, |hub, sink| hub.resume(sub, times, sink));
        }
    }

    fn slice(&mut self, node: usize) {
        self.times.now_ms += 1;
        let times = self.times;
        self.with(node, |hub, sink| hub.slice(times, sink));
    }

    fn apply(&mut self, op: Op) {
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
            Op::Block { viewer } => self.viewers[viewer].blocked = true,
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
        }
    }

    /// Lets everything come to rest: one more entry each, so that what was skipped last is seen as a hole.
    fn settle(&mut self) {
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
            }
            if !moved {
                return;
            }
        }
        panic!("it never comes to rest");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]
    #[test]
    fn nobody_gets_a_message_twice_or_misses_one(ops in prop::collection::vec(op(), 1..120)) {
        let mut world = World::new();
        for op in ops {
            world.apply(op);
        }
        world.settle();
        let mut ends = BTreeMap::new();
        for (origin, log) in world.logs.iter().enumerate() {
            let last = log.entries.iter().rev().find(|(_, here)| *here);
            ends.insert(region(origin), last.map_or(StreamId::ZERO, |(entry, _)| entry.id));
        }
        for viewer in &world.viewers {
            if viewer.sub.is_some() {
                let at = viewer.at.as_ref().expect("every subscription is answered");
                for (origin, &end) in &ends {
                    prop_assert!(at.get(origin) >= end, "{origin}: left at {} of {end}", at.get(origin));
                }
            }
        }
        for (node, hub) in world.hubs.iter().enumerate() {
            let here = world.viewers.iter().filter(|viewer| viewer.node == node && viewer.sub.is_some());
            prop_assert_eq!(hub.sub_count(), here.count());
        }
    }
}
