//! The end: nothing more is published, and everybody must have all.

use std::time::{Duration, Instant};

use super::account::Seen;
use super::hostile::Hostile;
use super::script::Settled;
use super::stage::Crowd;
use super::viewer::{State, Viewer};

/// How long everybody may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// Likes are told within a second or so, after the last message too.
const LIKES: Duration = Duration::from_secs(10);

/// Waiting for the end.
pub struct Settling {
    until: Instant,
    /// When every message was there.
    complete: Option<Instant>,
}

impl Settling {
    /// Whoever stopped reads again, nobody leaves or breaks rules, one last message goes into each room.
    pub fn begin(crowd: &mut Crowd) -> Self {
        crowd.churn = 0.0;
        crowd.board.finish();
        crowd.wake(|_| true);
        Self {
            until: Instant::now() + PATIENCE,
            complete: None,
        }
    }

    /// The end, once it has come.
    pub fn look(&mut self, crowd: &mut Crowd, hostile: &Hostile, now: Instant) -> Option<Settled> {
        let late = now >= self.until;
        if self.complete.is_none() && (late || crowd.board.is_quiet() && crowd.incomplete() == 0) {
            self.complete = Some(now);
        }
        let likes_late = now >= self.complete? + LIKES;
        if !late && !likes_late && crowd.likes_wrong() > 0 {
            return None;
        }
        let (incomplete, likes_wrong) = (crowd.incomplete(), crowd.likes_wrong());
        let mut seen = crowd.seen;
        for viewer in crowd.living() {
            let account = viewer.account.clone();
            seen.add(&account.finish(&crowd.board.published(viewer.room)));
        }
        let (published, likes) = crowd.board.totals();
        Some(Settled {
            published,
            likes,
            incomplete,
            likes_wrong,
            seen,
            sockets: crowd.sockets.clone(),
            hostile: hostile.outcomes(),
        })
    }
}

impl Crowd {
    /// Viewers who are here, or will come back.
    pub fn living(&self) -> impl Iterator<Item = &Viewer> {
        (self.viewers.iter()).filter(|viewer| viewer.state != State::Ended)
    }

    /// What all have seen so far, those who left too.
    pub fn seen_so_far(&self) -> Seen {
        let mut seen = self.seen;
        for viewer in self.living() {
            seen.add(&viewer.account.so_far());
        }
        seen
    }

    fn incomplete(&self) -> usize {
        let complete = |viewer: &&Viewer| {
            viewer.state == State::Subscribed
                && (viewer.account).is_complete(&self.board.published(viewer.room))
        };
        self.living().filter(|viewer| !complete(viewer)).count()
    }

    fn likes_wrong(&self) -> usize {
        let wrong = |viewer: &&Viewer| viewer.likes != self.board.likes(viewer.room);
        self.living().filter(wrong).count()
    }
}
