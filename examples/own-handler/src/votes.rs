//! Votes in Redis, over a connection that outlives a request.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use spin_sdk::redis::{Connection, RedisParameter, RedisResult};

use crate::answer::Refusal;
use crate::caller::variable;

thread_local! {
    /// An instance serves several requests at once, so the connection is shared, and never borrowed while one waits.
    static KEPT: RefCell<Option<Rc<Connection>>> = const { RefCell::new(None) };
}

/// Moves a subject's vote, in one step. KEYS: votes by subject, counts by choice. ARGV: subject, choice.
const SET: &str = "
local before = redis.call('HGET', KEYS[1], ARGV[1])
if before == ARGV[2] then return 0 end
if before then redis.call('HINCRBY', KEYS[2], before, -1) end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('HINCRBY', KEYS[2], ARGV[2], 1)
return 1";

/// Sets the vote of `subject`.
pub(crate) async fn set(poll: &str, subject: &str, choice: &str) -> Result<(), Refusal> {
    let (votes, counts) = (key(poll, "votes"), key(poll, "counts"));
    let words = [SET, "2", &votes, &counts, subject, choice];
    call("EVAL", &words).await.map(drop)
}

/// How many chose what.
pub(crate) async fn count(poll: &str) -> Result<BTreeMap<String, u64>, Refusal> {
    let reply = call("HGETALL", &[&key(poll, "counts")]).await?;
    let texts: Vec<String> = reply
        .into_iter()
        .filter_map(|value| match value {
            RedisResult::Binary(bytes) => String::from_utf8(bytes).ok(),
            _ => None,
        })
        .collect();
    let pairs = texts.chunks_exact(2);
    Ok(pairs
        .filter_map(|pair| Some((pair[0].clone(), pair[1].parse().ok()?)))
        .collect())
}

/// Keys of one's own begin otherwise than Tidegate's.
fn key(poll: &str, of: &str) -> String {
    format!("poll:{{{poll}}}:{of}")
}

async fn call(command: &str, words: &[&str]) -> Result<Vec<RedisResult>, Refusal> {
    let kept = KEPT.with_borrow(Option::clone);
    let connection = match kept {
        Some(connection) => connection,
        None => {
            let url = variable("redis_url").await?;
            let opened = Connection::open(&url).await;
            let opened = opened.map_err(|error| Refusal::Away(format!("{error:?}")))?;
            let connection = Rc::new(opened);
            KEPT.set(Some(Rc::clone(&connection)));
            connection
        }
    };
    let words: Vec<_> = words
        .iter()
        .map(|word| RedisParameter::Binary(word.as_bytes().to_vec()))
        .collect();
    connection.execute(command, words).await.map_err(|error| {
        // Whatever it was, the next call has a fresh connection.
        KEPT.set(None);
        Refusal::Away(format!("{error:?}"))
    })
}
