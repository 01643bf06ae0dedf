//! What is checked of a Redis before it is worked with.

use anyhow::{Context, bail, ensure};
use redis::aio::ConnectionLike;
use redis::{Cmd, Value};
use tidegate_stream::calls::{
    Fault, HOW_TO_LOAD, Library, Remedy, Reply, SetLayout, Version, load_command,
};
use tidegate_stream::{Keys, ShardCount, layout};

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
    let keys = Keys::new(prefix, ShardCount::default());
    let count = match layout(connection, &keys.layout()).await? {
        Some(count) => {
            library(connection).await?;
            count
        }
        // What lies there may not be ours, so functions come after the first look.
        None => {
            library(connection).await?;
            let set = SetLayout {
                shards: keys.shards(),
            };
            let answer = command(connection, set.call(&keys).command()).await?;
            SetLayout::answer(&flatten(answer)).with_context(|| keys.layout())?
        }
    };
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
        // It may well not be asked.
        Err(LinkError::Fault(why, fault)) if fault.remedy() == Remedy::ForGood => {
            tracing::debug!(why, "maxmemory-policy cannot be read");
        }
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
    let [version, shards] = layout::FIELDS;
    let found = command(connection, ["HMGET", key, version, shards]).await?;
    layout::found(&flatten(found)).with_context(|| key.to_owned())
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
            Err(LinkError::Fault(why, fault)) if fault.remedy() == Remedy::ForGood => {
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
