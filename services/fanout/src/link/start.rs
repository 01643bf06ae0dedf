//! What a node checks of a Redis before it works with it.

use anyhow::{Context, bail, ensure};
use tidegate_stream::calls::{Fault, HOW_TO_LOAD, Library, Version, load_command};
use tidegate_stream::shard::{DEFAULT_SHARDS, LAYOUT_VERSION};
use tidegate_stream::{Keys, ShardCount};

use super::connection::{Link, LinkError, flatten, strings, words};

/// What came of looking at Redis.
pub enum Ground {
    /// It can be worked with.
    Good(Keys),
    /// It cannot be reached now.
    Away(String),
}

/// Checks the version of Redis, its layout and its functions; writes the layout where there is none, and loads the
/// functions where they are missing or older.
///
/// An error is for good: another try would not help.
pub async fn prepare(link: &Link, prefix: &str) -> anyhow::Result<Ground> {
    match try_prepare(link, prefix).await {
        Ok(keys) => Ok(Ground::Good(keys)),
        Err(error) => match error.downcast_ref::<LinkError>() {
            Some(LinkError::Away(why)) => Ok(Ground::Away(why.clone())),
            Some(LinkError::Fault(why, Fault::NotReady | Fault::Full)) => {
                Ok(Ground::Away(why.clone()))
            }
            _ => Err(error),
        },
    }
}

async fn try_prepare(link: &Link, prefix: &str) -> anyhow::Result<Keys> {
    let info = text(link.command(&words(["INFO", "server"])).await?);
    let version = info
        .lines()
        .find_map(|line| line.strip_prefix("redis_version:"))
        .unwrap_or("0");
    let major: u32 = version
        .split('.')
        .next()
        .and_then(|part| part.parse().ok())
        .unwrap_or(0);
    ensure!(
        major >= 7,
        "Redis 7.0 or later is needed, this is {version}"
    );
    match link
        .command(&words(["CONFIG", "GET", "maxmemory-policy"]))
        .await
    {
        Ok(answer) => {
            let policy = strings(answer).pop().unwrap_or_default();
            if policy != b"noeviction" {
                let policy = String::from_utf8_lossy(&policy).into_owned();
                tracing::warn!(
                    policy,
                    "maxmemory-policy should be noeviction: Redis may drop history when it is full"
                );
            }
        }
        Err(LinkError::Fault(why, _)) => tracing::debug!(why, "maxmemory-policy cannot be read"),
        Err(other) => return Err(other.into()),
    }
    let keys = layout(link, prefix).await?;
    library(link).await?;
    Ok(keys)
}

async fn layout(link: &Link, prefix: &str) -> anyhow::Result<Keys> {
    let key = Keys::new(prefix, ShardCount::default()).layout();
    let version = LAYOUT_VERSION.to_string();
    let shards = DEFAULT_SHARDS.to_string();
    let read = words(["HMGET", &key, "version", "shards"]);
    let mut found = strings(link.command(&read).await?);
    if found.is_empty() {
        link.command(&words(["HSETNX", &key, "version", &version]))
            .await?;
        link.command(&words(["HSETNX", &key, "shards", &shards]))
            .await?;
        found = strings(link.command(&read).await?);
    }
    let [found_version, found_shards] = found.as_slice() else {
        bail!(
            "{key} has no version or no shards: this Redis was set up half-way, or for something else"
        );
    };
    ensure!(
        *found_version == version.as_bytes(),
        "{key} has layout version {}, this program works with {version}",
        String::from_utf8_lossy(found_version)
    );
    let count = std::str::from_utf8(found_shards)
        .ok()
        .and_then(|text| text.parse().ok())
        .and_then(ShardCount::new)
        .with_context(|| format!("{key} has a number of shards that is not 1 to 1024"))?;
    Ok(Keys::new(prefix, count))
}

async fn library(link: &Link) -> anyhow::Result<()> {
    let found = match link.call(&Version::call()).await {
        Ok(answer) => Version::answer(&answer).map_err(LinkError::from)?,
        Err(LinkError::Fault(_, Fault::NoLibrary)) => Library::Missing,
        Err(other) => return Err(other.into()),
    };
    if found.must_be_loaded() {
        match link.command(&load_command()).await {
            Ok(_) => tracing::info!("loaded the function library"),
            Err(LinkError::Fault(why, Fault::Other)) => {
                bail!(
                    "the function library is missing or older and may not be loaded ({why}): {HOW_TO_LOAD}"
                )
            }
            Err(other) => return Err(other.into()),
        }
    }
    Ok(())
}

fn text(value: redis::Value) -> String {
    flatten(value)
        .into_iter()
        .filter_map(|reply| match reply {
            tidegate_stream::calls::Reply::Bytes(bytes) => String::from_utf8(bytes).ok(),
            tidegate_stream::calls::Reply::Status(text) => Some(text),
            _ => None,
        })
        .collect()
}
