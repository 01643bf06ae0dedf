//! The region that is copied from: logs written by plain XADD, each entry naming the one before it.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use redis::{Connection, Pipeline};
use redis_tests::RedisServer;
use tidegate_stream::calls::load_command;
use tidegate_stream::{Keys, RoomId, Shard, ShardCount, StreamId};

const DATA: &str = "{\"text\":\"A line of chat that is neither long nor short, as they come, and a little more so that it is 128 B of data\"}";

fn connect(server: &RedisServer) -> Connection {
    redis::Client::open(server.url())
        .and_then(|client| client.get_connection())
        .expect("the server was just started")
}

/// Layout and functions.
pub fn prepare(server: &RedisServer) {
    let mut redis = connect(server);
    let mut load = redis::Cmd::new();
    for word in load_command() {
        load.arg(word);
    }
    load.exec(&mut redis).expect("the library loads");
    redis::cmd("HSET")
        .arg(&["tg:layout", "version", "1", "shards", "64"])
        .exec(&mut redis)
        .expect("it is written");
}

/// A server's process.
pub fn pid(server: &RedisServer) -> u32 {
    let info: String = redis::cmd("INFO")
        .arg("server")
        .query(&mut connect(server))
        .expect("it answers");
    let line = info
        .lines()
        .find_map(|line| line.strip_prefix("process_id:"));
    line.and_then(|text| text.trim().parse().ok())
        .expect("it has one")
}

struct Log {
    key: String,
    room: String,
    last: StreamId,
}

/// A log a shard, with a room in each.
pub struct Source {
    redis: Connection,
    logs: Vec<Log>,
    turn: usize,
}

fn now_ms() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_millis() as u64)
}

impl Source {
    /// Nothing is written yet.
    pub fn open(server: &RedisServer) -> Self {
        prepare(server);
        let keys = Keys::new("tg", ShardCount::default());
        let origin = "eu".parse().expect("a region's name");
        let room_in = |shard: Shard| {
            (0..)
                .map(|n| format!("bench.room-{n}"))
                .find(|name| {
                    name.parse::<RoomId>()
                        .is_ok_and(|room| keys.shard(&room) == shard)
                })
                .expect("names never end")
        };
        let logs = keys.shards().all().map(|shard| Log {
            key: keys.log(shard, &origin),
            room: room_in(shard),
            last: StreamId::ZERO,
        });
        Self {
            logs: logs.collect(),
            redis: connect(server),
            turn: 0,
        }
    }

    fn add(&mut self, pipeline: &mut Pipeline) {
        let log = &mut self.logs[self.turn % 64];
        self.turn += 1;
        let at_ms = now_ms();
        let id = if at_ms > log.last.ms {
            StreamId { ms: at_ms, seq: 0 }
        } else {
            StreamId {
                ms: log.last.ms,
                seq: log.last.seq + 1,
            }
        };
        let previous = log.last.to_string();
        log.last = id;
        pipeline
            .cmd("XADD")
            .arg(&log.key)
            .arg(id.to_string())
            .arg(&[
                "v",
                "1",
                "room",
                &log.room,
                "kind",
                "chat",
                "lane",
                "chat",
                "sub",
                "bench-subject",
            ])
            .arg(&["info", "{\"name\":\"Bench\"}", "data", DATA, "at_ms"])
            .arg(at_ms)
            .arg(&[
                "key",
                "",
                "hash",
                "0123456789abcdef0123456789abcdef",
                "trace",
                "",
                "sp",
                &previous,
                "rp",
                "0-0",
            ])
            .ignore();
    }

    /// So many entries, as fast as they go.
    pub fn fill(&mut self, count: usize) {
        let mut left = count;
        while left > 0 {
            let some = left.min(512);
            let mut pipeline = redis::pipe();
            for _ in 0..some {
                self.add(&mut pipeline);
            }
            pipeline.exec(&mut self.redis).expect("they are appended");
            left -= some;
        }
    }

    /// So many a second for a while, every 2 ms some; how many there were.
    pub fn live(&mut self, rate: usize, lasting: Duration) -> usize {
        let started = Instant::now();
        let mut sent = 0;
        while started.elapsed() < lasting {
            let due = (started.elapsed().as_secs_f64() * rate as f64) as usize;
            if due > sent {
                let mut pipeline = redis::pipe();
                for _ in sent..due {
                    self.add(&mut pipeline);
                }
                pipeline.exec(&mut self.redis).expect("they are appended");
                sent = due;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        sent
    }
}
