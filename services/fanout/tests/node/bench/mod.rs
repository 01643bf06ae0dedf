//! A node beside a Redis of its own, published to straight by the functions.

#![allow(dead_code, reason = "each test file uses a part of it")]

mod balancer;
mod copier;
mod http;
mod node;
mod raw;
mod tls;
mod viewer;

use std::time::{Duration, Instant};

use redis_tests::RedisServer;
use tidegate_auth::{Grant, KeySet, TicketKeys, TokenHash};
use tidegate_stream::calls::{
    Appended, BannedName, Bounds, Control, FunctionCall, Lasting, Publish, Published, Receipt,
    Reply, Verb,
};
use tidegate_stream::{Keys, Region, RoomId, ShardCount};

pub use balancer::{Balancer, Place};
pub use http::{Events, get, get_over, post, read_to_end};
pub use node::Node;
pub use raw::{BINARY, CONTINUATION, FIN, PING, RSV1, Raw, TEXT, packed};
pub use tls::{Certificate, Secured, try_dial, try_secure};
pub use viewer::{End, Viewer, Wire, batch_ids, dial, dial_at};

pub const TICKET_KEYS: &str = r#"{"keys":[{"kty":"oct","alg":"HS256","kid":"example-t","k":"MNGqltnRuZ5_u2zQjqq4ldklIYGnMQ1wYspBrkZxG9E"}]}"#;

/// The longest that a test waits for anything.
pub const SOON: Duration = Duration::from_secs(20);

pub fn soon<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + SOON;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "not in time: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

pub struct Bench {
    pub redis: RedisServer,
    pub keys: Keys,
    pub region: Region,
    pub bounds: Bounds,
}

impl Bench {
    pub fn new() -> Self {
        Self::with_bounds(Bounds::default())
    }

    pub fn with_bounds(bounds: Bounds) -> Self {
        Self {
            redis: RedisServer::start(),
            keys: Keys::new("tg", ShardCount::default()),
            region: "local".parse().unwrap(),
            bounds,
        }
    }

    /// Another region, with a Redis of its own and no node.
    pub fn elsewhere(region: &str) -> Self {
        let mut bench = Self::new();
        bench.region = region.parse().unwrap();
        let mut load = redis::Cmd::new();
        for word in tidegate_stream::calls::load_command() {
            load.arg(word);
        }
        load.query::<redis::Value>(&mut bench.connection()).unwrap();
        bench
    }

    /// What `tg:regions` says here of a region.
    pub fn list(&self, region: &str, entry: serde_json::Value) {
        self.command(&["HSET", "tg:regions", region, &entry.to_string()]);
    }

    pub fn node(&self, name: &str, flags: &[&str]) -> Node {
        Node::start(&self.redis.url(), name, flags)
    }

    /// A node of this region, whichever it is.
    pub fn node_of_region(&self, name: &str) -> Node {
        let mut command = Node::command_of(self.region.as_str(), &self.redis.url());
        command.args(["--node", name, "--cores", "1"]);
        Node::run(command, false)
    }

    fn connection(&self) -> redis::Connection {
        redis::Client::open(self.redis.url())
            .unwrap()
            .get_connection()
            .unwrap()
    }

    pub fn command(&self, words: &[&str]) -> redis::Value {
        let mut command = redis::Cmd::new();
        for word in words {
            command.arg(word);
        }
        command.query(&mut self.connection()).unwrap()
    }

    pub fn call(&self, call: &FunctionCall) -> Vec<Reply> {
        let mut command = redis::Cmd::new();
        for word in call.command() {
            command.arg(word);
        }
        let redis::Value::Array(values) = command.query(&mut self.connection()).unwrap() else {
            panic!("an answer is a list");
        };
        values
            .into_iter()
            .map(|value| match value {
                redis::Value::Int(number) => Reply::Int(number),
                redis::Value::BulkString(bytes) => Reply::Bytes(bytes),
                redis::Value::SimpleString(text) => Reply::Status(text),
                _ => Reply::Nil,
            })
            .collect()
    }

    pub fn control(&self, room: &str, verb: Verb<'_>) -> Appended {
        let by = "host".parse().unwrap();
        let control = Control {
            region: &self.region,
            room: &room.parse().unwrap(),
            verb,
            by: Some(&by),
            right: tidegate_stream::calls::Right::Scope,
            trace: "",
        };
        control
            .answer(&self.call(&control.call(&self.keys, &self.bounds)))
            .unwrap()
    }

    pub fn room(&self, room: &str) {
        self.room_with(room, &[]);
    }

    pub fn room_with(&self, room: &str, fields: &[(&str, &str)]) {
        let owner = "host".parse().unwrap();
        self.control(
            room,
            Verb::Create {
                owner: &owner,
                fields,
            },
        );
    }

    pub fn ban(&self, room: &str, user: &str, lasting: Lasting) {
        let user = BannedName::Subject(user.parse().unwrap());
        self.control(
            room,
            Verb::Ban {
                user: &user,
                lasting,
            },
        );
    }

    pub fn publish(&self, room: &str, kind: Published, text: &str) -> Receipt {
        self.try_publish(room, kind, text).unwrap()
    }

    fn try_publish(
        &self,
        room: &str,
        kind: Published,
        text: &str,
    ) -> Result<Receipt, tidegate_stream::calls::CallError> {
        let data = format!("{{\"text\":\"{text}\"}}");
        let (room, subject) = (room.parse().unwrap(), "alice".parse().unwrap());
        let publish = Publish::plain(&self.region, &room, kind, &subject, &data).by_service();
        publish.answer(&self.call(&publish.call(&self.keys, &self.bounds)))
    }

    /// The same, as soon as a region that was started anew takes it.
    pub fn say_soon(&self, room: &str, text: &str) -> String {
        soon("it is taken", || {
            match self.try_publish(room, Published::Chat, text) {
                Ok(Receipt::Appended(appended)) => Some(appended.id.to_string()),
                _ => None,
            }
        })
    }

    /// Publishes one gift, which no lane leaves out, and gives its id as frames show it.
    pub fn give(&self, room: &str, text: &str) -> String {
        match self.publish(room, Published::Gift, text) {
            Receipt::Appended(appended) => appended.id.to_string(),
            Receipt::Counted { .. } => panic!("a message is not a like"),
        }
    }

    /// Publishes one message and gives its id as frames show it.
    pub fn say(&self, room: &str, text: &str) -> String {
        match self.publish(room, Published::Chat, text) {
            Receipt::Appended(appended) => appended.id.to_string(),
            Receipt::Counted { .. } => panic!("a message is not a like"),
        }
    }

    pub fn log_key(&self, room: &str) -> String {
        let room: RoomId = room.parse().unwrap();
        self.keys.log(self.keys.shard(&room), &self.region)
    }
}

pub fn ticket(room: &str, sub: &str) -> String {
    ticket_until(room, sub, None, u64::MAX >> 16)
}

pub fn ticket_until(room: &str, sub: &str, token: Option<&str>, expires_ms: u64) -> String {
    let keys = TicketKeys::new(KeySet::parse(TICKET_KEYS).unwrap()).unwrap();
    keys.sign(&Grant {
        room: room.parse().unwrap(),
        subject: sub.parse().unwrap(),
        token: token.map(TokenHash::of),
        moderator: false,
        expires_ms,
    })
}
