//! A connection to Redis that is made anew when it breaks.

use std::time::{Duration, Instant};

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, FromRedisValue, Pipeline, Value};
use tidegate_stream::calls::{FunctionCall, Reply};
use tokio::sync::Mutex;

pub use service_link::{LinkError, flatten, strings};

use service_link::is_broken;

use crate::chance;

/// How long a connection may take to be made, and an answer to come.
const PATIENCE: Duration = Duration::from_secs(2);
/// The first wait after a connection could not be made, ms; each is twice the one before.
const FIRST_WAIT_MS: u64 = 50;
/// The longest.
const LONGEST_WAIT_MS: u64 = 2_000;

/// A connection that several tasks share. After a failure the next attempt waits; until then calls fail at once.
pub struct Link {
    client: redis::Client,
    answers_in: Option<Duration>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    connection: Option<MultiplexedConnection>,
    wait_ms: u64,
    not_before: Option<Instant>,
}

impl Link {
    /// For commands that are answered at once.
    pub fn new(client: redis::Client) -> Self {
        Self::with(client, Some(PATIENCE))
    }

    /// For a command that blocks: its caller bounds the wait.
    pub fn blocking(client: redis::Client) -> Self {
        Self::with(client, None)
    }

    fn with(client: redis::Client, answers_in: Option<Duration>) -> Self {
        Self {
            client,
            answers_in,
            state: Mutex::default(),
        }
    }

    /// The connection as it stands, made if there is none.
    pub async fn connection(&self) -> Result<MultiplexedConnection, LinkError> {
        let mut state = self.state.lock().await;
        if let Some(connection) = &state.connection {
            return Ok(connection.clone());
        }
        if state.not_before.is_some_and(|then| Instant::now() < then) {
            return Err(LinkError::Away("waiting to connect again".to_owned()));
        }
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(PATIENCE))
            .set_response_timeout(self.answers_in);
        match self
            .client
            .get_multiplexed_async_connection_with_config(&config)
            .await
        {
            Ok(connection) => {
                state.connection = Some(connection.clone());
                state.wait_ms = 0;
                state.not_before = None;
                Ok(connection)
            }
            Err(error) => {
                state.wait_ms = (state.wait_ms * 2).clamp(FIRST_WAIT_MS, LONGEST_WAIT_MS);
                let wait = Duration::from_millis(chance::jitter(state.wait_ms));
                state.not_before = Some(Instant::now() + wait);
                Err(LinkError::Away(error.to_string()))
            }
        }
    }

    /// Forgets the connection, so that the next call makes a new one.
    pub async fn drop_connection(&self) {
        self.state.lock().await.connection = None;
    }

    async fn settle<T>(&self, result: redis::RedisResult<T>) -> Result<T, LinkError> {
        match result {
            Ok(value) => Ok(value),
            Err(error) => {
                if is_broken(&error) {
                    self.drop_connection().await;
                }
                Err(error.into())
            }
        }
    }

    /// Sends commands. On a connection that turns out to have ended while it was idle they are sent once more, on a new
    /// one: all that a node sends may be sent twice.
    async fn send<T: FromRedisValue>(&self, pipeline: &Pipeline) -> Result<T, LinkError> {
        let mut connection = self.connection().await?;
        let mut result = pipeline.query_async(&mut connection).await;
        if self.answers_in.is_some()
            && matches!(&result, Err(error) if is_broken(error) && !error.is_timeout())
        {
            self.drop_connection().await;
            connection = self.connection().await?;
            result = pipeline.query_async(&mut connection).await;
        }
        self.settle(result).await
    }

    /// Sends one command.
    pub async fn command(&self, words: &[Vec<u8>]) -> Result<Value, LinkError> {
        let mut pipeline = Pipeline::with_capacity(1);
        pipeline.add_command(command(words));
        let answers: Vec<Value> = self.send(&pipeline).await?;
        Ok(answers.into_iter().next().unwrap_or_default())
    }

    /// Calls a function.
    pub async fn call(&self, call: &FunctionCall) -> Result<Vec<Reply>, LinkError> {
        self.command(&call.command()).await.map(flatten)
    }

    /// Sends commands in one go; an error of one is an error of all.
    pub async fn pipeline(&self, commands: &[Vec<Vec<u8>>]) -> Result<Vec<Value>, LinkError> {
        if commands.is_empty() {
            return Ok(Vec::new());
        }
        let mut pipeline = Pipeline::with_capacity(commands.len());
        for words in commands {
            pipeline.add_command(command(words));
        }
        self.send(&pipeline).await
    }
}

/// Words of a command, from texts.
pub fn words<const N: usize>(texts: [&str; N]) -> Vec<Vec<u8>> {
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}

fn command(words: &[Vec<u8>]) -> redis::Cmd {
    let mut command = redis::Cmd::new();
    for word in words {
        command.arg(word.as_slice());
    }
    command
}
