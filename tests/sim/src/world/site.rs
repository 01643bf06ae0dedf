//! A region: its Redis.

use tidegate_stream::calls::{FunctionCall, Reply};
use tidegate_stream::{Keys, Region};

use super::{BEGIN_MS, World};
use crate::plan::Plan;
use crate::redis::{Answer, Fail, Store};

/// The regions, by number.
pub(crate) const NAMES: [&str; 3] = ["ap", "eu", "us"];

pub(crate) struct Site {
    pub(crate) name: Region,
    pub(crate) store: Store,
    pub(super) up: bool,
    pub(super) skew_ms: i64,
    /// Restarts so far.
    pub(super) runs: u64,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NoAnswer {
    /// Nobody answered.
    Away,
    /// Redis said that.
    Said(String),
}

impl From<Fail> for NoAnswer {
    fn from(fail: Fail) -> Self {
        Self::Said(fail.0)
    }
}

impl Site {
    pub(super) fn new(index: usize, plan: &Plan, keys: &Keys) -> Self {
        let seed = plan.seed.wrapping_add(index as u64 + 1);
        let mut store = Store::new(plan.block_entries, &run_name(index, 0), seed);
        for name in &NAMES[..plan.sites] {
            let line = format!(
                "{{\"state\":\"active\",\"edge\":\"http://{name}\",\"socket\":\"ws://{name}\",\"stamp\":\"1.{name}\"}}"
            );
            store
                .ask(&["HSET", &keys.regions(), name, &line])
                .expect("an empty store takes a hash");
        }
        store.save();
        Self {
            name: NAMES[index].parse().expect("that is a name"),
            store,
            up: true,
            skew_ms: 0,
            runs: 0,
        }
    }
}

/// What `master_replid` looks like.
pub(super) fn run_name(site: usize, runs: u64) -> String {
    format!("{site:08x}{runs:032x}")
}

impl World {
    /// What a region's Redis says when asked for the time, ms.
    pub(super) fn clock_ms(&self, site: usize) -> u64 {
        (BEGIN_MS + self.now_ms).saturating_add_signed(self.sites[site].skew_ms)
    }

    fn set_clock(&mut self, site: usize) {
        let clock_ms = self.clock_ms(site);
        let now_ms = self.now_ms;
        self.sites[site].store.set_clock(clock_ms, now_ms);
    }

    /// A call of a function, at the Redis itself.
    pub(super) fn call_at(
        &mut self,
        site: usize,
        call: &FunctionCall,
    ) -> Result<Vec<Reply>, NoAnswer> {
        if !self.sites[site].up {
            return Err(NoAnswer::Away);
        }
        self.set_clock(site);
        let store = &mut self.sites[site].store;
        let before = store.written();
        let answer = self.library.call(store, call);
        self.look(site, before);
        Ok(answer?)
    }

    /// Any other command, at the Redis itself.
    pub(super) fn ask_at(&mut self, site: usize, words: &[&str]) -> Result<Answer, NoAnswer> {
        if !self.sites[site].up {
            return Err(NoAnswer::Away);
        }
        self.set_clock(site);
        let store = &mut self.sites[site].store;
        let before = store.written();
        let answer = store.ask(words);
        self.look(site, before);
        Ok(answer?)
    }

    /// Has the ledger see what was written, and wakes whoever waits for it.
    fn look(&mut self, site: usize, before: u64) {
        let store = &self.sites[site].store;
        if store.written() == before {
            return;
        }
        let added = store.last_added().to_vec();
        if added.is_empty() {
            return;
        }
        let result = self.ledger.added(site, &added, &mut self.tally);
        self.must(result);
        self.wake_tails(site);
    }
}
