//! Handing entries to cores: bounded, and never waiting for one.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use tidegate_stream::{Region, Shard, StreamId};

use super::read::Batch;
use crate::metrics::Metrics;
use crate::node::{CoreHandle, QUEUE_BYTES, ToCore};

/// The cores' queues. A core whose queue is full is passed over, and told so when there is room again: it then reads
/// what it missed from history.
pub(super) struct Hands {
    cores: Vec<CoreHandle>,
    behind: Vec<BTreeMap<(Shard, Region), StreamId>>,
    metrics: Arc<Metrics>,
}

impl Hands {
    pub(super) fn new(cores: Vec<CoreHandle>, metrics: Arc<Metrics>) -> Self {
        Self {
            behind: vec![BTreeMap::new(); cores.len()],
            cores,
            metrics,
        }
    }

    /// A word that is never left out: there are at most a few for each shard.
    pub(super) fn tell(&self, core: usize, word: ToCore) {
        // A core that has ended needs no more.
        let _ = self.cores[core].sender.send(word);
    }

    /// The same, to each.
    pub(super) fn tell_all(&mut self, word: &ToCore) {
        for core in 0..self.cores.len() {
            self.tell(core, word.clone());
        }
    }

    pub(super) fn give(&mut self, cores: &[usize], batch: Batch) {
        let Some(last) = batch.entries.last() else {
            return;
        };
        for &core in cores {
            let queued = &self.cores[core].queued_bytes;
            let behind = &mut self.behind[core];
            let key = (batch.shard, batch.origin.clone());
            let full = queued.load(Ordering::Relaxed) + batch.bytes > QUEUE_BYTES;
            if full || behind.contains_key(&key) {
                self.metrics
                    .tail_passed_over
                    .add(batch.entries.len() as u64);
                behind.insert(key, last.id);
                continue;
            }
            queued.fetch_add(batch.bytes, Ordering::Relaxed);
            self.tell(
                core,
                ToCore::Entries {
                    shard: batch.shard,
                    origin: batch.origin.clone(),
                    entries: batch.entries.clone(),
                    bytes: batch.bytes,
                },
            );
        }
    }

    /// Tells cores that have room again what they missed.
    pub(super) fn catch_up(&mut self) {
        for core in 0..self.cores.len() {
            if self.cores[core].queued_bytes.load(Ordering::Relaxed) > QUEUE_BYTES / 2 {
                continue;
            }
            for ((shard, origin), last) in std::mem::take(&mut self.behind[core]) {
                self.tell(core, ToCore::Missed(shard, origin, last));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tidegate_hub::{LogEntry, Says};
    use tidegate_stream::ShardCount;
    use tokio::sync::mpsc;

    fn batch(ms: u64, bytes: usize) -> Batch {
        let entry = LogEntry {
            id: StreamId { ms, seq: 0 },
            previous: StreamId::ZERO,
            room: None,
            says: Says::Unknown,
        };
        Batch {
            shard: ShardCount::default().all().next().unwrap(),
            origin: "eu".parse().unwrap(),
            entries: vec![entry].into(),
            bytes,
        }
    }

    #[test]
    fn a_core_that_falls_behind_is_told_where_to_read_on() {
        let (sender, mut inbox) = mpsc::unbounded_channel();
        let queued_bytes = Arc::default();
        let core = CoreHandle {
            sender,
            queued_bytes,
        };
        let mut hands = Hands::new(vec![core.clone()], Arc::new(Metrics::new(1)));
        hands.give(&[0], batch(1, QUEUE_BYTES));
        hands.give(&[0], batch(2, 10));
        hands.catch_up();
        assert!(matches!(inbox.try_recv(), Ok(ToCore::Entries { .. })));
        assert!(inbox.try_recv().is_err());
        core.queued_bytes.store(0, Ordering::Relaxed);
        // Nothing may overtake what was missed.
        hands.give(&[0], batch(3, 10));
        assert!(inbox.try_recv().is_err());
        hands.catch_up();
        assert!(matches!(inbox.try_recv(), Ok(ToCore::Missed(_, _, id)) if id.ms == 3));
        hands.give(&[0], batch(4, 10));
        assert!(matches!(inbox.try_recv(), Ok(ToCore::Entries { .. })));
    }
}
