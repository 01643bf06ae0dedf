//! Connections to Redis, and what goes over them.

use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{Client, Cmd, Pipeline, Value};
use tidegate_stream::calls::{FunctionCall, Reply};

pub use service_link::{LinkError, ServerId, flatten, function, strings, text};

/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(5);
/// How long an answer may take. What a middlebox forgot is noticed by it.
const ANSWER: Duration = Duration::from_secs(5);

/// A connection, which several tasks may use. Once it is broken it stays so.
#[derive(Clone)]
pub struct Link {
    connection: MultiplexedConnection,
    server: Option<ServerId>,
}

impl Link {
    /// Connects, for commands that are answered at once.
    pub async fn open(client: &Client) -> Result<Self, LinkError> {
        Self::with(client, Some(ANSWER)).await
    }

    /// Connects, for a command that blocks: its caller bounds the wait.
    pub async fn blocking(client: &Client) -> Result<Self, LinkError> {
        Self::with(client, None).await
    }

    async fn with(client: &Client, answers_in: Option<Duration>) -> Result<Self, LinkError> {
        let (connection, server) = service_link::open(client, CONNECT, answers_in).await?;
        Ok(Self { connection, server })
    }

    /// Whether the address that it was opened at leads to the same Redis still, or may be taken to where that cannot be asked.
    pub async fn is_there(&self, client: &Client) -> Result<bool, LinkError> {
        let now = service_link::leads_to(client, CONNECT).await?;
        Ok(now.is_none() || self.server.is_none() || now == self.server)
    }

    /// What [`service_link`] works on.
    pub fn connection(&self) -> MultiplexedConnection {
        self.connection.clone()
    }

    /// Sends commands in one go. Each has an answer of its own, which may be an error of Redis'.
    pub async fn pipeline(&self, pipeline: &Pipeline) -> Result<Vec<Value>, LinkError> {
        let count = pipeline.len();
        if count == 0 {
            return Ok(Vec::new());
        }
        let mut connection = self.connection.clone();
        Ok(connection.send_packed_commands(pipeline, 0, count).await?)
    }

    /// Sends commands in one go; an error of one is an error of all.
    pub async fn all(&self, commands: Vec<Cmd>) -> Result<Vec<Value>, LinkError> {
        let mut pipeline = Pipeline::with_capacity(commands.len());
        for command in commands {
            pipeline.add_command(command);
        }
        let answers = self.pipeline(&pipeline).await?;
        answers.into_iter().map(good).collect()
    }

    /// Sends one command.
    pub async fn one(&self, command: Cmd) -> Result<Value, LinkError> {
        let mut answers = self.all(vec![command]).await?;
        Ok(answers.pop().unwrap_or_default())
    }

    /// Calls a function.
    pub async fn call(&self, call: &FunctionCall) -> Result<Vec<Reply>, LinkError> {
        self.one(function(call)).await.map(flatten)
    }
}

/// An answer that is no error.
pub fn good(answer: Value) -> Result<Value, LinkError> {
    match answer.extract_error() {
        Ok(value) => Ok(value),
        Err(error) => Err(error.into()),
    }
}

/// A command from words.
pub fn words<const N: usize>(texts: [&str; N]) -> Cmd {
    let mut command = Cmd::new();
    for text in texts {
        command.arg(text);
    }
    command
}
