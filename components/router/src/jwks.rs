//! The issuer's keys: from memory, from the region's cache, from their address. When which is asked is decided in
//! `tidegate_auth::refresh`; one instance fetches for all that share the cache.

use std::cell::RefCell;
use std::time::Duration;

use component_link::Again;
use http_body_util::{BodyExt, Limited};
use spin_sdk::http::{EmptyBody, Request};
use tidegate_api::{Refusal, Settings};
use tidegate_auth::limits::{AGAIN_MS, FETCHED_BYTES, FLOOR_MS, STALE_MS};
use tidegate_auth::refresh::{Next, Want};
use tidegate_auth::{Fetched, Refresh};
use tidegate_stream::calls::Reply;
use tidegate_stream::{Keys, ShardCount};

use crate::alarm::{now_ms, within};
use crate::log;

/// How long the address may take to answer, in ms.
const ANSWER_MS: u64 = 2_000;
/// Between two looks for the keys that another instance is fetching, in ms.
const PAUSE_MS: u64 = 100;

thread_local! {
    static REFRESH: RefCell<Refresh> = RefCell::new(Refresh::default());
}

/// The keys to judge a token with, renewed if they have grown old. None before the first token that needs them.
pub(crate) async fn known(settings: &Settings, url: &str) -> Vec<String> {
    if is_due(Want::Fresh) {
        renew(settings, url, Want::Fresh).await;
    }
    kept()
        .into_iter()
        .map(|keys| keys.text().to_owned())
        .collect()
}

/// The keys, if there are newer ones than a moment ago, for a token that names one that is not known.
///
/// # Errors
/// [`Refusal::KeysAway`] when there are none at all: then nobody can say whether the token is good.
pub(crate) async fn newer(settings: &Settings, url: &str) -> Result<Option<String>, Refusal> {
    let before = kept();
    let has_failed =
        is_due(Want::Newer) && renew(settings, url, Want::Newer).await == Renewal::Failed;
    // Somebody else's fetch is waited for, by those who have nothing.
    let mut waited_ms = if has_failed { ANSWER_MS } else { 0 };
    while kept().is_none() && waited_ms < ANSWER_MS {
        spin_sdk::time::sleep(Duration::from_millis(PAUSE_MS)).await;
        waited_ms += PAUSE_MS;
        let cached = cached(settings, url).await;
        REFRESH.with_borrow_mut(|refresh| refresh.take(cached, now_ms()));
    }
    match kept() {
        None => Err(Refusal::KeysAway(format!("no keys from {url} yet"))),
        Some(keys) if before.as_ref() == Some(&keys) => Ok(None),
        Some(keys) => Ok(Some(keys.text().to_owned())),
    }
}

fn is_due(want: Want) -> bool {
    REFRESH.with_borrow(|refresh| refresh.is_due(want, now_ms()))
}

fn kept() -> Option<Fetched> {
    REFRESH.with_borrow(|refresh| refresh.keys(now_ms()).cloned())
}

/// What became of an attempt to have newer keys.
#[derive(PartialEq, Eq)]
enum Renewal {
    /// They are there, or somebody else is fetching them.
    Settled,
    /// The address did not give any.
    Failed,
}

/// Looks into the cache, then asks the address if that is due and nobody else does.
async fn renew(settings: &Settings, url: &str, want: Want) -> Renewal {
    let cached = cached(settings, url).await;
    let next = REFRESH.with_borrow_mut(|refresh| refresh.found(cached, want, now_ms()));
    if next == Next::Settled {
        return Renewal::Settled;
    }
    if !takes_turn(settings).await {
        REFRESH.with_borrow_mut(|refresh| refresh.not_fetched(now_ms()));
        return Renewal::Settled;
    }
    match fetch(url).await {
        Ok(keys) => {
            REFRESH.with_borrow_mut(|refresh| refresh.fetched(keys.clone()));
            let key = names(settings).key_sets();
            let stale_ms = STALE_MS.to_string();
            let set = [
                key.as_bytes(),
                keys.text().as_bytes(),
                b"PX",
                stale_ms.as_bytes(),
            ];
            // A cache that does not take them costs the other instances a fetch each.
            let _ =
                component_link::command(&settings.redis_url, "SET", &set, Again::Harmless).await;
            Renewal::Settled
        }
        Err(why) => {
            log::keys(url, &why);
            REFRESH.with_borrow_mut(|refresh| refresh.not_fetched(now_ms()));
            let key = names(settings).key_sets_turn();
            let again_ms = AGAIN_MS.to_string();
            let expire = [key.as_bytes(), again_ms.as_bytes()];
            // If it cannot be shortened, the turn lasts as long as after a good fetch.
            let _ =
                component_link::command(&settings.redis_url, "PEXPIRE", &expire, Again::Harmless)
                    .await;
            Renewal::Failed
        }
    }
}

/// What the region's cache has.
async fn cached(settings: &Settings, url: &str) -> Option<Fetched> {
    let key = names(settings).key_sets();
    let replies = component_link::command(
        &settings.redis_url,
        "GET",
        &[key.as_bytes()],
        Again::Harmless,
    )
    .await;
    match replies.ok()?.into_iter().next()? {
        Reply::Bytes(bytes) => {
            Fetched::from_cache(std::str::from_utf8(&bytes).ok()?, url, now_ms())
        }
        _ => None,
    }
}

/// Whether this instance is the one to fetch. Where the cache does not answer, each has its own turn.
async fn takes_turn(settings: &Settings) -> bool {
    let key = names(settings).key_sets_turn();
    let floor_ms = FLOOR_MS.to_string();
    let set = [key.as_bytes(), b"1", b"NX", b"PX", floor_ms.as_bytes()];
    match component_link::command(&settings.redis_url, "SET", &set, Again::Never).await {
        Ok(replies) => !matches!(replies.first(), None | Some(Reply::Nil)),
        Err(_) => true,
    }
}

async fn fetch(url: &str) -> Result<Fetched, String> {
    let work = async {
        let request = Request::get(url)
            .header("accept", "application/jwk-set+json, application/json")
            .body(EmptyBody::new())
            .map_err(|error| error.to_string())?;
        let response = spin_sdk::http::send(request)
            .await
            .map_err(|error| format!("it does not answer: {error}"))?;
        if response.status().as_u16() != 200 {
            return Err(format!("it answers {}", response.status().as_u16()));
        }
        let body = Limited::new(response.into_body(), FETCHED_BYTES)
            .collect()
            .await
            .map_err(|error| format!("its answer cannot be read: {error}"))?
            .to_bytes();
        Fetched::read(&body, url, now_ms())
    };
    within(ANSWER_MS, work)
        .await
        .unwrap_or_else(|| Err(format!("it does not answer within {ANSWER_MS} ms")))
}

/// The names of keys that lie in no shard.
fn names(settings: &Settings) -> Keys {
    Keys::new(&settings.prefix, ShardCount::default())
}
