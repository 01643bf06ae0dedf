//! The clocks of a node.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use tidegate_hub::Times;

/// A clock that does not go back, and Redis' as far as it is known.
#[derive(Debug, Clone)]
pub struct Clock {
    start: Instant,
    /// Redis' time less this machine's, ms.
    offset_ms: Arc<AtomicI64>,
}

impl Clock {
    /// Starts at 0, and takes Redis' clock for this machine's until it is told otherwise.
    pub fn new() -> Self {
        Self {
            start: Instant::now(),
            offset_ms: Arc::default(),
        }
    }

    /// Milliseconds since the start.
    pub fn now_ms(&self) -> u64 {
        self.start.elapsed().as_millis() as u64
    }

    /// When that time comes.
    pub fn at(&self, now_ms: u64) -> Instant {
        self.start + std::time::Duration::from_millis(now_ms)
    }

    /// Milliseconds since the epoch, by Redis.
    pub fn redis_ms(&self) -> u64 {
        let offset_ms = self.offset_ms.load(Ordering::Relaxed);
        machine_ms().saturating_add_signed(offset_ms)
    }

    /// Redis said what time it is.
    pub fn redis_said(&self, redis_ms: u64) {
        let offset_ms = redis_ms as i64 - machine_ms() as i64;
        self.offset_ms.store(offset_ms, Ordering::Relaxed);
    }

    /// Both at once.
    pub fn times(&self) -> Times {
        Times {
            now_ms: self.now_ms(),
            clock_ms: self.redis_ms(),
        }
    }
}

fn machine_ms() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_millis() as u64)
}
