//! What a relay does between two regions, as little of it as a test of viewers needs: logs and lists of nodes, both ways.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use redis::{Connection, RedisResult, Value};
use tidegate_stream::calls::{Bounds, FunctionCall, MOST_RELAYED, Relay, RelayEntry, Reply, Whole};
use tidegate_stream::{Keys, Region, Shard, ShardCount, StreamId};

/// How long one look at a log waits for more.
const PAUSE: Duration = Duration::from_millis(5);
/// Looks between two copies of the list of nodes.
const NODES_EVERY: u32 = 20;
/// Entries of one log in one look.
const ENTRIES: usize = 256;

/// Copies until it is dropped or cut. A Redis that is away is waited for.
pub struct Copier {
    ends: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

/// One end: its name and where its Redis is.
pub type End<'a> = (&'a str, String);

impl Copier {
    /// Between two regions.
    pub fn between(one: End<'_>, other: End<'_>) -> Self {
        let ends = Arc::new(AtomicBool::new(false));
        let one = (region(one.0), one.1);
        let other = (region(other.0), other.1);
        let threads = [(one.clone(), other.clone()), (other, one)]
            .into_iter()
            .map(|(from, to)| {
                let ends = ends.clone();
                std::thread::spawn(move || {
                    while !ends.load(Ordering::Relaxed) {
                        // Away: again soon.
                        let _ = Way::open(&from, &to).and_then(|mut way| way.run(&ends));
                        std::thread::park_timeout(PAUSE * 10);
                    }
                })
            })
            .collect();
        Self { ends, threads }
    }

    /// Ends it.
    pub fn cut(self) {}
}

impl Drop for Copier {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

fn region(name: &str) -> Region {
    name.parse().expect("a region's name")
}

/// From one region into another.
struct Way {
    keys: Keys,
    origin: Region,
    here: Region,
    from: Connection,
    to: Connection,
    /// The last id of each shard's copy.
    last: Vec<(Shard, StreamId)>,
}

impl Way {
    fn open(from: &(Region, String), to: &(Region, String)) -> RedisResult<Self> {
        let connect = |url: &str| redis::Client::open(url)?.get_connection();
        let keys = Keys::new("tg", ShardCount::default());
        let (from_redis, mut to_redis) = (connect(&from.1)?, connect(&to.1)?);
        let mut last = Vec::new();
        for shard in keys.shards().all() {
            let rows: Vec<(String, Value)> = redis::cmd("XREVRANGE")
                .arg(keys.log(shard, &from.0))
                .arg(&["+", "-", "COUNT", "1"])
                .query(&mut to_redis)?;
            let id = rows.first().and_then(|(id, _)| id.parse().ok());
            last.push((shard, id.unwrap_or(StreamId::ZERO)));
        }
        let mut way = Self {
            keys,
            origin: from.0.clone(),
            here: to.0.clone(),
            from: from_redis,
            to: to_redis,
            last,
        };
        way.say_whole()?;
        Ok(way)
    }

    /// In these tests no region has anything of another that it lacks itself.
    fn say_whole(&mut self) -> RedisResult<()> {
        for (shard, _) in self.last.clone() {
            let asked = [self.here.clone()];
            call(&mut self.from, &Whole::call(&self.keys, shard, &asked))?;
        }
        Ok(())
    }

    fn run(&mut self, ends: &AtomicBool) -> RedisResult<()> {
        for round in 0.. {
            if ends.load(Ordering::Relaxed) {
                break;
            }
            if round % NODES_EVERY == 0 {
                self.copy_nodes()?;
            }
            for at in 0..self.last.len() {
                self.copy_log(at)?;
            }
            std::thread::park_timeout(PAUSE);
        }
        Ok(())
    }

    fn copy_nodes(&mut self) -> RedisResult<()> {
        let key = self.keys.nodes(&self.origin);
        let nodes: Vec<(String, String)> = redis::cmd("HGETALL").arg(&key).query(&mut self.from)?;
        let mut pipeline = redis::pipe();
        pipeline.atomic().del(&key).ignore();
        for (name, line) in nodes {
            pipeline.hset(&key, name, line).ignore();
        }
        pipeline.query(&mut self.to)
    }

    fn copy_log(&mut self, at: usize) -> RedisResult<()> {
        let (shard, last) = self.last[at];
        let rows: Vec<(String, Vec<Vec<u8>>)> = redis::cmd("XRANGE")
            .arg(self.keys.log(shard, &self.origin))
            .arg(format!("({last}"))
            .arg("+")
            .arg("COUNT")
            .arg(ENTRIES)
            .query(&mut self.from)?;
        let entries: Vec<RelayEntry> = rows
            .into_iter()
            .map(|(id, fields)| {
                RelayEntry::new(id.parse().expect("an id"), fields).expect("an entry")
            })
            .collect();
        for some in entries.chunks(MOST_RELAYED) {
            let relay = Relay {
                region: &self.here,
                origin: &self.origin,
                shard,
                fence: 0,
                entries: some,
            };
            let replies = call(&mut self.to, &relay.call(&self.keys, &Bounds::default()))?;
            self.last[at].1 = Relay::answer(&replies).expect("an answer").last;
        }
        Ok(())
    }
}

fn call(redis: &mut Connection, call: &FunctionCall) -> RedisResult<Vec<Reply>> {
    let mut command = redis::Cmd::new();
    for word in call.command() {
        command.arg(word);
    }
    let value: Value = command.query(redis)?;
    let values = match value {
        Value::Array(values) => values,
        other => vec![other],
    };
    Ok(values
        .into_iter()
        .map(|value| match value {
            Value::Int(number) => Reply::Int(number),
            Value::BulkString(bytes) => Reply::Bytes(bytes),
            Value::SimpleString(text) => Reply::Status(text),
            _ => Reply::Nil,
        })
        .collect())
}
