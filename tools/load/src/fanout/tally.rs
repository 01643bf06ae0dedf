//! What arrived at the viewers of one process.

use std::cmp::Ordering;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use super::limits;
use super::marker::Marker;

/// Which messages are whose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// What was sent before is of another run.
    pub begin_us: u64,
    /// What was sent before is not counted.
    pub from_us: u64,
}

/// Where a viewer stands in its room.
#[derive(Debug, Default)]
pub struct Position {
    next: u32,
    missing: Vec<u32>,
}

/// Counts and latencies.
pub struct Tally {
    window: Option<Window>,
    latencies: Histogram<u64>,
    figures: Figures,
}

/// What a process of viewers tells at the end.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Figures {
    /// Messages of the counted time that reached a viewer for the first time.
    pub delivered: u64,
    /// Messages that a viewer got once more.
    pub repeated: u64,
    /// Messages that a viewer got after later ones.
    pub reordered: u64,
    /// Frames with messages of the counted time.
    pub frames: u64,
    /// Of those, compressed ones.
    pub packed_frames: u64,
    /// Bytes of all of them on the wire.
    pub frame_bytes: u64,
    /// When the last of them came, us since the epoch.
    pub last_us: u64,
    /// Sockets that ended before the run did.
    pub ended: u64,
    /// Why the first of them did.
    pub why: Option<String>,
    /// Latencies in us, and how many there were of each.
    pub latencies: Vec<(u64, u64)>,
    /// By room and message: the latency at the last of the viewers here, in us; 0 for none.
    pub slowest: Vec<Vec<u32>>,
}

/// A histogram of latencies: up to ten minutes, three digits.
pub fn histogram() -> Histogram<u64> {
    Histogram::new_with_max(600_000_000, 3).expect("the bounds are valid")
}

impl Tally {
    /// Of so many rooms. Before it is told its window it counts nothing.
    pub fn new(rooms: usize) -> Self {
        Self {
            window: None,
            latencies: histogram(),
            figures: Figures {
                slowest: vec![Vec::new(); rooms],
                ..Figures::default()
            },
        }
    }

    /// Counts from now on.
    pub fn begin(&mut self, window: Window) {
        self.window = Some(window);
    }

    /// How many were delivered.
    pub fn delivered(&self) -> u64 {
        self.figures.delivered
    }

    /// One message at one viewer. Says whether it counts.
    pub fn add(
        &mut self,
        room: usize,
        position: &mut Position,
        marker: Marker,
        now_us: u64,
    ) -> bool {
        let Some(window) = self.window.filter(|window| marker.at_us >= window.begin_us) else {
            return false;
        };
        match position.pass(marker.number) {
            Passed::Next => {}
            Passed::Late => self.figures.reordered += 1,
            Passed::Again => {
                self.figures.repeated += 1;
                return false;
            }
        }
        if marker.at_us < window.from_us {
            return false;
        }
        let latency_us = now_us.saturating_sub(marker.at_us).max(1);
        self.figures.delivered += 1;
        self.figures.last_us = self.figures.last_us.max(now_us);
        self.latencies.saturating_record(latency_us);
        let slowest = &mut self.figures.slowest[room];
        let number = marker.number as usize;
        if (number as u64) < limits::MESSAGES {
            if slowest.len() <= number {
                slowest.resize(number + 1, 0);
            }
            let latency_us = u32::try_from(latency_us).unwrap_or(u32::MAX);
            slowest[number] = slowest[number].max(latency_us);
        }
        true
    }

    /// A frame that had messages which count.
    pub fn add_frame(&mut self, bytes: usize, packed: bool) {
        self.figures.frames += 1;
        self.figures.packed_frames += u64::from(packed);
        self.figures.frame_bytes += bytes as u64;
    }

    /// A socket ended before the run did.
    pub fn end(&mut self, why: &str) {
        self.figures.ended += 1;
        self.figures.why.get_or_insert_with(|| why.to_owned());
    }

    /// All of it.
    pub fn figures(&self) -> Figures {
        let mut figures = self.figures.clone();
        let recorded = self.latencies.iter_recorded();
        figures.latencies = recorded
            .map(|step| (step.value_iterated_to(), step.count_at_value()))
            .collect();
        figures
    }
}

impl Figures {
    /// Adds another process' figures.
    pub fn merge(&mut self, other: Self) {
        self.delivered += other.delivered;
        self.repeated += other.repeated;
        self.reordered += other.reordered;
        self.frames += other.frames;
        self.packed_frames += other.packed_frames;
        self.frame_bytes += other.frame_bytes;
        self.last_us = self.last_us.max(other.last_us);
        self.ended += other.ended;
        if self.why.is_none() {
            self.why = other.why;
        }
        self.latencies.extend(other.latencies);
        if self.slowest.len() < other.slowest.len() {
            self.slowest.resize(other.slowest.len(), Vec::new());
        }
        for (mine, theirs) in self.slowest.iter_mut().zip(other.slowest) {
            if mine.len() < theirs.len() {
                mine.resize(theirs.len(), 0);
            }
            for (mine, theirs) in mine.iter_mut().zip(theirs) {
                *mine = (*mine).max(theirs);
            }
        }
    }
}

enum Passed {
    Next,
    Late,
    Again,
}

impl Position {
    fn pass(&mut self, number: u32) -> Passed {
        match number.cmp(&self.next) {
            Ordering::Equal => {}
            Ordering::Greater => {
                let room = limits::MISSING.saturating_sub(self.missing.len());
                self.missing.extend((self.next..number).take(room));
            }
            Ordering::Less => {
                let Some(at) = self.missing.iter().position(|lost| *lost == number) else {
                    return Passed::Again;
                };
                self.missing.swap_remove(at);
                return Passed::Late;
            }
        }
        self.next = number.saturating_add(1);
        Passed::Next
    }
}

#[cfg(test)]
#[path = "tally_tests.rs"]
mod tests;
