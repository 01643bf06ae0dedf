//! What the tests of several modules build on.

use std::sync::Arc;

use tidegate_stream::calls::Verdict;
use tidegate_stream::{Cursor, Entry, Kind, StreamId};

use crate::encode::Frame;
use crate::hub::{Offered, Sink};
use crate::message::{LogEntry, Message, Says};
use crate::replay::OriginPage;
use crate::subscription::ViewerKey;

pub(crate) fn cursor(pairs: &[(&str, u64)]) -> Cursor {
    pairs
        .iter()
        .map(|&(origin, ms)| (origin.parse().unwrap(), StreamId { ms, seq: 0 }))
        .collect()
}

pub(crate) fn message(origin: &str, ms: u64) -> Arc<Message> {
    let entry = Entry {
        id: StreamId { ms, seq: 0 },
        room: "room".parse().ok(),
        kind: Kind::Chat,
        sub: "alice".into(),
        info: String::new(),
        data: "{}".into(),
        at_ms: ms,
        key: String::new(),
        shard_previous: StreamId::ZERO,
        room_previous: StreamId::ZERO,
        hidden: false,
    };
    Arc::new(Message::new(&origin.parse().unwrap(), &entry).unwrap())
}

pub(crate) fn page(origin: &str, more: bool, ids: &[u64]) -> OriginPage {
    OriginPage {
        origin: origin.parse().unwrap(),
        last: StreamId {
            ms: u64::MAX,
            seq: 0,
        },
        verdict: Verdict::Whole,
        more,
        reached: ids.last().map(|&ms| StreamId { ms, seq: 0 }),
        messages: ids.iter().map(|&ms| message(origin, ms)).collect(),
    }
}

/// A connection that takes everything and notes it.
#[derive(Default)]
pub(crate) struct Taker(pub(crate) Vec<Frame>);

impl Sink for Taker {
    fn offer(&mut self, _viewer: ViewerKey, frame: &Frame) -> Offered {
        self.0.push(frame.clone());
        Offered::Sent
    }
}

/// An entry of the log of shard and room.
pub(crate) fn entry(ms: u64, previous_ms: u64) -> LogEntry {
    LogEntry {
        id: StreamId { ms, seq: 0 },
        previous: StreamId {
            ms: previous_ms,
            seq: 0,
        },
        room: "room".parse().ok(),
        says: Says::Message(message("eu", ms)),
    }
}
