//! The way of a request: route, caller, rate, vote, answer.

#![allow(unsafe_code, reason = "the glue between wasm and Rust is generated")]

use std::time::Duration;

use http_body_util::{BodyExt, Limited};
use serde_json::{Value, json};
use spin_sdk::http::{Method, Request, Response};
use spin_sdk::http_service;

use crate::answer::{Refusal, json_answer};
use crate::settings::Settings;
use crate::within::within;
use crate::{caller, votes};

/// Bytes of a vote's body.
const BODY_BYTES: usize = 1_024;
/// Bytes of a poll's name and of a choice.
const NAME_BYTES: usize = 64;
/// How long a request may take: a body that comes slowly, some calls to Redis, the issuer's keys.
const MOST: Duration = Duration::from_secs(3);

#[http_service]
async fn handle(request: Request) -> Response<String> {
    // `limits` and Redis take as long as they take: whoever calls them keeps the time.
    let answer = within(MOST, answer(request)).await;
    let late = || Err(Refusal::Away("no answer in time".to_owned()));
    match answer.unwrap_or_else(late) {
        Ok(body) => json_answer(200, "application/json", &body, None),
        Err(refusal) => refusal.answer(),
    }
}

async fn answer(request: Request) -> Result<Value, Refusal> {
    let path = request.uri().path().to_owned();
    let words: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    match words[..] {
        ["polls", poll] if is_name(poll) => match *request.method() {
            Method::GET => count(poll).await,
            _ => Err(Refusal::Method("GET")),
        },
        ["polls", poll, "vote"] if is_name(poll) => match *request.method() {
            Method::PUT => vote(poll, request).await,
            _ => Err(Refusal::Method("PUT")),
        },
        _ => Err(Refusal::NotFound),
    }
}

async fn vote(poll: &str, request: Request) -> Result<Value, Refusal> {
    let settings = Settings::current().await?;
    let subject = caller::of(request.headers(), &settings).await?;
    caller::take_one_vote(&subject, &settings).await?;
    let body = Limited::new(request.into_body(), BODY_BYTES)
        .collect()
        .await;
    let body = body.map_err(|_| Refusal::TooLarge(BODY_BYTES))?.to_bytes();
    let choice = serde_json::from_slice::<Value>(&body)
        .ok()
        .and_then(|body| Some(body.get("choice")?.as_str()?.to_owned()))
        .filter(|choice| is_name(choice))
        .ok_or(Refusal::BadBody)?;
    votes::set(&settings, poll, &subject, &choice).await?;
    Ok(json!({ "poll": poll, "choice": choice }))
}

async fn count(poll: &str) -> Result<Value, Refusal> {
    let settings = Settings::current().await?;
    let counts = votes::count(&settings, poll).await?;
    Ok(json!({ "poll": poll, "votes": counts }))
}

fn is_name(text: &str) -> bool {
    let sign = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
    !text.is_empty() && text.len() <= NAME_BYTES && text.bytes().all(sign)
}
