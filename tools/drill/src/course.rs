//! Where a viewer turns next: the rules of the JavaScript client (`clients/js/src/link.js`), so that drills measure what
//! people get.

use std::collections::HashMap;

use crate::random::Random;

/// How long an endpoint that failed is passed over, ms.
const SHUN_MS: u64 = 10_000;
/// The same for one that sent its viewers away, ms.
const SHUN_MOVED_MS: u64 = 60_000;
/// Viewers of a node that died spread themselves over this long, ms.
const SPREAD_MS: u64 = 200;
/// The first wait once every endpoint was tried, ms, and the longest.
const BACKOFF_MS: (u64, u64) = (500, 30_000);
/// A socket that was open for so long counts as good, ms.
const STABLE_MS: u64 = 5_000;

/// Why a socket ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// It broke, or was refused.
    Broken,
    /// Nothing was heard, or it did not open in time.
    Silent,
    /// The node sent the viewer away: `move`, or close code 1012.
    Moved,
}

/// Endpoints in their order, and what happened with them.
#[derive(Debug, Clone)]
pub struct Course {
    list: Vec<String>,
    shunned: HashMap<String, u64>,
    current: Option<String>,
    losses: usize,
    random: Random,
}

impl Course {
    /// A viewer's, with a seed of its own.
    pub fn new(list: Vec<String>, seed: u64) -> Self {
        Self {
            list,
            shunned: HashMap::new(),
            current: None,
            losses: 0,
            random: Random::new(seed),
        }
    }

    /// A new list takes the old one's place; an empty one is no news.
    pub fn set(&mut self, list: Vec<String>) {
        if !list.is_empty() {
            self.shunned.retain(|url, _| list.contains(url));
            self.list = list;
        }
    }

    /// The endpoint to try: the first that is not passed over, else the one that will be soonest.
    pub fn pick(&mut self, now_ms: u64) -> Option<String> {
        let until = |url: &String| match self.shunned.get(url) {
            Some(until_ms) if *until_ms > now_ms => *until_ms,
            _ => 0,
        };
        self.current = self.list.iter().min_by_key(|url| until(url)).cloned();
        self.current.clone()
    }

    /// A socket has ended, or did not open. `open_ms` is for how long it was open. Gives how long to wait, ms.
    pub fn lose(&mut self, loss: Loss, open_ms: u64, now_ms: u64) -> u64 {
        if open_ms >= STABLE_MS {
            self.losses = 0;
        }
        let untried = self.list.len().saturating_sub(1).max(1);
        let tries = self.losses;
        self.losses += 1;
        if let Some(current) = self.current.take() {
            let shun_ms = match loss {
                Loss::Broken | Loss::Silent => SHUN_MS,
                Loss::Moved => SHUN_MOVED_MS,
            };
            self.shunned.insert(current, now_ms + shun_ms);
        }
        if tries >= untried {
            let doubled = u32::try_from(tries - untried).unwrap_or(16).min(16);
            let whole = (BACKOFF_MS.0 << doubled).min(BACKOFF_MS.1);
            return whole / 2 + self.random.below(whole / 2 + 1);
        }
        match (tries, loss) {
            (0, Loss::Broken | Loss::Silent) => self.random.below(SPREAD_MS + 1),
            _ => 0,
        }
    }

    /// Passes over endpoints that were not tried: the way to them is cut.
    pub fn shun(&mut self, urls: impl Iterator<Item = String>, now_ms: u64) {
        for url in urls {
            let until_ms = self.shunned.entry(url).or_default();
            *until_ms = (*until_ms).max(now_ms + SHUN_MS);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn course(urls: &[&str]) -> Course {
        Course::new(urls.iter().map(|url| (*url).to_owned()).collect(), 7)
    }

    #[test]
    fn endpoints_are_tried_in_their_order_and_dead_ones_passed_over() {
        let mut course = course(&["a", "b", "c"]);
        assert_eq!(course.pick(0).unwrap(), "a");
        let wait_ms = course.lose(Loss::Broken, 60_000, 0);
        assert!(wait_ms <= SPREAD_MS, "{wait_ms}");
        assert_eq!(course.pick(0).unwrap(), "b");
        assert_eq!(course.lose(Loss::Broken, 0, 1), 0);
        assert_eq!(course.pick(1).unwrap(), "c");
        // Ten seconds later the first may be tried again.
        assert_eq!(course.pick(SHUN_MS).unwrap(), "a");
    }

    #[test]
    fn a_node_that_sends_away_is_left_at_once_and_for_longer() {
        let mut course = course(&["a", "b"]);
        course.pick(0);
        assert_eq!(course.lose(Loss::Moved, 60_000, 0), 0);
        assert_eq!(course.pick(SHUN_MS).unwrap(), "b");
        assert_eq!(course.pick(SHUN_MOVED_MS).unwrap(), "a");
    }

    #[test]
    fn when_all_were_tried_waits_grow_and_are_bounded() {
        let mut course = course(&["a", "b"]);
        let mut now_ms = 0;
        let mut waits = Vec::new();
        for _ in 0..20 {
            course.pick(now_ms);
            let wait_ms = course.lose(Loss::Broken, 0, now_ms);
            now_ms += wait_ms;
            waits.push(wait_ms);
        }
        assert!(waits[1] >= BACKOFF_MS.0 / 2, "{waits:?}");
        assert!(
            waits.iter().all(|wait_ms| *wait_ms <= BACKOFF_MS.1),
            "{waits:?}"
        );
        assert!(waits[19] >= BACKOFF_MS.1 / 2, "{waits:?}");
    }

    #[test]
    fn what_is_beyond_a_cut_is_not_tried() {
        let mut course = course(&["a", "b", "c"]);
        course.shun(["a", "b"].map(str::to_owned).into_iter(), 0);
        assert_eq!(course.pick(0).unwrap(), "c");
        assert_eq!(course.pick(SHUN_MS).unwrap(), "a");
    }

    #[test]
    fn a_new_list_is_taken_and_an_empty_one_is_no_news() {
        let mut course = course(&["a"]);
        course.set(Vec::new());
        assert_eq!(course.pick(0).unwrap(), "a");
        course.set(vec!["b".into(), "a".into()]);
        assert_eq!(course.pick(0).unwrap(), "b");
        assert_eq!(super::Course::new(Vec::new(), 1).pick(0), None);
    }
}
