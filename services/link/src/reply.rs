//! Answers of Redis, as the calls read them.

use redis::Value;
use tidegate_stream::calls::Reply;

/// An answer as the calls read it.
pub fn flatten(value: Value) -> Vec<Reply> {
    let mut flat = Vec::new();
    push(value, &mut flat);
    flat
}

fn push(value: Value, flat: &mut Vec<Reply>) {
    match value {
        Value::Int(number) => flat.push(Reply::Int(number)),
        Value::BulkString(bytes) => flat.push(Reply::Bytes(bytes)),
        Value::SimpleString(text) => flat.push(Reply::Status(text)),
        Value::Okay => flat.push(Reply::Status("OK".to_owned())),
        Value::Array(values) | Value::Set(values) => {
            for value in values {
                push(value, flat);
            }
        }
        Value::Map(pairs) => {
            for (key, value) in pairs {
                push(key, flat);
                push(value, flat);
            }
        }
        _ => flat.push(Reply::Nil),
    }
}

/// An answer's strings, nested ones included; what is none is left out.
pub fn strings(value: Value) -> Vec<Vec<u8>> {
    flatten(value)
        .into_iter()
        .filter_map(|reply| match reply {
            Reply::Bytes(bytes) => Some(bytes),
            Reply::Status(text) => Some(text.into_bytes()),
            Reply::Int(number) => Some(number.to_string().into_bytes()),
            Reply::Nil => None,
        })
        .collect()
}
