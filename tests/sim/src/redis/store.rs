//! One Redis: its keys, its clock, and what a crash takes back.

use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

use tidegate_stream::StreamId;

use super::reply::Answer;
use super::stream::{Fields, Stream};
use super::value::Value;

/// An error of a command, in Redis' words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fail(pub String);

/// Writes that are remembered so that they can be lost.
const MOST_REMEMBERED: usize = 2_000;

#[derive(Debug, Clone)]
pub(super) struct Slot {
    pub(super) value: Rc<Value>,
    pub(super) expires_ms: Option<u64>,
}

/// One entry that was appended to a stream.
#[derive(Debug, Clone)]
pub struct Added {
    /// Which stream.
    pub key: Vec<u8>,
    /// Its id there.
    pub id: StreamId,
    /// Its fields.
    pub fields: Fields,
}

/// What one function or command changed: the append-only file has all of it or nothing.
#[derive(Debug, Default)]
struct Step {
    at_ms: u64,
    before: Vec<(Vec<u8>, Option<Slot>)>,
    added: Vec<Added>,
}

/// A Redis in memory. Time stands still until [`set_clock`](Store::set_clock).
#[derive(Debug)]
pub struct Store {
    pub(super) keys: BTreeMap<Vec<u8>, Slot>,
    pub(super) block_entries: usize,
    pub(super) chance: fastrand::Rng,
    clock_us: u64,
    /// When it is for the simulation: a crash takes back what is younger than so much.
    true_ms: u64,
    run: String,
    full: bool,
    reads_only: bool,
    step: Step,
    steps: VecDeque<Step>,
    written: u64,
}

impl Default for Store {
    fn default() -> Self {
        Self {
            keys: BTreeMap::new(),
            block_entries: 100,
            chance: fastrand::Rng::with_seed(0),
            clock_us: 0,
            true_ms: 0,
            run: "0".repeat(40),
            full: false,
            reads_only: false,
            step: Step::default(),
            steps: VecDeque::new(),
            written: 0,
        }
    }
}

impl Store {
    /// An empty one. `block_entries` is Redis' `stream-node-max-entries`.
    pub fn new(block_entries: usize, run: &str, seed: u64) -> Self {
        Self {
            block_entries,
            run: run.to_owned(),
            chance: fastrand::Rng::with_seed(seed),
            ..Self::default()
        }
    }

    /// Sets what `TIME` says, and when that is.
    pub fn set_clock(&mut self, clock_ms: u64, true_ms: u64) {
        self.clock_us = clock_ms * 1_000;
        self.true_ms = true_ms;
    }

    /// What `TIME` says, µs.
    pub fn clock_us(&self) -> u64 {
        self.clock_us
    }

    /// What `TIME` says, ms.
    pub fn clock_ms(&self) -> u64 {
        self.clock_us / 1_000
    }

    /// `master_replid`.
    pub fn run(&self) -> &str {
        &self.run
    }

    /// Has `noeviction` refuse writes from now on, or take them again.
    pub fn set_full(&mut self, full: bool) {
        self.full = full;
    }

    pub(super) fn is_full(&self) -> bool {
        self.full
    }

    pub(super) fn reads_only(&self) -> bool {
        self.reads_only
    }

    /// A function begins: what follows is one step.
    pub(super) fn begin(&mut self, reads_only: bool) {
        self.reads_only = reads_only;
    }

    pub(super) fn end(&mut self) {
        self.reads_only = false;
        let mut step = std::mem::take(&mut self.step);
        if step.before.is_empty() {
            return;
        }
        step.at_ms = self.true_ms;
        self.written += 1;
        self.steps.push_back(step);
        if self.steps.len() > MOST_REMEMBERED {
            self.steps.pop_front();
        }
    }

    /// One command outside a function, a step of its own.
    ///
    /// # Errors
    /// What Redis would say.
    pub fn ask(&mut self, words: &[&str]) -> Result<Answer, Fail> {
        let words: Vec<_> = words.iter().map(|word| word.as_bytes().to_vec()).collect();
        self.begin(false);
        let answer = self.command(&words);
        self.end();
        answer
    }

    /// Has everything on disk: no crash takes it back.
    pub fn save(&mut self) {
        self.steps.clear();
    }

    /// Steps that changed something, so far.
    pub fn written(&self) -> u64 {
        self.written
    }

    /// What the last step appended.
    pub fn last_added(&self) -> &[Added] {
        self.steps.back().map_or(&[], |step| &step.added)
    }

    /// How many steps there were since `since_ms`, of those that are remembered.
    pub fn steps_since(&self, since_ms: u64) -> usize {
        self.steps
            .iter()
            .rev()
            .take_while(|step| step.at_ms >= since_ms)
            .count()
    }

    /// Starts anew as another run, without the last `lost` steps; what they had appended, the last first.
    pub fn restart(&mut self, run: &str, lost: usize) -> Vec<Added> {
        self.run = run.to_owned();
        let mut added = Vec::new();
        for _ in 0..lost {
            let Some(step) = self.steps.pop_back() else {
                break;
            };
            for (key, slot) in step.before.into_iter().rev() {
                match slot {
                    Some(slot) => self.keys.insert(key, slot),
                    None => self.keys.remove(&key),
                };
            }
            added.extend(step.added.into_iter().rev());
        }
        added
    }

    /// Drops what has expired, as any access does.
    fn expire(&mut self, key: &[u8]) {
        let now_ms = self.clock_ms();
        let expired = self
            .keys
            .get(key)
            .and_then(|slot| slot.expires_ms)
            .is_some_and(|expires_ms| now_ms > expires_ms);
        if expired {
            self.remember(key);
            self.keys.remove(key);
        }
    }

    /// Keeps what a key held before this step.
    pub(super) fn remember(&mut self, key: &[u8]) {
        if self.step.before.iter().all(|(known, _)| known != key) {
            let slot = self.keys.get(key).cloned();
            self.step.before.push((key.to_vec(), slot));
        }
    }

    pub(super) fn note_added(&mut self, added: Added) {
        self.step.added.push(added);
    }

    /// The value of a key.
    pub fn get(&mut self, key: &[u8]) -> Option<&Value> {
        self.expire(key);
        self.keys.get(key).map(|slot| &*slot.value)
    }

    /// The value of a key for a change, made by `new` if there is none.
    pub(super) fn change(&mut self, key: &[u8], new: impl FnOnce() -> Value) -> &mut Value {
        self.expire(key);
        self.remember(key);
        let slot = self.keys.entry(key.to_vec()).or_insert_with(|| Slot {
            value: Rc::new(new()),
            expires_ms: None,
        });
        Rc::make_mut(&mut slot.value)
    }

    /// Puts a value in place of what was there.
    pub(super) fn put(&mut self, key: &[u8], value: Value, expires_ms: Option<u64>) {
        self.remember(key);
        let value = Rc::new(value);
        self.keys.insert(key.to_vec(), Slot { value, expires_ms });
    }

    pub(super) fn remove(&mut self, key: &[u8]) -> bool {
        self.expire(key);
        if !self.keys.contains_key(key) {
            return false;
        }
        self.remember(key);
        self.keys.remove(key).is_some()
    }

    /// Whether the key is there.
    pub(super) fn has(&mut self, key: &[u8]) -> bool {
        self.get(key).is_some()
    }

    /// When a key expires.
    pub(super) fn expires_ms(&mut self, key: &[u8]) -> Option<Option<u64>> {
        self.expire(key);
        self.keys.get(key).map(|slot| slot.expires_ms)
    }

    /// When a key expires, by this Redis' clock; none if it does not.
    pub fn expires_at_ms(&mut self, key: &[u8]) -> Option<u64> {
        self.expires_ms(key).flatten()
    }

    pub(super) fn set_expiry(&mut self, key: &[u8], at_ms: u64) {
        self.remember(key);
        if let Some(slot) = self.keys.get_mut(key) {
            slot.expires_ms = Some(at_ms);
        }
    }

    pub(super) fn clear_expiry(&mut self, key: &[u8]) {
        self.remember(key);
        if let Some(slot) = self.keys.get_mut(key) {
            slot.expires_ms = None;
        }
    }

    /// All keys that are there.
    pub fn names(&mut self) -> Vec<Vec<u8>> {
        let all: Vec<_> = self.keys.keys().cloned().collect();
        all.into_iter().filter(|key| self.has(key)).collect()
    }

    /// A stream, or an empty one.
    pub fn stream(&mut self, key: &str) -> Stream {
        match self.get(key.as_bytes()) {
            Some(Value::Stream(stream)) => stream.clone(),
            _ => Stream::default(),
        }
    }

    /// The fields of a hash.
    pub fn hash(&mut self, key: &str) -> BTreeMap<String, String> {
        let text = |bytes: &Vec<u8>| String::from_utf8_lossy(bytes).into_owned();
        match self.get(key.as_bytes()) {
            Some(Value::Hash(fields)) => fields
                .iter()
                .map(|(name, value)| (text(name), text(value)))
                .collect(),
            _ => BTreeMap::new(),
        }
    }

    /// A string.
    pub fn text(&mut self, key: &str) -> Option<String> {
        match self.get(key.as_bytes()) {
            Some(Value::Text(text)) => Some(String::from_utf8_lossy(text).into_owned()),
            _ => None,
        }
    }
}
