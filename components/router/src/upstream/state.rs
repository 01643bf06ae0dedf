//! The state of pools, shared through `tg:up:POOL`. A change is made to what is there, or made again to what another edge
//! has put there meanwhile. While Redis is out of reach, each instance goes by what it knows.

use std::cell::RefCell;
use std::collections::HashMap;
use std::time::{Duration, Instant};

use component_link::{Again, LinkError};
use tidegate_api::Settings;
use tidegate_stream::calls::{Reply, Swap, Swapped};
use tidegate_upstream::limits::{POOLS, STATE_MS};
use tidegate_upstream::{Pool, PoolState};

use super::keys::keys;
use crate::log;

/// How long what was read is gone by. An upstream that another edge has found broken is asked that much longer.
const FRESH: Duration = Duration::from_millis(250);
/// How often a change is made again when others were faster. After that it is this instance's alone, until the next.
const TRIES: u32 = 4;

struct Known {
    read: Instant,
    text: String,
}

thread_local! {
    static KNOWN: RefCell<HashMap<String, Known>> = RefCell::new(HashMap::new());
}

/// The state of a pool, at most [`FRESH`] old.
pub(super) async fn read(settings: &Settings, pool: &Pool) -> PoolState {
    let key = keys(settings).pool(pool.name());
    let known = KNOWN.with_borrow(|known| {
        known
            .get(&key)
            .map(|known| (known.read.elapsed() < FRESH, known.text.clone()))
    });
    if let Some((true, text)) = &known {
        return PoolState::read(text, pool);
    }
    let text = match component_link::command(
        &settings.redis_url,
        "GET",
        &[key.as_bytes()],
        Again::Harmless,
    )
    .await
    {
        Ok(replies) => match replies.into_iter().next() {
            Some(Reply::Bytes(bytes)) => String::from_utf8(bytes).unwrap_or_default(),
            _ => String::new(),
        },
        Err(error) => {
            log::link("the state of a pool could not be read", &error);
            known.map(|(_, text)| text).unwrap_or_default()
        }
    };
    remember(&key, &text);
    PoolState::read(&text, pool)
}

/// Changes the state of a pool, and gives what the change comes to.
pub(super) async fn change<T>(
    settings: &Settings,
    pool: &Pool,
    change: impl Fn(&mut PoolState) -> T,
) -> T {
    let key = keys(settings).pool(pool.name());
    let known = KNOWN.with_borrow(|known| known.get(&key).map(|known| known.text.clone()));
    let mut there = known.unwrap_or_default();
    let mut tries = 0;
    loop {
        tries += 1;
        let before = PoolState::read(&there, pool);
        let mut after = before.clone();
        let result = change(&mut after);
        if after == before {
            return result;
        }
        let new = after.write();
        match swap(settings, &key, &there, &new).await {
            Ok(Swapped::Other(other)) if tries < TRIES => there = other,
            outcome => {
                if let Err(error) = outcome {
                    log::link("the state of a pool could not be shared", &error);
                }
                remember(&key, &new);
                return result;
            }
        }
    }
}

async fn swap(
    settings: &Settings,
    key: &str,
    expected: &str,
    new: &str,
) -> Result<Swapped, LinkError> {
    let swap = Swap {
        key,
        expected,
        new,
        lasting_ms: STATE_MS,
    };
    let replies = component_link::call(&settings.redis_url, &swap.call(), Again::Harmless).await?;
    Swap::answer(&replies).map_err(|error| LinkError::Fault(error.to_string()))
}

fn remember(key: &str, text: &str) {
    KNOWN.with_borrow_mut(|known| {
        // Pools that a configuration no longer has are still here until then.
        if known.len() > 2 * POOLS {
            known.clear();
        }
        known.insert(
            key.to_owned(),
            Known {
                read: Instant::now(),
                text: text.to_owned(),
            },
        );
    });
}
