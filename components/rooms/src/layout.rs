//! The layout that lies in a Redis: written once, by whoever comes first, and never worked against.

use std::cell::RefCell;
use std::time::{Duration, Instant};

use component_link::{Again, shared};
use tidegate_stream::calls::SetLayout;
use tidegate_stream::layout::{self, LayoutError};
use tidegate_stream::{Keys, ShardCount};

use crate::bindings::exports::tidegate::rooms::rooms::Refusal;
use crate::refuse::link;

/// How long a layout that was read is trusted. It is fixed at set-up; but a Redis may come back empty, or another stand
/// behind the same address.
const TRUSTED: Duration = Duration::from_secs(5);

struct Seen {
    url: String,
    prefix: String,
    shards: ShardCount,
    at: Instant,
}

thread_local! {
    /// The last Redis that was looked at. One instance serves one region.
    static SEEN: RefCell<Option<Seen>> = const { RefCell::new(None) };
}

/// How many shards a Redis has.
pub(crate) async fn shards(url: &str, prefix: &str) -> Result<ShardCount, Refusal> {
    let known = || {
        SEEN.with_borrow(|seen| {
            seen.as_ref()
                .filter(|seen| {
                    seen.url == url && seen.prefix == prefix && seen.at.elapsed() < TRUSTED
                })
                .map(|seen| seen.shards)
        })
    };
    shared("layout", known, look(url, prefix)).await
}

async fn look(url: &str, prefix: &str) -> Result<ShardCount, Refusal> {
    let keys = Keys::new(prefix, ShardCount::default());
    let [version, shards] = layout::FIELDS;
    let key = keys.layout();
    let arguments = [key.as_bytes(), version.as_bytes(), shards.as_bytes()];
    let found = component_link::command(url, "HMGET", &arguments, Again::Harmless)
        .await
        .map_err(link)?;
    let shards = match layout::found(&found).map_err(|error| another(&key, &error))? {
        Some(shards) => shards,
        None => {
            let set = SetLayout {
                shards: keys.shards(),
            };
            let written = component_link::call(url, &set.call(&keys), Again::Harmless)
                .await
                .map_err(link)?;
            SetLayout::answer(&written).map_err(|error| another(&key, &error))?
        }
    };
    SEEN.set(Some(Seen {
        url: url.to_owned(),
        prefix: prefix.to_owned(),
        shards,
        at: Instant::now(),
    }));
    Ok(shards)
}

fn another(key: &str, error: &LayoutError) -> Refusal {
    Refusal::Layout(format!(
        "`{key}` in this Redis is not this Tidegate's: {error}; set `redis_url` or `prefix` to a place of this one's own"
    ))
}
