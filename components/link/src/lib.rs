//! The way of a component to Redis: one connection that is kept, the function library looked after, a bound on time.
//!
//! Instances are used again by the host, so the connection lies in a thread-local and outlives a request. It is given up
//! after any error that may mean it is broken or leads to the wrong Redis, and after a minute; the next call opens another, for
//! which the name is looked up anew.

mod answer;
mod kept;
mod library;
mod turn;

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use spin_sdk::redis::RedisParameter;
use tidegate_stream::calls::{FunctionCall, Reply};

pub use answer::LinkError;
pub use turn::shared;

/// How long one call may take in all, opening and looking after the library included, in milliseconds. Below the two
/// seconds within which a publisher must have a 503.
pub const WAIT_MS: u64 = 1_500;

/// Whether a call may be sent again when a connection that was kept turns out to be broken, and nobody can tell if Redis
/// had carried it out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Again {
    /// It only reads, or carrying it out twice does no harm.
    Harmless,
    /// The caller must decide.
    Never,
}

/// Calls one function of the library, which is loaded first if it is missing or older.
///
/// # Errors
/// See [`LinkError`].
pub async fn call(
    redis_url: &str,
    call: &FunctionCall,
    again: Again,
) -> Result<Vec<Reply>, LinkError> {
    bounded(call_unbounded(redis_url, call, again)).await
}

/// The same for as long as it takes. Whoever waits for it keeps the time, with one alarm for all that it waits for, and
/// drops it when that is over: an alarm of each call's own would take the host as long as the call to Redis.
///
/// # Errors
/// See [`LinkError`].
pub async fn call_unbounded(
    redis_url: &str,
    call: &FunctionCall,
    again: Again,
) -> Result<Vec<Reply>, LinkError> {
    let mut reloaded = false;
    loop {
        match send(redis_url, again, true, call.verb(), &|| {
            answer::parameters(call.arguments())
        })
        .await
        {
            // Somebody flushed the functions under a connection that had seen them.
            Err(LinkError::Library(_)) if !reloaded => reloaded = true,
            other => return other,
        }
    }
}

/// Sends one command. Nested replies arrive flattened.
///
/// # Errors
/// See [`LinkError`].
pub async fn command(
    redis_url: &str,
    name: &str,
    arguments: &[&[u8]],
    again: Again,
) -> Result<Vec<Reply>, LinkError> {
    let parameters = || {
        arguments
            .iter()
            .map(|a| RedisParameter::Binary(a.to_vec()))
            .collect()
    };
    bounded(send(redis_url, again, false, name, &parameters)).await
}

async fn send(
    redis_url: &str,
    again: Again,
    needs_library: bool,
    name: &str,
    parameters: &dyn Fn() -> Vec<RedisParameter>,
) -> Result<Vec<Reply>, LinkError> {
    if let Some(old) = kept::find(redis_url) {
        match attempt(&old, needs_library, name, parameters).await {
            Err(LinkError::Unreachable(_)) if again == Again::Harmless => {}
            // Nothing was done, and the name may lead elsewhere by now.
            Err(LinkError::NotServing(_)) => {}
            other => return other,
        }
    }
    let new = shared(redis_url, || kept::find(redis_url), kept::open(redis_url)).await?;
    attempt(&new, needs_library, name, parameters).await
}

async fn attempt(
    kept: &kept::Shared,
    needs_library: bool,
    name: &str,
    parameters: &dyn Fn() -> Vec<RedisParameter>,
) -> Result<Vec<Reply>, LinkError> {
    let guard = kept::Guard::new(kept);
    let outcome = async {
        if needs_library && !kept.library_seen() {
            let seen = || kept.library_seen().then_some(());
            shared("the function library", seen, library::ensure(kept)).await?;
        }
        kept.execute(name, parameters()).await
    }
    .await;
    guard.settle(&outcome);
    outcome
}

async fn bounded<T>(work: impl Future<Output = Result<T, LinkError>>) -> Result<T, LinkError> {
    let mut work = pin!(work);
    let mut alarm = pin!(spin_sdk::time::sleep(Duration::from_millis(WAIT_MS)));
    poll_fn(|context| {
        if let Poll::Ready(done) = work.as_mut().poll(context) {
            return Poll::Ready(done);
        }
        alarm
            .as_mut()
            .poll(context)
            .map(|()| Err(LinkError::late()))
    })
    .await
}
