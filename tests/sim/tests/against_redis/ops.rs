//! Random calls of the function library.

use std::collections::BTreeSet;

use sim::redis::{Store, Value};
use tidegate_stream::calls::{
    After, BannedName, Bounds, Clock, Control, CountRooms, Flush, FunctionCall, Gap, Join, Lasting,
    Lease, LeaseVerb, ListRooms, Place, Presence, Publish, PublishFlags, Published, Read, Relay,
    RelayEntry, Reply, Right, Swap, Verb, Version, Whole,
};
use tidegate_stream::{Keys, MessageId, NodeName, Region, RoomId, ShardCount, StreamId, Subject};

const ROOMS: [&str; 5] = ["a", "b.one", "b.two", "~bob", "!all"];
const SUBJECTS: [&str; 3] = ["alice", "bob", "eve"];
const REGION: &str = "eu";
const KEYS: u32 = 6;

pub struct Ops {
    pub chance: fastrand::Rng,
    keys: Keys,
    region: Region,
    seen: Vec<StreamId>,
    copied: StreamId,
    done: BTreeSet<&'static str>,
}

impl Ops {
    pub fn new(seed: u64) -> Self {
        Self {
            chance: fastrand::Rng::with_seed(seed),
            keys: Keys::new("tg", ShardCount::new(1).unwrap()),
            region: REGION.parse().unwrap(),
            seen: vec![StreamId::ZERO],
            copied: StreamId {
                ms: 1_800_000_000_000,
                seq: 0,
            },
            done: BTreeSet::new(),
        }
    }

    pub fn done(&self) -> &BTreeSet<&'static str> {
        &self.done
    }

    /// Ids that were answered are asked for later.
    pub fn learn(&mut self, name: &'static str, answer: &[Reply]) {
        self.done.insert(name);
        if let Some(Reply::Bytes(first)) = answer.first()
            && let Some(id) = std::str::from_utf8(first)
                .ok()
                .and_then(|text| text.parse().ok())
        {
            self.seen.push(id);
        }
    }

    fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.chance.usize(..of.len())]
    }

    fn room(&mut self) -> RoomId {
        self.one(&ROOMS).parse().unwrap()
    }

    fn subject(&mut self) -> Subject {
        self.one(&SUBJECTS).parse().unwrap()
    }

    fn id(&mut self) -> StreamId {
        let seen = std::mem::take(&mut self.seen);
        let id = self.one(&seen);
        self.seen = seen;
        id
    }

    /// Tight, so that everything is trimmed; of two kinds, since regions are changed while they run.
    fn bounds(&mut self) -> Bounds {
        match self.chance.u32(..4) {
            0 => Bounds::new(3, 2, 12, 5_000).unwrap(),
            _ => Bounds::new(9, 6, 40, 60_000).unwrap(),
        }
    }

    pub fn next(&mut self) -> FunctionCall {
        match self.chance.u32(..24) {
            20..23 => self.relay(),
            23 => self.lease_or_gap(),
            0..8 => self.publish(),
            8..12 => self.control(),
            12 => self.join(),
            13..15 => self.read(),
            15 => self.presence(),
            16 => self.counters(),
            17 => self.listing(),
            18 => self.swap(),
            _ => {
                let shard = self.keys.shards().all().next().unwrap();
                match self.chance.u32(..4) {
                    0 => Version::call(),
                    1 => Whole::call(&self.keys, shard, &[]),
                    _ => Clock::call(&self.keys),
                }
            }
        }
    }

    fn publish(&mut self) -> FunctionCall {
        let (room, subject, bounds) = (self.room(), self.subject(), self.bounds());
        let kind = self.one(&[
            Published::Chat,
            Published::Chat,
            Published::Custom,
            Published::Gift,
            Published::Control,
            Published::Like,
        ]);
        let data = format!("{{\"n\":{}}}", self.chance.u32(..4));
        let key = match self.chance.u32(..KEYS) {
            0 => String::new(),
            number => format!("key-{number}"),
        };
        let flags = PublishFlags {
            may_enter: self.chance.bool(),
            shadow: self.chance.u32(..8) == 0,
            follows: self.chance.bool(),
            moderates: self.chance.u32(..5) == 0,
            service: self.chance.bool(),
        };
        Publish {
            region: &self.region,
            room: &room,
            kind,
            subject: &subject,
            info: "",
            data: &data,
            key: &key,
            posted: data.as_bytes(),
            trace: "",
            flags,
        }
        .call(&self.keys, &bounds)
    }

    fn control(&mut self) -> FunctionCall {
        let (room, owner, bounds) = (self.room(), self.subject(), self.bounds());
        let user = BannedName::Subject(self.subject());
        let message = MessageId {
            origin: self.region.clone(),
            id: self.id(),
        };
        let lasting = self.one(&[
            Lasting::Lifted,
            Lasting::Seconds(2),
            Lasting::Seconds(100_000),
            Lasting::UntilLifted,
        ]);
        let title = self.one(&["x", "a/b \"c\" \\ \u{e9}\n\u{1}", ""]);
        let slow = self.one(&["0", "2000"]);
        let fields = [
            ("title", title),
            ("slow_ms", slow),
            ("history_chat", self.one(&["0", "2"])),
            ("moderators", self.one(&["", "eve"])),
        ];
        let verb = match self.chance.u32(..20) {
            0..5 => Verb::Create {
                owner: &owner,
                fields: &fields[..1],
            },
            5..9 => Verb::Change { fields: &fields },
            9 => Verb::Close,
            10..13 => Verb::Ban {
                user: &user,
                lasting,
            },
            13..16 => Verb::Mute {
                user: &user,
                lasting,
            },
            16 => Verb::Kick { user: &owner },
            17 => Verb::Disconnect { user: &owner },
            _ => Verb::Hide { message: &message },
        };
        let right = self.one(&[Right::Scope, Right::Scope, Right::Owner, Right::Moderator]);
        Control {
            region: &self.region,
            room: &room,
            verb,
            by: Some(&owner),
            right,
            trace: "",
        }
        .call(&self.keys, &bounds)
    }

    fn join(&mut self) -> FunctionCall {
        let (room, subject) = (self.room(), self.subject());
        Join {
            region: &self.region,
            room: &room,
            subject: Some(&subject),
            token: None,
        }
        .call(&self.keys)
    }

    fn read(&mut self) -> FunctionCall {
        let room = self.room();
        let after = match self.chance.u32(..4) {
            0 => After::Newest,
            _ => After::Id(self.id()),
        };
        Read {
            room: &room,
            limit: self.chance.u32(1..8),
            bytes: self.one(&[300, 100_000]),
            positions: &[(self.region.clone(), after)],
        }
        .call(&self.keys)
    }

    fn presence(&mut self) -> FunctionCall {
        let bounds = self.bounds();
        let node: NodeName = self.one(&["n1", "n2"]).parse().unwrap();
        let counts = [
            (self.room(), self.chance.u64(..9)),
            (self.room(), self.chance.u64(..9)),
        ];
        let shard = self.keys.shards().all().next().unwrap();
        Presence {
            region: &self.region,
            node: &node,
            shard,
            counts: &counts,
        }
        .calls(&self.keys, &bounds)
        .remove(0)
    }

    fn counters(&mut self) -> FunctionCall {
        let bounds = self.bounds();
        let shard = self.keys.shards().all().next().unwrap();
        Flush {
            region: &self.region,
            shard,
        }
        .call(&self.keys, &bounds)
    }

    fn listing(&mut self) -> FunctionCall {
        let namespace = self.one(&["b", "default"]);
        if self.chance.bool() {
            return CountRooms { namespace }.call(&self.keys);
        }
        let after = self.chance.bool().then(|| Place {
            online: self.chance.u64(..5),
            room: self.room(),
        });
        ListRooms {
            namespace: self.chance.bool().then_some(namespace),
            limit: self.chance.u32(1..4),
            after: after.as_ref(),
        }
        .call(&self.keys)
    }

    /// Entries of another region: most follow what was copied, some repeat it, leave a hole, or skip a lost tail.
    fn relay(&mut self) -> FunctionCall {
        let bounds = self.bounds();
        let origin: Region = "us".parse().unwrap();
        let mut last = self.copied;
        let mut entries = Vec::new();
        for _ in 0..self.chance.u32(1..5) {
            let previous = match self.chance.u32(..8) {
                0 => StreamId {
                    ms: last.ms + 1,
                    seq: 0,
                },
                1 => StreamId {
                    ms: last.ms.saturating_sub(1),
                    seq: 0,
                },
                _ => last,
            };
            let ms = last.ms + u64::from(self.chance.u32(..8) > 0) + 1;
            last = StreamId { ms, seq: 0 };
            let stamp = self.chance.u64(1_799_999_000_000..1_800_001_000_000);
            let user = self.one(&SUBJECTS);
            let (kind, lane, data) = match self.chance.u32(..5) {
                0 => ("gift", "gift", "{}".to_owned()),
                1 => (
                    "ban",
                    "control",
                    format!(
                        "{{\"stamp\":\"{stamp}.us\",\"user\":\"{user}\",\"until_ms\":{}}}",
                        stamp + 90_000_000
                    ),
                ),
                2 => (
                    "state",
                    "control",
                    format!("{{\"stamp\":\"{stamp}.us\",\"fields\":{{\"title\":\"{stamp}\"}}}}"),
                ),
                3 => ("likes", "", self.chance.u32(..99).to_string()),
                _ => ("chat", "chat", "{}".to_owned()),
            };
            let (room, at_ms) = (self.one(&ROOMS), ms.to_string());
            let fields = [
                ("v", "1"),
                ("room", room),
                ("kind", kind),
                ("lane", lane),
                ("sub", user),
                ("info", ""),
                ("data", &data),
                ("at_ms", &at_ms),
                ("key", self.one(&["", "key-1", "key-9"])),
                ("hash", "00112233445566778899aabbccddeeff"),
                ("trace", ""),
                ("sp", &previous.to_string()),
                ("rp", "0-0"),
            ];
            let parts = fields
                .iter()
                .flat_map(|(name, value)| [name.as_bytes().to_vec(), value.as_bytes().to_vec()]);
            entries.extend(RelayEntry::new(last, parts.collect()));
        }
        self.copied = last;
        Relay {
            region: &self.region,
            origin: &origin,
            shard: self.keys.shards().all().next().unwrap(),
            fence: self.chance.u64(..2),
            entries: &entries,
        }
        .call(&self.keys, &bounds)
    }

    fn lease_or_gap(&mut self) -> FunctionCall {
        let origin: Region = "us".parse().unwrap();
        let shard = self.keys.shards().all().next().unwrap();
        if self.chance.bool() {
            let holder: NodeName = self.one(&["r1", "r2"]).parse().unwrap();
            let verb = self.one(&[
                LeaseVerb::Take,
                LeaseVerb::Wait,
                LeaseVerb::Keep(1),
                LeaseVerb::Free(1),
            ]);
            return Lease {
                origin: &origin,
                shard,
                holder: &holder,
                verb,
                lasting_ms: 3_000,
            }
            .call(&self.keys);
        }
        let bounds = self.bounds();
        let upto = StreamId {
            ms: self.copied.ms + 5,
            seq: 0,
        };
        let call = Gap {
            region: &self.region,
            origin: &origin,
            shard,
            fence: 0,
            last: self.copied,
            upto,
        }
        .call(&self.keys, &bounds);
        self.copied = upto;
        call
    }

    /// After each call, where the copy really ends.
    pub fn copied(&mut self, last: StreamId) {
        self.copied = last;
    }

    fn swap(&mut self) -> FunctionCall {
        let old = self.one(&["", "1", "2"]);
        let new = self.one(&["", "1", "2"]);
        Swap {
            key: &self.keys.pool("one"),
            expected: old,
            new,
            lasting_ms: 3_000,
        }
        .call()
    }
}

/// Everything that lies in a store, as [`Real::dump`](crate::real::Real::dump) has it.
pub fn dump(store: &mut Store) -> Vec<String> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let mut lines = Vec::new();
    for key in store.names() {
        let expires = store.expires_at_ms(&key).map_or(-1, |at_ms| at_ms as i64);
        let value = match store.get(&key).unwrap() {
            Value::Text(value) => text(value),
            Value::Hash(fields) => {
                let mut all: Vec<_> = fields
                    .iter()
                    .map(|(name, value)| [text(name), text(value)])
                    .collect();
                // A table of Lua has no order, and some fields come from one.
                all.sort();
                format!("{all:?}")
            }
            Value::Sorted(members) => {
                let all: Vec<_> = members
                    .iter()
                    .flat_map(|(score, name)| [text(name), score.to_string()])
                    .collect();
                format!("{all:?}")
            }
            Value::Stream(stream) => {
                let most = StreamId {
                    ms: u64::MAX,
                    seq: u64::MAX,
                };
                let all: Vec<(String, Vec<String>)> = stream
                    .range(StreamId::ZERO, most)
                    .map(|(id, fields)| {
                        (
                            id.to_string(),
                            fields.iter().map(|part| text(part)).collect(),
                        )
                    })
                    .collect();
                format!("{all:?}")
            }
        };
        lines.push(format!("{} {expires} {value}", text(&key)));
    }
    lines
}
