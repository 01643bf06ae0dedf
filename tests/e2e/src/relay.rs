//! Regions that are a Redis each, and relays between them.

use std::path::Path;
use std::process::Command;

use redis::{FromRedisValue, Value};
use redis_tests::RedisServer;
use rustix::process::Signal;
use tidegate_stream::calls::{
    BannedName, Bounds, CallError, Control, FunctionCall, Join, JoinAnswer, Lasting, Publish,
    Published, Receipt, Reply, Right, Verb, load_command,
};
use tidegate_stream::{Keys, Region, RoomId, Shard, ShardCount, StreamId, Subject};

use crate::http::Edge;
use crate::names::Names;
use crate::process::{Process, binary};
use crate::wait::soon;

/// A stream as it lies in Redis: ids, and fields with their values.
pub type Rows = Vec<(String, Vec<String>)>;

/// A region: its Redis, and what is written there as its edge would.
pub struct Place {
    /// Its Redis.
    pub server: RedisServer,
    /// Its name.
    pub region: Region,
    /// Its keys.
    pub keys: Keys,
    redis: redis::Connection,
}

fn connect(server: &RedisServer) -> redis::Connection {
    redis::Client::open(server.url())
        .and_then(|client| client.get_connection())
        .expect("Redis answers")
}

impl Place {
    /// A region with its layout and functions in place.
    pub fn start(name: &str) -> Self {
        Self::on(name, RedisServer::start())
    }

    /// The same, on a Redis of that kind.
    pub fn on(name: &str, server: RedisServer) -> Self {
        let redis = connect(&server);
        let mut place = Self {
            server,
            region: name.parse().expect("a region's name"),
            keys: Keys::new("tg", ShardCount::default()),
            redis,
        };
        let mut load = redis::Cmd::new();
        for word in load_command() {
            load.arg(word);
        }
        load.exec(&mut place.redis).expect("the library loads");
        place.ask::<()>(&["HSET", "tg:layout", "version", "1", "shards", "64"]);
        place
    }

    /// After the server was started again.
    pub fn reconnect(&mut self) {
        self.redis = connect(&self.server);
    }

    /// Any command.
    pub fn ask<T: FromRedisValue>(&mut self, words: &[&str]) -> T {
        let mut command = redis::cmd(words[0]);
        for word in &words[1..] {
            command.arg(*word);
        }
        command
            .query(&mut self.redis)
            .unwrap_or_else(|error| panic!("{words:?}: {error}"))
    }

    fn call(&mut self, call: &FunctionCall) -> Vec<Reply> {
        let mut command = redis::cmd(call.verb());
        for argument in call.arguments() {
            command.arg(argument);
        }
        let mut flat = Vec::new();
        let value: Value = command
            .query(&mut self.redis)
            .unwrap_or_else(|error| panic!("{}: {error}", call.name));
        flatten(value, &mut flat);
        flat
    }

    /// Publishes by `bob`, under an idempotency key unless that is empty.
    ///
    /// # Errors
    /// What the function refuses.
    pub fn publish(&mut self, room: &str, text: &str, key: &str) -> Result<Receipt, CallError> {
        let region = self.region.clone();
        let data = format!("{{\"text\":\"{text}\"}}");
        let (room, subject) = (room.parse().expect("a room"), "bob".parse().expect("bob"));
        let publish = Publish {
            key,
            ..Publish::plain(&region, &room, Published::Chat, &subject, &data)
        };
        let call = publish.call(&self.keys, &Bounds::default());
        publish.answer(&self.call(&call))
    }

    /// A chat message that must be appended.
    pub fn chat(&mut self, room: &str, text: &str) -> StreamId {
        match self.publish(room, text, "") {
            Ok(Receipt::Appended(appended)) => appended.id.id,
            other => panic!("{text} was to be appended: {other:?}"),
        }
    }

    fn control(&mut self, room: &str, verb: Verb<'_>) {
        let region = self.region.clone();
        let control = Control {
            region: &region,
            room: &room.parse().expect("a room"),
            verb,
            by: None,
            right: Right::Scope,
            trace: "",
        };
        let call = control.call(&self.keys, &Bounds::default());
        let replies = self.call(&call);
        control.answer(&replies).expect("it is done");
    }

    /// Creates a room.
    pub fn create(&mut self, room: &str, owner: &str) {
        let owner: Subject = owner.parse().expect("a subject");
        let verb = Verb::Create {
            owner: &owner,
            fields: &[],
        };
        self.control(room, verb);
    }

    /// Bans, or lifts a ban.
    pub fn ban(&mut self, room: &str, user: &str, lasting: Lasting) {
        let user = BannedName::Subject(user.parse().expect("a subject"));
        let verb = Verb::Ban {
            user: &user,
            lasting,
        };
        self.control(room, verb);
    }

    /// A look at a room by somebody.
    ///
    /// # Errors
    /// When it is not there.
    pub fn join(&mut self, room: &str, who: &str) -> Result<JoinAnswer, CallError> {
        let region = self.region.clone();
        let join = Join {
            region: &region,
            room: &room.parse().expect("a room"),
            subject: Some(&who.parse().expect("a subject")),
            token: None,
        };
        let call = join.call(&self.keys);
        join.answer(&self.call(&call))
    }

    /// Says that a region is there.
    pub fn knows(&mut self, name: &str, state: &str) {
        let line = format!(
            "{{\"state\":\"{state}\",\"edge\":\"http://{name}\",\"socket\":\"ws://{name}\",\"stamp\":\"1.{name}\"}}"
        );
        let key = self.keys.regions();
        self.ask::<()>(&["HSET", &key, name, &line]);
    }

    /// The shard of a room.
    pub fn shard(&self, room: &str) -> Shard {
        let room: RoomId = room.parse().expect("a room");
        self.keys.shard(&room)
    }

    /// A shard's log of an origin.
    pub fn log(&mut self, shard: Shard, origin: &Region) -> Rows {
        let key = self.keys.log(shard, origin);
        self.ask(&["XRANGE", &key, "-", "+"])
    }

    /// How many entries of an origin there are, over all shards.
    pub fn count(&mut self, origin: &Region) -> usize {
        let shards: Vec<_> = self.keys.shards().all().collect();
        let lengths = shards.into_iter().map(|shard| {
            let key = self.keys.log(shard, origin);
            self.ask::<usize>(&["XLEN", &key])
        });
        lengths.sum()
    }
}

/// Whether an origin's logs are the same in both, entry by entry.
pub fn are_same(one: &mut Place, other: &mut Place, origin: &Region) -> bool {
    let shards: Vec<_> = one.keys.shards().all().collect();
    shards
        .into_iter()
        .all(|shard| one.log(shard, origin) == other.log(shard, origin))
}

fn flatten(value: Value, into: &mut Vec<Reply>) {
    match value {
        Value::Array(values) => values.into_iter().for_each(|value| flatten(value, into)),
        Value::Int(number) => into.push(Reply::Int(number)),
        Value::BulkString(bytes) => into.push(Reply::Bytes(bytes)),
        Value::SimpleString(text) => into.push(Reply::Status(text)),
        _ => into.push(Reply::Nil),
    }
}

/// A running relay.
pub struct Relay {
    process: Process,
    /// `http://host:port` of the admin listener.
    pub admin: String,
}

impl Relay {
    /// Starts one for a region; `from` is a list of NAME and address.
    pub fn start(
        dir: &Path,
        name: &str,
        region: &str,
        redis_url: &str,
        from: &[(&str, &str)],
    ) -> Self {
        Self::with(dir, name, region, redis_url, from, &[])
    }

    /// The same, where a name leads somewhere.
    pub fn named(
        names: &Names,
        dir: &Path,
        name: &str,
        region: &str,
        redis_url: &str,
        from: &[(&str, &str)],
    ) -> Self {
        let command = names.command(&binary("relay"));
        Self::launch(command, dir, name, region, redis_url, from, &[])
    }

    /// The same, with further flags.
    pub fn with(
        dir: &Path,
        name: &str,
        region: &str,
        redis_url: &str,
        from: &[(&str, &str)],
        flags: &[&str],
    ) -> Self {
        let command = Command::new(binary("relay"));
        Self::launch(command, dir, name, region, redis_url, from, flags)
    }

    fn launch(
        mut command: Command,
        dir: &Path,
        name: &str,
        region: &str,
        redis_url: &str,
        from: &[(&str, &str)],
        flags: &[&str],
    ) -> Self {
        for (variable, _) in std::env::vars() {
            if variable.starts_with("SPIN_VARIABLE_") || variable.starts_with("TIDEGATE_") {
                command.env_remove(variable);
            }
        }
        command
            .current_dir(dir)
            .args(["--region", region, "--redis-url", redis_url])
            .args(["--name", name, "--admin", "127.0.0.1:0"])
            .args(flags);
        for (origin, url) in from {
            command.arg("--from").arg(format!("{origin}={url}"));
        }
        let mut process = Process::start(name, command, dir);
        let admin = process.ready("admin on ");
        Self { process, admin }
    }

    /// One that copies from another place.
    pub fn between(dir: &Path, name: &str, here: &Place, there: &Place) -> Self {
        let from = [(there.region.as_str(), &*there.server.url())];
        Self::start(dir, name, here.region.as_str(), &here.server.url(), &from)
    }

    /// A number of its metrics, for one origin.
    pub fn metric(&self, name: &str, origin: &str) -> f64 {
        let text = Edge::new(&self.admin)
            .call("GET", "/metrics", "", &serde_json::Value::Null)
            .text;
        let line = format!("tidegate_relay_{name}{{origin=\"{origin}\"}} ");
        text.lines()
            .find_map(|one| one.strip_prefix(&line)?.trim().parse().ok())
            .unwrap_or_else(|| panic!("no metric {name}"))
    }

    /// Waits until a number is at least so much.
    pub fn reaches(&self, name: &str, origin: &str, least: f64) {
        soon(&format!("{name} of {origin} is {least}"), || {
            (self.metric(name, origin) >= least).then_some(())
        });
    }

    /// What `/readyz` answers: status and body.
    pub fn ready(&self) -> (u16, String) {
        let reply = Edge::new(&self.admin).call("GET", "/readyz", "", &serde_json::Value::Null);
        (reply.status, reply.text)
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// SIGTERM, and waits for an end in good order.
    pub fn stop(&mut self) {
        self.process.signal(Signal::TERM);
        assert!(self.process.wait().success());
    }

    /// All that it logged.
    pub fn log(&self) -> String {
        self.process.log()
    }
}
