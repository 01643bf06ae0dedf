//! What a crash of Redis, or a burst, must not hide from a viewer.

use tidegate_protocol::CloseCode;
use tidegate_stream::{RoomId, Shard, ShardCount, StreamId};

use crate::limits::BEHIND_READS;
use crate::testing::{Taker, cursor, entry, message, page};
use crate::{
    Action, Encoding, Hub, HubLimits, LogEntry, OriginPage, Reader, Says, SubRef, Subscribe, Times,
    Who,
};

const TIMES: Times = Times {
    now_ms: 0,
    clock_ms: 0,
};

fn hub() -> Hub {
    Hub::new(HubLimits {
        ring_bytes: 600,
        tick_ceiling_ms: 0,
        chat_budget: 0,
    })
}

fn shard() -> Shard {
    ShardCount::new(1).unwrap().of(&"room".parse().unwrap())
}

/// A viewer of a room, let in; the node stands at 9.
fn let_in(hub: &mut Hub, taker: &mut Taker, room: &str, at_ms: Option<u64>) -> SubRef {
    let room: RoomId = room.parse().unwrap();
    let sub = hub.subscribe(Subscribe {
        viewer: 0,
        room,
        shard: shard(),
        who: Who {
            subject: None,
            token: None,
        },
        encoding: Encoding::Sse,
        cursor: at_ms.map(|ms| cursor(&[("eu", ms)])),
        expires_ms: u64::MAX,
        answered: true,
    });
    if hub.next_action() == Some(Action::OpenShard(shard())) {
        hub.opened(shard(), cursor(&[("eu", 9)]));
        assert!(matches!(hub.next_action(), Some(Action::Join { .. })));
    }
    hub.admit(sub, None, TIMES, taker);
    sub
}

/// What a Redis has that lost everything above 5.
fn lost() -> Vec<OriginPage> {
    let mut page = page("eu", false, &[4, 5]);
    page.last = StreamId { ms: 5, seq: 0 };
    vec![page]
}

fn reads(hub: &mut Hub) -> bool {
    matches!(
        hub.next_action(),
        Some(Action::Read {
            reader: Reader::Viewer(_),
            ..
        })
    )
}

fn text(taker: &Taker) -> String {
    let frames = taker.0.iter();
    frames
        .map(|frame| String::from_utf8_lossy(frame).into_owned())
        .collect()
}

#[test]
fn history_that_ends_before_the_tail_is_read_again() {
    let (mut hub, mut taker) = (hub(), Taker::default());
    let sub = let_in(&mut hub, &mut taker, "room", Some(3));
    assert!(reads(&mut hub));
    hub.page(sub, lost(), TIMES, &mut taker);
    assert!(taker.0.is_empty() && hub.next_action().is_none());
    // It has come back.
    hub.ask_again();
    assert!(reads(&mut hub));
    hub.page(sub, vec![page("eu", false, &[4, 5, 8])], TIMES, &mut taker);
    assert!(text(&taker).contains("eu-8-0"));
}

#[test]
fn history_that_does_not_come_back_is_a_reset() {
    let (mut hub, mut taker) = (hub(), Taker::default());
    let sub = let_in(&mut hub, &mut taker, "room", Some(3));
    for _ in 0..BEHIND_READS {
        assert!(reads(&mut hub));
        hub.page(sub, lost(), TIMES, &mut taker);
        assert!(taker.0.is_empty());
        hub.ask_again();
    }
    assert!(reads(&mut hub));
    hub.page(sub, lost(), TIMES, &mut taker);
    assert!(text(&taker).contains("\"reset\""));
}

#[test]
fn a_rooms_history_that_ends_before_the_tail_is_read_again() {
    let (mut hub, mut taker) = (hub(), Taker::default());
    let_in(&mut hub, &mut taker, "room", None);
    taker.0.clear();
    let eu = "eu".parse().unwrap();
    hub.take(shard(), &eu, &[entry(14, 12)], TIMES);
    for tries in 0..=BEHIND_READS {
        let Some(Action::Read {
            reader: Reader::Room(room),
            ..
        }) = hub.next_action()
        else {
            panic!("the room's history is read");
        };
        if tries == BEHIND_READS {
            hub.room_page(room, vec![page("eu", false, &[10, 11])], TIMES);
        } else {
            hub.room_page(room, lost(), TIMES);
            assert!(hub.next_action().is_none());
            hub.ask_again();
        }
    }
    hub.slice(TIMES, &mut taker);
    let text = text(&taker);
    assert!(
        text.contains("eu-11-0") && text.contains("eu-14-0"),
        "{text}"
    );
}

#[test]
fn what_a_burst_evicts_before_it_was_served_is_not_left_out_unsaid() {
    let (mut hub, mut taker) = (hub(), Taker::default());
    let_in(&mut hub, &mut taker, "room", None);
    assert!(hub.next_action().is_none());
    let_in(&mut hub, &mut taker, "other", None);
    taker.0.clear();
    let eu = "eu".parse().unwrap();
    let of = |room: &str, ms: u64| LogEntry {
        id: StreamId { ms, seq: 0 },
        previous: StreamId { ms: ms - 1, seq: 0 },
        room: room.parse().ok(),
        says: Says::Message(message("eu", ms)),
    };
    hub.take(shard(), &eu, &[of("room", 10), of("other", 11)], TIMES);
    // Both flushes begin, and one room is served.
    hub.slice(TIMES, &mut taker);
    let served_first = text(&taker).contains("eu-10-0");
    let late = if served_first { "other" } else { "room" };
    let burst: Vec<LogEntry> = (12..60).map(|ms| of(late, ms)).collect();
    hub.take(shard(), &eu, &burst, TIMES);
    taker.0.clear();
    hub.slice(TIMES, &mut taker);
    assert!(taker.0.is_empty(), "{}", text(&taker));
    let closed = std::iter::from_fn(|| hub.next_action()).any(|action| {
        matches!(
            action,
            Action::Close {
                code: CloseCode::TooSlow,
                ..
            }
        )
    });
    assert!(closed);
}
