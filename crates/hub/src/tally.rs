//! A room's counters: likes by origin, viewers by node.

use std::collections::BTreeMap;

use tidegate_protocol::frames::Counters;
use tidegate_stream::Region;

use crate::limits::{LEEWAY_MS, PRESENCE_LIVES_MS};

/// What is known of a room's counters.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    likes: BTreeMap<Region, u64>,
    /// `region/node` -> viewers, until (ms of Redis' clock).
    online: BTreeMap<String, (u64, u64)>,
}

impl Tally {
    /// A running total of one origin: the greatest is kept, so that order and repeats do not matter.
    pub fn likes(&mut self, origin: &Region, total: u64) {
        let known = self.likes.entry(origin.clone()).or_default();
        *known = total.max(*known);
    }

    /// Viewers on `region/node`, believed until then.
    pub fn online(&mut self, node: String, viewers: u64, until_ms: u64) {
        match self.online.get_mut(&node) {
            Some(known) if known.1 > until_ms => {}
            Some(known) => *known = (viewers, until_ms),
            None => {
                self.online.insert(node, (viewers, until_ms));
            }
        }
    }

    /// Viewers on a node of `region`, as an entry of `at_ms` says.
    pub(crate) fn presence(&mut self, region: &Region, node: &str, viewers: u64, at_ms: u64) {
        self.online(
            format!("{region}/{node}"),
            viewers,
            at_ms + PRESENCE_LIVES_MS,
        );
    }

    /// What was read elsewhere, taken in.
    pub(crate) fn merge(&mut self, other: Self) {
        for (origin, total) in other.likes {
            self.likes(&origin, total);
        }
        for (node, (viewers, until_ms)) in other.online {
            self.online(node, viewers, until_ms);
        }
    }

    /// The totals now, lapsed nodes dropped.
    pub(crate) fn totals(&mut self, now_ms: u64) -> Counters {
        self.online
            .retain(|_, (_, until_ms)| *until_ms + LEEWAY_MS > now_ms);
        Counters {
            online: self.online.values().map(|(viewers, _)| viewers).sum(),
            likes: self.likes.values().sum(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_do_not_depend_on_order() {
        let eu: Region = "eu".parse().unwrap();
        let us: Region = "us".parse().unwrap();
        let mut tally = Tally::default();
        tally.likes(&eu, 7);
        tally.likes(&us, 2);
        tally.likes(&eu, 5);
        tally.presence(&eu, "n1", 3, 1_000);
        tally.presence(&eu, "n2", 4, 1_000);
        tally.presence(&eu, "n1", 9, 500);
        assert_eq!(
            tally.totals(2_000),
            Counters {
                online: 7,
                likes: 9
            }
        );
        assert_eq!(
            tally.totals(1_000 + PRESENCE_LIVES_MS + LEEWAY_MS).online,
            0
        );
    }
}
