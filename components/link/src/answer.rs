//! What Redis, and the host in front of it, answered. The host hands errors over as text, which [`Fault::of`] reads.

use spin_sdk::redis::{Error, RedisParameter, RedisResult};
use tidegate_stream::calls::{Fault, Remedy, Reply};

use crate::library;

/// Why a call to Redis came to nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// No answer, or one that will be another in a moment: no connection, no time left. A 503.
    #[error("Redis is out of reach: {0}")]
    Unreachable(String),
    /// It refused, and did nothing, since it is not the one that takes this now: a replica, one that loads, or one that lacks its
    /// replicas. The address may lead to another by now. A 503.
    #[error("Redis does not serve: {0}")]
    NotServing(String),
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

impl LinkError {
    /// No answer within [`crate::WAIT_MS`].
    pub fn late() -> Self {
        Self::Unreachable(format!("Redis did not answer within {} ms", crate::WAIT_MS))
    }
}

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
    let fault = Fault::of(&text);
    match fault.remedy() {
        Remedy::ConnectAnew if !fault.may_be_done() => LinkError::NotServing(text),
        Remedy::ConnectAnew | Remedy::Wait => LinkError::Unreachable(text),
        Remedy::Full => LinkError::Full,
        Remedy::LoadLibrary => library::advice(&text),
        Remedy::ForGood => LinkError::Fault(text),
    }
}

pub(crate) fn reply(result: RedisResult) -> Reply {
    match result {
        RedisResult::Nil => Reply::Nil,
        RedisResult::Int64(number) => Reply::Int(number),
        RedisResult::Status(text) => Reply::Status(text),
        RedisResult::Binary(bytes) => Reply::Bytes(bytes),
    }
}

pub(crate) fn parameters(words: impl Iterator<Item = Vec<u8>>) -> Vec<RedisParameter> {
    words.map(RedisParameter::Binary).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_host_says_is_told_apart() {
        let full = [
            "OOM command not allowed when used memory > 'maxmemory'.",
            "\"OOM\": command not allowed when used memory > 'maxmemory'.",
            "OOM: allow-oom flag is not set on the function, can not run it when used memory > 'maxmemory'",
            "\"MISCONF\": Redis is configured to save RDB snapshots",
        ];
        for text in full {
            assert_eq!(refusal(text.to_owned()), LinkError::Full, "{text}");
        }
        let unreachable = [
            "Connection refused (os error 111)",
            "broken pipe",
            "timed out",
            "An error was signalled by the server - ResponseError: BUSY Redis is busy running a script.",
        ];
        for text in unreachable {
            assert!(
                matches!(refusal(text.to_owned()), LinkError::Unreachable(_)),
                "{text}"
            );
        }
        let not_serving = [
            "BusyLoading: Redis is loading the dataset in memory",
            "READONLY You can't write against a read only replica.",
            "An error was signalled by the server - ReadOnly: You can't write against a read only replica.",
            "NOREPLICAS: Not enough good replicas to write.",
        ];
        for text in not_serving {
            assert!(
                matches!(refusal(text.to_owned()), LinkError::NotServing(_)),
                "{text}"
            );
        }
        let fault = [
            "ResponseError: user_function:12: attempt to index a nil value",
            "NoPerm: this user has no permissions to run the 'fcall' command",
            "AuthenticationFailed: WRONGPASS invalid username-password pair",
            "\"WRONGTYPE\": Operation against a key holding the wrong kind of value",
        ];
        for text in fault {
            assert!(
                matches!(refusal(text.to_owned()), LinkError::Fault(_)),
                "{text}"
            );
        }
    }

    #[test]
    fn a_missing_function_names_the_file_and_the_command() {
        let LinkError::Library(text) = refusal("ResponseError: Function not found".to_owned())
        else {
            panic!("it is the library that is missing");
        };
        assert!(text.contains("infra/redis/tidegate.lua"), "{text}");
        assert!(
            text.contains("redis-cli -x FUNCTION LOAD REPLACE < infra/redis/tidegate.lua"),
            "{text}"
        );
    }
}
