//! The layout that lies in a Redis: written once, by whoever comes first, and never worked against.

use std::cell::RefCell;
use std::time::{Duration, Instant};

use component_link::{Again, shared};
use tidegate_stream::calls::Reply;
use tidegate_stream::shard::{DEFAULT_SHARDS, LAYOUT_VERSION};
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
    let key = Keys::new(prefix, ShardCount::default()).layout();
    let shards = match read(url, &key).await? {
        Some(shards) => shards,
        None => {
            write(url, &key).await?;
            // Two may have come first with different numbers of shards; each field was set by one of them only.
            read(url, &key)
                .await?
                .ok_or_else(|| Refusal::Layout(format!("`{key}` went away as it was written")))?
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

async fn read(url: &str, key: &str) -> Result<Option<ShardCount>, Refusal> {
    let arguments = [key.as_bytes(), b"version", b"shards"];
    let replies = component_link::command(url, "HMGET", &arguments, Again::Harmless)
        .await
        .map_err(link)?;
    let (version, shards) = match &replies[..] {
        [Reply::Nil, Reply::Nil] => return Ok(None),
        [version, shards] => (number(version), number(shards)),
        _ => return Err(Refusal::Fault("HMGET did not answer two values".to_owned())),
    };
    match (version, shards.and_then(ShardCount::new)) {
        (Some(version), Some(shards)) if u32::from(version) == LAYOUT_VERSION => Ok(Some(shards)),
        _ => Err(Refusal::Layout(format!(
            "`{key}` in this Redis does not say version {LAYOUT_VERSION} and a number of shards; another Tidegate works \
             there, so set `redis_url` or `prefix` to a place of this one's own"
        ))),
    }
}

async fn write(url: &str, key: &str) -> Result<(), Refusal> {
    let shards = DEFAULT_SHARDS.to_string();
    let version = LAYOUT_VERSION.to_string();
    // The number of shards first: whoever reads between the two finds no version, and refuses.
    for (field, value) in [("shards", shards), ("version", version)] {
        let arguments = [key.as_bytes(), field.as_bytes(), value.as_bytes()];
        component_link::command(url, "HSETNX", &arguments, Again::Harmless)
            .await
            .map_err(link)?;
    }
    Ok(())
}

fn number(reply: &Reply) -> Option<u16> {
    match reply {
        Reply::Bytes(bytes) => std::str::from_utf8(bytes).ok()?.parse().ok(),
        Reply::Status(text) => text.parse().ok(),
        Reply::Int(number) => u16::try_from(*number).ok(),
        Reply::Nil => None,
    }
}
