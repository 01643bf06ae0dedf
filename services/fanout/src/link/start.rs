//! What a node checks of a Redis before it works with it.

use tidegate_stream::Keys;

use super::connection::{Link, LinkError};

/// What came of looking at Redis.
pub enum Ground {
    /// It can be worked with.
    Good(Keys),
    /// It cannot be reached now.
    Away(String),
}

/// Makes Redis ready, see [`service_link::prepare`].
///
/// An error is for good: another try would not help.
pub async fn prepare(link: &Link, prefix: &str) -> anyhow::Result<Ground> {
    let mut connection = match link.connection().await {
        Ok(connection) => connection,
        Err(why) => return Ok(Ground::Away(why.to_string())),
    };
    match service_link::prepare(&mut connection, prefix).await {
        Ok(keys) => Ok(Ground::Good(keys)),
        Err(error) => match error.downcast_ref::<LinkError>() {
            Some(why) if why.is_away() => {
                link.drop_connection().await;
                Ok(Ground::Away(why.to_string()))
            }
            _ => Err(error),
        },
    }
}
