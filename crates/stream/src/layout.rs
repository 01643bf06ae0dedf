//! The layout of a Redis, `tg:layout`: which version it has and how many shards, fixed by whoever comes first.

use crate::calls::Reply;
use crate::shard::{LAYOUT_VERSION, ShardCount};

/// Why a Redis is not worked with. Another Tidegate's keys lie there, or something else's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LayoutError {
    /// Its version is not the one that this program reads and writes.
    #[error("it has layout version {found}, this program works with {LAYOUT_VERSION}")]
    Version {
        /// What stands there.
        found: String,
    },
    /// Its number of shards is none.
    #[error("its number of shards is {found}, not 1 to 1024")]
    Shards {
        /// What stands there.
        found: String,
    },
    /// Not the two values of a layout.
    #[error("it was not answered with a version and a number of shards")]
    Malformed,
}

/// The fields of the hash, in the order in which [`found`] and [`written`] expect their values.
pub const FIELDS: [&str; 2] = ["version", "shards"];

/// What a look at the hash (`HMGET` of [`FIELDS`]) says. None: it is to be written by
/// [`SetLayout`](crate::calls::SetLayout), which also completes one that lacks a field, as the version before this one leaves
/// it for a moment.
///
/// # Errors
/// A layout that this program does not work with.
pub fn found(replies: &[Reply]) -> Result<Option<ShardCount>, LayoutError> {
    let [version, shards] = replies else {
        return Err(LayoutError::Malformed);
    };
    let version = value(version, own_version, |found| LayoutError::Version { found })?;
    let shards = value(shards, shard_count, |found| LayoutError::Shards { found })?;
    Ok(version.and(shards))
}

/// The same once it was written: both values must be there.
///
/// # Errors
/// A layout that this program does not work with, or none.
pub fn written(replies: &[Reply]) -> Result<ShardCount, LayoutError> {
    found(replies)?.ok_or(LayoutError::Malformed)
}

fn value<T>(
    reply: &Reply,
    read: impl Fn(&str) -> Option<T>,
    wrong: impl Fn(String) -> LayoutError,
) -> Result<Option<T>, LayoutError> {
    let text = match reply {
        Reply::Nil => return Ok(None),
        Reply::Int(number) => number.to_string(),
        Reply::Status(text) => text.clone(),
        Reply::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
    };
    match read(&text) {
        Some(value) => Ok(Some(value)),
        None => Err(wrong(
            text.chars()
                .take(64)
                .collect::<String>()
                .escape_debug()
                .to_string(),
        )),
    }
}

fn own_version(text: &str) -> Option<u32> {
    text.parse()
        .ok()
        .filter(|&version| version == LAYOUT_VERSION)
}

fn shard_count(text: &str) -> Option<ShardCount> {
    text.parse().ok().and_then(ShardCount::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(text: &str) -> Reply {
        Reply::Bytes(text.as_bytes().to_vec())
    }

    #[test]
    fn a_layout_is_read_where_it_is_whole_and_written_where_it_is_not() {
        let count = ShardCount::new(64);
        assert_eq!(found(&[bytes("1"), bytes("64")]), Ok(count));
        assert_eq!(
            found(&[Reply::Status("1".into()), Reply::Int(64)]),
            Ok(count)
        );
        assert_eq!(found(&[Reply::Nil, Reply::Nil]), Ok(None));
        // Another program of the version before is about to write the other field.
        assert_eq!(found(&[bytes("1"), Reply::Nil]), Ok(None));
        assert_eq!(found(&[Reply::Nil, bytes("64")]), Ok(None));
        assert_eq!(
            written(&[bytes("1"), Reply::Nil]),
            Err(LayoutError::Malformed)
        );
    }

    #[test]
    fn anothers_layout_is_refused_and_told() {
        for (version, shards) in [
            ("2", "64"),
            ("x", "64"),
            ("1", "0"),
            ("1", "1025"),
            ("1", "many"),
        ] {
            assert!(
                found(&[bytes(version), bytes(shards)]).is_err(),
                "{version} {shards}"
            );
        }
        assert!(found(&[bytes("2"), Reply::Nil]).is_err());
        assert!(found(&[Reply::Nil, bytes("0")]).is_err());
        assert!(found(&[]).is_err());
        let error = found(&[bytes("2"), bytes("64")]).unwrap_err().to_string();
        assert!(
            error.contains("version 2,") && error.contains("with 1"),
            "{error}"
        );
    }
}
