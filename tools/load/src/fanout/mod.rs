//! `load fanout`: viewers in processes of their own, a publisher here, and what reached whom and when.

mod args;
mod children;
mod control;
mod dialect;
mod frames;
mod inflate;
mod limits;
mod marker;
mod masked;
mod publish;
mod report;
mod resources;
mod rooms;
mod tally;
mod target;
mod upgrade;
pub mod viewers;

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

pub use self::args::Args;
use self::children::Children;
use self::control::{Job, Order};
use self::publish::{Publisher, Publishing, Schedule};
use self::report::{Memory, Report, Span};
use self::resources::{Watched, slab_bytes};
use self::rooms::Rooms;
use self::tally::Window;
use crate::edge::now_us;
use crate::progress::Progress;

/// `load floor` reads and writes the same frames.
pub mod wire {
    pub use super::frames::server_text;
    pub use super::masked::Masked;
}

/// Opens, holds, publishes, counts, prints.
///
/// # Errors
/// When something is wrong with what was asked, a viewer does not get in, or a message did not reach everybody once and in
/// order.
pub fn run(args: &Args) -> Result<()> {
    args.check()?;
    let report = measure(args)?;
    if args.json {
        println!("{}", report.json());
    } else {
        println!("{}", report.table());
    }
    report.verdict()
}

fn measure(args: &Args) -> Result<Report> {
    let job = args.job()?;
    let publisher = args.publisher(&job)?;
    let server = Watched::new(&args.server_pids)?;
    let mut run = Run {
        rooms: Rooms::new(args.rooms, args.viewers),
        children: Children::start(args.processes())?,
        server,
        args,
    };
    let before = run.memory()?;
    let open = run.open(&job)?;
    run.hold()?;
    let opened = run.memory()?;
    let counted = match publisher {
        Some(by) if args.rate > 0 => run.publish(by)?,
        _ => Counted::default(),
    };
    let figures = run.children.figures(limits::LINGER)?;
    let counted_us = figures.last_us.saturating_sub(counted.from_us);
    let messages_per_frame = u64::from(args.messages_per_frame);
    Ok(Report {
        subject: args.subject,
        viewers: args.viewers,
        published: counted.published,
        behind_ms: counted.behind.as_secs_f64() * 1_000.0,
        expected: counted.deliveries * messages_per_frame,
        messages_per_frame,
        figures,
        open,
        run: Span {
            seconds: Duration::from_micros(counted_us).as_secs_f64(),
            ..counted.span
        },
        before,
        opened,
    })
}

struct Run<'a> {
    args: &'a Args,
    rooms: Rooms,
    children: Children,
    server: Watched,
}

/// What was published and should have arrived; `span` is without its seconds, which end with the last delivery.
#[derive(Default)]
struct Counted {
    published: u64,
    deliveries: u64,
    behind: Duration,
    from_us: u64,
    span: Span,
}

impl Run<'_> {
    fn memory(&self) -> Result<Memory> {
        Ok(Memory {
            pss: self.server.pss_bytes()?,
            slab: slab_bytes()?,
        })
    }

    /// CPU of the server and of ourselves.
    fn cpu_s(&self) -> Result<(f64, f64)> {
        let own: Vec<u32> = self.children.pids().chain([std::process::id()]).collect();
        Ok((self.server.cpu_s()?, Watched::new(&own)?.cpu_s()?))
    }

    fn open(&mut self, job: &Job) -> Result<Span> {
        let cpu_before = self.cpu_s()?;
        let begun = Instant::now();
        self.children.order(|process| {
            Order::Open(Box::new(Job {
                first: process,
                sources: args::sources(job, process),
                ..job.clone()
            }))
        })?;
        let mut progress = Progress::new("opened", u64::from(self.args.viewers));
        let (mut open, mut moved_at) = (0, begun);
        while open < self.args.viewers {
            self.children
                .hear(Instant::now() + limits::TELL)
                .with_context(|| format!("after {open} of {} sockets", self.args.viewers))?;
            if self.children.open() > open {
                open = self.children.open();
                moved_at = Instant::now();
                progress.at(u64::from(open));
            }
            if moved_at.elapsed() > limits::OPENING {
                bail!(
                    "{open} of {} viewers are in their room, and no further one for {} s",
                    self.args.viewers,
                    limits::OPENING.as_secs()
                );
            }
        }
        let cpu_s = self.cpu_s()?;
        Ok(Span {
            seconds: begun.elapsed().as_secs_f64(),
            server_cpu_s: cpu_s.0 - cpu_before.0,
            load_cpu_s: cpu_s.1 - cpu_before.1,
        })
    }

    fn hold(&mut self) -> Result<()> {
        let end = Instant::now() + Duration::from_secs_f64(self.args.hold_seconds);
        while Instant::now() < end {
            self.children.hear(end)?;
        }
        Ok(())
    }

    fn publish(&mut self, by: Box<dyn Publisher>) -> Result<Counted> {
        // Later than any viewer needs to be told the window.
        let lead = Duration::from_millis(300);
        let warmup = Duration::from_secs_f64(self.args.warmup_seconds);
        let (begin, begin_us) = (Instant::now() + lead, now_us());
        let from = begin + warmup;
        let from_us = begin_us + u64::try_from((lead + warmup).as_micros())?;
        self.children
            .order(|_| Order::Count(Window { begin_us, from_us }))?;
        let schedule = Schedule {
            rate: self.args.rate,
            begin,
            messages: self.args.messages(),
            from_us,
            payload_bytes: self.args.payload_bytes,
        };
        let publishing = Publishing::start(schedule, self.rooms.clone(), by);
        while Instant::now() < from && !publishing.is_done() {
            self.children.hear(from)?;
        }
        let cpu_before = self.cpu_s()?;
        let mut progress = Progress::new("delivered", self.deliveries_to_come());
        while !publishing.is_done() {
            self.children.hear(Instant::now() + limits::TELL)?;
            progress.at(self.children.delivered());
        }
        let published = publishing.finish()?;
        let by_room = published.counted.iter().enumerate();
        let deliveries = by_room
            .map(|(room, count)| count * u64::from(self.rooms.size(room)))
            .sum();
        self.wait_for(deliveries, &mut progress)?;
        let cpu_s = self.cpu_s()?;
        Ok(Counted {
            published: published.counted.iter().sum(),
            deliveries,
            behind: published.behind,
            from_us,
            span: Span {
                seconds: 0.0,
                server_cpu_s: cpu_s.0 - cpu_before.0,
                load_cpu_s: cpu_s.1 - cpu_before.1,
            },
        })
    }

    /// What will be counted, but for messages near the end of the warm-up.
    fn deliveries_to_come(&self) -> u64 {
        (self.args.warmup_messages()..self.args.messages())
            .map(|message| u64::from(self.rooms.size(self.rooms.of(message))))
            .sum()
    }

    /// Until all was delivered, or nothing more comes.
    fn wait_for(&mut self, deliveries: u64, progress: &mut Progress) -> Result<()> {
        let (mut delivered, mut moved_at) = (self.children.delivered(), Instant::now());
        while delivered < deliveries && moved_at.elapsed() < limits::LINGER {
            self.children.hear(Instant::now() + limits::TELL)?;
            if self.children.delivered() > delivered {
                delivered = self.children.delivered();
                moved_at = Instant::now();
            }
            progress.at(delivered);
        }
        Ok(())
    }
}
