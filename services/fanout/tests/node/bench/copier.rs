//! What a relay does, step by step: another region's log, copied through the functions.

use redis::Value;
use tidegate_stream::calls::{Gap, MOST_RELAYED, Merge, Part, Relay, RelayEntry, RelayVerdict};
use tidegate_stream::{RoomId, Shard, StreamId};

use super::Bench;

/// An entry's fields, names and values.
pub type Fields = Vec<Vec<u8>>;

impl Bench {
    fn shard(&self, room: &str) -> Shard {
        self.keys.shard(&room.parse().unwrap())
    }

    /// Entries of `origin`'s log of the room's shard above an id.
    fn log_above(&self, origin: &Bench, room: &str, after: StreamId) -> Vec<(StreamId, Fields)> {
        let key = self.keys.log(self.shard(room), &origin.region);
        let Value::Array(rows) = self.command(&["XRANGE", &key, &format!("({after}"), "+"]) else {
            panic!("a range is a list");
        };
        rows.into_iter()
            .map(|row| {
                let (id, fields): (String, Fields) = redis::from_redis_value(row).unwrap();
                (id.parse().unwrap(), fields)
            })
            .collect()
    }

    /// The last id of `origin`'s log here.
    pub fn last(&self, origin: &Bench, room: &str) -> StreamId {
        let all = self.log_above(origin, room, StreamId::ZERO);
        all.last().map_or(StreamId::ZERO, |(id, _)| *id)
    }

    /// Copies what is missing here of another region's log, each entry as `change` makes it.
    pub fn pull_as(&self, from: &Bench, room: &str, change: impl Fn(Fields) -> Fields) {
        let missing = from.log_above(from, room, self.last(from, room));
        let entries: Vec<RelayEntry> = missing
            .into_iter()
            .map(|(id, fields)| RelayEntry::new(id, change(fields)).unwrap())
            .collect();
        for some in entries.chunks(MOST_RELAYED) {
            let relay = Relay {
                region: &self.region,
                origin: &from.region,
                shard: self.shard(room),
                fence: 0,
                entries: some,
            };
            let answer = Relay::answer(&self.call(&relay.call(&self.keys, &self.bounds))).unwrap();
            assert_eq!(answer.verdict, RelayVerdict::Taken);
        }
    }

    /// Copies what is missing here of another region's log.
    pub fn pull(&self, from: &Bench, room: &str) {
        self.pull_as(from, room, |fields| fields);
    }

    /// Copies a part of a room's state.
    pub fn merge(&self, from: &Bench, room: &str, part: Part, key: &str) {
        let pairs = redis::from_redis_value(from.command(&["HGETALL", key])).unwrap();
        let room: RoomId = room.parse().unwrap();
        let merge = Merge {
            region: &self.region,
            origin: &from.region,
            room: &room,
            parts: &[(part, pairs)],
        };
        self.call(&merge.call(&self.keys, &self.bounds));
    }

    /// What the other region has up to now is gone there before it could be copied.
    pub fn gap(&self, from: &Bench, room: &str) {
        let gap = Gap {
            region: &self.region,
            origin: &from.region,
            shard: self.shard(room),
            fence: 0,
            last: self.last(from, room),
            upto: from.last(from, room),
        };
        let answer = Gap::answer(&self.call(&gap.call(&self.keys, &self.bounds))).unwrap();
        assert_eq!(answer.0, RelayVerdict::Taken);
    }
}
