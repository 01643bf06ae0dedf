//! Keys that the issuer publishes, from memory, from the region's cache, from their address. When which is asked is decided
//! in `tidegate_auth::refresh`, as at Tidegate's edge, whose cache this is: one instance fetches for all.

use std::cell::RefCell;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http_body_util::{BodyExt, Limited};
use spin_sdk::http::{EmptyBody, Request};
use spin_sdk::redis::RedisResult;
use tidegate_auth::limits::{AGAIN_MS, FETCHED_BYTES, FLOOR_MS, STALE_MS};
use tidegate_auth::refresh::{Next, Want};
use tidegate_auth::{Fetched, Refresh};
use tidegate_stream::{Keys, ShardCount};

use crate::redis::command;
use crate::settings::Settings;
use crate::within::within;

/// How long the address may take to answer.
const ANSWER: Duration = Duration::from_secs(2);

thread_local! {
    static REFRESH: RefCell<Refresh> = RefCell::new(Refresh::default());
}

/// The keys that there are, renewed if they are `wanted` newer or have grown old; none where the issuer gives none.
pub(crate) async fn keys(settings: &Settings, url: &str, wanted: Want) -> Option<String> {
    if REFRESH.with_borrow(|refresh| refresh.is_due(wanted, now_ms())) {
        renew(settings, url, wanted).await;
    }
    REFRESH.with_borrow(|refresh| Some(refresh.keys(now_ms())?.text().to_owned()))
}

/// Looks into the cache, then asks the address if that is due and nobody else does. Without the cache each instance has its
/// own turn.
async fn renew(settings: &Settings, url: &str, wanted: Want) {
    let names = Keys::new(&settings.prefix, ShardCount::default());
    let (kept, turn) = (names.key_sets(), names.key_sets_turn());
    let found = match command(settings, "GET", &[&kept]).await.as_deref() {
        Ok([RedisResult::Binary(bytes)]) => std::str::from_utf8(bytes)
            .ok()
            .and_then(|text| Fetched::from_cache(text, url, now_ms())),
        _ => None,
    };
    let next = REFRESH.with_borrow_mut(|refresh| refresh.found(found, wanted, now_ms()));
    if next == Next::Settled {
        return;
    }
    let floor_ms = FLOOR_MS.to_string();
    let taken = command(settings, "SET", &[&turn, "1", "NX", "PX", &floor_ms]).await;
    if matches!(taken.as_deref(), Ok([RedisResult::Nil])) {
        return REFRESH.with_borrow_mut(|refresh| refresh.not_fetched(now_ms()));
    }
    let fetched = within(ANSWER, fetch(url)).await;
    match fetched.unwrap_or_else(|| Err("it does not answer in time".to_owned())) {
        Ok(keys) => {
            let stale_ms = STALE_MS.to_string();
            // A cache that does not take them costs the other instances a fetch each.
            let _ = command(settings, "SET", &[&kept, keys.text(), "PX", &stale_ms]).await;
            REFRESH.with_borrow_mut(|refresh| refresh.fetched(keys));
        }
        Err(why) => {
            eprintln!("the issuer's keys were not fetched from {url}: {why}");
            REFRESH.with_borrow_mut(|refresh| refresh.not_fetched(now_ms()));
            let _ = command(settings, "PEXPIRE", &[&turn, &AGAIN_MS.to_string()]).await;
        }
    }
}

async fn fetch(url: &str) -> Result<Fetched, String> {
    let request = Request::get(url)
        .header("accept", "application/jwk-set+json, application/json")
        .body(EmptyBody::new())
        .map_err(|error| error.to_string())?;
    let response = spin_sdk::http::send(request)
        .await
        .map_err(|error| error.to_string())?;
    if response.status().as_u16() != 200 {
        return Err(format!("it answers {}", response.status().as_u16()));
    }
    let body = Limited::new(response.into_body(), FETCHED_BYTES)
        .collect()
        .await
        .map_err(|error| error.to_string())?
        .to_bytes();
    Fetched::read(&body, url, now_ms())
}

fn now_ms() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
