//! A drill from its first line to its report.

use std::io::{BufRead, stdin};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::json;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::director::Director;
use crate::ledger::Receipts;
use crate::listing::Listing;
use crate::logs::Logs;
use crate::newcomer::Newcomer;
use crate::outage::{Cost, Entry, Fate, TakenBack, vanished};
use crate::promise::{self, Allowed};
use crate::publisher::{self, Edge};
use crate::report::{Report, Seen};
use crate::script::{Event, Order, Spec, progress, say};
use crate::shared::Shared;
use crate::viewer::{Endpoint, Pass, Viewer};

/// Threads that publish in each region.
const PUBLISHERS: u32 = 4;
/// Viewers who share a ticket.
const PARTY: usize = 10;
/// Sockets that are being opened at once.
const OPENING: usize = 64;
/// How long viewers may take to be subscribed, and to get what is left.
const PATIENCE: Duration = Duration::from_secs(60);
/// A delivery that takes longer is late, ms.
const LATE_MS: u64 = 1_000;
const LOOK: Duration = Duration::from_millis(50);

/// Runs a drill over standard input and output.
///
/// # Errors
/// What kept it from being done. Broken promises are told in the report.
pub fn run() -> Result<()> {
    let mut first = String::new();
    // The lock is let go of: the thread below reads on.
    stdin().lock().read_line(&mut first)?;
    let spec: Spec = serde_json::from_str(&first).context("the first line is no drill")?;
    let (send, orders) = mpsc::unbounded_channel();
    thread::spawn(move || {
        for line in stdin().lock().lines().map_while(Result::ok) {
            match serde_json::from_str::<Order>(&line) {
                Ok(order) => {
                    if send.send(order).is_err() {
                        break;
                    }
                }
                Err(error) => {
                    progress(format!("an order that cannot be read: {error}"));
                    break;
                }
            }
        }
    });
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let report = runtime.block_on(drill(spec, orders))?;
    say(&Event::Report(Box::new(report)));
    Ok(())
}

async fn drill(spec: Spec, mut orders: mpsc::UnboundedReceiver<Order>) -> Result<Report> {
    let rooms: Vec<String> = (0..spec.rooms)
        .map(|room| format!("drill.r{room}"))
        .collect();
    let logs = Arc::new(Logs::new(&spec.regions, &spec.prefix, &rooms)?);
    let viewers = spec.viewers;
    let receipts =
        (0..viewers).map(|viewer| Receipts::new(viewer / spec.regions.len() % rooms.len()));
    let shared = Arc::new(Shared::new(receipts.collect()));
    let mut watching = open(&spec, &rooms, &logs, &shared).await?;

    let newcomer = Arc::new(Newcomer::new(spec.dns, &spec.zone));
    let asking = Arc::clone(&newcomer);
    thread::spawn(move || asking.run());
    let publishing = publish(&spec, &rooms, &shared);
    say(&Event::Ready);

    let mut director = Director::new(&spec, &rooms, &shared, &newcomer, &logs);
    loop {
        tokio::select! {
            ended = watching.join_next() => match ended {
                Some(ended) => ended?.context("a viewer ended")?,
                None => bail!("every viewer ended"),
            },
            order = orders.recv() => match order {
                Some(Order::Stop) => break,
                Some(order) => director.obey(order).await?,
                None => bail!("whoever ran this drill is gone"),
            },
        }
    }
    director.stop_watching();
    progress("waiting for what is under way");
    let stopped_ms = shared.now_ms();
    shared.stop.soon.store(true, Ordering::Relaxed);
    let giving_up = Arc::clone(&shared);
    thread::spawn(move || {
        thread::sleep(PATIENCE);
        giving_up.stop.now.store(true, Ordering::Relaxed);
    });
    let joined = tokio::task::spawn_blocking(move || {
        publishing
            .into_iter()
            .try_for_each(thread::JoinHandle::join)
    });
    joined
        .await?
        .map_err(|_| anyhow::anyhow!("a publisher panicked"))?;
    settle(&shared, &mut watching).await?;

    let same = director.same();
    let ends_of = Arc::clone(&logs);
    let (different, reached) = tokio::task::spawn_blocking(move || compare(&ends_of)).await??;
    let (spec_of, shared_of, logs_of) = (spec.clone(), Arc::clone(&shared), Arc::clone(&logs));
    let reckoning =
        tokio::task::spawn_blocking(move || reckon(&spec_of, &shared_of, &logs_of, stopped_ms));
    let reckoning = reckoning.await??;
    newcomer.stop();
    let (dns_right_ms, dns_wrong) = newcomer.seen();
    let balance = {
        let receipts = shared.receipts.lock().expect("nobody panics with it");
        shared
            .ledger
            .lock()
            .expect("nobody panics with it")
            .balance(&receipts)
    };
    let latency = shared.latency.lock().expect("nobody panics with it");
    let seen = Seen {
        reading_again_ms: (shared.reading_again.lock().expect("nobody panics with it")).figures(),
        dns_right_ms,
        dns_wrong,
        same_after_ms: same.unwrap_or(reached),
        different,
        not_ready: shared.not_ready.load(Ordering::Relaxed),
        latency_ms: latency.figures(),
        late: latency.above(LATE_MS),
        reconnects: shared.sockets_lost.load(Ordering::Relaxed),
        outages: reckoning.costs,
        vanished: reckoning.vanished,
        unsaid: reckoning.unsaid,
    };
    let mut report = Report::new(spec.drill, viewers, &balance, seen);
    let allowed = Allowed {
        lost: spec.may_lose,
        reading_again_ms: spec.reading_again_ms,
    };
    report.broken = promise::broken(&report, allowed);
    Ok(report)
}

/// Makes rooms, waits until every region knows them, joins and opens sockets.
async fn open(
    spec: &Spec,
    rooms: &[String],
    logs: &Arc<Logs>,
    shared: &Arc<Shared>,
) -> Result<JoinSet<Result<()>>> {
    let edges: Vec<Edge> = (spec.regions.iter())
        .map(|place| Edge::new(&place.edge, &spec.token))
        .collect();
    let (making, names, copied) = (edges[0].clone(), rooms.to_vec(), Arc::clone(logs));
    tokio::task::spawn_blocking(move || -> Result<()> {
        for room in &names {
            making.insist("POST", "/v1/rooms", &json!({"id": room}))?;
        }
        let ends = copied.own_ends()?;
        copied
            .wait_for(&ends, Instant::now())
            .context("the rooms did not reach every region")?;
        Ok(())
    })
    .await??;
    progress(format!("opening {} viewers", spec.viewers));
    let mut watching = JoinSet::new();
    let mut parties: Vec<Option<(usize, Pass)>> = vec![None; edges.len() * rooms.len()];
    for number in 0..spec.viewers {
        let region = number % edges.len();
        let index = number / edges.len() % rooms.len();
        let party = &mut parties[index * edges.len() + region];
        let pass = match party {
            Some((taken, pass)) if *taken < PARTY => {
                *taken += 1;
                pass.clone()
            }
            _ => {
                let (edge, room) = (edges[region].clone(), rooms[index].clone());
                let pass = tokio::task::spawn_blocking(move || join(&edge, &room, index)).await??;
                *party = Some((1, pass.clone()));
                pass
            }
        };
        let turn = number / edges.len();
        watching.spawn(Viewer::new(number, turn, pass, Arc::clone(shared)).watch());
        while shared.subscribed.load(Ordering::Relaxed) + OPENING <= number {
            check(&mut watching)?;
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
    let end = Instant::now() + PATIENCE;
    while shared.subscribed.load(Ordering::Relaxed) < spec.viewers {
        check(&mut watching)?;
        if Instant::now() >= end {
            bail!(
                "not every viewer was subscribed within {} s",
                PATIENCE.as_secs()
            );
        }
        tokio::time::sleep(LOOK).await;
    }
    Ok(watching)
}

fn check(watching: &mut JoinSet<Result<()>>) -> Result<()> {
    match watching.try_join_next() {
        Some(ended) => ended?.context("a viewer ended"),
        None => Ok(()),
    }
}

fn join(edge: &Edge, room: &str, index: usize) -> Result<Pass> {
    let answer = edge.insist("POST", &format!("/v1/rooms/{room}/join"), &json!({}))?;
    let endpoints: Vec<Endpoint> = serde_json::from_value(answer["endpoints"].clone())
        .with_context(|| format!("a join without endpoints: {answer}"))?;
    match (answer["ticket"].as_str(), answer["cursor"].as_str()) {
        (Some(ticket), Some(cursor)) if !endpoints.is_empty() => Ok(Pass {
            room: room.to_owned(),
            index,
            ticket: ticket.to_owned(),
            endpoints,
            cursor: cursor.to_owned(),
        }),
        _ => bail!("a join that leads nowhere: {answer}"),
    }
}

fn publish(spec: &Spec, rooms: &[String], shared: &Arc<Shared>) -> Vec<thread::JoinHandle<()>> {
    let each = f64::from(spec.rate) / spec.regions.len() as f64 / f64::from(PUBLISHERS);
    let mut threads = Vec::new();
    for place in &spec.regions {
        for _ in 0..PUBLISHERS {
            let edge = Edge::new(&place.edge, &spec.token);
            let (name, rooms, shared) = (place.name.clone(), rooms.to_vec(), Arc::clone(shared));
            threads.push(thread::spawn(move || {
                publisher::publish(&edge, &name, &rooms, each, &shared);
            }));
        }
    }
    threads
}

/// Waits until every viewer has everything, or time is over: then the report says what is missing.
async fn settle(shared: &Shared, watching: &mut JoinSet<Result<()>>) -> Result<()> {
    let end = Instant::now() + PATIENCE;
    loop {
        check(watching)?;
        let complete = {
            let receipts = shared.receipts.lock().expect("nobody panics with it");
            let ledger = shared.ledger.lock().expect("nobody panics with it");
            receipts.iter().all(|one| ledger.is_complete(one))
        };
        if complete || Instant::now() >= end {
            return Ok(());
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// What regions hold differently once they have copied all, and how long that took, ms.
fn compare(logs: &Logs) -> Result<(Vec<String>, Option<u64>)> {
    let ends = logs.own_ends()?;
    match logs.wait_for(&ends, Instant::now()) {
        Ok(took) => Ok((logs.differences(&ends)?, Some(took.as_millis() as u64))),
        Err(error) => Ok((vec![format!("{error:#}")], None)),
    }
}

/// What failures of Redis have cost.
struct Reckoning {
    costs: Vec<Cost>,
    vanished: u64,
    unsaid: u64,
}

fn reckon(spec: &Spec, shared: &Shared, logs: &Logs, stopped_ms: u64) -> Result<Reckoning> {
    let outages = (shared.outages.lock().expect("nobody panics with it")).clone();
    let ledger = shared.ledger.lock().expect("nobody panics with it");
    let receipts = shared.receipts.lock().expect("nobody panics with it");
    let lacked = ledger.lost(&*receipts);
    let untold = ledger.lost(receipts.iter().filter(|one| !one.was_reset()));
    let taken: Vec<_> = ledger.taken().collect();
    let messages: Vec<_> = taken.iter().map(|(_, message)| *message).collect();
    let all: Vec<_> = (taken.iter().zip(logs.fates(&messages)?))
        .map(|((number, message), fate)| {
            let is_lacked = lacked.contains(number);
            (
                untold.contains(number),
                Entry {
                    message,
                    fate,
                    is_lacked,
                },
            )
        })
        .collect();
    // What its region has in its log can be had, so whoever lacks it must have been told so.
    let unsaid = (all.iter()).filter(|(untold, entry)| *untold && entry.fate == Fate::Kept);
    let unsaid = unsaid.count() as u64;
    let all: Vec<Entry<'_>> = all.into_iter().map(|(_, entry)| entry).collect();
    let mut costs = Vec::new();
    for (index, outage) in outages.iter().enumerate() {
        let (end_ms, taken_back, sockets_lost) = match outages.get(index + 1) {
            Some(next) => (next.from_ms, next.taken_back, next.sockets_lost),
            None => {
                let place = spec
                    .regions
                    .iter()
                    .find(|place| place.name == outage.region);
                let listing = Listing::new(place.context("no such region")?, &spec.prefix)?;
                let taken_back: TakenBack = listing.taken_back()?;
                let sockets_lost = shared.sockets_lost.load(Ordering::Relaxed);
                (stopped_ms, taken_back, sockets_lost)
            }
        };
        costs.push(outage.cost(&all, end_ms, taken_back, sockets_lost));
    }
    Ok(Reckoning {
        costs,
        vanished: vanished(&outages, &all),
        unsaid,
    })
}
