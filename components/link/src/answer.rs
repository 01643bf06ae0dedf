//! What Redis, and the host in front of it, answered. The host hands errors over as text, so they are told apart by the
//! words that Redis itself uses, wherever in the text the host puts them.

use spin_sdk::redis::{Error, RedisParameter, RedisResult};
use tidegate_stream::calls::{FunctionCall, Reply};

use crate::library;

/// Why a call to Redis came to nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// No answer, or one that will be another in a moment: no connection, no time left, loading, a replica. A 503.
    #[error("Redis is out of reach: {0}")]
    Unreachable(String),
    /// Redis has no memory left and refused the write. A 503.
    #[error("Redis is full")]
    Full,
    /// The function library is missing or older and could not be loaded; the text says the file and the command. A 503.
    #[error("{0}")]
    Library(String),
    /// Anything else that Redis refused: a wrong password, a missing right, a fault in a function. A 500.
    #[error("Redis refused: {0}")]
    Fault(String),
}

/// Words of refusals that trying again does not mend.
const FAULTS: [&str; 12] = [
    "ResponseError",
    "WRONGTYPE",
    "WRONGPASS",
    "NOAUTH",
    "NOPERM",
    "NoPerm",
    "AuthenticationFailed",
    "CROSSSLOT",
    "ExecAbort",
    "TypeError",
    "UnexpectedReturnType",
    "exceeds limit",
];

/// Words of refusals that pass by themselves, even where they come as a general error.
const PASSING: [&str; 6] = [
    "LOADING",
    "BusyLoading",
    "MASTERDOWN",
    "READONLY",
    "ReadOnly",
    "BUSY",
];

pub(crate) fn error(error: Error) -> LinkError {
    match error {
        Error::InvalidAddress => LinkError::Fault(
            "the host refuses the Redis address: see `redis_url` and this component's `allowed_outbound_hosts`".to_owned(),
        ),
        Error::TooManyConnections => LinkError::Unreachable("the host has too many connections open".to_owned()),
        Error::TypeError => LinkError::Fault("a value was not of the expected type".to_owned()),
        Error::Other(text) => refusal(text),
    }
}

fn refusal(text: String) -> LinkError {
    let has = |word: &&str| text.contains(*word);
    if text.contains("OOM") {
        LinkError::Full
    } else if text.contains("Function not found") {
        library::advice(&text)
    } else if FAULTS.iter().any(has) && !PASSING.iter().any(has) {
        LinkError::Fault(text)
    } else {
        LinkError::Unreachable(text)
    }
}

pub(crate) fn reply(result: RedisResult) -> Reply {
    match result {
        RedisResult::Nil => Reply::Nil,
        RedisResult::Int64(n) => Reply::Int(n),
        RedisResult::Status(text) => Reply::Text(text.into_bytes()),
        RedisResult::Binary(bytes) => Reply::Text(bytes),
    }
}

pub(crate) fn parameters(call: &FunctionCall) -> Vec<RedisParameter> {
    call.arguments()
        .map(|argument| RedisParameter::Binary(argument.into_owned()))
        .collect()
}
