//! Regions that have retired: what becomes of their component in cursors (link, section 6).

use std::collections::BTreeSet;

use tidegate_stream::{Cursor, Region};

use crate::hub::Hub;
use crate::subscription::Phase;

/// Regions that are marked as retired. They write no more.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Departed {
    /// Some of what they wrote is still kept, and tailed for whoever has not seen it. Newcomers are given cursors without
    /// them, so that a missing component is no `0-0` here: it stands at the end.
    pub retired: BTreeSet<Region>,
    /// Nothing of theirs is kept: they have no place in a cursor any more.
    pub expired: BTreeSet<Region>,
}

impl Departed {
    /// A viewer's cursor, as it counts here.
    pub(crate) fn complete(&self, mut cursor: Cursor, mark: &Cursor) -> Cursor {
        for origin in &self.retired {
            if !cursor.has(origin) && mark.has(origin) {
                cursor.set(origin.clone(), mark.get(origin));
            }
        }
        for origin in &self.expired {
            cursor.remove(origin);
        }
        cursor
    }
}

impl Hub {
    /// Which regions have retired, as is known now.
    pub fn set_departed(&mut self, departed: Departed) {
        for origin in &departed.expired {
            for state in self.shards.values_mut() {
                state.positions.remove(origin);
            }
            for (_, sub) in &mut self.subs {
                if let Phase::Ahead(cursor) = &mut sub.phase {
                    cursor.remove(origin);
                }
            }
        }
        self.departed = departed;
    }
}
