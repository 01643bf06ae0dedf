//! One viewer of a crowd, and where it turns when its socket ends.

use std::time::{Duration, Instant};

use serde::Deserialize;

use super::account::Account;
use super::link::Link;
use super::script::{Group, Manner};
use crate::random::Random;

/// Viewers of a node that died spread themselves over this long, ms, as in [`crate::course`].
const SPREAD_MS: u64 = 200;
/// The first wait once a try has failed, ms, and the longest.
const BACKOFF_MS: (u64, u64) = (500, 8_000);
/// After a close that no viewer should get, ms.
const ASTRAY_MS: u64 = 1_000;
/// `Retry-After` is believed up to here, s.
const MOST_RETRY_S: u64 = 60;

/// What a viewer is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It will connect: a timer or the queue says when.
    Waiting,
    /// It connects and subscribes.
    Opening,
    /// It has had the first frame of its room on this socket.
    Subscribed,
    /// It does not come back.
    Ended,
}

/// How a socket ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// Without a word, or never there.
    Broken,
    /// Closed by the node, with a code.
    Closed(u16),
    /// Told to go to this node, if it named one that is known.
    Moved(Option<usize>),
    /// Refused with 503, to come back after so many s.
    SentBack(u64),
    /// A frame that no node should send.
    Astray,
}

/// A viewer.
pub struct Viewer {
    /// Whose it is.
    pub group: Group,
    /// Its room, by its place in the list.
    pub room: usize,
    /// How it reads.
    pub manner: Manner,
    /// What it got.
    pub account: Account,
    /// Where it stands; empty before the first frame.
    pub cursor: String,
    /// Its socket.
    pub link: Option<Link>,
    /// Where it is connected, or will be next.
    pub node: usize,
    /// What it is at.
    pub state: State,
    /// It had a first frame of its room, on any socket.
    pub begun: bool,
    /// It counts among those that are being opened.
    pub opening: bool,
    /// It was at a node that is lost, since then.
    pub away: Option<Instant>,
    /// It does not read now.
    pub paused: bool,
    /// The room's likes, as it was told last.
    pub likes: u64,
    /// Timers of an earlier turn mean nothing.
    pub turn: u64,
    tries: u32,
}

impl Viewer {
    /// One that will connect to a node.
    pub fn new(group: Group, room: usize, manner: Manner, node: usize) -> Self {
        Self {
            group,
            room,
            manner,
            account: Account::new([0; 3]),
            cursor: String::new(),
            link: None,
            node,
            state: State::Waiting,
            begun: false,
            opening: false,
            away: None,
            paused: false,
            likes: 0,
            turn: 0,
            tries: 0,
        }
    }

    /// Whether its kernel takes in little.
    pub fn is_narrow(&self) -> bool {
        self.manner != Manner::Reads
    }

    /// It reads: earlier failures are forgotten.
    pub fn arrived(&mut self) {
        self.state = State::Subscribed;
        self.tries = 0;
    }

    /// Its socket has ended: decides where it goes next, and gives how long it waits.
    pub fn turn_to_next(&mut self, loss: Loss, nodes: usize, random: &mut Random) -> Duration {
        let tries = self.tries;
        self.tries += 1;
        let next = (self.node + 1) % nodes;
        let wait_ms = match loss {
            Loss::Moved(to) => {
                self.node = to.unwrap_or(next);
                0
            }
            Loss::Closed(1012) => {
                self.node = next;
                random.below(SPREAD_MS)
            }
            Loss::Broken if tries == 0 => {
                self.node = next;
                random.below(SPREAD_MS)
            }
            Loss::Broken => {
                self.node = next;
                let whole = (BACKOFF_MS.0 << tries.min(10)).min(BACKOFF_MS.1);
                whole / 2 + random.below(whole / 2)
            }
            // Never earlier than asked for, and not all at once.
            Loss::SentBack(seconds) => {
                let asked = seconds.clamp(1, MOST_RETRY_S) * 1_000;
                asked + random.below(asked)
            }
            Loss::Closed(1011 | 4410 | 4411) => random.below(SPREAD_MS),
            Loss::Closed(_) | Loss::Astray => ASTRAY_MS,
        };
        Duration::from_millis(wait_ms)
    }
}

/// Whether a node may close a viewer that keeps the rules with this code.
pub fn is_expected(code: u16) -> bool {
    matches!(code, 1012 | 4411)
}

/// The first endpoint that a `move` names.
pub fn moved_to(json: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Move {
        #[serde(default)]
        endpoints: Vec<Endpoint>,
    }
    #[derive(Deserialize)]
    struct Endpoint {
        url: String,
    }
    let moved: Move = serde_json::from_slice(json).ok()?;
    moved.endpoints.into_iter().next().map(|first| first.url)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn viewer() -> Viewer {
        Viewer::new(Group::Crowd, 0, Manner::Reads, 0)
    }

    #[test]
    fn who_is_sent_back_comes_when_asked_and_not_all_at_once() {
        let mut random = Random::new(1);
        let waits: Vec<u64> = (0..100)
            .map(|_| {
                let mut viewer = viewer();
                let wait = viewer.turn_to_next(Loss::SentBack(2), 2, &mut random);
                assert_eq!(viewer.node, 0, "the same node");
                wait.as_millis() as u64
            })
            .collect();
        assert!(
            waits.iter().all(|wait| (2_000..4_000).contains(wait)),
            "{waits:?}"
        );
        assert!(waits.iter().max() > Some(&3_500) && waits.iter().min() < Some(&2_500));
    }

    #[test]
    fn who_is_cut_stays_and_who_is_sent_away_goes_where_it_is_told() {
        let mut random = Random::new(1);
        let mut viewer = viewer();
        viewer.turn_to_next(Loss::Closed(4411), 3, &mut random);
        assert_eq!(viewer.node, 0);
        assert!(
            viewer
                .turn_to_next(Loss::Moved(Some(2)), 3, &mut random)
                .is_zero()
        );
        assert_eq!(viewer.node, 2);
        viewer.turn_to_next(Loss::Closed(1012), 3, &mut random);
        assert_eq!(viewer.node, 0);
    }

    #[test]
    fn failures_wait_longer_each_time_until_one_reads() {
        let mut random = Random::new(1);
        let mut viewer = viewer();
        let first = viewer.turn_to_next(Loss::Broken, 2, &mut random);
        assert!(first < Duration::from_millis(SPREAD_MS));
        let last = (0..10)
            .map(|_| viewer.turn_to_next(Loss::Broken, 2, &mut random))
            .last();
        assert!(
            last >= Some(Duration::from_millis(BACKOFF_MS.1 / 2)),
            "{last:?}"
        );
        viewer.arrived();
        let again = viewer.turn_to_next(Loss::Broken, 2, &mut random);
        assert!(again < Duration::from_millis(SPREAD_MS));
    }

    #[test]
    fn the_first_endpoint_of_a_move_is_read() {
        let json = br#"{"type":"move","within_ms":5,"endpoints":[{"region":"a","url":"ws://x"},{"region":"a","url":"ws://y"}]}"#;
        assert_eq!(moved_to(json).as_deref(), Some("ws://x"));
        assert_eq!(moved_to(br#"{"type":"move","within_ms":5}"#), None);
    }
}
