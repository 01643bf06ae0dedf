//! Replay up to a mark (link, section 4): what of history a returning viewer is given, and when it is complete.

use std::collections::BTreeMap;
use std::sync::Arc;

use tidegate_stream::calls::{self, Verdict};
use tidegate_stream::{Cursor, Region, StreamId};

use crate::message::Message;

/// What one read of a room's history found, for one origin.
#[derive(Debug, Clone)]
pub struct OriginPage {
    /// Whose history.
    pub origin: Region,
    /// The last id of its log when this was read.
    pub last: StreamId,
    /// Whether it reaches back to the position that was asked for.
    pub verdict: Verdict,
    /// Cut short: there is more above `reached`.
    pub more: bool,
    /// The last id that was found, whether this version can read it or not.
    pub reached: Option<StreamId>,
    /// By id, each above the position that was asked for.
    pub messages: Vec<Arc<Message>>,
}

impl From<calls::OriginPage> for OriginPage {
    /// What viewers get of it: entries that are no messages are left out.
    fn from(page: calls::OriginPage) -> Self {
        Self {
            messages: page
                .entries
                .iter()
                .filter_map(|entry| Message::new(&page.origin, entry).map(Arc::new))
                .collect(),
            origin: page.origin,
            last: page.last,
            verdict: page.verdict,
            more: page.more,
            reached: page.reached,
        }
    }
}

/// Reads `(from, mark]` of each origin, page by page.
#[derive(Debug, Clone)]
pub(crate) struct Replay {
    reached: Cursor,
    /// Origins that are not complete, each with its mark.
    open: BTreeMap<Region, StreamId>,
}

/// What a page came to.
#[derive(Debug, Default)]
pub(crate) struct Step {
    pub(crate) messages: Vec<Arc<Message>>,
    pub(crate) chat_gap: bool,
    pub(crate) reset: bool,
}

impl Replay {
    /// From a returning reader's cursor to the node's position. An origin in which the reader is level or ahead has
    /// nothing to replay.
    pub(crate) fn new(from: Cursor, mark: &Cursor) -> Self {
        let open = mark
            .iter()
            .filter(|(origin, mark)| from.get(origin) < *mark)
            .map(|(origin, mark)| (origin.clone(), mark))
            .collect();
        Self {
            reached: from,
            open,
        }
    }

    pub(crate) fn is_done(&self) -> bool {
        self.open.is_empty()
    }

    /// Whether history does not reach as far as the tail did: a Redis that was started anew, or promoted, may have lost
    /// what the tail had read, and may get it back. What it answers then is not all.
    pub(crate) fn is_behind(&self, pages: &[OriginPage]) -> bool {
        pages.iter().any(|page| {
            let mark = self.open.get(&page.origin);
            mark.is_some_and(|mark| page.last < *mark)
        })
    }

    /// The reader's position after what was taken.
    pub(crate) fn reached(&self) -> &Cursor {
        &self.reached
    }

    /// What to ask for: origins, and the id after which to read.
    pub(crate) fn request(&self) -> Vec<(Region, StreamId)> {
        self.open
            .keys()
            .map(|origin| (origin.clone(), self.reached.get(origin)))
            .collect()
    }

    /// Takes a page. `None`: it says that there is more, but does not get on, so that reading would never end.
    pub(crate) fn take(&mut self, pages: Vec<OriginPage>) -> Option<Step> {
        let mut step = Step::default();
        for page in pages {
            let Some(&mark) = self.open.get(&page.origin) else {
                continue;
            };
            step.reset |= page.verdict == Verdict::Reset;
            step.chat_gap |= page.verdict == Verdict::ChatGap;
            let before = self.reached.get(&page.origin);
            let fresh = page
                .messages
                .into_iter()
                .filter(|message| (before..=mark).contains(&message.id) && message.id > before);
            step.messages.extend(fresh);
            match page.reached {
                Some(reached) if page.more && reached < mark => {
                    if reached <= before {
                        return None;
                    }
                    self.reached.set(page.origin, reached);
                }
                None if page.more => return None,
                _ => {
                    self.open.remove(&page.origin);
                    self.reached.set(page.origin, mark);
                }
            }
        }
        // A stable sort: the order within an origin stays.
        step.messages.sort_by_key(|message| message.id);
        Some(step)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{cursor, page};

    #[test]
    fn what_lies_above_the_mark_is_cut_off() {
        let mut replay = Replay::new(cursor(&[("eu", 3)]), &cursor(&[("eu", 6)]));
        let step = replay.take(vec![page("eu", true, &[4, 6, 8])]).unwrap();
        let ids: Vec<u64> = step.messages.iter().map(|message| message.id.ms).collect();
        assert_eq!(ids, [4, 6]);
        assert!(replay.is_done() && !step.reset && !step.chat_gap);
        assert_eq!(*replay.reached(), cursor(&[("eu", 6)]));
    }

    #[test]
    fn whoever_is_ahead_or_level_reads_nothing() {
        let replay = Replay::new(cursor(&[("eu", 9), ("ap", 4)]), &cursor(&[("eu", 6)]));
        assert!(replay.is_done());
        assert_eq!(*replay.reached(), cursor(&[("eu", 9), ("ap", 4)]));
    }

    #[test]
    fn pages_go_on_where_they_stopped() {
        let mut replay = Replay::new(Cursor::default(), &cursor(&[("eu", 9), ("us", 2)]));
        let first = replay.take(vec![page("eu", true, &[1, 2]), page("us", false, &[])]);
        assert_eq!(first.unwrap().messages.len(), 2);
        assert_eq!(
            replay.request(),
            [("eu".parse().unwrap(), StreamId { ms: 2, seq: 0 })]
        );
        let last = replay.take(vec![page("eu", false, &[2, 5])]).unwrap();
        assert_eq!(last.messages.len(), 1);
        assert_eq!(*replay.reached(), cursor(&[("eu", 9), ("us", 2)]));
    }

    #[test]
    fn more_of_nothing_is_refused() {
        let mut replay = Replay::new(cursor(&[("eu", 2)]), &cursor(&[("eu", 9)]));
        assert!(replay.clone().take(vec![page("eu", true, &[])]).is_none());
        assert!(replay.take(vec![page("eu", true, &[2])]).is_none());
    }
}
