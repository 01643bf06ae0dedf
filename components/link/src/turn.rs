//! One at a time: of those who want the same, one fetches it and the others wait.
//!
//! An instance that is new gets many requests at once, and each would open a connection and read the same again.

use std::cell::RefCell;
use std::future::Future;
use std::time::{Duration, Instant};

use crate::WAIT_MS;

/// Between two looks for what somebody else fetches. Far less than a round trip of one's own costs all who take part.
const PAUSE: Duration = Duration::from_millis(1);

thread_local! {
    static TAKEN: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// What `look` finds, else what `fetch` gives, which must leave it where `look` finds it. While another call with the same
/// `name` fetches, this one waits; not longer than a fetch may take, since the other's may have failed.
///
/// # Errors
/// Those of `fetch`.
pub async fn shared<T, E>(
    name: &str,
    look: impl Fn() -> Option<T>,
    fetch: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return Ok(found);
        }
        if let Some(_turn) = Turn::take(name) {
            return fetch.await;
        }
        if begun.elapsed() >= Duration::from_millis(WAIT_MS) {
            return fetch.await;
        }
        spin_sdk::time::sleep(PAUSE).await;
    }
}

/// The right to fetch; given back when dropped, also by a call that is given up.
struct Turn(String);

impl Turn {
    fn take(name: &str) -> Option<Self> {
        TAKEN.with_borrow_mut(|taken| {
            if taken.iter().any(|other| other == name) {
                return None;
            }
            taken.push(name.to_owned());
            Some(Self(name.to_owned()))
        })
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        TAKEN.with_borrow_mut(|taken| taken.retain(|other| *other != self.0));
    }
}

#[cfg(test)]
mod tests {
    use super::Turn;

    #[test]
    fn a_turn_is_had_once_and_given_back() {
        let first = Turn::take("a");
        assert!(first.is_some() && Turn::take("a").is_none() && Turn::take("b").is_some());
        drop(first);
        assert!(Turn::take("a").is_some());
    }
}
