//! When a key set from an address is looked for again, and where. Two steps, each with a bound on how often: in the region's
//! cache, which costs a round trip, then at the address, which one instance does for all.

use crate::fetched::Fetched;
use crate::limits::{AGAIN_MS, FLOOR_MS, LOOK_MS};

/// Why keys are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Want {
    /// They are there, and should not grow old.
    Fresh,
    /// A token names one that is not among them.
    Newer,
}

/// What comes after a look into the cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Nothing: what is kept is as good as it gets now.
    Settled,
    /// Fetch them from the address.
    Fetch,
}

/// The keys that an instance keeps, and when it last looked for others. Times are in ms since the epoch.
#[derive(Debug, Default)]
pub struct Refresh {
    kept: Option<Fetched>,
    looked_ms: Option<u64>,
    fetch_from_ms: u64,
}

impl Refresh {
    /// The keys, if there are any that may still be used.
    pub fn keys(&self, now_ms: u64) -> Option<&Fetched> {
        self.kept.as_ref().filter(|kept| kept.is_usable(now_ms))
    }

    /// Whether to look into the cache. Keys that are fresh are not looked for; whoever sends tokens with names that nobody
    /// knows causes one look a second.
    pub fn is_due(&self, want: Want, now_ms: u64) -> bool {
        let wanted = match want {
            Want::Fresh => self
                .kept
                .as_ref()
                .is_some_and(|kept| !kept.is_fresh(now_ms)),
            Want::Newer => true,
        };
        // A clock that was set back must not stop the looking.
        wanted
            && self
                .looked_ms
                .is_none_or(|looked_ms| now_ms.abs_diff(looked_ms) >= LOOK_MS)
    }

    /// Takes what the cache has, and says whether it is newer.
    pub fn take(&mut self, cached: Option<Fetched>, now_ms: u64) -> bool {
        let before_ms = self.keys(now_ms).map(Fetched::fetched_ms);
        let is_newer = cached.as_ref().is_some_and(|cached| {
            before_ms.is_none_or(|before_ms| cached.fetched_ms() > before_ms)
        });
        if is_newer {
            self.kept = cached;
        }
        is_newer
    }

    /// Takes what the cache has, which is nothing if it does not answer, and says what comes next.
    pub fn found(&mut self, cached: Option<Fetched>, want: Want, now_ms: u64) -> Next {
        self.looked_ms = Some(now_ms);
        let is_newer = self.take(cached, now_ms);
        let age_ms = self
            .keys(now_ms)
            .map(|kept| now_ms.saturating_sub(kept.fetched_ms()));
        let is_enough = match (want, age_ms) {
            (_, None) => false,
            (Want::Fresh, Some(_)) => self.keys(now_ms).is_some_and(|kept| kept.is_fresh(now_ms)),
            (Want::Newer, Some(age_ms)) => is_newer || age_ms < FLOOR_MS,
        };
        if is_enough || now_ms < self.fetch_from_ms {
            return Next::Settled;
        }
        self.fetch_from_ms = now_ms + FLOOR_MS;
        Next::Fetch
    }

    /// Takes what the address answered.
    pub fn fetched(&mut self, keys: Fetched) {
        self.kept = Some(keys);
    }

    /// The address did not answer, or not with keys, or it is another instance's turn: it is asked again sooner than otherwise.
    pub fn not_fetched(&mut self, now_ms: u64) {
        self.fetch_from_ms = now_ms + AGAIN_MS;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::{FRESH_MS, STALE_MS};

    const NOW_MS: u64 = 1_732_400_000_000;

    fn keys(at_ms: u64) -> Fetched {
        let body = br#"{"keys":[{"kty":"EC","kid":"a"}]}"#;
        Fetched::read(body, "https://id.example", at_ms).unwrap()
    }

    fn keeping(at_ms: u64) -> Refresh {
        let mut refresh = Refresh::default();
        refresh.fetched(keys(at_ms));
        refresh
    }

    #[test]
    fn the_first_token_fetches_and_the_next_do_not() {
        let mut refresh = Refresh::default();
        assert!(!refresh.is_due(Want::Fresh, NOW_MS));
        assert!(refresh.is_due(Want::Newer, NOW_MS));
        assert_eq!(refresh.found(None, Want::Newer, NOW_MS), Next::Fetch);
        refresh.fetched(keys(NOW_MS));
        assert!(!refresh.is_due(Want::Fresh, NOW_MS + FRESH_MS - 1));
        assert_eq!(refresh.keys(NOW_MS).unwrap().fetched_ms(), NOW_MS);
    }

    #[test]
    fn the_cache_saves_the_fetch() {
        let mut refresh = Refresh::default();
        let cached = Some(keys(NOW_MS - 1_000));
        assert_eq!(refresh.found(cached, Want::Newer, NOW_MS), Next::Settled);
        assert!(refresh.keys(NOW_MS).is_some());

        let mut old = keeping(NOW_MS - FRESH_MS);
        assert!(old.is_due(Want::Fresh, NOW_MS));
        assert_eq!(
            old.found(Some(keys(NOW_MS - 5)), Want::Fresh, NOW_MS),
            Next::Settled
        );
        assert!(!old.is_due(Want::Fresh, NOW_MS + LOOK_MS));
        let mut old = keeping(NOW_MS - FRESH_MS);
        assert_eq!(
            old.found(Some(keys(NOW_MS - FRESH_MS)), Want::Fresh, NOW_MS),
            Next::Fetch
        );
    }

    #[test]
    fn names_that_nobody_knows_cost_a_look_a_second_and_a_fetch_each_floor() {
        let mut refresh = keeping(NOW_MS);
        let (mut looks, mut fetches) = (0, 0);
        for now_ms in (NOW_MS..NOW_MS + 300_000).step_by(10) {
            if refresh.is_due(Want::Newer, now_ms) {
                looks += 1;
                if refresh.found(None, Want::Newer, now_ms) == Next::Fetch {
                    fetches += 1;
                    refresh.fetched(keys(now_ms));
                }
            }
        }
        assert_eq!((looks, fetches), (300, 9));
    }

    #[test]
    fn a_newer_set_in_the_cache_comes_before_a_fetch() {
        let mut refresh = keeping(NOW_MS - 2 * FLOOR_MS);
        let cached = Some(keys(NOW_MS - FLOOR_MS - 1));
        assert_eq!(
            refresh.found(cached.clone(), Want::Newer, NOW_MS),
            Next::Settled
        );
        // It does not have the name either, and is old enough.
        assert_eq!(
            refresh.found(cached, Want::Newer, NOW_MS + LOOK_MS),
            Next::Fetch
        );
    }

    #[test]
    fn an_address_that_fails_is_asked_again_and_old_keys_serve_meanwhile() {
        let mut refresh = keeping(NOW_MS - FRESH_MS);
        assert_eq!(refresh.found(None, Want::Fresh, NOW_MS), Next::Fetch);
        refresh.not_fetched(NOW_MS);
        assert_eq!(
            refresh.found(None, Want::Fresh, NOW_MS + AGAIN_MS - 1),
            Next::Settled
        );
        assert!(refresh.keys(NOW_MS).is_some());
        assert_eq!(
            refresh.found(None, Want::Fresh, NOW_MS + AGAIN_MS),
            Next::Fetch
        );
        assert!(refresh.keys(NOW_MS - FRESH_MS + STALE_MS - 1).is_some());
        assert!(refresh.keys(NOW_MS - FRESH_MS + STALE_MS).is_none());
    }

    #[test]
    fn waiting_for_the_fetch_of_another_takes_no_turn() {
        let mut refresh = Refresh::default();
        assert_eq!(refresh.found(None, Want::Newer, NOW_MS), Next::Fetch);
        refresh.not_fetched(NOW_MS);
        let later_ms = NOW_MS + AGAIN_MS;
        assert!(!refresh.take(None, later_ms));
        assert_eq!(refresh.found(None, Want::Newer, later_ms), Next::Fetch);
        assert!(refresh.take(Some(keys(later_ms)), later_ms));
    }

    #[test]
    fn a_clock_that_goes_back_stops_nothing() {
        let mut refresh = keeping(NOW_MS);
        assert_eq!(refresh.found(None, Want::Newer, NOW_MS), Next::Settled);
        assert!(refresh.is_due(Want::Newer, NOW_MS - 5_000));
    }
}
