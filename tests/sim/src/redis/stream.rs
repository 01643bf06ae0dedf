//! A stream: entries in blocks, since approximate trimming drops whole blocks only.

use std::collections::VecDeque;
use std::rc::Rc;

use tidegate_stream::StreamId;

/// Fields and values, one after the other.
pub type Fields = Rc<Vec<Vec<u8>>>;

#[derive(Debug, Clone, Copy)]
struct Block {
    /// Entries that are there.
    live: usize,
    /// Entries that were ever put in.
    filled: usize,
}

/// Entries by id.
#[derive(Debug, Clone, Default)]
pub struct Stream {
    entries: VecDeque<(StreamId, Fields)>,
    blocks: VecDeque<Block>,
    last: StreamId,
}

/// Up to where a trim drops entries.
#[derive(Debug, Clone, Copy)]
pub enum Trim {
    /// The newest so many stay.
    MaxLen(usize),
    /// Those from this id on stay.
    MinId(StreamId),
}

impl Stream {
    /// Entries that are there.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The greatest id that it ever had.
    pub fn last(&self) -> StreamId {
        self.last
    }

    /// Entries from `from` to `to`, both included.
    pub fn range(
        &self,
        from: StreamId,
        to: StreamId,
    ) -> impl DoubleEndedIterator<Item = &(StreamId, Fields)> {
        let start = self.entries.partition_point(|(id, _)| *id < from);
        let stop = self.entries.partition_point(|(id, _)| *id <= to);
        self.entries.range(start..stop.max(start))
    }

    /// Appends; the id must be above the last.
    pub fn push(&mut self, id: StreamId, fields: Fields, block_entries: usize) {
        match self.blocks.back_mut() {
            Some(block) if block.filled < block_entries => {
                block.live += 1;
                block.filled += 1;
            }
            _ => self.blocks.push_back(Block { live: 1, filled: 1 }),
        }
        self.entries.push_back((id, fields));
        self.last = id;
    }

    /// Drops what a trim asks for; how many.
    pub fn trim(&mut self, trim: Trim, exact: bool, block_entries: usize) -> usize {
        // What Redis bounds one approximate trim by, unless told otherwise.
        let most = if exact {
            usize::MAX
        } else {
            100 * block_entries
        };
        let mut dropped = 0;
        while let Some(block) = self.blocks.front().copied() {
            let goes = |index: usize| match trim {
                Trim::MaxLen(count) => self.entries.len() - index > count,
                Trim::MinId(least) => self.entries[index].0 < least,
            };
            if dropped + block.live > most {
                break;
            }
            if goes(block.live - 1) {
                self.blocks.pop_front();
                self.entries.drain(..block.live);
                dropped += block.live;
                continue;
            }
            if exact {
                let some = (0..block.live).take_while(|index| goes(*index)).count();
                self.entries.drain(..some);
                self.blocks[0].live -= some;
                dropped += some;
            }
            break;
        }
        dropped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(count: u64) -> Stream {
        let mut stream = Stream::default();
        for ms in 1..=count {
            stream.push(StreamId { ms, seq: 0 }, Fields::default(), 4);
        }
        stream
    }

    fn first(stream: &Stream) -> u64 {
        stream.entries[0].0.ms
    }

    #[test]
    fn an_approximate_trim_drops_whole_blocks() {
        let mut ten = stream(10);
        assert_eq!(ten.trim(Trim::MaxLen(3), false, 4), 4);
        assert_eq!(first(&ten), 5);
        let least = StreamId { ms: 9, seq: 0 };
        assert_eq!(ten.trim(Trim::MinId(least), false, 4), 4);
        assert_eq!((first(&ten), ten.len()), (9, 2));
    }

    #[test]
    fn an_exact_trim_goes_into_a_block_whose_places_are_not_filled_again() {
        let mut six = stream(6);
        assert_eq!(six.trim(Trim::MaxLen(1), true, 4), 5);
        for ms in 7..=9 {
            six.push(StreamId { ms, seq: 0 }, Fields::default(), 4);
        }
        assert_eq!(six.trim(Trim::MaxLen(1), false, 4), 3);
        assert_eq!((first(&six), six.len()), (9, 1));
    }
}
