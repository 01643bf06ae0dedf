//! What whoever breaks things says, and what is done about it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde_json::json;

use crate::listing::Listing;
use crate::logs::Logs;
use crate::newcomer::Newcomer;
use crate::outage::Outage;
use crate::publisher::Edge;
use crate::script::{Event, Order, Spec, progress, say};
use crate::shared::Shared;

/// How long a newcomer's answer is waited for.
const PATIENCE: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(50);
/// Failures in a row until a region counts as not ready.
const DOWN_AFTER: u32 = 2;

/// Does what it is told, and remembers when.
pub struct Director<'a> {
    spec: &'a Spec,
    rooms: &'a [String],
    shared: Arc<Shared>,
    newcomer: Arc<Newcomer>,
    logs: Arc<Logs>,
    watching: Option<Arc<AtomicBool>>,
    becoming: Option<JoinHandle<Option<u64>>>,
}

impl<'a> Director<'a> {
    /// Of a drill.
    pub fn new(
        spec: &'a Spec,
        rooms: &'a [String],
        shared: &Arc<Shared>,
        newcomer: &Arc<Newcomer>,
        logs: &Arc<Logs>,
    ) -> Self {
        Self {
            spec,
            rooms,
            shared: Arc::clone(shared),
            newcomer: Arc::clone(newcomer),
            logs: Arc::clone(logs),
            watching: None,
            becoming: None,
        }
    }

    /// Does it, and says so.
    ///
    /// # Errors
    /// When a region does not take a change.
    pub async fn obey(&mut self, order: Order) -> Result<()> {
        match order {
            Order::Lost { region } => {
                let place = self.spec.regions.iter().find(|place| place.name == region);
                let dead = place
                    .map(|place| place.addresses.clone())
                    .unwrap_or_default();
                *self.shared.lost.lock().expect("nobody panics with it") =
                    Some((region.clone(), Instant::now()));
                self.newcomer.lose(&dead);
                self.watch_readiness(Some(&region));
                let (newcomer, shared) = (Arc::clone(&self.newcomer), Arc::clone(&self.shared));
                thread::spawn(move || {
                    let end = Instant::now() + PATIENCE;
                    while Instant::now() < end && !shared.stop.soon.load(Ordering::Relaxed) {
                        if let (Some(after_ms), _) = newcomer.seen() {
                            return say(&Event::DnsRight { after_ms });
                        }
                        thread::sleep(LOOK);
                    }
                });
                return Ok(());
            }
            Order::Returning => self.newcomer.find(),
            Order::Back => {
                *self.shared.lost.lock().expect("nobody panics with it") = None;
                self.become_same();
                return Ok(());
            }
            Order::Cut => self.watch_readiness(None),
            Order::Healed => {
                self.become_same();
                return Ok(());
            }
            Order::Change => {
                let edges: Vec<(String, Edge)> = (self.spec.regions.iter())
                    .map(|place| (place.name.clone(), Edge::new(&place.edge, &self.spec.token)))
                    .collect();
                let rooms = self.rooms.to_vec();
                tokio::task::spawn_blocking(move || change(&edges, &rooms)).await??;
            }
            Order::Shift { from, to } => {
                self.shared.shifts.send_replace(Some((from, to)));
            }
            Order::AtStake { region, away_ms } => self.stake(region, away_ms).await?,
            Order::Fallen => {
                let now_ms = self.shared.now_ms();
                self.with_outage(|outage| outage.fallen_ms = Some(now_ms));
            }
            Order::Serving => return self.watch_listing(),
            Order::Stop => {}
        }
        say(&Event::Done);
        Ok(())
    }

    fn listing(&self, region: &str) -> Result<Listing> {
        let place = self.spec.regions.iter().find(|place| place.name == region);
        Listing::new(place.context("no such region")?, &self.spec.prefix)
    }

    async fn stake(&mut self, region: String, away_ms: u64) -> Result<()> {
        let listing = self.listing(&region)?;
        let taken_back = tokio::task::spawn_blocking(move || listing.taken_back()).await??;
        let outage = Outage {
            region,
            away_ms,
            from_ms: self.shared.now_ms(),
            fallen_ms: None,
            serving_ms: None,
            listed_ms: None,
            taken_back,
            sockets_lost: self.shared.sockets_lost.load(Ordering::Relaxed),
        };
        let mut outages = self.shared.outages.lock().expect("nobody panics with it");
        outages.push(outage);
        Ok(())
    }

    /// The one that goes on, if there is one.
    fn with_outage<T>(&self, act: impl FnOnce(&mut Outage) -> T) -> Option<T> {
        let mut outages = self.shared.outages.lock().expect("nobody panics with it");
        outages.last_mut().map(act)
    }

    /// Sees when every node is in the list again, beside everything else.
    fn watch_listing(&mut self) -> Result<()> {
        let now_ms = self.shared.now_ms();
        let begun = self.with_outage(|outage| {
            outage.serving_ms = Some(now_ms);
            (outage.region.clone(), outage.fallen_ms.unwrap_or(now_ms))
        });
        let (region, fallen_ms) = begun.context("no Redis has fallen")?;
        let listing = self.listing(&region)?;
        let shared = Arc::clone(&self.shared);
        thread::spawn(move || {
            let end = Instant::now() + PATIENCE;
            let mut before = None;
            let listed = loop {
                match &before {
                    // Whatever the list says first was written before, or a moment ago: a later end says that a node writes.
                    None => before = listing.lives().ok().filter(|lives| !lives.is_empty()),
                    Some(before) if listing.is_anew(before) => break true,
                    Some(_) => {}
                }
                if Instant::now() >= end || shared.stop.soon.load(Ordering::Relaxed) {
                    break false;
                }
                thread::sleep(LOOK);
            };
            let after_ms = listed.then(|| {
                let now_ms = shared.now_ms();
                let mut outages = shared.outages.lock().expect("nobody panics with it");
                if let Some(outage) = outages.last_mut() {
                    outage.listed_ms = Some(now_ms);
                }
                now_ms.saturating_sub(fallen_ms)
            });
            say(&Event::Listed { after_ms });
        });
        Ok(())
    }

    /// Sees when every region holds what the others hold now, beside everything else.
    fn become_same(&mut self) {
        self.stop_watching();
        let (logs, since) = (Arc::clone(&self.logs), Instant::now());
        self.becoming = Some(thread::spawn(move || {
            let reached = logs.own_ends().and_then(|ends| logs.wait_for(&ends, since));
            let after_ms = match reached {
                Ok(took) => Some(took.as_millis() as u64),
                Err(error) => {
                    progress(format!("{error:#}"));
                    None
                }
            };
            say(&Event::Same { after_ms });
            after_ms
        }));
    }

    /// After how long regions held the same, if they were to: none within, when they did not.
    pub fn same(&mut self) -> Option<Option<u64>> {
        let becoming = self.becoming.take()?;
        Some(becoming.join().ok().flatten())
    }

    /// Asks living regions whether they can serve, until it is told to stop.
    fn watch_readiness(&mut self, except: Option<&str>) {
        self.stop_watching();
        let urls: Vec<String> = (self.spec.regions.iter())
            .filter(|place| Some(place.name.as_str()) != except)
            .flat_map(|place| place.ready.clone())
            .collect();
        let stopped = Arc::new(AtomicBool::new(false));
        self.watching = Some(Arc::clone(&stopped));
        let shared = Arc::clone(&self.shared);
        thread::spawn(move || {
            let agent: ureq::Agent = (ureq::Agent::config_builder())
                .http_status_as_error(false)
                .timeout_global(Some(Duration::from_secs(5)))
                .build()
                .into();
            let mut failures = vec![0u32; urls.len()];
            while !stopped.load(Ordering::Relaxed) {
                for (url, failures) in urls.iter().zip(&mut failures) {
                    let ready = agent
                        .get(url)
                        .call()
                        .is_ok_and(|answer| answer.status() == 200);
                    *failures = if ready { 0 } else { *failures + 1 };
                    // As name servers see it: down at the second failure in a row.
                    if *failures == DOWN_AFTER && !stopped.load(Ordering::Relaxed) {
                        shared.not_ready.fetch_add(1, Ordering::Relaxed);
                        progress(format!("{url} is not ready"));
                    }
                }
                thread::sleep(Duration::from_millis(250));
            }
        });
    }

    /// Asks living regions no more.
    pub fn stop_watching(&mut self) {
        if let Some(watch) = self.watching.take() {
            watch.store(true, Ordering::Relaxed);
        }
    }
}

/// Every region changes something of its own in the first room, and all of them the same thing.
fn change(edges: &[(String, Edge)], rooms: &[String]) -> Result<()> {
    let room = format!("/v1/rooms/{}", rooms[0]);
    for (name, edge) in edges {
        let until = json!({"seconds": 3_600});
        edge.insist("PUT", &format!("{room}/bans/banned-in-{name}"), &until)?;
        edge.insist("PUT", &format!("{room}/mutes/muted-in-{name}"), &until)?;
        edge.insist(
            "PATCH",
            &room,
            &json!({"title": format!("changed in {name}")}),
        )?;
        edge.insist(
            "POST",
            "/v1/rooms",
            &json!({"id": format!("drill.made-in-{name}")}),
        )?;
        for _ in 0..5 {
            let like = json!({"kind": "like", "as": {"sub": "drill"}});
            edge.insist("POST", &format!("{room}/messages"), &like)?;
        }
    }
    Ok(())
}
