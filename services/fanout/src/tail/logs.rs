//! Which logs are tailed, from where, and for which cores.

use std::collections::{BTreeMap, BTreeSet};

use tidegate_stream::{Cursor, Keys, Region, Shard, StreamId};

use super::read::Batch;

/// Most entries of one log in one reply.
const MOST_ENTRIES: usize = 128;
/// Most bytes of one reply.
const REPLY_BYTES: usize = 16 * 1024 * 1024;
/// The longest entry: data 4 KiB, info 512 B, names and ids.
const ENTRY_BYTES: usize = 5 * 1024;

#[derive(Default)]
struct ShardLogs {
    positions: BTreeMap<Region, StreamId>,
    cores: BTreeSet<usize>,
}

/// The logs that the node reads.
#[derive(Default)]
pub(super) struct Logs(BTreeMap<Shard, ShardLogs>);

impl Logs {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.0.values().map(|shard| shard.positions.len()).sum()
    }

    pub(super) fn has(&self, shard: Shard) -> bool {
        self.0.contains_key(&shard)
    }

    pub(super) fn add(&mut self, shard: Shard, positions: &Cursor) {
        let logs = self.0.entry(shard).or_default();
        logs.positions = positions
            .iter()
            .map(|(origin, position)| (origin.clone(), position))
            .collect();
    }

    /// Origins that a shard is not tailed for yet.
    pub(super) fn missing(&self, origins: &[Region]) -> Vec<(Shard, Region)> {
        self.0
            .iter()
            .flat_map(|(&shard, logs)| {
                origins
                    .iter()
                    .filter(|origin| !logs.positions.contains_key(*origin))
                    .map(move |origin| (shard, origin.clone()))
            })
            .collect()
    }

    /// Adds an origin; the cores that are to be told.
    pub(super) fn add_origin(
        &mut self,
        shard: Shard,
        origin: &Region,
        position: StreamId,
    ) -> Vec<usize> {
        let Some(logs) = self.0.get_mut(&shard) else {
            return Vec::new();
        };
        logs.positions.insert(origin.clone(), position);
        logs.cores.iter().copied().collect()
    }

    /// Drops what is of other origins.
    pub(super) fn keep(&mut self, origins: &[Region]) {
        for logs in self.0.values_mut() {
            logs.positions.retain(|origin, _| origins.contains(origin));
        }
    }

    /// Adds a core; the positions from which it will be given entries.
    pub(super) fn open(&mut self, core: usize, shard: Shard) -> Cursor {
        let logs = self.0.entry(shard).or_default();
        logs.cores.insert(core);
        logs.positions
            .iter()
            .map(|(origin, &position)| (origin.clone(), position))
            .collect()
    }

    pub(super) fn close(&mut self, core: usize, shard: Shard) {
        if let Some(logs) = self.0.get_mut(&shard) {
            logs.cores.remove(&core);
            if logs.cores.is_empty() {
                self.0.remove(&shard);
            }
        }
    }

    /// The command that reads on.
    pub(super) fn query(&self, keys: &Keys, block_ms: u64) -> Vec<Vec<u8>> {
        let count = (REPLY_BYTES / (self.len().max(1) * ENTRY_BYTES)).clamp(1, MOST_ENTRIES);
        let mut words: Vec<Vec<u8>> = [
            "XREAD",
            "COUNT",
            &count.to_string(),
            "BLOCK",
            &block_ms.to_string(),
            "STREAMS",
        ]
        .iter()
        .map(|word| word.as_bytes().to_vec())
        .collect();
        let each = || {
            self.0
                .iter()
                .flat_map(|(shard, logs)| logs.positions.iter().map(move |log| (*shard, log)))
        };
        words.extend(each().map(|(shard, (origin, _))| keys.log(shard, origin).into_bytes()));
        words.extend(each().map(|(_, (_, position))| position.to_string().into_bytes()));
        words
    }

    /// Which log a key is.
    pub(super) fn find(&self, keys: &Keys, key: &[u8]) -> Option<(Shard, Region, StreamId)> {
        self.0.iter().find_map(|(&shard, logs)| {
            logs.positions
                .iter()
                .find(|(origin, _)| keys.log(shard, origin).as_bytes() == key)
                .map(|(origin, &position)| (shard, origin.clone(), position))
        })
    }

    /// Goes on after a batch; the cores that are to be given it.
    pub(super) fn advance(&mut self, batch: &Batch) -> Vec<usize> {
        let Some(logs) = self.0.get_mut(&batch.shard) else {
            return Vec::new();
        };
        if let Some(last) = batch.entries.last() {
            logs.positions.insert(batch.origin.clone(), last.id);
        }
        logs.cores.iter().copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tidegate_stream::ShardCount;

    #[test]
    fn a_query_names_each_log_and_its_position() {
        let count = ShardCount::new(2).unwrap();
        let keys = Keys::new("tg", count);
        let eu: Region = "eu".parse().unwrap();
        let mut logs = Logs::default();
        let at = StreamId { ms: 5, seq: 1 };
        for shard in count.all() {
            logs.add(shard, &[(eu.clone(), at)].into_iter().collect());
            assert_eq!(logs.open(0, shard).get(&eu), at);
        }
        let query = logs
            .query(&keys, 9)
            .into_iter()
            .map(|word| String::from_utf8(word).unwrap());
        let text = query.collect::<Vec<_>>().join(" ");
        assert_eq!(
            text,
            "XREAD COUNT 128 BLOCK 9 STREAMS tg:{00}:log:eu tg:{01}:log:eu 5-1 5-1"
        );
        let us: Region = "us".parse().unwrap();
        assert_eq!(logs.missing(&[eu.clone(), us.clone()]).len(), 2);
        for (shard, origin) in logs.missing(std::slice::from_ref(&us)) {
            assert_eq!(logs.add_origin(shard, &origin, at), [0]);
        }
        assert_eq!(logs.len(), 4);
        logs.keep(&[us]);
        assert_eq!(logs.len(), 2);
        assert_eq!(logs.missing(&[eu]).len(), 2);
    }

    #[test]
    fn a_shard_without_cores_is_forgotten() {
        let shard = ShardCount::default().all().next().unwrap();
        let mut logs = Logs::default();
        logs.add(shard, &Cursor::default());
        logs.open(0, shard);
        logs.open(1, shard);
        logs.close(0, shard);
        assert!(logs.has(shard));
        logs.close(1, shard);
        assert!(logs.is_empty());
    }
}
