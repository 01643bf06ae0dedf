//! How many entries lie in the other region and not here.
//!
//! Both streams count what was ever added to them. The counts differ from the start (what was trimmed before the copy began,
//! gaps), so the difference is taken when a shard is level, and what is more than that is the backlog.

use redis::Value;
use tidegate_stream::StreamId;
use tidegate_stream::calls::Fault;

use super::Shared;
use crate::connection::{Link, LinkError, good, words};

/// What a stream says of itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Stream {
    added: u64,
    length: u64,
    last: StreamId,
}

/// The streams of every shard, there and here.
pub struct Looked(Vec<(Stream, Stream)>);

/// Looks at all shards.
pub async fn look(shared: &Shared, home: &Link, source: &Link) -> Result<Looked, LinkError> {
    let ask = |link: Link| async move {
        let mut pipeline = redis::Pipeline::new();
        for shard in shared.keys.shards().all() {
            let key = shared.keys.log(shard, &shared.origin);
            pipeline.add_command(words(["XINFO", "STREAM", &key]));
        }
        let answers = link.pipeline(&pipeline).await?;
        answers
            .into_iter()
            .map(stream)
            .collect::<Result<Vec<_>, _>>()
    };
    // The copy first: entries that arrive meanwhile make the backlog larger, never negative.
    let here = ask(home.clone()).await?;
    let there = ask(source.clone()).await?;
    let both = there.into_iter().zip(here);
    Ok(Looked(both.collect()))
}

/// A stream that is not there holds nothing.
fn stream(answer: Value) -> Result<Stream, LinkError> {
    let mut found = Stream::default();
    let parts = match good(answer) {
        Ok(Value::Array(parts)) => parts,
        Ok(_) => return Ok(found),
        Err(LinkError::Fault(why, Fault::Refused)) if why.contains("no such key") => {
            return Ok(found);
        }
        Err(error) => return Err(error),
    };
    for pair in parts.chunks_exact(2) {
        let Value::BulkString(name) = &pair[0] else {
            continue;
        };
        match (name.as_slice(), &pair[1]) {
            (b"entries-added", Value::Int(number)) => found.added = *number as u64,
            (b"length", Value::Int(number)) => found.length = *number as u64,
            (b"last-generated-id", Value::BulkString(id)) => {
                let text = std::str::from_utf8(id).unwrap_or_default();
                found.last = text.parse().unwrap_or_default();
            }
            _ => {}
        }
    }
    Ok(found)
}

/// What the counts of each shard differ by when it is level.
#[derive(Debug, Default)]
pub struct Backlog(Vec<Option<u64>>);

impl Backlog {
    /// Entries that are missing here, over all shards; at most what the other region still has.
    pub fn entries(&mut self, looked: &Looked) -> u64 {
        self.0.resize(looked.0.len(), None);
        let each = looked.0.iter().zip(&mut self.0);
        each.map(|((there, here), offset)| {
            let difference = there.added.saturating_sub(here.added);
            if there.last <= here.last {
                *offset = Some(difference);
                return 0;
            }
            let unknown = if here.added == 0 {
                there.added - there.length.min(there.added)
            } else {
                0
            };
            difference
                .saturating_sub(offset.unwrap_or(unknown))
                .clamp(1, there.length.max(1))
        })
        .sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn side(added: u64, length: u64, last: u64) -> Stream {
        let last = StreamId { ms: last, seq: 0 };
        Stream {
            added,
            length,
            last,
        }
    }

    #[test]
    fn what_is_missing_is_counted_from_where_both_were_level() {
        let mut backlog = Backlog::default();
        let mut entries = |there, here| backlog.entries(&Looked(vec![(there, here)]));
        // Nothing is here yet, and half of it is gone there.
        assert_eq!(entries(side(100, 50, 100), side(0, 0, 0)), 50);
        // Level: the half that is gone does not count.
        assert_eq!(entries(side(100, 50, 100), side(51, 51, 100)), 0);
        assert_eq!(entries(side(130, 50, 130), side(61, 51, 110)), 20);
        // Never more than there is.
        assert_eq!(entries(side(900, 50, 900), side(61, 51, 110)), 50);
    }
}
