//! What the tests of both sub-protocols write: one room, one position, one entry.

use tidegate_stream::{Cursor, Entry, Kind, Region, RoomId, StreamId};

pub fn entry(kind: Kind) -> Entry {
    Entry {
        id: StreamId {
            ms: 1_732_400_000_000,
            seq: 3,
        },
        room: Some(room()),
        kind,
        sub: "alice".into(),
        info: String::new(),
        data: r#"{"text":"hi"}"#.into(),
        at_ms: 1_732_400_000_001,
        key: String::new(),
        shard_previous: StreamId::ZERO,
        room_previous: StreamId::ZERO,
        hidden: false,
    }
}

pub fn room() -> RoomId {
    "demo.lobby".parse().unwrap()
}

pub fn region() -> Region {
    "local".parse().unwrap()
}

pub fn cursor() -> Cursor {
    let position = StreamId {
        ms: 1_732_400_000_000,
        seq: 3,
    };
    [(region(), position)].into_iter().collect()
}
