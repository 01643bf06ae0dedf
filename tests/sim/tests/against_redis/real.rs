//! The real one.

use redis::{Connection, FromRedisValue, Value};
use redis_tests::RedisServer;
use tidegate_stream::calls::{FunctionCall, Reply, load_command};

pub struct Real {
    server: RedisServer,
    redis: Connection,
}

impl Real {
    pub fn start(block_entries: usize) -> Self {
        let server = RedisServer::with_clock(&[
            ("stream-node-max-entries", &block_entries.to_string()),
            ("stream-node-max-bytes", "0"),
            // Then they keep the order in which fields came.
            ("hash-max-listpack-value", "65536"),
            ("zset-max-listpack-value", "65536"),
        ]);
        let redis = connect(&server);
        let mut real = Self { server, redis };
        let words = load_command();
        let mut command = redis::cmd("FUNCTION");
        for word in &words[1..] {
            command.arg(word.as_slice());
        }
        command.exec(&mut real.redis).unwrap();
        real
    }

    pub fn run(&mut self) -> String {
        let report: String = self.ask(&["INFO", "replication"]);
        let line = report
            .lines()
            .find_map(|line| line.strip_prefix("master_replid:"));
        line.unwrap().to_owned()
    }

    pub fn restart(&mut self) {
        self.server.stop();
        self.server.restart();
        self.redis = connect(&self.server);
    }

    pub fn set_full(&mut self, full: bool) {
        let most = if full { "1" } else { "0" };
        self.ask::<()>(&["CONFIG", "SET", "maxmemory", most]);
    }

    pub fn forget_lapsed(&mut self) {
        self.ask::<(String, Vec<String>)>(&["SCAN", "0", "COUNT", "10000"]);
    }

    pub fn set_clock(&self, clock_s: u64) {
        self.server.set_clock(&clock_s.to_string());
    }

    pub fn call(&mut self, call: &FunctionCall) -> Result<Vec<Reply>, String> {
        let mut command = redis::cmd(call.verb());
        for argument in call.arguments() {
            command.arg(argument);
        }
        let mut flat = Vec::new();
        let answer = command
            .query(&mut self.redis)
            .map_err(|error| error.to_string())?;
        flatten(answer, &mut flat);
        Ok(flat)
    }

    fn ask<T: FromRedisValue>(&mut self, words: &[&str]) -> T {
        let mut command = redis::cmd(words[0]);
        for word in &words[1..] {
            command.arg(*word);
        }
        command.query(&mut self.redis).unwrap()
    }

    /// Everything that lies there, a line for each key.
    pub fn dump(&mut self) -> Vec<String> {
        let mut keys: Vec<String> = self.ask(&["KEYS", "*"]);
        keys.sort();
        let mut lines = Vec::new();
        for key in keys {
            let expires: i64 = self.ask(&["PEXPIRETIME", &key]);
            let kind: String = self.ask(&["TYPE", &key]);
            let value = match kind.as_str() {
                "string" => self.ask::<String>(&["GET", &key]),
                "hash" => {
                    let mut all: Vec<[String; 2]> = self
                        .ask::<Vec<(String, String)>>(&["HGETALL", &key])
                        .into_iter()
                        .map(|(name, value)| [name, value])
                        .collect();
                    all.sort();
                    format!("{all:?}")
                }
                "zset" => {
                    let all: Vec<String> = self.ask(&["ZRANGE", &key, "0", "-1", "WITHSCORES"]);
                    format!("{all:?}")
                }
                "stream" => {
                    let all: Vec<(String, Vec<String>)> = self.ask(&["XRANGE", &key, "-", "+"]);
                    format!("{all:?}")
                }
                // It expired since.
                _ => continue,
            };
            lines.push(format!("{key} {expires} {value}"));
        }
        lines
    }
}

fn connect(server: &RedisServer) -> Connection {
    redis::Client::open(server.url())
        .and_then(|client| client.get_connection())
        .unwrap()
}

fn flatten(value: Value, into: &mut Vec<Reply>) {
    match value {
        Value::Array(values) => values.into_iter().for_each(|value| flatten(value, into)),
        Value::Nil => into.push(Reply::Nil),
        Value::Int(number) => into.push(Reply::Int(number)),
        Value::BulkString(bytes) => into.push(Reply::Bytes(bytes)),
        Value::SimpleString(text) => into.push(Reply::Status(text)),
        Value::Okay => into.push(Reply::Status("OK".into())),
        other => panic!("a function does not answer {other:?}"),
    }
}
