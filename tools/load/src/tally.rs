//! What arrived, over all viewers.

use std::cell::Cell;
use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use hdrhistogram::Histogram;

/// Counts and latencies. The runtime has one thread, so the locks are never waited for.
#[derive(Default)]
pub struct Tally {
    subscribed: AtomicUsize,
    received: AtomicU64,
    reordered: AtomicU64,
    repeated: AtomicU64,
    latencies_us: Mutex<Latencies>,
}

struct Latencies {
    each: Histogram<u64>,
    /// By message: the latest of all viewers.
    last: HashMap<u64, u64>,
}

impl Default for Latencies {
    fn default() -> Self {
        // Three digits, up to a minute: 60,000,000 us.
        let each = Histogram::new_with_max(60_000_000, 3).expect("the bounds are valid");
        Self {
            each,
            last: HashMap::new(),
        }
    }
}

impl Tally {
    /// A viewer has its first batch.
    pub fn add_subscribed(&self) {
        self.subscribed.fetch_add(1, Ordering::Relaxed);
    }

    /// How many viewers have their first batch.
    pub fn subscribed(&self) -> usize {
        self.subscribed.load(Ordering::Relaxed)
    }

    /// How many messages arrived.
    pub fn received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }

    /// How many came after a later one, and how many came twice.
    pub fn disorder(&self) -> (u64, u64) {
        (
            self.reordered.load(Ordering::Relaxed),
            self.repeated.load(Ordering::Relaxed),
        )
    }

    /// One message at one viewer. `next` is the number that this viewer expects.
    pub fn add(&self, next: &Cell<u64>, number: u64, latency_us: u64) {
        match number.cmp(&next.get()) {
            std::cmp::Ordering::Equal => {}
            std::cmp::Ordering::Greater => {
                self.reordered.fetch_add(1, Ordering::Relaxed);
            }
            std::cmp::Ordering::Less => {
                self.repeated.fetch_add(1, Ordering::Relaxed);
            }
        }
        next.set(number + 1);
        self.received.fetch_add(1, Ordering::Relaxed);
        let mut latencies = self.latencies_us.lock().expect("nobody panics with it");
        latencies.each.saturating_record(latency_us);
        let last = latencies.last.entry(number).or_default();
        *last = latency_us.max(*last);
    }

    /// p50, p99 and max in us: of every delivery, and of each message's last receiver.
    pub fn latencies_us(&self) -> ([u64; 3], [u64; 3]) {
        let latencies = self.latencies_us.lock().expect("nobody panics with it");
        let mut last = Latencies::default().each;
        for &latency_us in latencies.last.values() {
            last.saturating_record(latency_us);
        }
        let of = |histogram: &Histogram<u64>| {
            [
                histogram.value_at_quantile(0.5),
                histogram.value_at_quantile(0.99),
                histogram.max(),
            ]
        };
        (of(&latencies.each), of(&last))
    }

    /// Waits until a condition holds.
    pub async fn until(&self, holds: impl Fn(&Self) -> bool) {
        while !holds(self) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}
