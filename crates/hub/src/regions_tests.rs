//! Cursors, gaps and counters of several regions, on one hub.

use std::collections::BTreeSet;

use tidegate_protocol::CloseCode;
use tidegate_protocol::frames::{Counters, ErrorCode, ServerFrame};
use tidegate_stream::cursor::AHEAD_MS;
use tidegate_stream::{Cursor, Region, RoomId, Shard, ShardCount, StreamId};

use crate::testing::{Taker, cursor, entry, message, page};
use crate::{
    Action, CHECKED, Departed, Encoding, Hub, HubLimits, LogEntry, Order, OriginPage, Says, SubRef,
    Subscribe, Tally, Times, Who,
};

const TIMES: Times = Times {
    now_ms: 0,
    clock_ms: 1_000,
};

/// A hub with one room, its shard open, and what its viewers were sent.
struct Stage {
    hub: Hub,
    taker: Taker,
    times: Times,
    viewers: u32,
}

fn room() -> RoomId {
    "room".parse().unwrap()
}

fn shard() -> Shard {
    ShardCount::default().of(&room())
}

fn region(name: &str) -> Region {
    name.parse().unwrap()
}

fn gap(ms: u64, previous_ms: u64) -> LogEntry {
    LogEntry {
        room: None,
        says: Says::Gap,
        ..entry(ms, previous_ms)
    }
}

impl Stage {
    /// The node stands at these positions.
    fn at(positions: &[(&str, u64)]) -> Self {
        let mut stage = Self {
            hub: Hub::new(HubLimits {
                tick_ceiling_ms: 0,
                ..HubLimits::default()
            }),
            taker: Taker::default(),
            times: TIMES,
            viewers: 0,
        };
        stage.subscribe("first", None);
        stage.hub.opened(shard(), cursor(positions));
        stage.admit();
        stage.taker.0.clear();
        stage
    }

    fn subscribe(&mut self, name: &str, cursor: Option<Cursor>) -> SubRef {
        self.viewers += 1;
        self.hub.subscribe(Subscribe {
            viewer: self.viewers,
            room: room(),
            shard: shard(),
            who: Who {
                subject: name.parse().ok(),
                token: None,
            },
            encoding: Encoding::Sse,
            cursor,
            expires_ms: u64::MAX,
            answered: true,
        })
    }

    /// Lets in whoever asks; gives the other actions.
    fn admit(&mut self) -> Vec<Action> {
        let mut others = Vec::new();
        while let Some(action) = self.hub.next_action() {
            match action {
                Action::Join { sub, .. } => {
                    self.hub.admit(sub, None, self.times, &mut self.taker);
                }
                other => others.push(other),
            }
        }
        others
    }

    /// A viewer with this cursor; what is asked of the shell for it.
    fn viewer(&mut self, cursor: Cursor) -> (SubRef, Vec<Action>) {
        let sub = self.subscribe("viewer", Some(cursor));
        let actions = self.admit();
        (sub, actions)
    }

    fn take(&mut self, origin: &str, entries: &[LogEntry]) {
        let mut entries = entries.to_vec();
        for entry in &mut entries {
            if let Says::Message(_) = entry.says {
                entry.says = Says::Message(message(origin, entry.id.ms));
            }
        }
        self.hub
            .take(shard(), &region(origin), &entries, self.times);
        while self.hub.has_work(self.times.now_ms) {
            self.hub.slice(self.times, &mut self.taker);
        }
    }

    fn pages(&mut self, sub: SubRef, pages: Vec<OriginPage>) {
        self.hub.page(sub, pages, self.times, &mut self.taker);
    }

    /// What was sent since this was last called: `ids @ cursor`, or `reset @ cursor`.
    fn sent(&mut self) -> Vec<String> {
        let frames = std::mem::take(&mut self.taker.0);
        let read = |frame: &crate::Frame| {
            let text = String::from_utf8(frame.to_vec()).unwrap();
            let json = text.lines().find_map(|line| line.strip_prefix("data: "));
            serde_json::from_str(json.unwrap()).unwrap()
        };
        let plain = |cursor: &str| {
            let cursor: Cursor = cursor.parse().unwrap();
            let each = cursor
                .iter()
                .map(|(origin, id)| format!("{origin}{}", id.ms));
            each.collect::<Vec<_>>().join(" ")
        };
        frames
            .iter()
            .map(|frame| match read(frame) {
                ServerFrame::Batch {
                    messages, cursor, ..
                } => {
                    let ids: Vec<String> = messages
                        .iter()
                        .map(|message| format!("{}{}", message.id.origin, message.id.id.ms))
                        .collect();
                    format!("{} @ {}", ids.join(" "), plain(&cursor))
                }
                ServerFrame::Reset { cursor, .. } => format!("reset @ {}", plain(&cursor)),
                other => panic!("{other:?}"),
            })
            .collect()
    }
}

#[test]
fn a_component_of_an_unknown_region_is_handed_back_unchanged() {
    let mut stage = Stage::at(&[("eu", 5)]);
    let (_, asked) = stage.viewer(cursor(&[("eu", 5), ("far", 7)]));
    assert_eq!(asked, []);
    assert_eq!(stage.sent(), [" @ eu5 far7"]);
    stage.take("eu", &[entry(6, 5)]);
    // The others share a frame that knows nothing of it.
    assert_eq!(stage.sent(), ["eu6 @ eu6", "eu6 @ eu6 far7"]);
}

#[test]
fn who_is_ahead_gets_frames_of_its_own_until_the_node_is_there() {
    let mut stage = Stage::at(&[("ap", 3), ("eu", 5)]);
    let (_, asked) = stage.viewer(cursor(&[("ap", 3), ("eu", 8)]));
    assert_eq!(asked, [], "nothing is replayed");
    assert_eq!(stage.sent(), [" @ ap3 eu8"]);
    stage.take("eu", &[entry(7, 5)]);
    assert_eq!(stage.sent(), ["eu7 @ ap3 eu7"], "it has this one already");
    stage.take("ap", &[entry(4, 3)]);
    assert_eq!(stage.sent(), ["ap4 @ ap4 eu7", "ap4 @ ap4 eu8"]);
    stage.take("eu", &[entry(8, 7), entry(9, 8)]);
    assert_eq!(stage.sent(), ["eu8 eu9 @ ap4 eu9", "eu9 @ ap4 eu9"]);
    let own_frames = stage.hub.stats().own_frames;
    stage.take("eu", &[entry(10, 9)]);
    assert_eq!(stage.sent(), ["eu10 @ ap4 eu10", "eu10 @ ap4 eu10"]);
    assert_eq!(stage.hub.stats().own_frames, own_frames, "they share again");
}

#[test]
fn a_cursor_from_before_a_region_joined_reads_it_from_its_beginning() {
    let mut stage = Stage::at(&[("eu", 5), ("us", 9)]);
    let (sub, asked) = stage.viewer(cursor(&[("eu", 5)]));
    let [Action::Read { after, .. }] = &asked[..] else {
        panic!("{asked:?}");
    };
    assert_eq!(*after, [(region("us"), StreamId::ZERO)]);
    stage.pages(sub, vec![page("us", false, &[2, 9])]);
    assert_eq!(stage.sent(), ["us2 us9 @ eu5 us9"]);
}

#[test]
fn a_region_that_joins_is_read_for_those_who_are_here() {
    let mut stage = Stage::at(&[("eu", 5)]);
    let position = StreamId { ms: 4, seq: 0 };
    stage.hub.origin_opened(shard(), &region("us"), position);
    let Some(Action::Read {
        reader: crate::Reader::Room(room),
        after,
        ..
    }) = stage.hub.next_action()
    else {
        panic!("its history is read");
    };
    assert_eq!(after, [(region("us"), StreamId::ZERO)]);
    stage.take("us", &[entry(6, 4)]);
    let pages = vec![page("us", false, &[1, 4])];
    stage.hub.room_page(room, pages, stage.times);
    stage.take("us", &[entry(7, 6)]);
    assert_eq!(stage.sent(), ["us1 us4 us6 us7 @ eu5 us7"]);
}

#[test]
fn a_cursor_that_nobody_can_hold_is_refused() {
    let hour = TIMES.clock_ms + AHEAD_MS;
    let closed = |cursor: Cursor| {
        let mut stage = Stage::at(&[("eu", 5)]);
        let (_, asked) = stage.viewer(cursor);
        matches!(
            asked[..],
            [Action::Close {
                code: CloseCode::BadCursor,
                ..
            }]
        )
    };
    assert!(!closed(cursor(&[("eu", hour)])));
    assert!(closed(cursor(&[("eu", hour + 1)])));
    assert!(closed(cursor(&[("far", hour + 1)])));
    // Sixteen are allowed, but not sixteen beside those that the node knows: it could not take its own cursor back.
    let far: Vec<String> = (0..16).map(|n| format!("far-{n}")).collect();
    let pairs = |count: usize| far[..count].iter().map(|name| (name.as_str(), 1)).collect();
    let pairs: [Vec<(&str, u64)>; 2] = [pairs(15), pairs(16)];
    assert!(!closed(cursor(&pairs[0])));
    assert!(closed(cursor(&pairs[1])));
}

#[test]
fn a_gap_resets_whoever_is_below_it_and_nobody_else() {
    let mut stage = Stage::at(&[("ap", 3), ("eu", 5)]);
    stage.viewer(cursor(&[("ap", 3), ("eu", 20)]));
    stage.viewer(cursor(&[("ap", 9), ("eu", 5)]));
    stage.sent();
    stage.take("eu", &[gap(12, 5)]);
    assert_eq!(
        stage.sent(),
        ["reset @ ap3 eu12", "reset @ ap9 eu12"],
        "one shares the room's, one is ahead elsewhere, one has it already"
    );
    assert_eq!(stage.hub.stats().gaps, 1);
    stage.take("eu", &[entry(21, 12)]);
    assert_eq!(
        stage.sent(),
        ["eu21 @ ap3 eu21", "eu21 @ ap3 eu21", "eu21 @ ap9 eu21"]
    );
}

#[test]
fn after_a_gap_bans_and_the_room_are_looked_up() {
    let mut stage = Stage::at(&[("eu", 5)]);
    for number in 0..CHECKED {
        stage.subscribe(&format!("viewer-{number}"), None);
    }
    stage.admit();
    stage.take("eu", &[gap(9, 5)]);
    let asked = stage.admit();
    let [
        Action::CheckState { room: checked },
        Action::CheckBans { users, .. },
        Action::CheckBans { users: rest, .. },
    ] = &asked[..]
    else {
        panic!("{asked:?}");
    };
    assert_eq!((checked, users.len(), rest.len()), (&room(), CHECKED, 1));
    stage.hub.banned(&room(), "viewer-3");
    assert!(matches!(
        stage.admit()[..],
        [Action::Ended {
            code: ErrorCode::Banned,
            ..
        }]
    ));
    stage.hub.closed(&room(), 0);
    stage.take("eu", &[entry(10, 9)]);
    let ended = stage.admit();
    assert_eq!(ended.len(), CHECKED, "all who are left");
    assert!(ended.iter().all(|action| matches!(
        action,
        Action::Ended {
            code: ErrorCode::RoomClosed,
            ..
        }
    )));
}

#[test]
fn a_kick_is_for_live_tails_and_for_a_minute() {
    let kick = |ms: u64, previous_ms: u64, at_ms: u64| {
        let mut kick = (*message("eu", ms)).clone();
        kick.order = Some(Order::Kick {
            user: "viewer".into(),
            at_ms,
        });
        LogEntry {
            says: Says::Message(kick.into()),
            ..entry(ms, previous_ms)
        }
    };
    let kicked = |entries: &[LogEntry], clock_ms: u64| {
        let mut stage = Stage::at(&[("eu", 5)]);
        stage.times.clock_ms = clock_ms;
        stage.viewer(cursor(&[("eu", 5)]));
        let eu = region("eu");
        stage.hub.take(shard(), &eu, entries, stage.times);
        let asked = stage.admit();
        if let [
            Action::Read {
                reader: crate::Reader::Room(room),
                ..
            },
        ] = asked[..]
        {
            let mut page = page("eu", false, &[]);
            page.messages = entries
                .iter()
                .filter_map(|entry| match &entry.says {
                    Says::Message(message) => Some(message.clone()),
                    _ => None,
                })
                .collect();
            stage.hub.room_page(room, vec![page], stage.times);
        }
        let mut asked = asked;
        asked.extend(stage.admit());
        asked.iter().any(|action| {
            matches!(
                action,
                Action::Ended {
                    code: ErrorCode::Kicked,
                    ..
                }
            )
        })
    };
    assert!(kicked(&[kick(6, 5, 1_000)], 61_000));
    assert!(!kicked(&[kick(6, 5, 1_000)], 61_001), "too late");
    let mut stage = Stage::at(&[("eu", 5)]);
    stage.viewer(cursor(&[("eu", 5)]));
    let passed_over = StreamId { ms: 7, seq: 0 };
    stage.hub.missed(shard(), &region("eu"), passed_over);
    let Some(Action::Read {
        reader: crate::Reader::Room(room),
        ..
    }) = stage.hub.next_action()
    else {
        panic!("it is read from history");
    };
    let Says::Message(old) = kick(6, 5, 1_000).says else {
        unreachable!()
    };
    let mut found = page("eu", false, &[]);
    found.messages = vec![old];
    stage.hub.room_page(room, vec![found], stage.times);
    assert_eq!(stage.admit(), [], "history kicks nobody");
}

#[test]
fn a_retired_region_leaves_cursors_when_nothing_of_it_is_kept() {
    let us: BTreeSet<Region> = BTreeSet::from([region("us")]);
    let mut stage = Stage::at(&[("eu", 5), ("us", 9)]);
    stage.hub.set_departed(Departed {
        retired: us.clone(),
        ..Departed::default()
    });
    // `join` gives cursors without it; older ones are still served.
    let (_, asked) = stage.viewer(cursor(&[("eu", 5)]));
    assert_eq!(asked, []);
    assert_eq!(stage.sent(), [" @ eu5 us9"]);
    let (_, asked) = stage.viewer(cursor(&[("eu", 5), ("us", 8)]));
    assert!(matches!(asked[..], [Action::Read { .. }]));
    stage.hub.set_departed(Departed {
        expired: us,
        ..Departed::default()
    });
    let (_, asked) = stage.viewer(cursor(&[("eu", 5), ("us", 12)]));
    assert_eq!(asked, []);
    assert_eq!(stage.sent(), [" @ eu5"]);
}

#[test]
fn counters_are_sums_over_regions() {
    let mut stage = Stage::at(&[("eu", 5), ("us", 5)]);
    let mut tally = Tally::default();
    tally.likes(&region("us"), 40);
    tally.online("us/n1".into(), 7, 31_000);
    let sub = stage.subscribe("late", None);
    stage
        .hub
        .admit(sub, Some(tally), stage.times, &mut stage.taker);
    let likes = |ms, previous_ms, total| LogEntry {
        says: Says::Likes(total),
        ..entry(ms, previous_ms)
    };
    let presence = |ms, previous_ms, node: &str, viewers| LogEntry {
        room: None,
        says: Says::Presence {
            node: node.into(),
            at_ms: 1_000,
            rooms: vec![(room(), viewers)],
        },
        ..entry(ms, previous_ms)
    };
    stage.sent();
    stage.times.now_ms = 5_000;
    stage.take("eu", &[likes(6, 5, 3), presence(7, 6, "n1", 2)]);
    // A total that was overtaken changes nothing; a node of the same name elsewhere is another.
    stage.take("us", &[likes(6, 5, 39), presence(7, 6, "n1", 8)]);
    stage.times.now_ms = 9_000;
    stage.hub.check_counters(stage.times);
    stage.take("eu", &[]);
    let last = String::from_utf8(stage.taker.0.last().unwrap().to_vec()).unwrap();
    let want = Counters {
        online: 10,
        likes: 43,
    };
    let want = serde_json::to_string(&want).unwrap();
    assert!(last.contains(&want), "{last}");
}
