//! One region's Redis with the library loaded, and short ways to say what a test does with it.

use std::thread;
use std::time::{Duration, Instant};

use redis::{Cmd, Connection, FromRedisValue, RedisError, Value};
use redis_tests::RedisServer;
use tidegate_stream::calls::{
    After, Appended, Bounds, CallError, Control, Flush, FunctionCall, Join, JoinAnswer, OriginPage,
    Presence, Publish, PublishFlags, Published, Read, Receipt, Reply, Right, Verb, load_command,
};
use tidegate_stream::shard::{Shard, ShardCount};
use tidegate_stream::{Entry, Keys, Lane, Region, RoomId, StreamId, Subject};

/// The region that tests write in.
pub const EU: &str = "eu";

/// A message about to be published.
#[derive(Debug, Clone)]
pub struct Message {
    pub room: RoomId,
    pub kind: Published,
    pub by: Subject,
    pub data: String,
    pub key: String,
    pub flags: PublishFlags,
}

impl Message {
    pub fn chat(room: &str, text: &str) -> Self {
        Self {
            room: room.parse().unwrap(),
            kind: Published::Chat,
            by: "bob".parse().unwrap(),
            data: format!("{{\"text\":\"{text}\"}}"),
            key: String::new(),
            flags: PublishFlags::default(),
        }
    }

    pub fn gift(room: &str, text: &str) -> Self {
        Self::chat(room, text).kind(Published::Gift).service()
    }

    pub fn like(room: &str) -> Self {
        Self::chat(room, "").kind(Published::Like)
    }

    pub fn kind(mut self, kind: Published) -> Self {
        self.kind = kind;
        self
    }

    pub fn by(mut self, subject: &str) -> Self {
        self.by = subject.parse().unwrap();
        self
    }

    pub fn key(mut self, key: &str) -> Self {
        self.key = key.into();
        self
    }

    pub fn service(mut self) -> Self {
        self.flags.service = true;
        self
    }

    pub fn shadow(mut self) -> Self {
        self.flags.shadow = true;
        self
    }
}

pub fn room(name: &str) -> RoomId {
    name.parse().unwrap()
}

pub fn subject(name: &str) -> Subject {
    name.parse().unwrap()
}

pub fn region(name: &str) -> Region {
    name.parse().unwrap()
}

pub fn id(text: &str) -> StreamId {
    text.parse().unwrap()
}

/// One address, one shard: so that every room of a test shares a log.
pub struct Site {
    pub server: RedisServer,
    pub redis: Connection,
    pub keys: Keys,
    pub region: Region,
    pub bounds: Bounds,
}

impl Site {
    pub fn start() -> Self {
        Self::on(RedisServer::start())
    }

    pub fn with_clock() -> Self {
        Self::on(RedisServer::with_clock(&[]))
    }

    pub fn on(server: RedisServer) -> Self {
        let redis = connect(&server);
        let mut site = Self {
            server,
            redis,
            keys: Keys::new("tg", ShardCount::new(1).unwrap()),
            region: region(EU),
            bounds: Bounds::default(),
        };
        site.load_library();
        site
    }

    pub fn load_library(&mut self) {
        let words = load_command();
        let mut command = redis::cmd("FUNCTION");
        for word in &words[1..] {
            command.arg(word.as_slice());
        }
        command.exec(&mut self.redis).unwrap();
    }

    pub fn restart(&mut self) {
        self.server.restart();
        self.redis = connect(&self.server);
    }

    pub fn shard(&self) -> Shard {
        self.keys.shards().all().next().unwrap()
    }

    pub fn log_key(&self) -> String {
        self.keys.log(self.shard(), &self.region)
    }

    /// What Redis answers, flattened as Spin does it.
    pub fn try_call(&mut self, call: &FunctionCall) -> Result<Vec<Reply>, RedisError> {
        let mut command = redis::cmd(call.verb());
        for argument in call.arguments() {
            command.arg(argument);
        }
        let mut flat = Vec::new();
        flatten(command.query(&mut self.redis)?, &mut flat);
        Ok(flat)
    }

    pub fn call(&mut self, call: &FunctionCall) -> Vec<Reply> {
        self.try_call(call)
            .unwrap_or_else(|error| panic!("{}: {error}", call.name))
    }

    /// Any other command.
    pub fn ask<T: FromRedisValue>(&mut self, words: &[&str]) -> T {
        command(words).query(&mut self.redis).unwrap()
    }

    pub fn publish(&mut self, message: &Message) -> Result<Receipt, CallError> {
        let region = self.region.clone();
        let publish = message_call(message, &region);
        let call = publish.call(&self.keys, &self.bounds);
        publish.answer(&self.call(&call))
    }

    /// A publish that must be appended.
    pub fn append(&mut self, message: &Message) -> Appended {
        match self.publish(message) {
            Ok(Receipt::Appended(appended)) => appended,
            other => panic!("{message:?} was to be appended: {other:?}"),
        }
    }

    pub fn control(&mut self, room: &str, verb: Verb<'_>) -> Result<Appended, CallError> {
        self.control_as(room, verb, None)
    }

    /// With an owner's name, only if it is the owner's.
    pub fn control_as(
        &mut self,
        room: &str,
        verb: Verb<'_>,
        owner: Option<&str>,
    ) -> Result<Appended, CallError> {
        let right = match owner {
            Some(_) => Right::Owner,
            None => Right::Scope,
        };
        self.control_by(room, verb, owner, right)
    }

    /// By somebody, with a right.
    pub fn control_by(
        &mut self,
        room: &str,
        verb: Verb<'_>,
        by: Option<&str>,
        right: Right,
    ) -> Result<Appended, CallError> {
        let by = by.map(subject);
        let region = self.region.clone();
        let control = Control {
            region: &region,
            room: &room.parse().unwrap(),
            verb,
            by: by.as_ref(),
            right,
            trace: "",
        };
        let call = control.call(&self.keys, &self.bounds);
        control.answer(&self.call(&call))
    }

    pub fn create(&mut self, room: &str, fields: &[(&str, &str)]) {
        let owner = subject("alice");
        let verb = Verb::Create {
            owner: &owner,
            fields,
        };
        self.control(room, verb).unwrap();
    }

    pub fn join(&mut self, name: &str, who: &str) -> Result<JoinAnswer, CallError> {
        let (region, room, who) = (self.region.clone(), room(name), subject(who));
        let join = Join {
            region: &region,
            room: &room,
            subject: Some(&who),
            token: None,
        };
        let call = join.call(&self.keys);
        join.answer(&self.call(&call))
    }

    pub fn read(
        &mut self,
        name: &str,
        limit: u32,
        bytes: u32,
        positions: &[(Region, After)],
    ) -> Result<Vec<OriginPage>, CallError> {
        let room = room(name);
        let read = Read {
            room: &room,
            limit,
            bytes,
            positions,
        };
        let call = read.call(&self.keys);
        read.answer(&self.call(&call))
    }

    /// What there is of this region's after a position.
    pub fn after(&mut self, name: &str, position: StreamId) -> OriginPage {
        let positions = [(self.region.clone(), After::Id(position))];
        self.read(name, 1_000, 1_000_000, &positions)
            .unwrap()
            .remove(0)
    }

    pub fn presence(&mut self, node: &str, counts: &[(&str, u64)]) -> Option<StreamId> {
        let counts: Vec<_> = counts
            .iter()
            .map(|&(name, count)| (room(name), count))
            .collect();
        let region = self.region.clone();
        let presence = Presence {
            region: &region,
            node: &node.parse().unwrap(),
            shard: self.shard(),
            counts: &counts,
        };
        let mut last = None;
        for call in presence.calls(&self.keys, &self.bounds) {
            last = Presence::answer(&self.call(&call)).unwrap();
        }
        last
    }

    pub fn flush(&mut self) -> Result<u64, CallError> {
        let region = self.region.clone();
        let flush = Flush {
            region: &region,
            shard: self.shard(),
        };
        Flush::answer(&self.call(&flush.call(&self.keys, &self.bounds)))
    }

    pub fn regions(&mut self, states: &[(&str, &str)]) {
        for (name, state) in states {
            let value = format!(
                "{{\"state\":\"{state}\",\"edge\":\"http://{name}\",\"socket\":\"ws://{name}\",\"stamp\":\"1.{name}\"}}"
            );
            let key = self.keys.regions();
            self.ask::<()>(&["HSET", &key, name, &value]);
        }
    }

    /// All entries of a stream.
    pub fn stream(&mut self, key: &str) -> Vec<Entry> {
        self.raw_stream(key)
            .iter()
            .map(|(id, fields)| {
                let pairs = fields
                    .chunks(2)
                    .map(|pair| (pair[0].as_bytes(), pair[1].as_bytes()));
                Entry::read(id.parse().unwrap(), pairs).unwrap()
            })
            .collect()
    }

    pub fn raw_stream(&mut self, key: &str) -> Vec<(String, Vec<String>)> {
        self.ask(&["XRANGE", key, "-", "+"])
    }

    pub fn log(&mut self) -> Vec<Entry> {
        let key = self.log_key();
        self.stream(&key)
    }

    pub fn lane(&mut self, name: &str, lane: Lane) -> Vec<Entry> {
        let key = self.keys.lane(&room(name), lane, &self.region);
        self.stream(&key)
    }

    /// Everything that lies in Redis, as one number.
    pub fn digest(&mut self) -> String {
        self.ask(&["DEBUG", "DIGEST"])
    }

    /// The value of a stamped field: when it was set, and what it is.
    pub fn stamped(&mut self, key: &str, field: &str) -> Option<(u64, String)> {
        let value: Option<String> = self.ask(&["HGET", key, field]);
        value.map(|text| {
            let (stamp, value) = text.split_once(' ').unwrap();
            let (ms, region) = stamp.split_once('.').unwrap();
            assert_eq!(region, EU);
            (ms.parse().unwrap(), value.to_owned())
        })
    }

    /// The clock of Redis, in ms.
    pub fn now_ms(&mut self) -> u64 {
        let (seconds, us): (u64, u64) = self.ask(&["TIME"]);
        seconds * 1_000 + us / 1_000
    }
}

/// The call of a message.
pub fn message_call<'a>(message: &'a Message, region: &'a Region) -> Publish<'a> {
    Publish {
        region,
        room: &message.room,
        kind: message.kind,
        subject: &message.by,
        info: "",
        data: &message.data,
        key: &message.key,
        posted: message.data.as_bytes(),
        trace: "",
        flags: message.flags,
    }
}

pub fn command(words: &[&str]) -> Cmd {
    let mut command = redis::cmd(words[0]);
    for word in &words[1..] {
        command.arg(*word);
    }
    command
}

fn connect(server: &RedisServer) -> Connection {
    redis::Client::open(server.url())
        .and_then(|client| client.get_connection())
        .unwrap()
}

fn flatten(value: Value, into: &mut Vec<Reply>) {
    match value {
        Value::Array(values) => {
            for value in values {
                flatten(value, into);
            }
        }
        Value::Nil => into.push(Reply::Nil),
        Value::Int(number) => into.push(Reply::Int(number)),
        Value::BulkString(bytes) => into.push(Reply::Bytes(bytes)),
        Value::SimpleString(text) => into.push(Reply::Status(text)),
        Value::Okay => into.push(Reply::Status("OK".into())),
        other => panic!("a function does not answer {other:?}"),
    }
}

/// Looks again and again until it is so.
pub fn soon<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "not within 20 s: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// Ids rise, and each entry names the one before it in the log.
pub fn assert_log_chain(log: &[Entry]) {
    for pair in log.windows(2) {
        assert!(pair[0].id < pair[1].id, "{:?}", pair);
        assert_eq!(pair[1].shard_previous, pair[0].id);
    }
}

/// Ids rise, and each entry names the one before it in the room's stream.
pub fn assert_room_chain(stream: &[Entry]) {
    for pair in stream.windows(2) {
        assert!(pair[0].id < pair[1].id, "{:?}", pair);
        assert_eq!(pair[1].room_previous, pair[0].id);
    }
}
