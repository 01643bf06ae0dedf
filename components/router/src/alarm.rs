//! Work that has to be done in time, and one alarm for all that a request waits for.

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tidegate_api::limits::ALARM_MS;

type Ring = Pin<Box<dyn Future<Output = ()>>>;

/// The alarm of one request. To set one and to take it back costs the host about as much as a call to Redis, so it is set
/// once, early enough for whatever has to be done in time, and set again only for who is still waiting when it rings.
#[derive(Default)]
pub(crate) struct Alarm {
    set: RefCell<Option<Ring>>,
}

impl Alarm {
    /// What the work comes to, or none when it takes longer than `ms`. It is given up then.
    pub(crate) async fn within<T>(&self, ms: u64, work: impl Future<Output = T>) -> Option<T> {
        let mut work = pin!(work);
        let mut due = None;
        poll_fn(|context| match work.as_mut().poll(context) {
            Poll::Ready(done) => Poll::Ready(Some(done)),
            Poll::Pending => {
                let due = *due.get_or_insert_with(|| Instant::now() + Duration::from_millis(ms));
                self.wait(due, context).map(|()| None)
            }
        })
        .await
    }

    /// Ready once `due` has passed.
    fn wait(&self, due: Instant, context: &mut Context<'_>) -> Poll<()> {
        let mut set = self.set.borrow_mut();
        loop {
            if let Some(ring) = set.as_mut() {
                if ring.as_mut().poll(context).is_pending() {
                    return Poll::Pending;
                }
                *set = None;
            }
            let left = due.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Poll::Ready(());
            }
            let early = left.min(Duration::from_millis(ALARM_MS));
            *set = Some(Box::pin(spin_sdk::time::sleep(early)));
        }
    }
}

/// What the work comes to, or none when it takes longer. It is given up then.
pub(crate) async fn within<T>(ms: u64, work: impl Future<Output = T>) -> Option<T> {
    Alarm::default().within(ms, work).await
}

/// The time in ms since 1970, by the host's clock.
pub(crate) fn now_ms() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(0))
}
