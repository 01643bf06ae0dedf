//! Where the name server leads whoever comes now.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::dns;

/// How often it is asked.
const EVERY: Duration = Duration::from_millis(100);

/// Asks for both names until it is told to stop.
pub struct Newcomer {
    server: SocketAddr,
    names: [String; 2],
    state: Mutex<State>,
    stopped: AtomicBool,
}

#[derive(Default)]
struct State {
    dead: BTreeSet<IpAddr>,
    since: Option<Instant>,
    right: Option<Duration>,
    wrong: u64,
}

impl Newcomer {
    /// Of a zone.
    pub fn new(server: SocketAddr, zone: &str) -> Self {
        Self {
            server,
            names: ["api", "live"].map(|label| format!("{label}.{zone}")),
            state: Mutex::default(),
            stopped: AtomicBool::new(false),
        }
    }

    /// From now on these addresses are dead.
    pub fn lose(&self, dead: &[IpAddr]) {
        let mut state = self.state.lock().expect("nobody panics with it");
        *state = State {
            dead: dead.iter().copied().collect(),
            since: Some(Instant::now()),
            ..State::default()
        };
    }

    /// They live again: names may lead there.
    pub fn find(&self) {
        let mut state = self.state.lock().expect("nobody panics with it");
        state.dead.clear();
    }

    /// After how long both names led to living addresses only, ms, and how many answers later than that did not.
    pub fn seen(&self) -> (Option<u64>, u64) {
        let state = self.state.lock().expect("nobody panics with it");
        let right = state.right.map(|right| right.as_millis() as u64);
        (right, state.wrong)
    }

    /// Ends it.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    /// Asks.
    pub fn run(&self) {
        while !self.stopped.load(Ordering::Relaxed) {
            let asked = Instant::now();
            let answers: Vec<_> = (self.names.iter())
                .filter_map(|name| dns::ask(self.server, name, None).ok())
                .collect();
            self.take(asked, &answers);
            thread::sleep(EVERY);
        }
    }

    fn take(&self, asked: Instant, answers: &[dns::Answer]) {
        let mut state = self.state.lock().expect("nobody panics with it");
        // An answer to a question from before the break says nothing.
        let Some(since) = state.since.filter(|since| asked >= *since) else {
            return;
        };
        if answers.len() < self.names.len() || state.dead.is_empty() {
            return;
        }
        let leads_astray = (answers.iter())
            .any(|answer| answer.addresses.iter().any(|one| state.dead.contains(one)));
        match (leads_astray, state.right) {
            (false, None) => state.right = Some(since.elapsed()),
            (true, Some(_)) => state.wrong += 1,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(last: u8) -> dns::Answer {
        dns::Answer {
            addresses: vec![[127, 0, last, 1].into()],
            ttl_s: 5,
        }
    }

    #[test]
    fn right_is_when_both_names_lead_to_the_living() {
        let newcomer = Newcomer::new("127.0.0.1:1".parse().unwrap(), "test");
        let dead = [127, 0, 1, 1].into();
        let before = Instant::now();
        newcomer.lose(&[dead]);
        newcomer.take(before, &[answer(2), answer(2)]);
        assert_eq!(newcomer.seen(), (None, 0), "asked before the break");
        let now = || Instant::now();
        newcomer.take(now(), &[answer(2)]);
        newcomer.take(now(), &[answer(1), answer(2)]);
        assert_eq!(newcomer.seen(), (None, 0));
        newcomer.take(now(), &[answer(2), answer(2)]);
        assert!(newcomer.seen().0.is_some());
        newcomer.take(now(), &[answer(1), answer(2)]);
        assert_eq!(newcomer.seen().1, 1);
        newcomer.find();
        newcomer.take(now(), &[answer(1), answer(1)]);
        assert_eq!(newcomer.seen().1, 1);
    }
}
