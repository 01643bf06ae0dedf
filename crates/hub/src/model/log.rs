//! The logs of the model, and reading them as `tg_read` does.

use std::collections::BTreeSet;
use std::sync::Arc;

use tidegate_stream::calls::Verdict;
use tidegate_stream::{Entry, Kind, Lane, Region, RoomId, StreamId};

use super::{ORIGINS, PAGE};
use crate::{Message, OriginPage};

#[derive(Default)]
pub(super) struct Log {
    /// All that was appended at the origin, and whether the room is the viewers'.
    pub(super) entries: Vec<(Entry, bool)>,
    /// Ids that were trimmed there before they came here.
    pub(super) lost: BTreeSet<StreamId>,
    /// Below this id, history may be missing here.
    pub(super) floor: StreamId,
    pub(super) trimmed_keep: StreamId,
    pub(super) trimmed_chat: StreamId,
}

pub(super) fn region(origin: usize) -> Region {
    ORIGINS[origin].parse().unwrap()
}

pub(super) fn room() -> RoomId {
    "room".parse().unwrap()
}

pub(super) fn is_chat(entry: &Entry) -> bool {
    entry.kind.lane() == Some(Lane::Chat)
}

impl Log {
    pub(super) fn append(&mut self, lane: usize, here: bool) {
        let last = self
            .entries
            .last()
            .map_or(StreamId::ZERO, |(entry, _)| entry.id);
        let kind = [Kind::Chat, Kind::Gift, Kind::Control][lane];
        let chat = kind == Kind::Chat;
        let previous = self
            .entries
            .iter()
            .rev()
            .find(|(entry, known)| *known == here && is_chat(entry) == chat)
            .map_or(StreamId::ZERO, |(entry, _)| entry.id);
        let id = StreamId {
            ms: last.ms + 1,
            seq: 0,
        };
        let entry = Entry {
            id,
            room: (if here { "room" } else { "other" }).parse().ok(),
            kind,
            sub: "alice".into(),
            info: String::new(),
            data: "{}".into(),
            at_ms: id.ms,
            key: String::new(),
            shard_previous: last,
            room_previous: previous,
            hidden: false,
        };
        self.entries.push((entry, here));
    }

    pub(super) fn last(&self) -> StreamId {
        self.entries
            .last()
            .map_or(StreamId::ZERO, |(entry, _)| entry.id)
    }

    /// What the next `lost` entries say never comes here; the relay says so.
    pub(super) fn gap(&mut self, lost: usize) {
        let before = self.last();
        for lane in 0..lost {
            self.append(lane % 3, true);
            self.lost.insert(self.last());
        }
        let (last, _) = self.entries.last().unwrap();
        let entry = Entry {
            room: None,
            kind: Kind::Gap,
            shard_previous: before,
            room_previous: StreamId::ZERO,
            ..last.clone()
        };
        self.floor = entry.id;
        self.entries.push((entry, false));
    }

    /// Whether an entry is here: lost ones are not, but for the gap that has the last one's id.
    pub(super) fn came(&self, entry: &Entry) -> bool {
        entry.kind == Kind::Gap || !self.lost.contains(&entry.id)
    }

    /// As `tg_read`.
    pub(super) fn read(&self, origin: usize, after: StreamId) -> OriginPage {
        let there = |keep: bool| {
            self.entries
                .iter()
                .filter(move |(entry, here)| {
                    *here && is_chat(entry) != keep && entry.id > after && self.came(entry)
                })
                .map(|(entry, _)| entry)
        };
        let left = |keep: bool, entry: &Entry| {
            entry.id
                > if keep {
                    self.trimmed_keep
                } else {
                    self.trimmed_chat
                }
        };
        let broken = |keep: bool| match there(keep).find(|entry| left(keep, entry)) {
            Some(first) => first.room_previous > after,
            None => there(keep).next().is_some(),
        };
        let mut entries: Vec<&Entry> = there(true)
            .filter(|entry| left(true, entry))
            .chain(there(false).filter(|entry| left(false, entry)))
            .collect();
        entries.sort_by_key(|entry| entry.id);
        let verdict = if after < self.floor || broken(true) {
            Verdict::Reset
        } else if broken(false) {
            Verdict::ChatGap
        } else {
            Verdict::Whole
        };
        let more = entries.len() > PAGE && verdict != Verdict::Reset;
        entries.truncate(if verdict == Verdict::Reset { 0 } else { PAGE });
        let origin = region(origin);
        OriginPage {
            messages: entries
                .iter()
                .filter_map(|entry| Message::new(&origin, entry).map(Arc::new))
                .collect(),
            origin,
            last: self.last(),
            verdict,
            more,
            reached: entries.last().map(|entry| entry.id),
        }
    }
}
