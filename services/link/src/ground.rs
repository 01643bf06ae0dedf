//! What is checked of a Redis before it is worked with.

use anyhow::{Context, bail, ensure};
use redis::aio::ConnectionLike;
use redis::{Cmd, Value};
use tidegate_stream::calls::{Fault, HOW_TO_LOAD, Library, Reply, Version, load_command};
use tidegate_stream::shard::{DEFAULT_SHARDS, LAYOUT_VERSION};
use tidegate_stream::{Keys, ShardCount};

use crate::error::LinkError;
use crate::reply::{flatten, strings};

/// The first version of Redis whose functions and streams do all that is asked of them.
const REDIS_MAJOR: u32 = 7;

/// Checks the version of a Redis, its layout and its functions; writes the layout where there is none, and loads the
/// functions where they are missing or older.
///
/// # Errors
///
/// A [`LinkError`] inside says whether another try may help; everything else is for good.
pub async fn prepare<C: ConnectionLike>(connection: &mut C, prefix: &str) -> anyhow::Result<Keys> {
    let info = text(command(connection, ["INFO", "server"]).await?);
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
        major >= REDIS_MAJOR,
        "Redis {REDIS_MAJOR}.0 or later is needed, this is {version}"
    );
    check_policy(connection).await?;
    let key = Keys::new(prefix, ShardCount::default()).layout();
    if layout(connection, &key).await?.is_none() {
        let (version, shards) = (LAYOUT_VERSION.to_string(), DEFAULT_SHARDS.to_string());
        command(connection, ["HSETNX", &key, "version", &version]).await?;
        command(connection, ["HSETNX", &key, "shards", &shards]).await?;
    }
    let count = layout(connection, &key)
        .await?
        .with_context(|| format!("{key} cannot be written"))?;
    library(connection).await?;
    Ok(Keys::new(prefix, count))
}

async fn check_policy<C: ConnectionLike>(connection: &mut C) -> Result<(), LinkError> {
    match command(connection, ["CONFIG", "GET", "maxmemory-policy"]).await {
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
        Err(other) => return Err(other),
    }
    Ok(())
}

/// The number of shards of the layout at `key`; none where nothing is set up yet.
///
/// # Errors
///
/// No answer, or a layout that this program does not work with.
pub async fn layout<C: ConnectionLike>(
    connection: &mut C,
    key: &str,
) -> anyhow::Result<Option<ShardCount>> {
    let found = strings(command(connection, ["HMGET", key, "version", "shards"]).await?);
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

async fn library<C: ConnectionLike>(connection: &mut C) -> anyhow::Result<()> {
    let found = match command(connection, Version::call().command()).await {
        Ok(answer) => Version::answer(&flatten(answer)).map_err(LinkError::from)?,
        Err(LinkError::Fault(_, Fault::NoLibrary)) => Library::Missing,
        Err(other) => return Err(other.into()),
    };
    if found.must_be_loaded() {
        match command(connection, load_command()).await {
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

async fn command<C: ConnectionLike>(
    connection: &mut C,
    words: impl IntoIterator<Item = impl redis::ToRedisArgs>,
) -> Result<Value, LinkError> {
    let mut command = Cmd::new();
    for word in words {
        command.arg(word);
    }
    let answer = connection.req_packed_command(&command).await?;
    Ok(answer.extract_error()?)
}

/// The text of an answer.
pub fn text(answer: Value) -> String {
    flatten(answer)
        .into_iter()
        .filter_map(|reply| match reply {
            Reply::Bytes(bytes) => String::from_utf8(bytes).ok(),
            Reply::Status(text) => Some(text),
            _ => None,
        })
        .collect()
}
