//! What the coordinator and its processes of viewers say to each other: a line of JSON each.

use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};

use super::dialect::Subject;
use super::rooms::Spread;
use super::tally::{Figures, Window};
use super::target::Target;

/// What one process of viewers has to do.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Job {
    /// Which dialect is spoken.
    pub subject: Subject,
    /// Where to connect, in turn.
    pub targets: Vec<Target>,
    /// From which addresses, in turn; none when the servers are on another machine.
    pub sources: Vec<Ipv4Addr>,
    /// All viewers of all processes.
    pub viewers: u32,
    /// All processes; this one has every so-manieth viewer,
    pub processes: u32,
    /// beginning with this one.
    pub first: u32,
    /// How viewers are spread over rooms.
    pub spread: Spread,
    /// What the names of rooms begin with.
    pub prefix: String,
    /// The JWK Set that signs tickets, where there are any.
    pub ticket_keys: Option<String>,
    /// Whether they offer compression.
    pub deflate: bool,
    /// Sockets a second; 0: as fast as they are answered.
    pub open_rate: f64,
}

impl Job {
    /// The viewers of this process.
    pub fn own(&self) -> impl ExactSizeIterator<Item = u32> + use<> {
        (self.first..self.viewers).step_by(self.processes as usize)
    }
}

/// The name of a room.
pub fn room_name(prefix: &str, room: usize) -> String {
    format!("{prefix}{room}")
}

/// From the coordinator.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// Open all sockets.
    Open(Box<Job>),
    /// Count what comes.
    Count(Window),
    /// Tell the figures.
    Tell,
}

/// From a process of viewers.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Word {
    /// So many sockets are subscribed; the last of them when it is all.
    Open(u32),
    /// So many messages were delivered.
    Delivered(u64),
    /// All figures.
    Figures(Box<Figures>),
    /// It cannot go on.
    Failed(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_viewer_has_one_process() {
        let job = |first| Job {
            subject: Subject::Floor,
            targets: Vec::new(),
            sources: Vec::new(),
            viewers: 10,
            processes: 3,
            first,
            spread: Spread::One,
            prefix: String::new(),
            ticket_keys: None,
            deflate: false,
            open_rate: 0.0,
        };
        let mut all: Vec<u32> = (0..3).flat_map(|first| job(first).own()).collect();
        all.sort_unstable();
        assert_eq!(all, (0..10).collect::<Vec<_>>());
        let line = serde_json::to_string(&Order::Open(Box::new(job(1)))).unwrap();
        assert!(matches!(
            serde_json::from_str(&line),
            Ok(Order::Open(job)) if job.first == 1
        ));
    }
}
