//! The publisher: one thread that sends messages when they are due, whatever became of those before.

mod edge;
mod post;
mod redis;
mod socket;

use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, bail, ensure};

use super::dialect::Subject;
use super::limits;
use super::marker::Marker;
use super::rooms::Rooms;
use super::target::Target;
use crate::edge::now_us;

/// A message, and the number of its room.
pub type Message = (usize, String);

/// A way to publish.
pub trait Publisher: Send {
    /// Publishes messages in this order; at most [`Publisher::at_once`].
    ///
    /// # Errors
    /// When one is not taken.
    fn publish(&mut self, messages: &[Message]) -> Result<()>;

    /// How many can be sent before the first is answered.
    fn at_once(&self) -> usize {
        1
    }
}

/// The way to publish that an address means. Rooms are there when it returns.
///
/// # Errors
/// When the address does not fit the subject, or nobody answers there.
pub fn to(subject: Subject, url: &str, prefix: &str, rooms: usize) -> Result<Box<dyn Publisher>> {
    let is_http = url.starts_with("http://");
    Ok(match subject {
        Subject::Tidegate if is_http => Box::new(edge::ByEdge::new(url, prefix, rooms)?),
        Subject::Tidegate if url.starts_with("redis") => {
            Box::new(redis::ByRedis::new(url, prefix, rooms)?)
        }
        Subject::Tidegate => {
            bail!("--publish: tidegate takes redis://HOST:PORT or the edge's http://HOST:PORT")
        }
        Subject::Nchan | Subject::Centrifuge | Subject::Sockudo => {
            ensure!(is_http, "--publish: an address with http:// is meant");
            match subject {
                Subject::Sockudo => Box::new(post::Pusher::new(url)?),
                _ => Box::new(post::Plain::new(url)),
            }
        }
        Subject::Floor | Subject::Uwebsockets | Subject::Ws => {
            let target = Target::new(url, "/publish")?;
            Box::new(socket::BySocket::new(subject, &target)?)
        }
        Subject::Socketio => {
            let target = Target::new(url, subject.path())?;
            Box::new(socket::BySocket::new(subject, &target)?)
        }
    })
}

/// When what is published.
#[derive(Debug, Clone, Copy)]
pub struct Schedule {
    /// Messages a second, at least one.
    pub rate: u32,
    /// When the first is due.
    pub begin: Instant,
    /// How many.
    pub messages: u64,
    /// What is sent from then on counts, us since the epoch.
    pub from_us: u64,
    /// Bytes of each.
    pub payload_bytes: usize,
}

impl Schedule {
    fn due(&self, message: u64) -> Instant {
        let rate = u64::from(self.rate);
        let rest_us = message % rate * 1_000_000 / rate;
        self.begin + Duration::from_secs(message / rate) + Duration::from_micros(rest_us)
    }
}

/// What was published.
#[derive(Debug)]
pub struct Published {
    /// By room: messages that count.
    pub counted: Vec<u64>,
    /// The longest that one was sent after it was due.
    pub behind: Duration,
}

/// Publishing under way.
pub struct Publishing(JoinHandle<Result<Published>>);

impl Publishing {
    /// Begins.
    pub fn start(schedule: Schedule, rooms: Rooms, mut by: Box<dyn Publisher>) -> Self {
        Self(std::thread::spawn(move || {
            run(&schedule, &rooms, by.as_mut())
        }))
    }

    /// Whether it has ended.
    pub fn is_done(&self) -> bool {
        self.0.is_finished()
    }

    /// Waits for the end.
    ///
    /// # Errors
    /// When a message was not taken.
    pub fn finish(self) -> Result<Published> {
        self.0
            .join()
            .map_err(|_| anyhow!("the publisher panicked"))?
    }
}

fn run(schedule: &Schedule, rooms: &Rooms, by: &mut dyn Publisher) -> Result<Published> {
    let mut numbers = vec![0; rooms.len()];
    let mut counted = vec![0; rooms.len()];
    let mut behind = Duration::ZERO;
    let most = by.at_once().min(limits::AT_ONCE);
    let mut batch: Vec<Message> = Vec::new();
    let mut next = 0;
    while next < schedule.messages {
        let due = schedule.due(next);
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        let now = Instant::now();
        behind = behind.max(now.saturating_duration_since(due));
        batch.clear();
        let at_us = now_us();
        while next < schedule.messages && batch.len() < most && schedule.due(next) <= now {
            let room = rooms.of(next);
            let number = numbers[room];
            batch.push((room, Marker { number, at_us }.text(schedule.payload_bytes)));
            numbers[room] += 1;
            if at_us >= schedule.from_us {
                counted[room] += 1;
            }
            next += 1;
        }
        by.publish(&batch)?;
    }
    Ok(Published { counted, behind })
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::super::marker;
    use super::super::rooms::Spread;
    use super::*;

    struct Kept(Arc<Mutex<Vec<Message>>>, usize);

    impl Publisher for Kept {
        fn publish(&mut self, messages: &[Message]) -> Result<()> {
            assert!(!messages.is_empty() && messages.len() <= self.1);
            self.0.lock().unwrap().extend_from_slice(messages);
            Ok(())
        }

        fn at_once(&self) -> usize {
            self.1
        }
    }

    #[test]
    fn every_message_is_sent_numbered_by_room_and_counted_from_a_time_on() {
        for at_once in [1, 8] {
            let rooms = Rooms::new(Spread::Many(3), 9);
            let kept = Arc::default();
            let schedule = Schedule {
                rate: 1_000,
                begin: Instant::now(),
                messages: 30,
                from_us: now_us() + 10_000,
                payload_bytes: 40,
            };
            let by = Box::new(Kept(Arc::clone(&kept), at_once));
            let published = Publishing::start(schedule, rooms, by).finish().unwrap();
            let kept = kept.lock().unwrap();
            assert_eq!(kept.len(), 30);
            let mut counted = vec![0; 3];
            for (room, counted) in counted.iter_mut().enumerate() {
                let of_room = kept.iter().filter(|(of, _)| *of == room);
                for (number, (_, text)) in (0..).zip(of_room) {
                    assert_eq!(text.len(), 40);
                    let mark = marker::find(text.as_bytes()).next().unwrap();
                    assert_eq!(mark.number, number);
                    *counted += u64::from(mark.at_us >= schedule.from_us);
                }
            }
            assert_eq!(published.counted, counted);
        }
    }

    #[test]
    fn addresses_that_do_not_fit_are_refused() {
        for (subject, url) in [
            (Subject::Tidegate, "ws://127.0.0.1:1"),
            (Subject::Nchan, "redis://127.0.0.1:1"),
            (Subject::Floor, "http://127.0.0.1:1"),
        ] {
            let error = to(subject, url, "load.", 1).err().unwrap();
            assert!(format!("{error:#}").contains("://"), "{error:#}");
        }
    }
}
