//! All viewers of a process.

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use mio::event::Event;
use mio::{Events, Interest, Token};

use super::conn::{Conn, Ready, Shared};
use super::orders::{self, Orders, WAKE};
use crate::fanout::control::{Job, Order, Word};
use crate::fanout::inflate;
use crate::fanout::limits;
use crate::fanout::rooms::Rooms;
use crate::fanout::tally::Tally;

/// Sockets, the first opened first. One that has ended is none.
pub struct Crowd<'a> {
    job: &'a Job,
    rooms: Rooms,
    requests: Vec<Vec<u8>>,
    orders: Orders,
    conns: Vec<Option<Conn>>,
    /// Viewers yet to be opened.
    left: Vec<u32>,
    shared: Shared,
    begun: Instant,
    /// What the coordinator was told last: open sockets, deliveries.
    told: (u32, u64),
    told_at: Instant,
}

impl<'a> Crowd<'a> {
    /// With nothing open yet.
    ///
    /// # Errors
    /// When the job cannot be done.
    pub fn new(job: &'a Job, orders: Orders) -> Result<Self> {
        let rooms = Rooms::new(job.spread, job.viewers);
        let dialect = job.subject.dialect(job)?;
        let request = |target: &crate::fanout::target::Target| {
            let extensions = job.deflate.then_some(inflate::OFFER);
            target.request(dialect.protocol(), extensions).into_bytes()
        };
        let mut left: Vec<u32> = job.own().collect();
        left.reverse();
        let begun = Instant::now();
        Ok(Self {
            requests: job.targets.iter().map(request).collect(),
            conns: Vec::with_capacity(left.len()),
            left,
            shared: Shared::new(dialect, Tally::new(rooms.len()), job.deflate),
            rooms,
            job,
            orders,
            begun,
            told: (0, 0),
            told_at: begun,
        })
    }

    /// Runs until the coordinator has no more to say.
    ///
    /// # Errors
    /// When a viewer does not get into its room.
    pub fn run(mut self) -> Result<()> {
        let mut events = Events::with_capacity(1_024);
        let mut buffer = vec![0; limits::READ_BYTES];
        let pace = match self.job.open_rate > 0.0 {
            true => Duration::from_millis(2),
            false => limits::TELL,
        };
        loop {
            self.open()?;
            let wait = if self.left.is_empty() {
                limits::TELL
            } else {
                pace
            };
            match self.orders.poll.poll(&mut events, Some(wait)) {
                Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error.into()),
                _ => {}
            }
            for event in &events {
                if event.token() != WAKE {
                    self.go_on(event, &mut buffer)?;
                }
            }
            loop {
                match self.orders.next() {
                    Ok(None) => break,
                    Err(()) => return Ok(()),
                    Ok(Some(Order::Count(window))) => self.shared.tally.begin(window),
                    Ok(Some(Order::Tell)) => {
                        orders::say(&Word::Figures(Box::new(self.shared.tally.figures())))?;
                    }
                    Ok(Some(Order::Open(_))) => bail!("a second job"),
                }
            }
            self.tell()?;
            self.keep();
        }
    }

    /// Begins to open what may be opened now.
    fn open(&mut self) -> Result<()> {
        let mut may = limits::IN_FLIGHT.saturating_sub(self.conns.len() - self.open_so_far());
        if self.job.open_rate > 0.0 {
            let due = self.job.open_rate / f64::from(self.job.processes)
                * self.begun.elapsed().as_secs_f64();
            may = may.min(whole(due).saturating_sub(self.conns.len()));
        }
        for _ in 0..may {
            let Some(viewer) = self.left.pop() else {
                break;
            };
            let index = self.conns.len();
            let target = &self.job.targets[index % self.job.targets.len()];
            let sources = &self.job.sources;
            let source = (!sources.is_empty()).then(|| sources[index % sources.len()]);
            let room = u32::try_from(self.rooms.of(u64::from(viewer)))?;
            let mut conn = Conn::connect(target, source, viewer, room)
                .with_context(|| format!("viewer {viewer} at {}", target.host))?;
            self.orders.poll.registry().register(
                conn.stream(),
                Token(index),
                Interest::READABLE | Interest::WRITABLE,
            )?;
            self.conns.push(Some(conn));
        }
        Ok(())
    }

    /// Sockets that got into their room, whether they are still there or not.
    fn open_so_far(&self) -> usize {
        self.shared.open as usize
    }

    fn go_on(&mut self, event: &Event, buffer: &mut [u8]) -> Result<()> {
        let index = event.token().0;
        let Some(conn) = &mut self.conns[index] else {
            return Ok(());
        };
        let ready = Ready {
            writable: event.is_writable(),
            readable: event.is_readable(),
            ended: event.is_read_closed() || event.is_error(),
        };
        let of_target = index % self.requests.len();
        let request = &self.requests[of_target];
        if let Err(error) = conn.go_on(ready, request, buffer, &mut self.shared) {
            if !conn.is_open() {
                let host = &self.job.targets[of_target].host;
                return Err(error.context(format!("a viewer at {host}")));
            }
            self.shared.tally.end(&format!("{error:#}"));
            self.conns[index] = None;
        }
        Ok(())
    }

    fn tell(&mut self) -> Result<()> {
        let (open, delivered) = (self.shared.open, self.shared.tally.delivered());
        if (open, delivered) == self.told || self.told_at.elapsed() < limits::TELL {
            return Ok(());
        }
        if open != self.told.0 {
            orders::say(&Word::Open(open))?;
        }
        if delivered != self.told.1 {
            orders::say(&Word::Delivered(delivered))?;
        }
        self.told = (open, delivered);
        self.told_at = Instant::now();
        Ok(())
    }

    /// Once a second, every so-manieth viewer looks whether it should say something.
    fn keep(&mut self) {
        let now_s = u32::try_from(self.begun.elapsed().as_secs()).unwrap_or(u32::MAX);
        if now_s == self.shared.now_s {
            return;
        }
        self.shared.now_s = now_s;
        let Some(text) = self.shared.dialect.alive() else {
            return;
        };
        let first = (now_s % limits::SILENT_S) as usize;
        for slot in self
            .conns
            .iter_mut()
            .skip(first)
            .step_by(limits::SILENT_S as usize)
        {
            let Some(conn) = slot else { continue };
            if let Err(error) = conn.keep(text, now_s) {
                self.shared.tally.end(&format!("{error:#}"));
                *slot = None;
            }
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a number of sockets that is not negative, and is bounded by the caller"
)]
fn whole(sockets: f64) -> usize {
    sockets as usize
}
