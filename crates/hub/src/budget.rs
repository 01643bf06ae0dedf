//! What a room's chat budget makes of its chat: the level that everybody there is served at, at least.

use tidegate_protocol::level::HIGHEST;

use crate::frames::LEVELS;
use crate::limits::CALM_S;

const SECOND_MS: u64 = 1_000;

/// Goes up at once when more than the budget has come within a second, and down by one when less than three quarters of
/// it came at the level below, [`CALM_S`] seconds long: what lies between changes nothing.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Budget {
    /// Chat messages a second; 0: no bound.
    most: u64,
    /// It is the room's, not what a node begins with.
    known: bool,
    level: u8,
    calm_s: u64,
    /// When the second under way began, ms.
    since_ms: u64,
    /// What came in it, by level: how many that level keeps.
    kept: [u32; LEVELS],
}

impl Budget {
    pub(crate) fn new(most: u64) -> Self {
        Self {
            most,
            known: false,
            level: 0,
            calm_s: 0,
            since_ms: 0,
            kept: [0; LEVELS],
        }
    }

    /// Another budget. One that was not `asked` for counts only when none is known.
    pub(crate) fn set(&mut self, most: u64, asked: bool) {
        if asked || !self.known {
            self.known = true;
            self.most = most;
            if most == 0 {
                self.level = 0;
            }
            self.rise();
        }
    }

    /// A chat message came that is kept up to this level.
    pub(crate) fn came(&mut self, level: u8, now_ms: u64) {
        self.roll(now_ms);
        for count in &mut self.kept[..=usize::from(level)] {
            *count += 1;
        }
        self.rise();
    }

    /// The level now.
    pub(crate) fn level(&mut self, now_ms: u64) -> u8 {
        self.roll(now_ms);
        self.level
    }

    /// The level as it was found last.
    pub(crate) fn known_level(&self) -> u8 {
        self.level
    }

    fn rise(&mut self) {
        while self.most > 0 && self.level < HIGHEST && self.at(self.level) > self.most {
            self.level += 1;
            self.calm_s = 0;
        }
    }

    fn at(&self, level: u8) -> u64 {
        u64::from(self.kept[usize::from(level)])
    }

    /// Begins a new second when the last one is over.
    fn roll(&mut self, now_ms: u64) {
        let seconds = now_ms.saturating_sub(self.since_ms) / SECOND_MS;
        if seconds == 0 {
            return;
        }
        self.since_ms += seconds * SECOND_MS;
        let calm = self.level > 0 && self.is_calm();
        self.kept = [0; LEVELS];
        // Nothing came in those that have passed since.
        self.calm_s = if calm { self.calm_s + 1 } else { 0 } + (seconds - 1);
        let steps = (self.calm_s / CALM_S).min(u64::from(self.level));
        self.level -= steps as u8;
        self.calm_s = if self.level == 0 {
            0
        } else {
            self.calm_s - steps * CALM_S
        };
    }

    /// Whether the level below would have been enough.
    fn is_calm(&self) -> bool {
        self.most == 0 || self.at(self.level - 1) * 4 <= self.most * 3
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use tidegate_protocol::level::of_chat;
    use tidegate_stream::{Region, StreamId};

    /// Lets so many a second come for so long; gives what was sent in each second, and the level after it.
    fn run(budget: &mut Budget, from_s: u64, seconds: u64, a_second: u64) -> Vec<(u64, u8)> {
        let region: Region = "eu".parse().unwrap();
        (from_s..from_s + seconds)
            .map(|second| {
                let mut sent = 0;
                for n in 0..a_second {
                    let ms = second * SECOND_MS + n * SECOND_MS / a_second;
                    let level = of_chat(&region, StreamId { ms, seq: n });
                    budget.came(level, ms);
                    sent += u64::from(level >= budget.level(ms));
                }
                (sent, budget.level(second * SECOND_MS + 999))
            })
            .collect()
    }

    #[test]
    fn a_room_within_its_budget_is_whole() {
        let mut budget = Budget::new(100);
        assert!(
            run(&mut budget, 5, 10, 100)
                .iter()
                .all(|got| *got == (100, 0))
        );
        let mut none = Budget::new(0);
        assert!(
            run(&mut none, 5, 3, 5_000)
                .iter()
                .all(|got| *got == (5_000, 0))
        );
    }

    #[test]
    fn a_busy_room_finds_its_level_and_keeps_it() {
        for (a_second, level) in [(120, 1), (1_000, 2), (5_000, 3)] {
            let mut budget = Budget::new(100);
            let got = run(&mut budget, 5, 20, a_second);
            assert!(got[0].0 < 400, "{got:?}");
            for (sent, at) in &got[2..] {
                assert_eq!(*at, level, "{a_second}: {got:?}");
                assert!(*sent <= 110, "{a_second}: {got:?}");
            }
        }
    }

    #[test]
    fn it_comes_down_step_by_step_and_not_for_a_moment() {
        let mut budget = Budget::new(100);
        run(&mut budget, 5, 3, 5_000);
        assert_eq!(budget.level(7_999), 3);
        let levels: Vec<u8> = run(&mut budget, 8, 9, 50).iter().map(|got| got.1).collect();
        assert_eq!(levels, [3, 3, 2, 2, 1, 1, 0, 0, 0]);
        run(&mut budget, 20, 1, 120);
        // Between three quarters of the budget and all of it nothing changes.
        assert!(run(&mut budget, 21, 9, 90).iter().all(|got| got.1 == 1));
        // Seconds in which nothing came are calm.
        assert_eq!((budget.level(31_999), budget.level(32_000)), (1, 0));
    }

    #[test]
    fn a_smaller_budget_holds_at_once() {
        let mut budget = Budget::new(1_000);
        run(&mut budget, 5, 1, 900);
        budget.set(100, false);
        assert!(budget.level(5_999) > 0);
        budget.set(2_000, false);
        assert_eq!(budget.most, 100);
        budget.set(0, true);
        assert!(run(&mut budget, 6, 6, 900).last().unwrap().1 == 0);
    }

    proptest! {
        #[test]
        fn a_steady_room_does_not_flap(budget in 100u64..500, a_second in 1u64..3_000) {
            let mut known = Budget::new(budget);
            let levels: Vec<u8> = run(&mut known, 5, 30, a_second).iter().map(|got| got.1).collect();
            let changes = levels[4..].windows(2).filter(|two| two[0] != two[1]).count();
            prop_assert!(changes <= 8, "{levels:?}");
        }
    }
}
