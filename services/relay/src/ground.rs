//! What a relay checks of a Redis before it works with it.

use std::time::Duration;

use anyhow::bail;
use redis::Client;
use tidegate_relay::limits;
use tidegate_stream::Keys;
use tidegate_stream::calls::Clock as ClockCall;

use crate::connection::{Link, LinkError, text, words};

/// Whether another try may help.
pub fn is_away(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<LinkError>()
        .is_some_and(LinkError::is_away)
}

/// Makes the Redis here ready, see [`service_link::prepare`].
pub async fn prepare(link: &Link, prefix: &str) -> anyhow::Result<Keys> {
    service_link::prepare(&mut link.connection(), prefix).await
}

/// Connects to the Redis here, and sees that it is ready and takes writes.
///
/// # Errors
/// When it does not within [`limits::HOME_OPEN_MS`].
pub async fn at_home(client: &Client, keys: &Keys) -> anyhow::Result<Link> {
    let opening = async {
        let home = Link::open(client).await?;
        prepare(&home, keys.prefix()).await?;
        // A replica has the same ground, and takes nothing.
        home.call(&ClockCall::call(keys)).await?;
        anyhow::Ok(home)
    };
    let most = Duration::from_millis(limits::HOME_OPEN_MS);
    match tokio::time::timeout(most, opening).await {
        Ok(home) => home,
        Err(_) => Err(LinkError::Away("this region's Redis does not answer".to_owned()).into()),
    }
}

/// Checks another region's Redis: its layout must be the same.
pub async fn compare(link: &Link, keys: &Keys) -> anyhow::Result<()> {
    match service_link::layout(&mut link.connection(), &keys.layout()).await? {
        None => Err(LinkError::Away(format!("{} is not there yet", keys.layout())).into()),
        Some(count) if count == keys.shards() => Ok(()),
        Some(count) => bail!(
            "it has {} shards and this region {}: regions are set up with the same number",
            count.get(),
            keys.shards().get()
        ),
    }
}

/// The run of a Redis, which changes with every restart and promotion.
pub async fn run_id(link: &Link) -> Result<String, LinkError> {
    let report = text(link.one(words(["INFO", "replication"])).await?);
    let id = report
        .lines()
        .find_map(|line| line.strip_prefix("master_replid:"));
    Ok(id.unwrap_or_default().trim().to_owned())
}
