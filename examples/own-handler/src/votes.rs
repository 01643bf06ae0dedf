//! Votes in Redis.

use std::collections::BTreeMap;

use spin_sdk::redis::RedisResult;

use crate::answer::Refusal;
use crate::redis::command;
use crate::settings::Settings;

/// How long a poll is kept after its last vote, in seconds: 30 days. What nobody ever deletes fills Redis in the end.
const KEPT_S: u32 = 30 * 24 * 60 * 60;

/// Moves a subject's vote, in one step. KEYS: votes by subject, counts by choice. ARGV: subject, choice, seconds to keep both.
const SET: &str = "
local before = redis.call('HGET', KEYS[1], ARGV[1])
if before ~= ARGV[2] then
  if before then redis.call('HINCRBY', KEYS[2], before, -1) end
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
  redis.call('HINCRBY', KEYS[2], ARGV[2], 1)
end
redis.call('EXPIRE', KEYS[1], ARGV[3])
redis.call('EXPIRE', KEYS[2], ARGV[3])";

/// Sets the vote of `subject`.
pub(crate) async fn set(
    settings: &Settings,
    poll: &str,
    subject: &str,
    choice: &str,
) -> Result<(), Refusal> {
    let (votes, counts) = (key(poll, "votes"), key(poll, "counts"));
    let kept_s = KEPT_S.to_string();
    let words = [SET, "2", &votes, &counts, subject, choice, &kept_s];
    command(settings, "EVAL", &words).await.map(drop)
}

/// How many chose what.
pub(crate) async fn count(
    settings: &Settings,
    poll: &str,
) -> Result<BTreeMap<String, u64>, Refusal> {
    let reply = command(settings, "HGETALL", &[&key(poll, "counts")]).await?;
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
