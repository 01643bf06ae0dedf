//! The viewers of one region, thousands in one thread, and who publishes for them: what soak, return and unread stand on.
//!
//! `stage` has the sockets, `hear` what comes on them, `pace` what is done when; `viewer` says where one turns, [`account`]
//! whether something is missing; `publisher` writes straight into Redis, `hostile` breaks the rules. `cargo xtask drill` says
//! when ([`script`]).

pub mod account;
mod frame;
mod hear;
mod hostile;
mod link;
mod mark;
mod pace;
mod publisher;
pub mod script;
mod settle;
mod stage;
pub mod tally;
mod viewer;

use std::io::{BufRead, Write, stdin, stdout};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use mio::{Events, Poll, Token, Waker};
use tidegate_auth::{Grant, TicketKeys};
use tidegate_stream::{RoomId, Subject};

use self::hostile::Hostile;
use self::publisher::{Board, Publisher};
use self::script::{Answer, Figures, Order, Returned, Spec};
use self::settle::Settling;
use self::stage::Crowd;
use crate::publisher::now_us;

/// Where orders are told from sockets.
const ORDERS: Token = Token(usize::MAX);
/// Longer than any drill.
const TICKET_MS: u64 = 12 * 60 * 60 * 1_000;
/// How long a lost node's viewers may take, and how long everybody may take to be subscribed.
const PATIENCE: Duration = Duration::from_secs(60);
const OPENED: Duration = Duration::from_secs(240);
/// How often what is waited for is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// What comes from other threads.
enum Input {
    Order(Order),
    /// Whoever gave orders is gone, or nothing can be published any more.
    Failed(anyhow::Error),
}

/// What is being waited for.
enum Pending {
    Opened { until: Instant },
    Returned { viewers: usize, until: Instant },
    Settling(Settling),
}

/// Runs a crowd over standard input and output.
///
/// # Errors
/// What kept it from going on.
pub fn run() -> Result<()> {
    let mut first = String::new();
    // The lock is let go of: the thread below reads on.
    stdin().lock().read_line(&mut first)?;
    let spec: Spec = serde_json::from_str(&first).context("the first line is no crowd")?;
    allow_files();
    let rooms: Vec<RoomId> = (0..spec.rooms)
        .map(|room| format!("drill.c{room}").parse())
        .collect::<Result<_, _>>()?;
    let tickets = sign(&spec, &rooms)?;
    let board = Arc::new(Board::new(rooms.len()));
    let publisher = Publisher::new(&spec, &rooms)?;

    let mut poll = Poll::new()?;
    let (send, inputs) = channel();
    let waker = Arc::new(Waker::new(poll.registry(), ORDERS)?);
    read_orders(send.clone(), Arc::clone(&waker));
    let published = Arc::clone(&board);
    thread::spawn(move || {
        let failed = publisher.run(&published).err();
        let failed = failed.unwrap_or_else(|| anyhow::anyhow!("the publisher ended"));
        let _ = send.send(Input::Failed(failed)).map(|()| waker.wake());
    });
    let hostile = Hostile::new(&spec.nodes);
    hostile.start();
    let names = rooms.iter().map(ToString::to_string).collect();
    let registry = poll.registry().try_clone()?;
    let mut theatre = Theatre {
        crowd: Crowd::new(registry, &spec.nodes, names, tickets, board),
        hostile,
        pending: None,
        looked: Instant::now(),
    };
    let mut events = Events::with_capacity(1_024);
    say(&Answer::Done)?;
    loop {
        let due = theatre.crowd.next_due();
        let wait = due.saturating_duration_since(Instant::now());
        match poll.poll(&mut events, Some(wait.min(LOOK))) {
            Err(error) if error.kind() != std::io::ErrorKind::Interrupted => {
                return Err(error.into());
            }
            _ => {}
        }
        for event in &events {
            if event.token() != ORDERS {
                theatre.crowd.ready(event.token().0);
            }
        }
        theatre.crowd.pass(Instant::now());
        if !theatre.obey(&inputs)? {
            return Ok(());
        }
        theatre.look()?;
    }
}

/// As many files as this process may have at most: each viewer is one.
fn allow_files() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // Opening sockets says what is wrong if there are too few.
    let _ = setrlimit(Resource::Nofile, limit);
}

fn sign(spec: &Spec, rooms: &[RoomId]) -> Result<Vec<String>> {
    let keys = TicketKeys::parse(&spec.ticket_keys).context("ticket keys")?;
    let subject: Subject = "viewer".parse()?;
    let expires_ms = now_us() / 1_000 + TICKET_MS;
    let ticket = |room: &RoomId| {
        keys.sign(&Grant {
            room: room.clone(),
            subject: subject.clone(),
            token: None,
            moderator: false,
            expires_ms,
        })
    };
    Ok(rooms.iter().map(ticket).collect())
}

fn read_orders(send: Sender<Input>, waker: Arc<Waker>) {
    thread::spawn(move || {
        for line in stdin().lock().lines().map_while(Result::ok) {
            let input = match serde_json::from_str(&line) {
                Ok(order) => Input::Order(order),
                Err(error) => Input::Failed(anyhow::anyhow!(
                    "an order that cannot be read: {error}: {line}"
                )),
            };
            if send.send(input).is_err() || waker.wake().is_err() {
                return;
            }
        }
        let _ = send.send(Input::Failed(anyhow::anyhow!(
            "whoever ran this crowd is gone"
        )));
        let _ = waker.wake();
    });
}

fn say(answer: &Answer) -> Result<()> {
    let line = serde_json::to_string(answer)?;
    writeln!(stdout().lock(), "{line}").context("whoever ran this crowd is gone")
}

struct Theatre {
    crowd: Crowd,
    hostile: Arc<Hostile>,
    pending: Option<Pending>,
    looked: Instant,
}

impl Theatre {
    /// Obeys what was ordered. False: it was the end.
    fn obey(&mut self, inputs: &Receiver<Input>) -> Result<bool> {
        loop {
            match inputs.try_recv() {
                Ok(Input::Order(order)) => self.order(order)?,
                Ok(Input::Failed(error)) => return Err(error),
                Err(TryRecvError::Empty) => return Ok(true),
                Err(TryRecvError::Disconnected) => return Ok(false),
            }
        }
    }

    fn order(&mut self, order: Order) -> Result<()> {
        let crowd = &mut self.crowd;
        match order {
            Order::Open {
                group,
                count,
                node,
                manner,
            } => {
                crowd.add(group, count, node, manner);
                let until = Instant::now() + OPENED;
                self.pending = Some(Pending::Opened { until });
                return Ok(());
            }
            Order::Close { group } => crowd.close(group),
            Order::Wake { group } => crowd.wake(|viewer| viewer.group == group),
            Order::Publish { per_second } => crowd.board.set_rate(per_second),
            Order::Churn { per_second } => crowd.churn = per_second,
            Order::Hostile { per_second } => self.hostile.set_rate(per_second),
            Order::Leaving { node } => self.set_present(node, false),
            Order::Back { node } => self.set_present(node, true),
            Order::Lost { node } => {
                self.hostile.change(node, false);
                let viewers = crowd.lose(node, Instant::now());
                let until = Instant::now() + PATIENCE;
                // Only then may it be killed: whose socket ends before is not one of them.
                self.pending = Some(Pending::Returned { viewers, until });
            }
            Order::Measure { group } => {
                crowd.measured = group;
                crowd.latency = tally::Times::default();
            }
            Order::Figures => return say(&Answer::Figures(Box::new(self.figures()))),
            Order::Settle => {
                self.hostile.set_rate(0.0);
                self.pending = Some(Pending::Settling(Settling::begin(crowd)));
                return Ok(());
            }
        }
        say(&Answer::Done)
    }

    fn set_present(&mut self, node: usize, is_there: bool) {
        self.crowd.present[node] = is_there;
        self.hostile.change(node, is_there);
    }

    /// Answers what was waited for, when it is there.
    fn look(&mut self) -> Result<()> {
        let now = Instant::now();
        // Looking asks every viewer: not after each thing that came.
        if now < self.looked + LOOK {
            return Ok(());
        }
        self.looked = now;
        let answer = match &mut self.pending {
            None => return Ok(()),
            Some(Pending::Opened { .. }) if self.crowd.unbegun == 0 => Answer::Done,
            Some(Pending::Opened { until }) if now >= *until => bail!(
                "{} viewers were not subscribed within {} s",
                self.crowd.unbegun,
                OPENED.as_secs()
            ),
            Some(Pending::Returned { viewers, until })
                if self.crowd.awaited == 0 || now >= *until =>
            {
                Answer::Returned(Returned {
                    viewers: *viewers,
                    returned: *viewers - self.crowd.awaited,
                    after: self.crowd.returned.told(),
                })
            }
            Some(Pending::Settling(settling)) => {
                match settling.look(&mut self.crowd, &self.hostile, now) {
                    Some(settled) => Answer::Settled(Box::new(settled)),
                    None => return Ok(()),
                }
            }
            Some(_) => return Ok(()),
        };
        self.pending = None;
        say(&answer)
    }

    fn figures(&self) -> Figures {
        let crowd = &self.crowd;
        Figures {
            subscribed: crowd.subscribed.clone(),
            viewers: crowd.living().count(),
            latency: crowd.latency.told(),
            published: crowd.board.totals().0.iter().sum(),
            seen: crowd.seen_so_far(),
            sockets: crowd.sockets.clone(),
            hostile: self.hostile.outcomes(),
        }
    }
}
