//! What everybody in a drill has in common.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Instant;

use tokio::sync::watch;

use crate::figures::Times;
use crate::ledger::{Ledger, Receipts};
use crate::outage::Outage;
use crate::publisher::{self, Stop};

/// What everybody has in common.
pub struct Shared {
    /// What was published and acknowledged.
    pub ledger: Mutex<Ledger>,
    /// What each viewer got.
    pub receipts: Mutex<Vec<Receipts>>,
    /// When publishers stop.
    pub stop: Stop,
    /// When the drill began.
    pub begun: Instant,
    /// What keys of idempotency begin with.
    pub run: String,
    /// Where viewers are sent.
    pub shifts: watch::Sender<Option<(String, String)>>,
    /// How many viewers have their first frame.
    pub subscribed: AtomicUsize,
    /// The region that is lost, and since when.
    pub lost: Mutex<Option<(String, Instant)>>,
    /// How long viewers were cut off.
    pub reading_again: Mutex<Times>,
    /// From publish to receive.
    pub latency: Mutex<Times>,
    /// How often a living region said that it cannot serve.
    pub not_ready: AtomicU64,
    /// How often a viewer lost its socket.
    pub sockets_lost: AtomicU64,
    /// Failures of a region's Redis, one after the other.
    pub outages: Mutex<Vec<Outage>>,
}

impl Shared {
    /// For viewers who have nothing yet.
    pub fn new(viewers: Vec<Receipts>) -> Self {
        Self {
            ledger: Mutex::default(),
            receipts: Mutex::new(viewers),
            stop: Stop::default(),
            begun: Instant::now(),
            run: format!("drill-{}", publisher::now_us()),
            shifts: watch::channel(None).0,
            subscribed: AtomicUsize::new(0),
            lost: Mutex::default(),
            reading_again: Mutex::default(),
            latency: Mutex::default(),
            not_ready: AtomicU64::new(0),
            sockets_lost: AtomicU64::new(0),
            outages: Mutex::default(),
        }
    }

    /// How long it goes on, ms.
    pub fn now_ms(&self) -> u64 {
        self.begun.elapsed().as_millis() as u64
    }

    /// A viewer has its first frame.
    pub fn subscribed(&self) {
        self.subscribed.fetch_add(1, Ordering::Relaxed);
    }

    /// Since when a viewer of a region is cut off: since the region was lost, if it is, else since now.
    pub fn since(&self, region: &str) -> Instant {
        match &*self.lost.lock().expect("nobody panics with it") {
            Some((lost, since)) if lost == region => *since,
            _ => Instant::now(),
        }
    }

    /// A viewer has lost its socket.
    pub fn loses_socket(&self) {
        self.sockets_lost.fetch_add(1, Ordering::Relaxed);
    }

    /// A viewer reads again.
    pub fn reads_again(&self, since: Instant) {
        let ms = since.elapsed().as_millis() as u64;
        self.reading_again
            .lock()
            .expect("nobody panics with it")
            .add(ms);
    }

    /// A message arrived so long after it was published.
    pub fn arrived(&self, ms: u64) {
        self.latency.lock().expect("nobody panics with it").add(ms);
    }
}
