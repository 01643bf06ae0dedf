//! Waiting on conditions, with a deadline.

use std::time::{Duration, Instant};

/// How long a condition may take that should come soon. Generous: a loaded machine of two cores runs these tests.
pub const SOON: Duration = Duration::from_secs(20);

/// Asks until there is an answer; panics, naming what was waited for, when there is none in time.
pub fn within<T>(most: Duration, what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + most;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < end, "not within {most:?}: {what}");
        std::thread::park_timeout(Duration::from_millis(10));
    }
}

/// [`within`] 20 s.
pub fn soon<T>(what: &str, ask: impl FnMut() -> Option<T>) -> T {
    within(SOON, what, ask)
}
