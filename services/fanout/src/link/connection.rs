//! A connection to Redis that is made anew when it breaks, when what it leads to no longer serves, and when the address leads
//! elsewhere.

use std::sync::Arc;
use std::time::{Duration, Instant};

use redis::aio::MultiplexedConnection;
use redis::{FromRedisValue, Pipeline, Value};
use tidegate_stream::calls::{FunctionCall, Remedy, Reply};
use tokio::sync::Mutex;

pub use service_link::{LinkError, flatten, strings};

use service_link::ServerId;

use super::address::{Address, PATIENCE};
use crate::chance;

/// The first wait after a connection could not be made, or served nothing, ms; each is twice the one before.
const FIRST_WAIT_MS: u64 = 50;
/// The longest.
const LONGEST_WAIT_MS: u64 = 2_000;
/// A connection is kept for so long although the address seems to lead elsewhere: a name that leads to several at once must not
/// have everybody connect for each call.
const LEAST: Duration = Duration::from_secs(1);

/// A connection that several tasks share. After a failure the next attempt waits; until then calls fail at once, for the same
/// reason.
pub struct Link {
    address: Arc<Address>,
    answers_in: Option<Duration>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    open: Option<Open>,
    /// Connections that were made.
    made: u64,
    wait_ms: u64,
    /// When the next may be made, and why not before.
    not_before: Option<(Instant, LinkError)>,
}

#[derive(Clone)]
struct Open {
    connection: MultiplexedConnection,
    server: Option<ServerId>,
    since: Instant,
    /// Which of those that were made.
    number: u64,
    /// It has answered something else than an error.
    served: bool,
}

impl State {
    /// The connection is no good, or could not be made. One that had served is replaced at once.
    fn failed(&mut self, why: &LinkError) {
        let served = self.open.take().is_some_and(|open| open.served);
        if served {
            self.wait_ms = 0;
            self.not_before = None;
            return;
        }
        self.wait_ms = (self.wait_ms * 2).clamp(FIRST_WAIT_MS, LONGEST_WAIT_MS);
        let wait = Duration::from_millis(chance::jitter(self.wait_ms));
        self.not_before = Some((Instant::now() + wait, why.clone()));
    }
}

impl Link {
    /// For commands that are answered at once.
    pub fn new(address: Arc<Address>) -> Self {
        Self::with(address, Some(PATIENCE))
    }

    /// For a command that blocks: its caller bounds the wait.
    pub fn blocking(address: Arc<Address>) -> Self {
        Self::with(address, None)
    }

    fn with(address: Arc<Address>, answers_in: Option<Duration>) -> Self {
        Self {
            address,
            answers_in,
            state: Mutex::default(),
        }
    }

    /// The connection as it stands, made if there is none.
    pub async fn connection(&self) -> Result<MultiplexedConnection, LinkError> {
        self.open().await.map(|open| open.connection)
    }

    async fn open(&self) -> Result<Open, LinkError> {
        let mut state = self.state.lock().await;
        if let Some(open) = &state.open {
            if !self.is_elsewhere(open) {
                return Ok(open.clone());
            }
            state.open = None;
        }
        if let Some((then, why)) = &state.not_before
            && Instant::now() < *then
        {
            return Err(why.clone());
        }
        let since = Instant::now();
        match service_link::open(&self.address.client, PATIENCE, self.answers_in).await {
            Ok((connection, server)) => {
                self.address.opened(server.as_ref());
                state.made += 1;
                let open = Open {
                    connection,
                    server,
                    since,
                    number: state.made,
                    served: false,
                };
                state.open = Some(open.clone());
                Ok(open)
            }
            Err(error) => {
                state.failed(&error);
                Err(error)
            }
        }
    }

    /// The address leads to another Redis than this connection.
    fn is_elsewhere(&self, open: &Open) -> bool {
        !self.address.is_at(open.server.as_ref()) && open.since.elapsed() >= LEAST
    }

    /// Forgets the connection if the address leads elsewhere by now. Whether it did.
    pub async fn has_moved(&self) -> bool {
        let mut state = self.state.lock().await;
        let moved = state
            .open
            .as_ref()
            .is_some_and(|open| self.is_elsewhere(open));
        if moved {
            state.open = None;
        }
        moved
    }

    /// Forgets the connection, so that the next call makes a new one.
    pub async fn drop_connection(&self) {
        self.state.lock().await.open = None;
    }

    /// What came of calls on a connection. If it is no good, it is forgotten, unless another is there already.
    async fn settle(&self, open: &Open, failed: Option<&LinkError>) {
        let mut state = self.state.lock().await;
        let Some(now) = state.open.as_mut().filter(|now| now.number == open.number) else {
            return;
        };
        match failed {
            None => now.served = true,
            Some(why) if why.remedy() == Remedy::ConnectAnew => state.failed(why),
            Some(_) => {}
        }
    }

    /// Sends commands. On a connection that turns out to have ended while it was idle, or to lead to a Redis that no longer
    /// serves, they are sent once more, on a new one: all that a node sends may be sent twice.
    async fn send<T: FromRedisValue>(&self, pipeline: &Pipeline) -> Result<T, LinkError> {
        let mut again = self.answers_in.is_some();
        loop {
            let mut open = self.open().await?;
            let result = pipeline.query_async(&mut open.connection).await;
            let late = matches!(&result, Err(error) if redis::RedisError::is_timeout(error));
            let result = result.map_err(LinkError::from);
            self.settle(&open, result.as_ref().err()).await;
            match result {
                // Whoever asks has waited long enough.
                Err(error) if again && !late && error.remedy() == Remedy::ConnectAnew => {
                    again = false;
                }
                other => return other,
            }
        }
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
