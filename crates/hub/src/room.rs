//! One room on one core.

use std::collections::VecDeque;
use std::rc::Rc;

use tidegate_protocol::frames::{Counters, MessageText};
use tidegate_stream::{Cursor, RoomId, Shard};

use crate::budget::Budget;
use crate::encode::{Encoder, Encoding};
use crate::frames::{Frames, Made};
use crate::limits::{LIKES_MS, LIKES_SENDS_PER_S, ONLINE_MS, ONLINE_SENDS_PER_S};
use crate::message::Message;
use crate::pace::Pace;
use crate::replay::Replay;
use crate::ring::{Cut, Item, Ring};
use crate::tally::Tally;

/// An empty place in a room's list.
pub(crate) const NOBODY: u32 = u32::MAX;

pub(crate) struct Room {
    pub(crate) id: RoomId,
    pub(crate) shard: Shard,
    pub(crate) generation: u32,
    pub(crate) ring: Ring,
    pub(crate) mend: Option<Mend>,
    /// Subscriptions, in the order in which they came; ended ones are [`NOBODY`] until the next flush.
    pub(crate) list: Vec<u32>,
    pub(crate) gone: usize,
    /// Let in: what presence counts.
    pub(crate) viewers: u64,
    pub(crate) pace: Pace,
    pub(crate) budget: Budget,
    pub(crate) due_ms: Option<u64>,
    pub(crate) flush: Option<Flush>,
    /// Where the next flush starts.
    pub(crate) flushed: u64,
    pub(crate) tally: Tally,
    /// Counters were read from Redis once.
    pub(crate) tallied: bool,
    pub(crate) shown: Counters,
    pub(crate) shown_ms: u64,
    pub(crate) closed: bool,
    pub(crate) encoder: Rc<Encoder>,
    /// The last frames for those who were behind.
    behind: Frames<(Cut, Made)>,
}

/// A hole in the shard's log is being filled from the room's history.
pub(crate) struct Mend {
    pub(crate) replay: Replay,
    /// Where the shard stood when it began.
    pub(crate) mark: Cursor,
    pub(crate) generation: u32,
    /// What came above the mark meanwhile.
    pub(crate) waiting: VecDeque<Item>,
    pub(crate) waiting_bytes: usize,
    /// A page was taken; the next is asked for when it has been flushed.
    pub(crate) rests: bool,
    /// Times that history was not all there.
    pub(crate) behind: u8,
}

pub(crate) struct Flush {
    pub(crate) cut: Cut,
    pub(crate) counters: Option<Counters>,
    /// What every viewer's level is at least.
    pub(crate) level: u8,
    pub(crate) frames: Frames<Made>,
    pub(crate) next: usize,
    pub(crate) len: usize,
}

impl Room {
    pub(crate) fn new(
        id: RoomId,
        shard: Shard,
        generation: u32,
        ring: Ring,
        pace: Pace,
        budget: Budget,
        encoder: Rc<Encoder>,
    ) -> Self {
        Self {
            id,
            shard,
            generation,
            ring,
            mend: None,
            list: Vec::new(),
            gone: 0,
            viewers: 0,
            pace,
            budget,
            due_ms: None,
            flush: None,
            flushed: 0,
            tally: Tally::default(),
            tallied: false,
            shown: Counters::default(),
            shown_ms: 0,
            closed: false,
            encoder,
            behind: Frames::default(),
        }
    }

    /// When these counters may make a frame by themselves: so often, and so seldom that all viewers' sends stay within what
    /// counters may cost.
    pub(crate) fn counters_due_ms(&self, totals: Counters) -> u64 {
        let (every_ms, sends_per_s) = if totals.likes != self.shown.likes {
            (LIKES_MS, LIKES_SENDS_PER_S)
        } else {
            (ONLINE_MS, ONLINE_SENDS_PER_S)
        };
        self.shown_ms + counters_every_ms(every_ms, sends_per_s, self.list.len() as u64)
    }

    /// The position that the ring's end stands for, when the shard stands at `shard`.
    pub(crate) fn level<'a>(&'a self, shard: &'a Cursor) -> &'a Cursor {
        self.mend
            .as_ref()
            .map_or(shard, |mend| mend.replay.reached())
    }

    /// The position after the items below `seq`.
    pub(crate) fn cursor_at(&self, seq: u64, shard: &Cursor) -> Cursor {
        if seq == self.ring.end() {
            self.level(shard).clone()
        } else {
            self.ring.cursor_at(seq)
        }
    }

    /// Up to where flushes have served, or are serving.
    pub(crate) fn serving_to(&self) -> u64 {
        self.flush
            .as_ref()
            .map_or(self.flushed, |flush| flush.cut.to)
    }

    pub(crate) fn push(&mut self, item: Item) {
        let unserved = self
            .flush
            .as_ref()
            .map_or(self.flushed, |flush| flush.cut.from);
        self.ring.push(item, unserved);
    }

    /// The frame of a range of the ring, shared by all who stand at its start and are of one level.
    pub(crate) fn frame(
        &mut self,
        cut: Cut,
        encoding: Encoding,
        level: u8,
        shard: &Cursor,
        counters: Option<Counters>,
    ) -> Made {
        let cursor = self.cursor_at(cut.to, shard);
        if cut.reset {
            return Made {
                frame: self.encoder.reset(encoding, &self.id, &cursor, self.shown),
                left_out: 0,
            };
        }
        let all = self.messages(cut);
        let dropped = all.clone().filter(|message| message.level < level).count() as u64;
        let messages = all.filter(|message| message.level >= level);
        let left_out = cut.left_out(dropped);
        Made {
            frame: self.encoder.batch(
                encoding,
                &self.id,
                &cursor,
                counters,
                left_out,
                texts(messages),
            ),
            left_out: dropped,
        }
    }

    /// The same for those who are behind: the last one is kept, since whoever fell behind together is fed together.
    pub(crate) fn shared(
        &mut self,
        cut: Cut,
        encoding: Encoding,
        level: u8,
        shard: &Cursor,
    ) -> Made {
        match self.behind.get(encoding, level) {
            Some((kept, made)) if *kept == cut && cut.to < self.ring.end() => made.clone(),
            _ => {
                let counters = (cut.to == self.ring.end()).then_some(self.shown);
                let made = self.frame(cut, encoding, level, shard, counters);
                self.behind.put(encoding, level, (cut, made.clone()));
                made
            }
        }
    }

    /// The messages of a range that viewers get.
    pub(crate) fn messages(&self, cut: Cut) -> impl Iterator<Item = &Message> + Clone {
        self.ring
            .range(cut.from, cut.to)
            .filter_map(|item| match item {
                Item::Message(message) => message.text.is_some().then_some(&**message),
                Item::ChatGap | Item::Level(_) | Item::Reset { .. } => None,
            })
    }

    /// Drops the places of those who have left, in order. Gives each that moved its new place.
    pub(crate) fn compact(&mut self, mut moved: impl FnMut(u32, u32)) {
        // Each costs a look at the list: not before an eighth is empty.
        if self.gone * 8 <= self.list.len() {
            return;
        }
        self.gone = 0;
        self.list.retain(|&sub| sub != NOBODY);
        for (at, &sub) in self.list.iter().enumerate() {
            moved(sub, at as u32);
        }
    }
}

/// The texts of messages.
pub(crate) fn texts<'m>(
    messages: impl Iterator<Item = &'m Message> + Clone,
) -> impl Iterator<Item = &'m MessageText> + Clone {
    messages.filter_map(|message| message.text.as_ref())
}

/// How often counters may make a frame by themselves, ms.
fn counters_every_ms(every_ms: u64, sends_per_s: u64, viewers: u64) -> u64 {
    every_ms.max((viewers * 1_000).div_ceil(sends_per_s))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_cost_a_core_no_more_however_many_see_them() {
        for (every_ms, sends_per_s) in [
            (ONLINE_MS, ONLINE_SENDS_PER_S),
            (LIKES_MS, LIKES_SENDS_PER_S),
        ] {
            let few = every_ms * sends_per_s / 1_000;
            assert_eq!(counters_every_ms(every_ms, sends_per_s, few), every_ms);
            for viewers in [0, 1, few + 1, 15_000, 1_000_000] {
                let ms = counters_every_ms(every_ms, sends_per_s, viewers);
                assert!(ms >= every_ms && viewers * 1_000 <= ms * sends_per_s);
            }
        }
    }
}
