//! Replies with entries, as entries.

use redis::Value;
use tidegate_stream::StreamId;
use tidegate_stream::calls::RelayEntry;

/// Streams of a reply of XREAD: key and entries.
pub fn streams(reply: Value) -> Vec<(Vec<u8>, Vec<RelayEntry>)> {
    let pairs: Vec<(Value, Value)> = match reply {
        Value::Map(pairs) => pairs,
        Value::Array(values) => values
            .into_iter()
            .filter_map(|pair| {
                let Value::Array(parts) = pair else {
                    return None;
                };
                let mut parts = parts.into_iter();
                Some((parts.next()?, parts.next()?))
            })
            .collect(),
        _ => Vec::new(),
    };
    pairs
        .into_iter()
        .filter_map(|(key, list)| match key {
            Value::BulkString(key) => Some((key, entries(list))),
            _ => None,
        })
        .collect()
}

/// Entries of a reply of XRANGE. What is no entry, or more than a copy can hold, is left out: it shows as a hole.
pub fn entries(list: Value) -> Vec<RelayEntry> {
    let Value::Array(rows) = list else {
        return Vec::new();
    };
    rows.into_iter().filter_map(entry).collect()
}

fn entry(row: Value) -> Option<RelayEntry> {
    let Value::Array(parts) = row else {
        return None;
    };
    let mut parts = parts.into_iter();
    let (Value::BulkString(id), Value::Array(fields)) = (parts.next()?, parts.next()?) else {
        return None;
    };
    let fields = fields
        .into_iter()
        .map(|part| match part {
            Value::BulkString(bytes) => Some(bytes),
            _ => None,
        })
        .collect::<Option<Vec<_>>>()?;
    RelayEntry::new(parse_id(&id)?, fields)
}

fn parse_id(bytes: &[u8]) -> Option<StreamId> {
    std::str::from_utf8(bytes).ok()?.parse().ok()
}

/// The id of the first entry of a reply, or `0-0`.
pub fn first_id(list: Value) -> StreamId {
    let first = match list {
        Value::Array(rows) => rows.into_iter().next(),
        _ => None,
    };
    match first {
        Some(Value::Array(parts)) => match parts.first() {
            Some(Value::BulkString(id)) => parse_id(id).unwrap_or_default(),
            _ => StreamId::ZERO,
        },
        _ => StreamId::ZERO,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bulk(text: &str) -> Value {
        Value::BulkString(text.as_bytes().to_vec())
    }

    fn row(id: &str, fields: &[&str]) -> Value {
        let fields = fields.iter().map(|part| bulk(part)).collect();
        Value::Array(vec![bulk(id), Value::Array(fields)])
    }

    #[test]
    fn streams_are_read_and_what_is_none_is_left_out() {
        let list = Value::Array(vec![
            row("5-1", &["sp", "4-0"]),
            row("odd", &["sp", "4-0"]),
            row("6-0", &["sp"]),
            Value::Nil,
        ]);
        let reply = Value::Array(vec![Value::Array(vec![bulk("k"), list.clone()])]);
        let read = streams(reply);
        assert_eq!(read.len(), 1);
        assert_eq!(read[0].0, b"k");
        assert_eq!(read[0].1.len(), 1);
        assert_eq!(first_id(list), StreamId { ms: 5, seq: 1 });
        assert!(streams(Value::Nil).is_empty());
        assert_eq!(first_id(Value::Nil), StreamId::ZERO);
    }
}
