//! Publishing over HTTP at a region's edge: each message under a key of its own, tried again in its own region until it is
//! acknowledged.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use tidegate_stream::MessageId;
use ureq::Agent;

use crate::ledger::Posted;
use crate::shared::Shared;

/// How long a try may take.
const PATIENCE: Duration = Duration::from_secs(3);
/// How long to wait before the next one.
const AGAIN: Duration = Duration::from_millis(100);
/// Of four messages, one is a gift, which is never left out.
const GIFT_EVERY: u32 = 4;
/// The text of a message: 64 bytes.
const TEXT: &str = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";

/// An edge, with a service's token.
#[derive(Clone)]
pub struct Edge {
    base: String,
    token: String,
    agent: Agent,
}

/// When to stop.
#[derive(Default)]
pub struct Stop {
    /// Begin nothing new.
    pub soon: AtomicBool,
    /// Give up what is not acknowledged.
    pub now: AtomicBool,
}

/// Microseconds since the epoch.
pub fn now_us() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_micros() as u64)
}

impl Edge {
    /// At a base URL.
    pub fn new(base: &str, token: &str) -> Self {
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(PATIENCE))
            .build()
            .into();
        Self {
            base: base.to_owned(),
            token: token.to_owned(),
            agent,
        }
    }

    /// Calls it with a body.
    ///
    /// # Errors
    /// When nobody answers.
    pub fn call(&self, method: &str, path: &str, key: &str, body: &Value) -> Result<(u16, Value)> {
        let url = format!("{}{path}", self.base);
        let request = ureq::http::Request::builder()
            .method(method)
            .uri(&url)
            .header("content-type", "application/json")
            .header("authorization", format!("Bearer {}", self.token));
        let request = match key {
            "" => request,
            key => request.header("idempotency-key", key),
        };
        let request = request.body(body.to_string())?;
        let mut response =
            (self.agent.run(request)).with_context(|| format!("{url} does not answer"))?;
        let status = response.status().as_u16();
        Ok((
            status,
            response.body_mut().read_json().unwrap_or(Value::Null),
        ))
    }

    /// Calls it until it takes the call.
    ///
    /// # Errors
    /// What it said last, when it does not in half a minute.
    pub fn insist(&self, method: &str, path: &str, body: &Value) -> Result<Value> {
        let end = Instant::now() + Duration::from_secs(30);
        loop {
            let said = match self.call(method, path, "", body) {
                // What is there already was taken by an earlier try.
                Ok((200..=299 | 409, answer)) => return Ok(answer),
                Ok((status, answer)) => format!("{status} {answer}"),
                Err(error) => format!("{error:#}"),
            };
            if Instant::now() >= end {
                bail!("{method} {}{path}: {said}", self.base);
            }
            thread::sleep(AGAIN);
        }
    }
}

/// Publishes `rate` messages a second until it is told to stop.
pub fn publish(edge: &Edge, region: &str, rooms: &[String], per_second: f64, shared: &Shared) {
    let begun = Instant::now();
    let mut count: u32 = 0;
    while !shared.stop.soon.load(Ordering::Relaxed) {
        let due = begun + Duration::from_secs_f64(f64::from(count) / per_second);
        thread::sleep(due.saturating_duration_since(Instant::now()).min(AGAIN));
        if Instant::now() < due {
            continue;
        }
        // What could not be said in time is said when it can be, but never all at once.
        let behind = begun.elapsed().as_secs_f64() * per_second - f64::from(count);
        if behind > per_second {
            count += (behind - per_second) as u32;
        }
        count += 1;
        let room = count as usize % rooms.len();
        let is_chat = !count.is_multiple_of(GIFT_EVERY);
        let number = shared
            .ledger
            .lock()
            .expect("nobody panics with it")
            .post(Posted { room, is_chat });
        let kind = if is_chat { "chat" } else { "gift" };
        let data = json!({"text": TEXT, "number": number, "sent_us": now_us()});
        let body = json!({"kind": kind, "data": data, "as": {"sub": format!("drill-{region}")}});
        let path = format!("/v1/rooms/{}/messages", rooms[room]);
        let key = format!("{}-{number}", shared.run);
        if let Some(id) = until_acknowledged(edge, &path, &key, &body, &shared.stop) {
            shared
                .ledger
                .lock()
                .expect("nobody panics with it")
                .acknowledge(number, id, shared.now_ms());
        }
    }
}

fn until_acknowledged(
    edge: &Edge,
    path: &str,
    key: &str,
    body: &Value,
    stop: &Stop,
) -> Option<MessageId> {
    loop {
        if let Ok((202, answer)) = edge.call("POST", path, key, body) {
            return answer["id"].as_str()?.parse().ok();
        }
        if stop.now.load(Ordering::Relaxed) {
            return None;
        }
        thread::sleep(AGAIN);
    }
}
