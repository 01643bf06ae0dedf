//! One other region: sessions, one after the other, for as long as the relay runs.

mod backlog;
mod leases;
mod merge;
mod neighbour;
mod read;
mod send;
mod session;
mod takeback;

use std::sync::Arc;
use std::time::Duration;

use tidegate_relay::{Backoff, Pair, limits};
use tidegate_stream::calls::Bounds;
use tidegate_stream::{Keys, NodeName, Region};
use tokio::sync::watch;

use crate::ground::{at_home, is_away};
use crate::metrics::OriginMetrics;
use crate::run::{Clock, chance};
use session::Session;

/// What a pair works with.
pub struct Shared {
    /// This region.
    pub region: Region,
    /// The other one.
    pub origin: Region,
    /// This relay.
    pub name: NodeName,
    /// Keys, the same in both.
    pub keys: Keys,
    /// How much is kept here.
    pub bounds: Bounds,
    /// The Redis here.
    pub home: redis::Client,
    /// The Redis there.
    pub source: redis::Client,
    /// What is counted.
    pub metrics: Arc<OriginMetrics>,
    /// The relay's clock.
    pub clock: Clock,
}

/// What outlives a session.
pub struct Kept {
    /// What was read and sent.
    pub pair: Pair,
    /// The run of the Redis here that has taken back what it lost.
    pub whole_run: String,
}

/// Runs until it is told to stop.
pub async fn run(shared: Shared, mut stop: watch::Receiver<bool>) {
    let mut kept = Kept {
        pair: Pair::new(shared.keys.shards()),
        whole_run: String::new(),
    };
    let mut backoff = Backoff::default();
    let mut said = String::new();
    while !*stop.borrow() {
        let home = at_home(&shared.home, &shared.keys).await;
        let is_home = home.is_ok();
        let session = async {
            let mut session = Session::open(&shared, &mut kept, home?).await?;
            shared.metrics.up.set(1);
            backoff.reset();
            tracing::info!(origin = %shared.origin, "the region is reached");
            session.run(stop.clone()).await
        };
        let ended = session.await;
        shared.metrics.up.set(0);
        kept.pair.reconnected();
        let Err(error) = ended else {
            return;
        };
        shared.metrics.breaks.add(1);
        // Said once, and again when it is another one.
        let why = format!("{error:#}");
        if why != said {
            if is_away(&error) {
                tracing::warn!(origin = %shared.origin, why, "the session ended; trying on");
            } else {
                tracing::error!(origin = %shared.origin, why, "the region cannot be relayed; trying on");
            }
            said = why;
        }
        let wait_ms = match is_home {
            true => backoff.fail(chance()),
            false => limits::HOME_WAIT_MS,
        };
        let wait = Duration::from_millis(wait_ms);
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            _ = stop.changed() => {}
        }
    }
}
