//! A viewer's own level: up when a write blocks, down when there is quiet.

use tidegate_protocol::level::HIGHEST;
use tidegate_stream::RoomId;

use crate::frames::LEVELS;
use crate::hub::Hub;

const LEVEL: u8 = 0b11;
/// The connection has not taken a frame whole yet.
const BLOCKED: u8 = 1 << 2;
/// It was blocked since the last look.
const RECENT: u8 = 1 << 3;

const _: () = assert!(HIGHEST == LEVEL);

/// What a slow connection has made of a subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Strain(u8);

impl Strain {
    /// The level that it stands at by itself.
    pub(crate) fn level(self) -> u8 {
        self.0 & LEVEL
    }

    /// A write blocked, or found the connection blocked, at a level: one up, once until the connection takes frames again.
    pub(crate) fn block(&mut self, at_level: u8) {
        if self.0 & BLOCKED == 0 {
            let level = (at_level.max(self.level()) + 1).min(HIGHEST);
            self.0 = level | BLOCKED | RECENT;
        }
    }

    /// The connection takes frames again.
    pub(crate) fn unblock(&mut self) {
        self.0 &= !BLOCKED;
    }

    /// A look, one a second: one down after a second without a blocked write.
    fn ease(&mut self) {
        if self.0 & (BLOCKED | RECENT) == 0 {
            self.0 = self.level().saturating_sub(1);
        } else if self.0 & BLOCKED == 0 {
            self.0 &= !RECENT;
        }
    }

    fn is_none(self) -> bool {
        self == Self::default()
    }
}

/// What the last look found.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Eased {
    /// Frames that blocked or found a blocked connection, up to then.
    seen: u64,
    /// Some subscription is strained.
    strained: bool,
}

/// Who is sampled now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sampled {
    /// Subscriptions by the level that they are served at, without `!all`.
    pub viewers: [u64; LEVELS],
    /// Rooms that are over their chat budget.
    pub rooms: u64,
}

impl Hub {
    /// Lets levels go down, and says who is sampled. For the shell to call each second.
    pub fn ease(&mut self, now_ms: u64) -> Sampled {
        let mut sampled = Sampled::default();
        let all = RoomId::all();
        for (_, room) in &mut self.rooms {
            let level = room.budget.level(now_ms);
            sampled.rooms += u64::from(level > 0);
            if room.id != all {
                sampled.viewers[usize::from(level)] += room.viewers;
            }
        }
        let seen = self.stats.blocked + self.stats.refused;
        if !self.eased.strained && self.eased.seen == seen {
            return sampled;
        }
        self.eased = Eased {
            seen,
            strained: false,
        };
        for (_, sub) in &mut self.subs {
            sub.strain.ease();
            if sub.strain.is_none() {
                continue;
            }
            self.eased.strained = true;
            let room = &mut self.rooms[sub.room as usize];
            let level = room.budget.level(now_ms);
            if sub.strain.level() > level && room.id != all {
                sampled.viewers[usize::from(level)] -= 1;
                sampled.viewers[usize::from(sub.strain.level())] += 1;
            }
        }
        sampled
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_up_for_each_block_and_one_down_for_each_quiet_second() {
        let mut strain = Strain::default();
        for expected in [1, 2, 3, 3] {
            strain.block(0);
            strain.block(0);
            assert_eq!(strain.level(), expected);
            strain.unblock();
        }
        // The second in which it was blocked is none that was quiet.
        strain.ease();
        for expected in [2, 1, 0] {
            assert_eq!(strain.level(), expected + 1);
            strain.ease();
            assert_eq!(strain.level(), expected);
        }
        assert!(strain.is_none());
    }

    #[test]
    fn whoever_stays_blocked_stays_where_it_is() {
        let mut strain = Strain::default();
        strain.block(1);
        for _ in 0..9 {
            strain.ease();
            assert_eq!(strain.level(), 2);
        }
        strain.unblock();
        strain.ease();
        strain.ease();
        assert_eq!(strain.level(), 1);
    }
}
