//! Levels at work: who is served at which, what that leaves out, and that it is counted.

use std::sync::Arc;

use tidegate_protocol::CloseCode;
use tidegate_protocol::frames::ServerFrame;
use tidegate_protocol::level::of_chat;
use tidegate_stream::{Cursor, Entry, Kind, RoomId, Shard, ShardCount, StreamId};

use crate::testing::{cursor, page};
use crate::{
    Action, Encoding, Frame, Hub, HubLimits, LogEntry, Message, Offered, Says, Sink, SubRef,
    Subscribe, Times, ViewerKey, Who,
};

/// Connections of which the first may not be read: it keeps one frame and refuses the others.
#[derive(Default)]
struct Conns {
    slow: bool,
    keeps: bool,
    /// By viewer: ids of messages, and how many were left out.
    got: [Vec<(Vec<u64>, u64)>; 2],
    frames: Vec<Frame>,
}

impl Sink for Conns {
    fn offer(&mut self, viewer: ViewerKey, frame: &Frame) -> Offered {
        let slow = viewer == 0 && self.slow;
        if slow && self.keeps {
            return Offered::Refused;
        }
        let text = std::str::from_utf8(frame).unwrap();
        let data = text.lines().find_map(|line| line.strip_prefix("data: "));
        let ServerFrame::Batch {
            messages, left_out, ..
        } = serde_json::from_str(data.unwrap()).unwrap()
        else {
            panic!("{text}");
        };
        let ids = messages.iter().map(|message| message.id.id.ms).collect();
        let left_out = left_out.unwrap_or(Some(0)).unwrap();
        self.got[viewer as usize].push((ids, left_out));
        self.frames.push(frame.clone());
        self.keeps |= slow;
        if slow { Offered::Kept } else { Offered::Sent }
    }
}

struct World {
    hub: Hub,
    conns: Conns,
    times: Times,
    subs: [SubRef; 2],
    last_ms: u64,
}

fn room() -> RoomId {
    "room".parse().unwrap()
}

fn shard() -> Shard {
    ShardCount::new(1).unwrap().of(&room())
}

fn subscribe(hub: &mut Hub, conns: &mut Conns, viewer: ViewerKey, at: Option<Cursor>) -> SubRef {
    let sub = hub.subscribe(Subscribe {
        viewer,
        room: room(),
        shard: shard(),
        who: Who {
            subject: None,
            token: None,
        },
        encoding: Encoding::Sse,
        cursor: at,
        expires_ms: u64::MAX,
        answered: true,
    });
    hub.opened(shard(), cursor(&[("eu", 0)]));
    hub.admit(sub, None, Times::default(), conns);
    sub
}

impl World {
    /// Two viewers of a room, both level.
    fn new(ring_bytes: usize, chat_budget: u64) -> Self {
        let mut hub = Hub::new(HubLimits {
            ring_bytes,
            tick_ceiling_ms: 0,
            chat_budget,
        });
        let mut conns = Conns::default();
        let subs = [0, 1].map(|viewer| subscribe(&mut hub, &mut conns, viewer, None));
        while hub.next_action().is_some() {}
        conns.got = Default::default();
        Self {
            hub,
            conns,
            times: Times::default(),
            subs,
            last_ms: 0,
        }
    }

    fn append(&mut self, kind: Kind, count: u64) -> Vec<u64> {
        let origin = "eu".parse().unwrap();
        let entries: Vec<LogEntry> = (self.last_ms + 1..=self.last_ms + count)
            .map(|ms| {
                let entry = Entry {
                    id: StreamId { ms, seq: 0 },
                    room: Some(room()),
                    kind,
                    sub: "alice".into(),
                    info: String::new(),
                    data: "{}".into(),
                    at_ms: ms,
                    key: String::new(),
                    shard_previous: StreamId { ms: ms - 1, seq: 0 },
                    room_previous: StreamId::ZERO,
                    hidden: false,
                };
                LogEntry::new(&origin, &entry)
            })
            .collect();
        self.last_ms += count;
        self.hub.take(shard(), &origin, &entries, self.times);
        entries.iter().map(|entry| entry.id.ms).collect()
    }

    fn flush(&mut self) {
        while self.hub.has_work(self.times.now_ms) {
            self.hub.slice(self.times, &mut self.conns);
        }
    }

    /// So many chat messages, flushed; gives their ids.
    fn chat(&mut self, count: u64) -> Vec<u64> {
        let ids = self.append(Kind::Chat, count);
        self.flush();
        ids
    }

    fn unblock(&mut self) {
        (self.conns.slow, self.conns.keeps) = (false, false);
        self.hub.resume(self.subs[0], self.times, &mut self.conns);
    }

    /// Everything that a viewer has got since this was last asked, and how many it was without.
    fn take(&mut self, viewer: usize) -> (Vec<u64>, u64) {
        let got = std::mem::take(&mut self.conns.got[viewer]);
        let left_out = got.iter().map(|(_, count)| count).sum();
        (got.into_iter().flat_map(|(ids, _)| ids).collect(), left_out)
    }
}

fn kept(ids: &[u64], level: u8) -> Vec<u64> {
    let keeps = |ms: &u64| of_chat(&"eu".parse().unwrap(), StreamId { ms: *ms, seq: 0 }) >= level;
    ids.iter().copied().filter(keeps).collect()
}

fn without(ids: &[u64], level: u8) -> (Vec<u64>, u64) {
    let left = kept(ids, level);
    let count = (ids.len() - left.len()) as u64;
    (left, count)
}

#[test]
fn a_blocked_write_takes_a_viewer_up_and_quiet_seconds_bring_it_down() {
    let mut world = World::new(1 << 20, 0);
    world.conns.slow = true;
    let first = world.chat(10);
    // The frame that it blocked on was whole; what it was refused is cut at its level.
    assert_eq!(world.take(0), (first.clone(), 0));
    let ids = world.chat(40);
    assert_eq!(world.take(0), (vec![], 0));
    world.unblock();
    assert_eq!(world.take(0), without(&ids, 1));
    let ids = world.chat(40);
    assert_eq!(world.take(0), without(&ids, 1));
    assert_eq!(world.take(1).1, 0);
    assert_eq!(world.hub.ease(0).viewers, [1, 1, 0, 0]);
    assert_eq!(world.hub.ease(0).viewers, [2, 0, 0, 0]);
    let ids = world.chat(40);
    assert_eq!(world.take(0), (ids, 0));
    let stats = world.hub.stats();
    assert_eq!(stats.blocked, 1);
    assert!(stats.left_out > 0);
}

#[test]
fn whoever_blocks_again_and_again_is_left_with_what_is_never_left_out() {
    let mut world = World::new(1 << 20, 0);
    for level in [1, 2, 3, 3] {
        world.conns.slow = true;
        world.chat(1);
        world.unblock();
        world.take(0);
        let ids = world.chat(100);
        assert_eq!(world.take(0), without(&ids, level), "level {level}");
    }
    let gifts = world.append(Kind::Gift, 50);
    world.flush();
    assert_eq!(world.take(0), (gifts, 0));
}

#[test]
fn a_count_alone_is_a_frame() {
    let mut world = World::new(1 << 20, 0);
    for _ in 0..3 {
        world.conns.slow = true;
        world.chat(1);
        world.unblock();
    }
    world.take(0);
    let mut counts = 0;
    for _ in 0..50 {
        let ids = world.chat(1);
        let frames = world.conns.got[0].len();
        assert_eq!(frames, 1);
        let got = world.take(0);
        assert_eq!(got, without(&ids, 3));
        counts += got.1;
    }
    assert!(counts > 40);
}

#[test]
fn the_ring_is_what_a_slow_viewer_may_be_behind() {
    let mut world = World::new(4_000, 0);
    world.conns.slow = true;
    let closed = Action::Close {
        viewer: 0,
        code: CloseCode::TooSlow,
    };
    let mut before = 0;
    let action = loop {
        world.chat(1);
        before += 1;
        if let Some(action) = world.hub.next_action() {
            break action;
        }
    };
    assert_eq!(action, closed);
    assert!(before > 10, "{before}");
    assert_eq!(world.hub.stats().too_slow, 1);
    assert_eq!(world.take(1).0.len(), before);
}

#[test]
fn a_room_over_its_budget_is_sampled_for_all_with_one_frame() {
    let mut world = World::new(1 << 20, 1_000);
    world.hub.budget(&room(), Some(20), false);
    let ids = world.chat(20);
    for viewer in 0..2 {
        assert_eq!(world.take(viewer), (ids.clone(), 0));
    }
    world.conns.frames.clear();
    let ids = world.chat(30);
    let expected = without(&ids, 1);
    assert_eq!(world.take(0), expected);
    assert_eq!(world.take(1), expected);
    assert_eq!(world.conns.frames.len(), 2);
    assert!(std::rc::Rc::ptr_eq(
        &world.conns.frames[0],
        &world.conns.frames[1]
    ));
    assert_eq!(world.hub.ease(0).rooms, 1);
    // A slow viewer is one above the room.
    world.conns.slow = true;
    world.chat(1);
    world.unblock();
    world.take(0);
    let ids = world.chat(8);
    assert_eq!(world.take(0), without(&ids, 2));
    // It is let go of when less comes.
    world.times.now_ms = 60_000;
    assert_eq!(world.hub.ease(60_000).rooms, 0);
    world.take(1);
    let ids = world.chat(10);
    assert_eq!(world.take(1), (ids, 0));
}

#[test]
fn a_room_says_how_much_it_may_send() {
    let mut world = World::new(1 << 20, 10);
    // None of its own: the node's.
    world.hub.budget(&room(), None, true);
    world.chat(40);
    assert_eq!(world.hub.ease(0).rooms, 1);
    // None at all.
    world.hub.budget(&room(), Some(0), true);
    world.times.now_ms = 60_000;
    world.take(1);
    let ids = world.chat(400);
    assert_eq!(world.take(1), (ids, 0));
    assert_eq!(world.hub.ease(60_000).rooms, 0);
}

#[test]
fn a_change_of_the_budget_is_looked_up() {
    let mut world = World::new(1 << 20, 0);
    let entry = Entry {
        id: StreamId { ms: 1, seq: 0 },
        room: Some(room()),
        kind: Kind::State,
        sub: "alice".into(),
        info: String::new(),
        data: r#"{"stamp":"1.eu","fields":{"chat_budget":"5"}}"#.into(),
        at_ms: 1,
        key: String::new(),
        shard_previous: StreamId::ZERO,
        room_previous: StreamId::ZERO,
        hidden: false,
    };
    let origin = "eu".parse().unwrap();
    let entry = LogEntry::new(&origin, &entry);
    assert!(matches!(&entry.says, Says::Message(message) if message.order.is_some()));
    world.hub.take(shard(), &origin, &[entry], world.times);
    let look = Action::CheckState { room: room() };
    assert_eq!(world.hub.next_action(), Some(look));
}

#[test]
fn whoever_comes_back_to_a_sampled_room_is_told_what_is_left_out() {
    let mut world = World::new(1 << 20, 5);
    world.chat(6);
    assert_eq!(world.hub.ease(0).rooms, 1);
    let at = cursor(&[("eu", 0)]);
    let sub = world.subs[1];
    world.hub.leave(sub);
    world.conns.got = Default::default();
    let back = subscribe(&mut world.hub, &mut world.conns, 1, Some(at));
    let ids: Vec<u64> = (1..=6).collect();
    let history = page("eu", false, &ids);
    assert!(
        history
            .messages
            .iter()
            .all(|message: &Arc<Message>| message.text.is_some())
    );
    world
        .hub
        .page(back, vec![history], world.times, &mut world.conns);
    assert_eq!(world.take(1), without(&ids, 1));
}
