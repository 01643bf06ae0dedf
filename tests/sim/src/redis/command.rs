//! Which command does what.

use super::reply::Answer;
use super::store::{Fail, Store};
use super::{hashes, sorted, streams, texts};

pub(super) type Outcome = Result<Answer, Fail>;

pub(super) const OK: Answer = Answer::Status("OK");

pub(super) fn syntax() -> Fail {
    Fail("ERR syntax error".into())
}

pub(super) fn wrong_type() -> Fail {
    Fail("WRONGTYPE Operation against a key holding the wrong kind of value".into())
}

fn too_few(name: &str) -> Fail {
    let name = name.to_lowercase();
    Fail(format!(
        "ERR wrong number of arguments for '{name}' command"
    ))
}

/// A number in digits.
pub(super) fn number<T: std::str::FromStr>(word: &[u8]) -> Result<T, Fail> {
    std::str::from_utf8(word)
        .ok()
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| Fail("ERR value is not an integer or out of range".into()))
}

/// Whether a word is this one, in capitals or not.
pub(super) fn is(word: &[u8], name: &str) -> bool {
    word.eq_ignore_ascii_case(name.as_bytes())
}

/// How many words a command takes at least, and whether it writes.
const COMMANDS: [(&str, usize, bool); 45] = [
    ("DEL", 2, true),
    ("EXISTS", 2, false),
    ("EXPIRE", 3, true),
    ("GET", 2, false),
    ("HDEL", 3, true),
    ("HEXISTS", 3, false),
    ("HGET", 3, false),
    ("HGETALL", 2, false),
    ("HINCRBY", 4, true),
    ("HKEYS", 2, false),
    ("HLEN", 2, false),
    ("HMGET", 3, false),
    ("HRANDFIELD", 2, false),
    ("HSCAN", 3, false),
    ("HSET", 4, true),
    ("HSETNX", 4, true),
    ("INCR", 2, true),
    ("INFO", 1, false),
    ("MGET", 2, false),
    ("PEXPIRE", 3, true),
    ("PEXPIREAT", 3, true),
    ("PTTL", 2, false),
    ("SET", 3, true),
    ("TIME", 1, false),
    ("TYPE", 2, false),
    ("XADD", 5, true),
    ("XLEN", 2, false),
    ("XRANGE", 4, false),
    ("XREAD", 4, false),
    ("XREVRANGE", 4, false),
    ("XTRIM", 4, true),
    ("ZADD", 4, true),
    ("ZCARD", 2, false),
    ("ZCOUNT", 4, false),
    ("ZRANDMEMBER", 2, false),
    ("ZRANGE", 4, false),
    ("ZRANGEBYLEX", 4, false),
    ("ZREM", 3, true),
    ("ZREVRANGE", 4, false),
    ("ZREVRANK", 3, false),
    ("ZSCAN", 3, false),
    ("ZSCORE", 3, false),
    ("UNLINK", 2, true),
    ("PERSIST", 2, true),
    ("STRLEN", 2, false),
];

impl Store {
    /// Runs one command.
    pub(super) fn command(&mut self, words: &[Vec<u8>]) -> Outcome {
        let first = words.first().map(Vec::as_slice).unwrap_or_default();
        let Some((name, least, writes)) = COMMANDS.iter().find(|(known, ..)| is(first, known))
        else {
            let name = String::from_utf8_lossy(first);
            panic!("the store in memory has no {name}: it is to be added");
        };
        if words.len() < *least {
            return Err(too_few(name));
        }
        if *writes && self.reads_only() {
            return Err(Fail(
                "ERR Write commands are not allowed from read-only scripts.".into(),
            ));
        }
        let args = &words[1..];
        match name.as_bytes()[0] {
            b'H' => hashes::run(self, name, args),
            b'Z' => sorted::run(self, name, args),
            b'X' => streams::run(self, name, args),
            _ => texts::run(self, name, args),
        }
    }
}
