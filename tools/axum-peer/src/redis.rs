//! Redis over one connection that all requests share, its answers as the calls read them.

use anyhow::{Context, Result};
use redis::aio::MultiplexedConnection;
use redis::{Client, Value, cmd};
use tidegate_api::Refusal;
use tidegate_stream::calls::{FunctionCall, Reply};

/// One connection.
pub struct Redis(MultiplexedConnection);

impl Redis {
    /// Connects.
    pub async fn open(url: &str) -> Result<Self> {
        let client = Client::open(url).context("SPIN_VARIABLE_REDIS_URL")?;
        let connection = client.get_multiplexed_async_connection().await;
        Ok(Self(
            connection.with_context(|| format!("no Redis at {url}"))?,
        ))
    }

    /// Version and body of what is kept so.
    pub async fn versioned(&self, key: &str) -> Result<Option<(String, Vec<u8>)>> {
        let mut connection = self.0.clone();
        let mut command = cmd("HMGET");
        command.arg(key).arg("version").arg("body");
        let (version, body): (Option<String>, Option<Vec<u8>>) =
            command.query_async(&mut connection).await?;
        Ok(version.zip(body))
    }

    /// Calls a function.
    pub async fn call(&self, call: &FunctionCall) -> Result<Vec<Reply>, Refusal> {
        let mut connection = self.0.clone();
        let mut command = cmd(call.verb());
        for word in call.arguments() {
            command.arg(word);
        }
        let value: Value = command
            .query_async(&mut connection)
            .await
            .map_err(|error| Refusal::Away(error.to_string()))?;
        let mut replies = Vec::new();
        flatten(value, &mut replies);
        Ok(replies)
    }
}

fn flatten(value: Value, replies: &mut Vec<Reply>) {
    replies.push(match value {
        Value::Array(values) => {
            return values.into_iter().for_each(|value| flatten(value, replies));
        }
        Value::Nil => Reply::Nil,
        Value::Int(number) => Reply::Int(number),
        Value::BulkString(bytes) => Reply::Bytes(bytes),
        Value::Okay => Reply::Status("OK".to_owned()),
        other => Reply::Status(format!("{other:?}")),
    });
}
