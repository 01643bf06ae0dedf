//! What was answered, over all connections of one thread.

use std::cell::{Cell, RefCell};

use hdrhistogram::Histogram;

/// Counts and latencies.
pub struct Tally {
    measuring: Cell<bool>,
    stopped: Cell<bool>,
    answered: Cell<u64>,
    latencies_us: RefCell<Histogram<u64>>,
    refused: RefCell<Option<String>>,
}

impl Default for Tally {
    fn default() -> Self {
        // Three digits, up to a minute: 60,000,000 us.
        let latencies = Histogram::new_with_max(60_000_000, 3).expect("the bounds are valid");
        Self {
            measuring: Cell::new(false),
            stopped: Cell::new(false),
            answered: Cell::new(0),
            latencies_us: RefCell::new(latencies),
            refused: RefCell::new(None),
        }
    }
}

impl Tally {
    /// Begins or ends the time that counts.
    pub fn measure(&self, on: bool) {
        self.measuring.set(on);
    }

    /// Lets every connection end after its answer.
    pub fn stop(&self) {
        self.stopped.set(true);
    }

    /// Whether to end.
    pub fn is_stopped(&self) -> bool {
        self.stopped.get()
    }

    /// An answer as expected.
    pub fn add(&self, latency_us: u64) {
        self.answered.set(self.answered.get() + 1);
        if self.measuring.get() {
            self.latencies_us.borrow_mut().saturating_record(latency_us);
        }
    }

    /// Another answer, which ends everything.
    pub fn refuse(&self, answer: String) {
        self.refused.borrow_mut().get_or_insert(answer);
        self.stop();
    }

    /// The first such.
    pub fn refused(&self) -> Option<String> {
        self.refused.borrow().clone()
    }

    /// Answers as expected, from the first on.
    pub fn answered(&self) -> u64 {
        self.answered.get()
    }

    /// Those in the time that counts.
    pub fn measured(&self) -> u64 {
        self.latencies_us.borrow().len()
    }

    /// p50, p99 and max of those.
    pub fn latencies_us(&self) -> [u64; 3] {
        let latencies = self.latencies_us.borrow();
        [
            latencies.value_at_quantile(0.5),
            latencies.value_at_quantile(0.99),
            latencies.max(),
        ]
    }
}
