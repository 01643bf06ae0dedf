//! The logs, one JSON object a line, where the host collects them: every request on standard output, and what is the
//! operator's affair on standard error. Bodies, tokens and queries are in neither.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use component_link::LinkError;
use serde_json::json;
use tidegate_api::{Access, Refusal, Trace};
use tidegate_route::Method;
use tidegate_stream::RoomId;
use tidegate_upstream::{ConfigError, Origin};
use wasi::cli::stdout::get_stdout;
use wasi::io::streams::OutputStream;

use crate::pipeline;
use crate::request::Incoming;

/// Bytes that an output takes at once (`wasi:io/streams`, `blocking-write-and-flush`).
const WRITE_BYTES: usize = 4_096;

/// Logs a request that is answered.
pub(crate) fn access(request_id: &str, incoming: &Incoming, status: u16, took: Duration) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let access = Access {
        at_ms: now.map_or(0, |now| u64::try_from(now.as_millis()).unwrap_or(u64::MAX)),
        method: Method::from_name(&incoming.method).map_or("other", Method::name),
        route: pipeline::route(incoming),
        status,
        duration_us: u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
        request_id,
        trace_id: incoming.trace().map(Trace::id),
    };
    if let Some(mut line) = access.line() {
        line.push('\n');
        out(line.as_bytes());
    }
}

thread_local! {
    static OUT: OutputStream = get_stdout();
}

/// Writes to standard output: one call of the host a line, where `println!` makes five.
fn out(bytes: &[u8]) {
    OUT.with(|out| {
        for part in bytes.chunks(WRITE_BYTES) {
            // Nobody is left to tell.
            let _ = out.blocking_write_and_flush(part);
        }
    });
}

/// Logs what is the operator's affair.
pub(crate) fn refusal(request_id: &str, incoming: &Incoming, refusal: &Refusal) {
    if refusal.status() < 500 {
        return;
    }
    eprintln!(
        "{}",
        json!({
            "level": "error",
            "request_id": request_id,
            "method": incoming.method,
            "path": incoming.path,
            "status": refusal.status(),
            "code": refusal.code(),
            "detail": refusal.log_detail(),
        })
    );
}

/// Logs that keys could not be fetched.
pub(crate) fn keys(url: &str, why: &str) {
    eprintln!(
        "{}",
        json!({
            "level": "error",
            "message": "the issuer's keys were not fetched",
            "url": url,
            "detail": why,
        })
    );
}

/// Logs that the settings could not be read anew, and the last good ones serve.
pub(crate) fn settings(why: &str) {
    eprintln!(
        "{}",
        json!({
            "level": "error",
            "message": "the settings were not read anew; the last good ones serve",
            "detail": why,
        })
    );
}

/// Logs settings of a namespace that do not hold.
pub(crate) fn namespace(name: &str, version: &str, why: &str) {
    eprintln!(
        "{}",
        json!({
            "level": "error",
            "message": "settings of a namespace were not taken",
            "namespace": name,
            "version": version,
            "detail": why,
        })
    );
}

/// Logs what the operator has to know of one message of a batch.
pub(crate) fn batch_item(room: &str, refusal: &Refusal) {
    if refusal.status() >= 500 {
        eprintln!(
            "{}",
            json!({
                "level": "error",
                "message": "a message of a batch was refused",
                "room": room,
                "status": refusal.status(),
                "code": refusal.code(),
                "detail": refusal.log_detail(),
            })
        );
    }
}

/// Logs rules that moderation does not take.
pub(crate) fn rules(namespace: &str, version: &str, why: &str) {
    eprintln!(
        "{}",
        json!({
            "level": "error",
            "message": "moderation rules were not taken",
            "namespace": namespace,
            "version": version,
            "detail": why,
        })
    );
}

/// Logs that limits are counted in memory for a while.
pub(crate) fn uncounted(why: &str) {
    eprintln!(
        "{}",
        json!({
            "level": "warn",
            "message": "limits are counted in this instance's memory",
            "detail": why,
        })
    );
}

/// Logs that a message is published unjudged.
pub(crate) fn unjudged(room: &RoomId, why: &str) {
    eprintln!(
        "{}",
        json!({
            "level": "error",
            "message": "a message was not judged by moderation and is let through",
            "room": room.to_string(),
            "detail": why,
        })
    );
}

/// Logs that an upstream has failed a call.
pub(crate) fn upstream(request_id: &str, pool: &str, origin: &Origin, why: &str) {
    eprintln!(
        "{}",
        json!({
            "level": "warn",
            "message": "an upstream failed",
            "request_id": request_id,
            "pool": pool,
            "upstream": origin.to_string(),
            "detail": why,
        })
    );
}

/// Logs routes that are not taken.
pub(crate) fn routes(version: &str, error: &ConfigError) {
    eprintln!(
        "{}",
        json!({
            "level": "error",
            "message": "routes were not taken",
            "version": version,
            "detail": error.to_string(),
        })
    );
}

/// Logs what goes on without Redis, and how it fails.
pub(crate) fn link(message: &str, error: &LinkError) {
    eprintln!(
        "{}",
        json!({"level": "warn", "message": message, "detail": error.to_string()})
    );
}
