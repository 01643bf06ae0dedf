//! A reply of XREAD as batches of entries, each encoded once for all cores.

use std::sync::Arc;

use redis::Value;
use tidegate_hub::{LogEntry, Says};
use tidegate_stream::{Entry, Region, Shard, StreamId};

use super::logs::Logs;
use crate::node::Node;

/// Entries of one log.
pub(super) struct Batch {
    pub(super) shard: Shard,
    pub(super) origin: Region,
    pub(super) entries: Arc<[LogEntry]>,
    /// What they weigh in a core's queue.
    pub(super) bytes: usize,
}

/// What an entry weighs beside its text, bytes.
const ENTRY_BYTES: usize = 128;

/// Reads a reply: a list of streams, each a key and a list of entries.
pub(super) fn batches(reply: Value, logs: &Logs, node: &Node) -> Vec<Batch> {
    let mut batches = Vec::new();
    for (key, entries) in pairs(reply) {
        let Value::BulkString(key) = key else {
            continue;
        };
        let Some((shard, origin, mut last)) = logs.find(&node.keys, &key) else {
            continue;
        };
        let mut read = Vec::new();
        let mut bytes = 0;
        for entry in list(entries) {
            let Some(entry) = read_entry(entry, &origin, last, node) else {
                node.metrics.tail_unreadable.add(1);
                continue;
            };
            last = entry.id;
            bytes += ENTRY_BYTES;
            if let Says::Message(message) = &entry.says {
                bytes += message.text_bytes();
            }
            read.push(entry);
        }
        batches.push(Batch {
            shard,
            origin,
            entries: read.into(),
            bytes,
        });
    }
    batches
}

fn read_entry(value: Value, origin: &Region, last: StreamId, node: &Node) -> Option<LogEntry> {
    let mut parts = list(value).into_iter();
    let (Some(Value::BulkString(id)), Some(fields)) = (parts.next(), parts.next()) else {
        return None;
    };
    let id: StreamId = std::str::from_utf8(&id).ok()?.parse().ok()?;
    let fields: Vec<(Vec<u8>, Vec<u8>)> = pairs(fields)
        .into_iter()
        .filter_map(|pair| match pair {
            (Value::BulkString(name), Value::BulkString(value)) => Some((name, value)),
            _ => None,
        })
        .collect();
    let each = || {
        fields
            .iter()
            .map(|(name, value)| (name.as_slice(), value.as_slice()))
    };
    match Entry::read(id, each()) {
        Ok(entry) => {
            let lag_ms = node.clock.redis_ms().saturating_sub(entry.at_ms);
            node.metrics.tail_lag_ms.set(lag_ms);
            Some(LogEntry::new(origin, &entry))
        }
        Err(error) => {
            tracing::warn!(%error, %id, %origin, "an entry cannot be read and is passed over");
            node.metrics.tail_unreadable.add(1);
            // Its place in the chain counts all the same.
            let previous = each()
                .find(|(name, _)| *name == b"sp")
                .and_then(|(_, value)| std::str::from_utf8(value).ok()?.parse().ok())
                .unwrap_or(last);
            Some(LogEntry {
                id,
                previous,
                room: None,
                says: Says::Unknown,
            })
        }
    }
}

fn list(value: Value) -> Vec<Value> {
    match value {
        Value::Array(values) => values,
        _ => Vec::new(),
    }
}

/// Pairs, as lists of two (a list of streams) or one after the other (fields), or a map (RESP3).
fn pairs(value: Value) -> Vec<(Value, Value)> {
    match value {
        Value::Map(pairs) => pairs,
        Value::Array(values) if matches!(values.first(), Some(Value::Array(_))) => values
            .into_iter()
            .filter_map(|pair| {
                let mut parts = list(pair).into_iter();
                Some((parts.next()?, parts.next()?))
            })
            .collect(),
        Value::Array(values) => {
            let mut pairs = Vec::with_capacity(values.len() / 2);
            let mut values = values.into_iter();
            while let (Some(name), Some(value)) = (values.next(), values.next()) {
                pairs.push((name, value));
            }
            pairs
        }
        _ => Vec::new(),
    }
}
