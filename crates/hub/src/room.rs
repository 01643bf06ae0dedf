//! One room on one core.

use std::collections::VecDeque;
use std::rc::Rc;

use tidegate_protocol::frames::{Counters, MessageText};
use tidegate_stream::{Cursor, RoomId, Shard};

use crate::encode::{ENCODINGS, Encoder, Encoding, Frame};
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
    cut: [Option<(Cut, Frame)>; ENCODINGS],
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
    pub(crate) frames: [Option<Frame>; ENCODINGS],
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
            due_ms: None,
            flush: None,
            flushed: 0,
            tally: Tally::default(),
            tallied: false,
            shown: Counters::default(),
            shown_ms: 0,
            closed: false,
            encoder,
            cut: [const { None }; ENCODINGS],
        }
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

    /// The frame of a range of the ring, shared by all who stand at its start.
    pub(crate) fn frame(
        &mut self,
        cut: Cut,
        encoding: Encoding,
        shard: &Cursor,
        counters: Option<Counters>,
    ) -> Frame {
        let cursor = self.cursor_at(cut.to, shard);
        if cut.reset {
            return self.encoder.reset(encoding, &self.id, &cursor, self.shown);
        }
        let messages = self.messages(cut);
        self.encoder.batch(
            encoding,
            &self.id,
            &cursor,
            counters,
            cut.chat_gap,
            messages,
        )
    }

    /// The same for those who are behind: the last one is kept, since whoever fell behind together is fed together.
    pub(crate) fn shared(&mut self, cut: Cut, encoding: Encoding, shard: &Cursor) -> Frame {
        match &self.cut[encoding.index()] {
            Some((kept, frame)) if *kept == cut && cut.to < self.ring.end() => frame.clone(),
            _ => {
                let counters = (cut.to == self.ring.end()).then_some(self.shown);
                let frame = self.frame(cut, encoding, shard, counters);
                self.cut[encoding.index()] = Some((cut, frame.clone()));
                frame
            }
        }
    }

    /// The texts of a range.
    pub(crate) fn messages(&self, cut: Cut) -> impl Iterator<Item = &MessageText> + Clone {
        self.ring
            .range(cut.from, cut.to)
            .filter_map(|item| match item {
                Item::Message(message) => message.text.as_ref(),
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
