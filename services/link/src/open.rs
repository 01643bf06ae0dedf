//! Opening a connection, and seeing which Redis it leads to.

use std::time::Duration;

use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::{AsyncConnectionConfig, Client};

use crate::error::LinkError;
use crate::ground::text;

/// One process of Redis: the `run_id` that it gives itself when it starts. A promotion leaves it as it is; behind a name that
/// moved there is another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerId(String);

/// Connects: the name is looked up anew each time. `connect` bounds that, and the first answer; `answers_in` bounds each later
/// answer, and is none for commands that block.
///
/// With it comes which Redis this is; none where the user may not ask (`INFO`), or it says nothing else either at the moment.
///
/// # Errors
/// [`LinkError::Away`], or a password that is refused.
pub async fn open(
    client: &Client,
    connect: Duration,
    answers_in: Option<Duration>,
) -> Result<(MultiplexedConnection, Option<ServerId>), LinkError> {
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(connect))
        .set_response_timeout(answers_in);
    let mut connection = client
        .get_multiplexed_async_connection_with_config(&config)
        .await?;
    let asked = tokio::time::timeout(connect, server_id(&mut connection)).await;
    let server = asked.unwrap_or_else(|_| {
        Err(LinkError::Away(
            "its first answer did not come in time".to_owned(),
        ))
    })?;
    Ok((connection, server))
}

/// Which Redis a connection leads to.
async fn server_id<C: ConnectionLike>(connection: &mut C) -> Result<Option<ServerId>, LinkError> {
    let mut question = redis::cmd("INFO");
    question.arg("server");
    let answer = connection.req_packed_command(&question).await;
    let report = match answer.and_then(redis::Value::extract_error) {
        Ok(report) => text(report),
        Err(error) => match LinkError::from(error) {
            // It may not be asked, or says nothing to anybody now. That is for the calls to find out.
            LinkError::Fault(..) => return Ok(None),
            other => return Err(other),
        },
    };
    let id = report.lines().find_map(|line| line.strip_prefix("run_id:"));
    Ok(id.map(|id| ServerId(id.trim().to_owned())))
}

/// The same over a connection of its own, which ends with the answer: where the address leads now.
///
/// # Errors
/// As [`open`].
pub async fn leads_to(client: &Client, connect: Duration) -> Result<Option<ServerId>, LinkError> {
    open(client, connect, Some(connect))
        .await
        .map(|(_, server)| server)
}
