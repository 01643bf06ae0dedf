//! A room's last items, by sequence number.

use std::collections::VecDeque;
use std::sync::Arc;

use tidegate_protocol::frames::LeftOut;
use tidegate_stream::Cursor;

use crate::limits::{ITEM_BYTES, UNSERVED};
use crate::message::Message;

/// One step of a room.
#[derive(Debug, Clone)]
pub(crate) enum Item {
    /// A message.
    Message(Arc<Message>),
    /// Chat is missing here; how much is not known.
    ChatGap,
    /// History was read up to this position, and what was missing of it was said.
    Level(Cursor),
    /// History is missing here; it goes on from `position`. Whoever has `lost` already misses nothing.
    Reset { position: Cursor, lost: Cursor },
}

impl Item {
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Self::Message(message) => ITEM_BYTES + message.text_bytes(),
            Self::ChatGap | Self::Level(_) | Self::Reset { .. } => ITEM_BYTES,
        }
    }
}

/// What one frame takes from a ring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cut {
    /// First sequence number.
    pub(crate) from: u64,
    /// One past the last.
    pub(crate) to: u64,
    /// One reset, alone.
    pub(crate) reset: bool,
    /// Chat is missing in it.
    pub(crate) chat_gap: bool,
}

impl Cut {
    /// What its frame says is missing, when lanes have left out so many.
    pub(crate) fn left_out(&self, dropped: u64) -> LeftOut {
        if self.chat_gap {
            LeftOut::Unknown
        } else {
            LeftOut::Count(dropped)
        }
    }
}

/// Items `first..end`, bounded in bytes. The position before the first is known, so that a cursor can be had for each.
#[derive(Debug)]
pub(crate) struct Ring {
    items: VecDeque<Item>,
    first: u64,
    bytes: usize,
    most_bytes: usize,
    base: Cursor,
    /// What was reached where an item begins, beside what the items before it say.
    marks: VecDeque<(u64, Cursor)>,
}

impl Ring {
    pub(crate) fn new(most_bytes: usize, base: Cursor) -> Self {
        Self {
            items: VecDeque::new(),
            first: 0,
            bytes: 0,
            most_bytes,
            base,
            marks: VecDeque::new(),
        }
    }

    /// The position of an empty ring, once it is known.
    pub(crate) fn begin_at(&mut self, base: Cursor) {
        debug_assert!(self.items.is_empty());
        self.base = base;
    }

    pub(crate) fn most_bytes(&self) -> usize {
        self.most_bytes
    }

    pub(crate) fn first(&self) -> u64 {
        self.first
    }

    pub(crate) fn end(&self) -> u64 {
        self.first + self.items.len() as u64
    }

    /// Appends, and evicts what lies below `unserved`: what no flush has begun to serve is kept up to
    /// [`UNSERVED`] times the bound, so that a burst does not cut off viewers who keep up.
    pub(crate) fn push(&mut self, item: Item, unserved: u64) {
        self.bytes += item.bytes();
        self.items.push_back(item);
        while self.items.len() > 1
            && (self.bytes > self.most_bytes && self.first < unserved
                || self.bytes > self.most_bytes * UNSERVED)
        {
            if let Some(gone) = self.items.pop_front() {
                self.bytes -= gone.bytes();
                self.first += 1;
                step(&mut self.base, &gone);
            }
        }
        while let Some((_, position)) = self.marks.pop_front_if(|(seq, _)| *seq <= self.first) {
            self.base.merge(&position);
        }
    }

    /// The end stands for this position, though no item says so. One mark for each item at most.
    pub(crate) fn mark(&mut self, position: &Cursor) {
        let end = self.end();
        match self.marks.back_mut() {
            Some((seq, known)) if *seq == end => known.merge(position),
            _ => self.marks.push_back((end, position.clone())),
        }
    }

    /// The position after the items below `seq`.
    pub(crate) fn cursor_at(&self, seq: u64) -> Cursor {
        let mut cursor = self.base.clone();
        for item in self.range(self.first, seq) {
            step(&mut cursor, item);
        }
        for (_, position) in self.marks.iter().take_while(|(at, _)| *at <= seq) {
            cursor.merge(position);
        }
        cursor
    }

    pub(crate) fn range(&self, from: u64, to: u64) -> impl Iterator<Item = &Item> + Clone {
        let start = from.saturating_sub(self.first) as usize;
        let stop = (to.saturating_sub(self.first) as usize).min(self.items.len());
        self.items.range(start.min(stop)..stop)
    }

    /// The next frame for whoever stands at `from`, which the ring must hold: up to `to`, to a reset, or to so many
    /// bytes of messages, at least one item.
    pub(crate) fn cut(&self, from: u64, to: u64, most_bytes: usize) -> Cut {
        let mut cut = Cut {
            from,
            to: from,
            reset: false,
            chat_gap: false,
        };
        let mut bytes = 0;
        for item in self.range(from, to) {
            match item {
                Item::Reset { .. } => {
                    if cut.to == from {
                        cut.reset = true;
                        cut.to += 1;
                    }
                    break;
                }
                Item::ChatGap => cut.chat_gap = true,
                Item::Level(_) => {}
                Item::Message(message) => {
                    bytes += message.text_bytes();
                    if bytes > most_bytes && cut.to > from {
                        break;
                    }
                }
            }
            cut.to += 1;
        }
        cut
    }
}

fn step(cursor: &mut Cursor, item: &Item) {
    match item {
        Item::Message(message) => cursor.set(message.origin.clone(), message.id),
        Item::ChatGap => {}
        Item::Level(position) | Item::Reset { position, .. } => cursor.merge(position),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn what_is_evicted_moves_the_base() {
        let mut ring = Ring::new(3 * (ITEM_BYTES + 200), Cursor::default());
        for ms in 1..=10 {
            ring.push(Item::Message(testing::message("eu", ms)), ms);
        }
        assert!(ring.first() > 0 && ring.first() < 10);
        assert_eq!(
            ring.cursor_at(ring.first()),
            testing::cursor(&[("eu", ring.first())])
        );
        assert_eq!(ring.cursor_at(10), testing::cursor(&[("eu", 10)]));
    }

    #[test]
    fn a_burst_is_kept_until_it_is_served() {
        let mut ring = Ring::new(3 * (ITEM_BYTES + 200), Cursor::default());
        for ms in 1..=8 {
            ring.push(Item::Message(testing::message("eu", ms)), 0);
        }
        assert_eq!(ring.first(), 0);
        for ms in 9..=100 {
            ring.push(Item::Message(testing::message("eu", ms)), 0);
        }
        assert!(ring.first() > 0);
    }

    #[test]
    fn a_mark_holds_from_where_it_was_made() {
        for most_bytes in [1 << 20, 1] {
            let mut ring = Ring::new(most_bytes, Cursor::default());
            ring.push(Item::Message(testing::message("eu", 1)), 0);
            ring.mark(&testing::cursor(&[("eu", 7), ("us", 3)]));
            // The smaller one evicts what was before, and begins with the mark.
            ring.push(Item::Message(testing::message("us", 5)), 0);
            assert_eq!(ring.first(), u64::from(most_bytes == 1));
            if ring.first() == 0 {
                assert_eq!(ring.cursor_at(0), Cursor::default());
            }
            let marked = testing::cursor(&[("eu", 7), ("us", 3)]);
            assert_eq!(ring.cursor_at(1), marked);
            assert_eq!(ring.cursor_at(2), testing::cursor(&[("eu", 7), ("us", 5)]));
        }
    }

    #[test]
    fn a_cut_stops_at_a_reset_and_at_its_bytes() {
        let mut ring = Ring::new(1 << 20, Cursor::default());
        ring.push(Item::Message(testing::message("eu", 1)), 0);
        ring.push(Item::ChatGap, 0);
        let position = testing::cursor(&[("eu", 5)]);
        let lost = position.clone();
        ring.push(Item::Reset { position, lost }, 0);
        ring.push(Item::Message(testing::message("eu", 6)), 0);
        ring.push(Item::Message(testing::message("eu", 7)), 0);
        let first = ring.cut(0, 5, 1 << 20);
        assert_eq!((first.to, first.reset, first.chat_gap), (2, false, true));
        let second = ring.cut(2, 5, 1 << 20);
        assert_eq!((second.to, second.reset), (3, true));
        assert_eq!(ring.cursor_at(3), testing::cursor(&[("eu", 5)]));
        assert_eq!(ring.cut(3, 5, 1).to, 4);
        assert_eq!(ring.cut(3, 5, 1 << 20).to, 5);
    }
}
