//! Redis replies and errors as a guest sees them in Spin.

use redis::{ErrorKind, RedisError, ServerErrorKind, Value};

use crate::bindings::spin::redis::redis::{Error, RedisResult};
use crate::limits::REDIS_REPLY_BYTES;

/// Flattens a reply: nested arrays and sets become one list.
pub fn flatten(reply: Value) -> Result<Vec<RedisResult>, Error> {
    let mut flat = Vec::new();
    let mut bytes = 0;
    append(reply, &mut flat, &mut bytes)?;
    Ok(flat)
}

fn append(value: Value, flat: &mut Vec<RedisResult>, bytes: &mut usize) -> Result<(), Error> {
    let one = match value {
        Value::Array(values) | Value::Set(values) => {
            return values
                .into_iter()
                .try_for_each(|value| append(value, flat, bytes));
        }
        Value::Nil => RedisResult::Nil,
        Value::Int(number) => RedisResult::Int64(number),
        Value::Boolean(yes) => RedisResult::Int64(i64::from(yes)),
        Value::Okay => RedisResult::Status("OK".into()),
        Value::SimpleString(text) => RedisResult::Status(text),
        Value::BulkString(bytes) => RedisResult::Binary(bytes),
        Value::Double(number) => RedisResult::Binary(number.to_string().into_bytes()),
        Value::BigNumber(digits) => RedisResult::Binary(digits),
        Value::ServerError(refusal) => return Err(error(&refusal.into())),
        // RESP3 only, which neither Spin nor this host speaks to Redis.
        other => {
            return Err(Error::Other(format!(
                "a reply of this type is not supported: {other:?}"
            )));
        }
    };
    *bytes += std::mem::size_of::<RedisResult>()
        + match &one {
            RedisResult::Binary(bytes) => bytes.len(),
            RedisResult::Status(text) => text.len(),
            RedisResult::Nil | RedisResult::Int64(_) => 0,
        };
    if *bytes > REDIS_REPLY_BYTES {
        return Err(Error::Other(format!(
            "query result exceeds limit of {REDIS_REPLY_BYTES} bytes"
        )));
    }
    flat.push(one);
    Ok(())
}

/// An error as text. What the server said reads as in Spin 4, `CODE: text`, but for the codes that its client library
/// knows; those read `An error was signalled by the server - ResponseError: text`.
pub fn error(error: &RedisError) -> Error {
    let ErrorKind::Server(kind) = error.kind() else {
        return Error::Other(match (error.kind(), error.code(), error.detail()) {
            (ErrorKind::Extension, Some(code), Some(detail)) => format!("{code}: {detail}"),
            _ => error.to_string(),
        });
    };
    let name = match kind {
        ServerErrorKind::ExecAbort => "ExecAbortError".into(),
        ServerErrorKind::BusyLoading => "BusyLoadingError".into(),
        ServerErrorKind::NoScript => "NoScriptError".into(),
        kind => format!("{kind:?}"),
    };
    Error::Other(format!(
        "An error was signalled by the server - {name}: {}",
        error.detail().unwrap_or_default()
    ))
}

/// As [`error`], but a reply that is not of the expected type is a type error.
pub fn type_error_or(e: &RedisError) -> Error {
    match e.kind() {
        ErrorKind::UnexpectedReturnType | ErrorKind::Parse => Error::TypeError,
        _ => error(e),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nested_replies_become_one_list() {
        let reply = Value::Array(vec![
            Value::Int(1),
            Value::Array(vec![
                Value::BulkString(b"a\xff".into()),
                Value::Array(vec![]),
                Value::Nil,
            ]),
            Value::Okay,
            Value::SimpleString("PONG".into()),
            Value::Set(vec![Value::Boolean(true), Value::Double(1.5)]),
        ]);
        let flat: Vec<_> = flatten(reply)
            .unwrap()
            .iter()
            .map(|result| format!("{result:?}"))
            .collect();
        assert_eq!(
            flat.join(" "),
            "RedisResult::Int64(1) RedisResult::Binary([97, 255]) RedisResult::Nil RedisResult::Status(\"OK\") \
             RedisResult::Status(\"PONG\") RedisResult::Int64(1) RedisResult::Binary([49, 46, 53])"
        );
        assert!(flatten(Value::Map(vec![])).is_err());
    }

    #[test]
    fn a_reply_over_the_limit_is_an_error() {
        let half = || Value::BulkString(vec![0; REDIS_REPLY_BYTES / 2]);
        assert!(flatten(half()).is_ok());
        assert!(
            matches!(flatten(Value::Array(vec![half(), half()])), Err(Error::Other(text)) if text.contains("limit"))
        );
    }
}
