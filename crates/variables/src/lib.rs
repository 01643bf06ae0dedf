//! What is read from a host's variables, which may come from a provider elsewhere: when it is read again, and how long what
//! was read last serves while it cannot be. Time is an argument.

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::thread::LocalKey;
use std::time::{Duration, Instant};

/// How long values that were read serve at most when they cannot be read again. As long as a ticket lasts
/// (`TICKET_LIFE_MS`): a key that is withdrawn while its provider is away is taken for no longer than what it has signed. A
/// provider that is sealed, restarted or moved is back long before.
pub const STALE: Duration = Duration::from_secs(60 * 60);
/// How long a reading may take while older values are there to go on with: the 23 variables of the router, one after the
/// other, at 200 ms each are 4.6 s. Others go on with the older values meanwhile, so this is waited by one request of an
/// instance.
pub const WAIT: Duration = Duration::from_secs(5);
/// From one reading that failed to the next, and so how soon a provider that is back is noticed.
pub const AGAIN: Duration = Duration::from_secs(5);

/// What was read last, whole. Values of two readings are never mixed.
#[derive(Debug)]
pub struct LastGood<T> {
    fresh: Duration,
    good: Option<(Instant, T)>,
    /// No further reading until then, where there is something to go on with.
    ask_from: Option<Instant>,
}

impl<T> LastGood<T> {
    /// Nothing yet; what will be read is read again once it is older than `fresh`.
    pub const fn new(fresh: Duration) -> Self {
        Self {
            fresh,
            good: None,
            ask_from: None,
        }
    }

    /// What to go on with, and none where it is time to read.
    pub fn usable(&self, now: Instant) -> Option<&T> {
        let (read, value) = self.good.as_ref()?;
        let is_fresh = now.saturating_duration_since(*read) < self.fresh;
        let waits = self.ask_from.is_some_and(|from| now < from);
        (is_fresh || waits && self.is_good(now)).then_some(value)
    }

    /// Somebody begins to read. Until that has come to something, others go on with what is there.
    pub fn asks(&mut self, now: Instant) {
        self.ask_from = Some(now + WAIT);
    }

    /// Takes what was read by a reading that began at `begun`.
    pub fn read(&mut self, begun: Instant, value: T) {
        self.good = Some((begun, value));
        self.ask_from = None;
    }

    /// A reading has failed: what serves instead, if it was good no longer ago than [`STALE`].
    pub fn failed(&mut self, now: Instant) -> Option<&T> {
        self.ask_from = Some(now + AGAIN);
        match &self.good {
            Some((_, value)) if self.is_good(now) => Some(value),
            _ => None,
        }
    }

    /// Whether anything could serve in place of a reading.
    pub fn is_good(&self, now: Instant) -> bool {
        let age = |(read, _): &(Instant, T)| now.saturating_duration_since(*read);
        self.good.as_ref().is_some_and(|good| age(good) < STALE)
    }

    /// What was read last, however long ago: for what does no harm when it is old.
    pub fn last(&self) -> Option<&T> {
        self.good.as_ref().map(|(_, value)| value)
    }
}

/// What is kept, or what `read` gives now; where that fails, what was read last, and `log` is told why. Where there is
/// something to go on with, the reading ends with what `alarm` says, which rings after [`WAIT`]; where there is nothing, it
/// takes as long as the host lets it.
///
/// # Errors
/// That of the reading, where nothing serves in its place. It is for whoever answers with it to log.
pub async fn current<T: Clone, E>(
    kept: &'static LocalKey<RefCell<LastGood<T>>>,
    now: impl Fn() -> Instant,
    read: impl Future<Output = Result<T, E>>,
    alarm: impl Future<Output = E>,
    log: impl FnOnce(&E),
) -> Result<T, E> {
    let begun = now();
    if let Some(value) = kept.with_borrow(|kept| kept.usable(begun).cloned()) {
        return Ok(value);
    }
    let has_others = kept.with_borrow_mut(|kept| {
        kept.asks(begun);
        kept.is_good(begun)
    });
    let (mut read, mut alarm) = (pin!(read), pin!(alarm));
    let outcome = poll_fn(|context| match read.as_mut().poll(context) {
        Poll::Pending if has_others => alarm.as_mut().poll(context).map(Err),
        polled => polled,
    })
    .await;
    match outcome {
        Ok(value) => {
            kept.with_borrow_mut(|kept| kept.read(begun, value.clone()));
            Ok(value)
        }
        Err(error) => match kept.with_borrow_mut(|kept| kept.failed(now()).cloned()) {
            Some(instead) => {
                log(&error);
                Ok(instead)
            }
            None => Err(error),
        },
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::future::{pending, ready};
    use std::task::{Context, Waker};

    use super::*;

    const FRESH: Duration = Duration::from_secs(60);
    const MOMENT: Duration = Duration::from_millis(1);

    fn read_at(now: Instant) -> LastGood<u8> {
        let mut last = LastGood::new(FRESH);
        last.read(now, 1);
        last
    }

    #[test]
    fn what_was_read_serves_until_it_is_read_again() {
        let begun = Instant::now();
        let mut last = read_at(begun);
        assert_eq!(last.usable(begun + FRESH - MOMENT), Some(&1));
        assert_eq!(last.usable(begun + FRESH), None);
        last.read(begun + FRESH, 2);
        assert_eq!(last.usable(begun + FRESH + FRESH - MOMENT), Some(&2));
        assert_eq!(last.last(), Some(&2));
    }

    #[test]
    fn one_reads_and_the_others_go_on() {
        let now = Instant::now() + FRESH;
        let mut last = read_at(now - FRESH);
        last.asks(now);
        assert_eq!(last.usable(now), Some(&1));
        // The one who read has gone without a word: somebody else reads.
        assert_eq!(last.usable(now + WAIT), None);
    }

    #[test]
    fn nobody_goes_on_with_nothing() {
        let now = Instant::now();
        let mut last = LastGood::<u8>::new(FRESH);
        assert_eq!(last.usable(now), None);
        last.asks(now);
        assert_eq!(last.usable(now), None);
        assert_eq!(last.failed(now), None);
        assert_eq!((last.usable(now), last.last()), (None, None));
    }

    #[test]
    fn a_provider_that_fails_is_asked_again_and_serves_meanwhile_but_not_for_ever() {
        let begun = Instant::now();
        let mut last = read_at(begun);
        let mut readings = 0;
        let mut now = begun;
        while now < begun + STALE {
            if last.usable(now).is_none() {
                readings += 1;
                last.asks(now);
                assert_eq!(last.failed(now), Some(&1), "{:?}", now - begun);
            }
            now += Duration::from_millis(500);
        }
        assert_eq!(
            readings,
            (STALE - FRESH).as_secs() / AGAIN.as_secs(),
            "once in each {AGAIN:?}"
        );
        // A reading shortly before the bound does not stretch it.
        last.asks(begun + STALE - MOMENT);
        assert_eq!(last.failed(begun + STALE - MOMENT), Some(&1));
        assert_eq!(last.usable(begun + STALE - MOMENT), Some(&1));
        assert_eq!(last.usable(begun + STALE), None);
        assert_eq!(last.failed(begun + STALE), None);
        // Once it is back, all is as before.
        last.read(begun + STALE, 2);
        assert_eq!(last.usable(begun + STALE), Some(&2));
    }

    /// One call at a time after the beginning, and what was logged.
    fn at(
        now: Instant,
        read: impl Future<Output = Result<u8, &'static str>>,
        alarm: impl Future<Output = &'static str>,
    ) -> (Poll<Result<u8, &'static str>>, Option<&'static str>) {
        thread_local! {
            static KEPT: RefCell<LastGood<u8>> = const { RefCell::new(LastGood::new(FRESH)) };
        }
        let logged = Cell::new(None);
        let call = pin!(current(
            &KEPT,
            || now,
            read,
            alarm,
            |error| logged.set(Some(*error))
        ));
        let outcome = call.poll(&mut Context::from_waker(Waker::noop()));
        (outcome, logged.get())
    }

    #[test]
    fn a_reading_that_fails_or_is_late_gives_what_was_read_last() {
        let begun = Instant::now();
        let late = || ready("late");
        // With nothing to go on with, an error is the answer, and nobody waits for the alarm.
        assert_eq!(
            at(begun, ready(Err("sealed")), late()),
            (Poll::Ready(Err("sealed")), None)
        );
        assert_eq!(at(begun, pending(), late()), (Poll::Pending, None));
        assert_eq!(at(begun, ready(Ok(1)), late()), (Poll::Ready(Ok(1)), None));
        // Fresh: nobody is asked.
        assert_eq!(at(begun, pending(), pending()), (Poll::Ready(Ok(1)), None));
        let later = begun + FRESH;
        assert_eq!(
            at(later, ready(Err("sealed")), late()),
            (Poll::Ready(Ok(1)), Some("sealed"))
        );
        assert_eq!(at(later, pending(), pending()), (Poll::Ready(Ok(1)), None));
        let later = later + AGAIN;
        assert_eq!(
            at(later, pending(), late()),
            (Poll::Ready(Ok(1)), Some("late"))
        );
        let later = begun + STALE;
        assert_eq!(
            at(later, ready(Err("sealed")), late()),
            (Poll::Ready(Err("sealed")), None)
        );
        assert_eq!(at(later, ready(Ok(2)), late()), (Poll::Ready(Ok(2)), None));
    }
}
