//! The frames of `tidegate.v1.cbor`: those of JSON as CBOR (RFC 8949), with numbers for the names of fields.
//!
//! A frame is one map. Its values are what JSON has: texts, numbers, lists, maps, `true` and `null`; an entry's `info` and
//! `data` are texts that hold the publisher's JSON, so that nothing is read and written again on the way. [`json`] gives
//! the same frame as JSON.

mod client;
mod item;
mod read;
mod write;

pub use read::json;
pub use write::{batch, endpoints, error, move_away, pong, reset, welcome};

pub(super) use write::message;

/// Fields of a frame; the place in the list is the number. New ones are added at the end.
pub(super) const FRAME: [&str; 16] = [
    "type",
    "room",
    "cursor",
    "ticket",
    "client",
    "version",
    "messages",
    "counters",
    "left_out",
    "region",
    "node",
    "ping_ms",
    "endpoints",
    "code",
    "message",
    "within_ms",
];

/// Fields of a message in a batch.
pub(super) const MESSAGE: [&str; 9] = [
    "id", "kind", "lane", "sub", "info", "data", "at_ms", "key", "hidden",
];

/// Fields of `counters`.
pub(super) const COUNTERS: [&str; 2] = ["online", "likes"];

/// Fields of an endpoint.
pub(super) const ENDPOINT: [&str; 2] = ["region", "url"];

/// The number of a field; names are compared when this is compiled.
pub(super) const fn number<const N: usize>(fields: [&str; N], name: &str) -> u64 {
    let mut at = 0;
    while at < N {
        if equal(fields[at].as_bytes(), name.as_bytes()) {
            return at as u64;
        }
        at += 1;
    }
    panic!("no such field");
}

const fn equal(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let mut at = 0;
    while at < a.len() {
        if a[at] != b[at] {
            return false;
        }
        at += 1;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doc_table;

    #[test]
    fn documentation_has_these_numbers() {
        let rows: Vec<Vec<String>> = [
            ("a frame", &FRAME[..]),
            ("a message", &MESSAGE),
            ("`counters`", &COUNTERS),
            ("an endpoint", &ENDPOINT),
        ]
        .into_iter()
        .map(|(what, fields)| {
            let fields: Vec<String> = fields
                .iter()
                .enumerate()
                .map(|(number, name)| format!("{number} `{name}`"))
                .collect();
            vec![what.to_owned(), fields.join(", ")]
        })
        .collect();
        assert_eq!(doc_table("Binary frames"), rows);
    }
}
