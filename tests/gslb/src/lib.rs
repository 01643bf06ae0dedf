//! A gdnsd of one's own on a free port, and servers whose `/readyz` says what a test wants.

mod gdnsd;
mod tier;

pub use gdnsd::Gdnsd;
pub use tier::{Tier, free_port};

use std::time::{Duration, Instant};

/// Longer than gdnsd takes to see anything here, on a machine that others use too.
const SOON: Duration = Duration::from_secs(30);
const LOOK: Duration = Duration::from_millis(50);

/// Waits until something holds.
///
/// # Panics
/// When it doesn't in half a minute.
pub fn soon<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + SOON;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < end, "not within {SOON:?}: {what}");
        std::thread::sleep(LOOK);
    }
}
