//! What is done when its time has come: who is to be opened, who stops reading or goes on, who leaves, who says something.

use std::cmp::Reverse;
use std::time::{Duration, Instant};

use super::link::Stage;
use super::script::{Group, Manner};
use super::stage::{Crowd, What};
use super::viewer::{Loss, State, Viewer};

/// Sockets that are being opened at once by order; who comes back does not ask.
const OPENING: usize = 64;
/// A slow viewer reads for up to this long, ms, between two stops.
pub(super) const READS_MS: u64 = 20_000;
/// Every viewer says something this often: a node closes who is silent for 60 s.
const SPEAK: Duration = Duration::from_secs(15);
/// How often some of them do.
const BEAT: Duration = Duration::from_millis(100);

impl Crowd {
    /// When something is to be done next, at the latest.
    pub fn next_due(&self) -> Instant {
        let beat = self.beaten + BEAT;
        (self.timers.peek()).map_or(beat, |Reverse((due, ..))| beat.min(*due))
    }

    /// Does what is due.
    pub fn pass(&mut self, now: Instant) {
        while let Some(Reverse((due, ..))) = self.timers.peek()
            && *due <= now
            && let Some(Reverse((_, index, turn, what))) = self.timers.pop()
        {
            self.due(index, turn, what);
        }
        while self.opening < OPENING
            && let Some(index) = self.queue.pop_front()
        {
            self.opening += 1;
            self.viewers[index].opening = true;
            self.connect(index);
        }
        if now >= self.beaten + BEAT {
            self.churn(now - self.beaten);
            self.speak(now - self.beaten);
            self.beaten = now;
        }
    }

    fn due(&mut self, index: usize, turn: u64, what: What) {
        let Some(viewer) = self.viewers.get_mut(index) else {
            return;
        };
        let current = viewer.turn == turn;
        match what {
            What::Connect if current && viewer.state == State::Waiting => self.connect(index),
            What::Deadline if current && viewer.state == State::Opening => {
                self.lost(index, Loss::Broken);
            }
            What::Subscribe if current => self.subscribe(index),
            What::Stop | What::GoOn => self.stop_or_go_on(index, what),
            _ => {}
        }
    }

    fn stop_or_go_on(&mut self, index: usize, what: What) {
        let viewer = &mut self.viewers[index];
        let Manner::Slow(most_ms) = viewer.manner else {
            return;
        };
        if what == What::Stop && viewer.state == State::Subscribed {
            viewer.paused = true;
            self.sockets.stops += 1;
            // Half of them for a moment, half long enough to be cut.
            let most_ms = most_ms >> (2 * self.random.below(2));
            let after = self.random.below(most_ms);
            return self.at(after, index, What::GoOn);
        }
        viewer.paused = false;
        let after = self.random.below(READS_MS);
        self.at(after, index, What::Stop);
        self.ready(index);
    }

    /// Some of the crowd leave, others come.
    fn churn(&mut self, passed: Duration) {
        self.left_due += self.churn * passed.as_secs_f64();
        while self.left_due >= 1.0 && !self.viewers.is_empty() {
            self.left_due -= 1.0;
            let index = self.random.below(self.viewers.len() as u64) as usize;
            let viewer = &self.viewers[index];
            let leaves = viewer.group == Group::Crowd
                && viewer.manner == Manner::Reads
                && viewer.state == State::Subscribed;
            if leaves {
                self.leave(index);
                self.sockets.left += 1;
                // As `join` does: where there are fewest.
                let node = (0..self.nodes.len()).filter(|node| self.present[*node]);
                let node = node.min_by_key(|node| self.subscribed[*node]).unwrap_or(0);
                let before = &mut self.viewers[index];
                *before = Viewer::new(Group::Crowd, before.room, Manner::Reads, node);
                self.begin_turn(index);
                self.unbegun += 1;
                self.queue.push_back(index);
            }
        }
    }

    /// A viewer goes, every other one without a word, and its account is closed as it stands.
    pub(super) fn leave(&mut self, index: usize) {
        let says = self.random.below(2) == 0;
        let viewer = &mut self.viewers[index];
        self.seen.add(&viewer.account.so_far());
        if let Some(mut link) = viewer.link.take()
            && says
            && link.stage == Stage::Open
        {
            // It goes in any case.
            let _ = link.say(8, &1000u16.to_be_bytes());
        }
        self.let_go(index);
    }

    fn speak(&mut self, passed: Duration) {
        if self.viewers.is_empty() {
            return;
        }
        let share = passed.as_secs_f64() / SPEAK.as_secs_f64();
        let count = (self.viewers.len() as f64 * share) as usize + 1;
        for _ in 0..count.min(self.viewers.len()) {
            self.spoken = (self.spoken + 1) % self.viewers.len();
            let viewer = &mut self.viewers[self.spoken];
            if viewer.state == State::Subscribed
                && viewer.manner != Manner::Never
                && let Some(link) = &mut viewer.link
                && link.say(1, br#"{"type":"ping"}"#).is_err()
            {
                self.lost(self.spoken, Loss::Broken);
            }
        }
    }
}
