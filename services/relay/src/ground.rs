//! What a relay checks of a Redis before it works with it.

use anyhow::{Context, bail, ensure};
use tidegate_stream::calls::{Fault, HOW_TO_LOAD, Library, Version, load_command};
use tidegate_stream::shard::{DEFAULT_SHARDS, LAYOUT_VERSION};
use tidegate_stream::{Keys, ShardCount};

use crate::connection::{Link, LinkError, strings, text, words};

/// Whether another try may help.
pub fn is_away(error: &anyhow::Error) -> bool {
    matches!(
        error.downcast_ref::<LinkError>(),
        Some(LinkError::Away(_) | LinkError::Fault(_, Fault::NotReady | Fault::Full))
    )
}

/// Checks the Redis here: its version, layout and functions; writes the layout where there is none, and loads the functions
/// where they are missing or older.
pub async fn prepare(link: &Link, prefix: &str) -> anyhow::Result<Keys> {
    let info = text(link.one(words(["INFO", "server"])).await?);
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
    let keys = Keys::new(prefix, ShardCount::default());
    let key = keys.layout();
    if layout(link, &keys).await?.is_none() {
        let (version, shards) = (LAYOUT_VERSION.to_string(), DEFAULT_SHARDS.to_string());
        link.all(vec![
            words(["HSETNX", &key, "version", &version]),
            words(["HSETNX", &key, "shards", &shards]),
        ])
        .await?;
    }
    let count = layout(link, &keys).await?;
    let count = count.with_context(|| format!("{key} cannot be written"))?;
    library(link).await?;
    Ok(Keys::new(prefix, count))
}

/// Checks another region's Redis: its layout must be the same.
pub async fn compare(link: &Link, keys: &Keys) -> anyhow::Result<()> {
    match layout(link, keys).await? {
        None => Err(LinkError::Away(format!("{} is not there yet", keys.layout())).into()),
        Some(count) if count == keys.shards() => Ok(()),
        Some(count) => bail!(
            "it has {} shards and this region {}: regions are set up with the same number",
            count.get(),
            keys.shards().get()
        ),
    }
}

async fn layout(link: &Link, keys: &Keys) -> anyhow::Result<Option<ShardCount>> {
    let key = keys.layout();
    let answer = link
        .one(words(["HMGET", &key, "version", "shards"]))
        .await?;
    let found = strings(answer);
    if found.is_empty() {
        return Ok(None);
    }
    let [version, shards] = found.as_slice() else {
        bail!(
            "{key} has no version or no shards: this Redis was set up half-way, or for something else"
        );
    };
    ensure!(
        *version == LAYOUT_VERSION.to_string().as_bytes(),
        "{key} has layout version {}, this program works with {LAYOUT_VERSION}",
        String::from_utf8_lossy(version)
    );
    let count = std::str::from_utf8(shards)
        .ok()
        .and_then(|text| text.parse().ok())
        .and_then(ShardCount::new)
        .with_context(|| format!("{key} has a number of shards that is not 1 to 1024"))?;
    Ok(Some(count))
}

async fn library(link: &Link) -> anyhow::Result<()> {
    let found = match link.call(&Version::call()).await {
        Ok(answer) => Version::answer(&answer).map_err(LinkError::from)?,
        Err(LinkError::Fault(_, Fault::NoLibrary)) => Library::Missing,
        Err(other) => return Err(other.into()),
    };
    if found.must_be_loaded() {
        let mut load = redis::Cmd::new();
        for word in load_command() {
            load.arg(word);
        }
        match link.one(load).await {
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

/// The run of a Redis, which changes with every restart and promotion.
pub async fn run_id(link: &Link) -> Result<String, LinkError> {
    let report = text(link.one(words(["INFO", "replication"])).await?);
    let id = report
        .lines()
        .find_map(|line| line.strip_prefix("master_replid:"));
    Ok(id.unwrap_or_default().trim().to_owned())
}
