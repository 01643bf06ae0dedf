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
    pub(crate) fn begins(&mut self, now_ms: u64, items: u64) {
        let since_ms = self
            .last_ms
            .map_or(u64::MAX, |last| now_ms.saturating_sub(last));
        let busy = items > 1 || since_ms <= self.tick_ms.max(FIRST_MS);
        self.tick_ms = if busy && since_ms < 2 * self.ceiling_ms.max(FIRST_MS) {
            (self.tick_ms * 2)
                .clamp(FIRST_MS, self.ceiling_ms.max(FIRST_MS))
                .min(self.ceiling_ms)
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

    #[test]
    fn a_ceiling_of_nothing_never_waits() {
        let mut pace = Pace::new(0);
        for _ in 0..5 {
            pace.begins(7, 100);
            assert_eq!(pace.due_ms(7), 7);
        }
    }
}
