//! What a core's decisions cost without a kernel: a message encoded, a batch, a flush over a room, the ring, a cursor.
//!
//! `cargo bench -p tidegate-hub [-- FILTER]`

use std::cell::Cell;
use std::hint::black_box;

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use tidegate_hub::{
    Action, Encoding, Frame, Hub, HubLimits, LogEntry, Message, Offered, RING_BYTES, Sink, SubRef,
    Subscribe, Times, ViewerKey, Who,
};
use tidegate_stream::{Cursor, Entry, Kind, Region, RoomId, Shard, ShardCount, StreamId};

/// What a viewer's line of chat holds, bytes: with its frame about 128 on the wire.
const DATA: &str = r#"{"text":"so good to see you all here tonight"}"#;

/// A connection that takes everything, unless it is said to be blocked.
#[derive(Default)]
struct Counts {
    frames: u64,
    blocked: bool,
}

impl Sink for Counts {
    fn offer(&mut self, _viewer: ViewerKey, frame: &Frame) -> Offered {
        if self.blocked {
            return Offered::Refused;
        }
        self.frames += 1;
        black_box(frame.len());
        Offered::Sent
    }
}

/// A hub with one room and its viewers, and the id of the last entry.
struct World {
    hub: Hub,
    sink: Counts,
    subs: Vec<SubRef>,
}

fn room() -> RoomId {
    "demo.lobby".parse().expect("that is a name")
}

fn origin() -> Region {
    "eu-west".parse().expect("that is a name")
}

fn shard() -> Shard {
    ShardCount::default().of(&room())
}

fn entry(ms: u64) -> Entry {
    Entry {
        id: StreamId { ms, seq: 0 },
        room: Some(room()),
        kind: Kind::Chat,
        sub: "alice".into(),
        info: r#"{"name":"Alice"}"#.into(),
        data: DATA.into(),
        at_ms: ms,
        key: "8f14e45fceea167a".into(),
        shard_previous: StreamId { ms: ms - 1, seq: 0 },
        room_previous: StreamId { ms: ms - 1, seq: 0 },
        hidden: false,
    }
}

/// The next so many entries of the log.
fn entries(last: &Cell<u64>, count: u64) -> Vec<LogEntry> {
    let first = last.get() + 1;
    last.set(last.get() + count);
    (first..first + count)
        .map(|ms| LogEntry::new(&origin(), &entry(ms)))
        .collect()
}

impl World {
    fn new(viewers: u32, encoding: Encoding) -> Self {
        let mut hub = Hub::new(HubLimits {
            ring_bytes: RING_BYTES,
            tick_ceiling_ms: 0,
            chat_budget: 0,
        });
        let mut sink = Counts::default();
        let subs = (0..viewers)
            .map(|viewer| {
                hub.subscribe(Subscribe {
                    viewer,
                    room: room(),
                    shard: shard(),
                    who: Who {
                        subject: "alice".parse().ok(),
                        token: None,
                    },
                    encoding,
                    cursor: None,
                    expires_ms: u64::MAX,
                    answered: true,
                })
            })
            .collect();
        let position = [(origin(), StreamId { ms: 1, seq: 0 })];
        hub.opened(shard(), position.into_iter().collect());
        while let Some(action) = hub.next_action() {
            if let Action::Join { sub, .. } = action {
                hub.admit(sub, None, Times::default(), &mut sink);
            }
        }
        Self { hub, sink, subs }
    }

    fn take(&mut self, entries: &[LogEntry]) {
        self.hub.take(shard(), &origin(), entries, Times::default());
    }

    fn flush(&mut self) {
        while self.hub.has_work(0) {
            self.hub.slice(Times::default(), &mut self.sink);
        }
    }
}

fn message(criterion: &mut Criterion) {
    let (origin, entry) = (origin(), entry(1_732_400_000_000));
    criterion.bench_function("message", |bench| {
        bench.iter(|| Message::new(&origin, black_box(&entry)));
    });
}

/// One frame made of so many messages, and given to one viewer.
fn batch(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("batch");
    for (name, encoding) in [
        ("text", Encoding::Text),
        ("binary", Encoding::Binary),
        ("text_deflated", Encoding::TextDeflated),
        ("binary_deflated", Encoding::BinaryDeflated),
        ("sse", Encoding::Sse),
    ] {
        for messages in [1, 10, 100] {
            let mut world = World::new(1, encoding);
            let last = Cell::new(1);
            group.throughput(Throughput::Elements(messages));
            group.bench_function(BenchmarkId::new(name, messages), |bench| {
                bench.iter_batched(
                    || entries(&last, messages),
                    |entries| {
                        world.take(&entries);
                        world.flush();
                        entries
                    },
                    BatchSize::SmallInput,
                );
            });
        }
    }
    group.finish();
}

/// One message to all viewers of a room.
fn dispatch(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("dispatch");
    for viewers in [1_000, 5_000] {
        let mut world = World::new(viewers, Encoding::Text);
        let last = Cell::new(1);
        group.throughput(Throughput::Elements(u64::from(viewers)));
        group.bench_function(BenchmarkId::from_parameter(viewers), |bench| {
            bench.iter_batched(
                || entries(&last, 1),
                |entries| {
                    world.take(&entries);
                    world.flush();
                    entries
                },
                BatchSize::SmallInput,
            );
        });
        assert!(world.sink.frames > u64::from(viewers));
    }
    group.finish();
}

fn ring(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("ring");
    group.throughput(Throughput::Elements(128));
    // One reply of the tail into a ring that is full: each goes in, the oldest go out.
    let mut world = World::new(1, Encoding::Text);
    let last = Cell::new(1);
    let all = entries(&last, 4_096);
    world.take(&all);
    world.flush();
    world.sink.blocked = true;
    group.bench_function("push_and_evict/128", |bench| {
        bench.iter_batched(
            || entries(&last, 128),
            |entries| {
                world.take(&entries);
                entries
            },
            BatchSize::SmallInput,
        );
    });
    // A viewer who is so far behind reads again: its frame is cut from the middle of the ring.
    let mut world = World::new(1, Encoding::Text);
    let last = Cell::new(1);
    let sub = world.subs[0];
    group.bench_function("cut/128", |bench| {
        bench.iter_batched_ref(
            || entries(&last, 128),
            |entries| {
                world.sink.blocked = true;
                world.take(entries);
                world.flush();
                world.sink.blocked = false;
                world.hub.resume(sub, Times::default(), &mut world.sink);
            },
            BatchSize::SmallInput,
        );
    });
    group.finish();
}

fn cursor(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("cursor");
    for regions in [1, 3, 16] {
        let cursor: Cursor = (0..regions)
            .map(|number| {
                let region = format!("region-{number}").parse().expect("that is a name");
                (
                    region,
                    StreamId {
                        ms: 1_732_400_000_000 + number,
                        seq: number,
                    },
                )
            })
            .collect();
        let text = cursor.to_string();
        let other = cursor.clone();
        group.bench_function(BenchmarkId::new("parse", regions), |bench| {
            bench.iter(|| black_box(text.as_str()).parse::<Cursor>());
        });
        group.bench_function(BenchmarkId::new("print", regions), |bench| {
            bench.iter(|| black_box(&cursor).to_string());
        });
        let mut merged = cursor.clone();
        group.bench_function(BenchmarkId::new("merge", regions), |bench| {
            bench.iter(|| black_box(&mut merged).merge(black_box(&other)));
        });
    }
    group.finish();
}

criterion_group!(benches, message, batch, dispatch, ring, cursor);
criterion_main!(benches);
