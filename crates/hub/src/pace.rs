//! When a room's next flush begins.

/// Waits nothing while a room is quiet, and up to a ceiling when it is busy, so that a hot room costs one write a
/// viewer and tick. Times are milliseconds of any clock that does not go back.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    ceiling_ms: u64,
    tick_ms: u64,
    last_ms: Option<u64>,
}

/// The first step of a room that becomes busy.
const FIRST_MS: u64 = 5;
/// A room in which so many items would wait together at the ceiling is busy: a write for every four is worth the wait.
const BUSY_ITEMS: u64 = 4;
/// One in which fewer would is quiet: what has made it wait, a burst for one, is over.
const QUIET_ITEMS: u64 = 3;

impl Pace {
    pub(crate) fn new(ceiling_ms: u64) -> Self {
        Self {
            ceiling_ms,
            tick_ms: 0,
            last_ms: None,
        }
    }

    /// When a flush may begin for something that came now.
    pub(crate) fn due_ms(&self, now_ms: u64) -> u64 {
        self.last_ms
            .map_or(now_ms, |last_ms| now_ms.max(last_ms + self.tick_ms))
    }

    /// A flush of so many items begins.
    ///
    /// What counts is how fast they came, not whether they came together: items that waited for the tick always come
    /// together, so that a room would never stop waiting.
    pub(crate) fn begins(&mut self, now_ms: u64, items: u64) {
        let since_ms = self
            .last_ms
            .map_or(u64::MAX, |last| now_ms.saturating_sub(last));
        let at_the_ceiling = items.saturating_mul(self.ceiling_ms) / since_ms.max(1);
        self.tick_ms = if at_the_ceiling >= BUSY_ITEMS {
            (self.tick_ms * 2).max(FIRST_MS).min(self.ceiling_ms)
        } else if at_the_ceiling >= QUIET_ITEMS {
            self.tick_ms
        } else if since_ms >= 2 * self.ceiling_ms {
            0
        } else {
            self.tick_ms / 2
        };
        self.last_ms = Some(now_ms);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quiet_room_never_waits() {
        let mut pace = Pace::new(50);
        for second in 0..20 {
            let now_ms = second * 1_000;
            assert_eq!(pace.due_ms(now_ms), now_ms);
            pace.begins(now_ms, 1);
        }
    }

    #[test]
    fn a_busy_room_reaches_the_ceiling_and_comes_back() {
        let mut pace = Pace::new(50);
        let mut now_ms = 0;
        for _ in 0..10 {
            now_ms = pace.due_ms(now_ms);
            pace.begins(now_ms, 100);
            assert!(pace.due_ms(now_ms) <= now_ms + 50);
        }
        assert_eq!(pace.due_ms(now_ms), now_ms + 50);
        now_ms += 1_000;
        assert_eq!(pace.due_ms(now_ms), now_ms);
        pace.begins(now_ms, 1);
        assert_eq!(pace.due_ms(now_ms), now_ms);
    }

    /// Has items come every so many ms; gives how long each waited, ms.
    fn waits(pace: &mut Pace, from_ms: u64, every_ms: u64, items: u64) -> Vec<u64> {
        let mut waits = Vec::new();
        let mut waiting: Vec<u64> = Vec::new();
        for now_ms in from_ms..from_ms + items * every_ms {
            if (now_ms - from_ms).is_multiple_of(every_ms) {
                waiting.push(now_ms);
            }
            if !waiting.is_empty() && pace.due_ms(now_ms) <= now_ms {
                pace.begins(now_ms, waiting.len() as u64);
                waits.extend(waiting.drain(..).map(|came_ms| now_ms - came_ms));
            }
        }
        waits
    }

    #[test]
    fn a_burst_does_not_make_a_room_wait_for_ever() {
        let mut pace = Pace::new(50);
        for now_ms in 0..200 {
            if pace.due_ms(now_ms) <= now_ms {
                pace.begins(now_ms, 50);
            }
        }
        let waits = waits(&mut pace, 200, 25, 100);
        assert!(waits[..20].iter().any(|&wait| wait > 0));
        assert!(waits[20..].iter().all(|&wait| wait == 0), "{waits:?}");
    }

    #[test]
    fn a_fast_room_waits_for_the_ceiling() {
        let mut pace = Pace::new(50);
        let waits = waits(&mut pace, 0, 5, 400);
        assert!(waits[100..].iter().any(|&wait| wait >= 45), "{waits:?}");
        assert!(waits.iter().all(|&wait| wait <= 50), "{waits:?}");
    }

    #[test]
    fn a_ceiling_of_nothing_never_waits() {
        let mut pace = Pace::new(0);
        for _ in 0..5 {
            pace.begins(7, 100);
            assert_eq!(pace.due_ms(7), 7);
        }
    }
}
