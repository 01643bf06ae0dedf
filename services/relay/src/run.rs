//! A relay from its start to its end.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::Context;
use tidegate_stream::Keys;
use tidegate_stream::calls::Clock as ClockCall;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::admin::{self, Admin};
use crate::config::Config;
use crate::connection::{Link, LinkError};
use crate::ground::{is_away, prepare};
use crate::metrics::OriginMetrics;
use crate::pair::{self, Shared};

/// Between two attempts to reach Redis at the start, and between two looks at it.
const AGAIN: Duration = Duration::from_secs(1);
/// How long a look may take.
const LOOK: Duration = Duration::from_secs(2);
/// How long the pairs may take to give their leases back.
const LAST: Duration = Duration::from_secs(3);
/// Reading, sending and the work of the connections are tasks of their own; more threads do not help.
const MOST_THREADS: usize = 4;

/// Any number. Not for secrets.
pub fn chance() -> u64 {
    // Each state is seeded anew by the system.
    RandomState::new().hash_one(0)
}

/// A clock that does not go back, and the machine's.
#[derive(Debug, Clone, Copy)]
pub struct Clock(Instant);

impl Clock {
    /// Starts at 1 ms.
    pub fn new() -> Self {
        Self(Instant::now())
    }

    /// Milliseconds since the start, never 0.
    pub fn now_ms(self) -> u64 {
        self.0.elapsed().as_millis() as u64 + 1
    }

    /// Milliseconds since the epoch.
    pub fn machine_ms(self) -> u64 {
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_millis() as u64)
    }
}

/// Runs until a signal.
pub fn run(config: Config) -> anyhow::Result<()> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(cores.min(MOST_THREADS))
        .enable_all()
        .build()?;
    let result = runtime.block_on(serve(config));
    runtime.shutdown_timeout(Duration::from_millis(100));
    result
}

async fn serve(config: Config) -> anyhow::Result<()> {
    let listener = tokio::net::TcpListener::bind(config.admin)
        .await
        .with_context(|| format!("--admin: cannot listen on {}", config.admin))?;
    let clock = Clock::new();
    let origins: Vec<Arc<OriginMetrics>> = config
        .sources
        .iter()
        .map(|source| Arc::new(OriginMetrics::new(source.region.clone())))
        .collect();
    let admin = Arc::new(Admin::new(clock, origins.clone()));
    println!("admin on http://{}", listener.local_addr()?);
    tokio::spawn(admin::serve(listener, admin.clone()));
    let keys = tokio::select! {
        keys = await_redis(&config) => keys?,
        stopped = asked_to_stop() => return stopped,
    };
    tokio::spawn(watch_home(config.redis.clone(), keys.clone(), admin));
    let (stop, stopped) = watch::channel(false);
    let mut pairs = tokio::task::JoinSet::new();
    for (source, metrics) in config.sources.iter().zip(origins) {
        let shared = Shared {
            region: config.region.clone(),
            origin: source.region.clone(),
            name: config.name.clone(),
            keys: keys.clone(),
            bounds: config.bounds,
            home: config.redis.clone(),
            source: source.redis.clone(),
            metrics,
            clock,
        };
        pairs.spawn(pair::run(shared, stopped.clone()));
        println!("relaying from {}", source.region);
    }
    tracing::info!(name = %config.name, region = %config.region, "the relay runs");
    asked_to_stop().await?;
    // They may all have ended, which is as good.
    let _ = stop.send(true);
    let all = async { while pairs.join_next().await.is_some() {} };
    if tokio::time::timeout(LAST, all).await.is_err() {
        tracing::warn!("leases were not given back; they lapse by themselves");
    }
    Ok(())
}

/// Waits until Redis can be worked with. One that never can be is an error.
async fn await_redis(config: &Config) -> anyhow::Result<Keys> {
    let mut said = false;
    loop {
        let tried = async {
            let link = Link::open(&config.redis).await?;
            prepare(&link, &config.prefix).await
        };
        match tried.await {
            Ok(keys) => return Ok(keys),
            Err(error) if is_away(&error) => {
                if !std::mem::replace(&mut said, true) {
                    tracing::warn!(
                        error = format!("{error:#}"),
                        "this region's Redis cannot be worked with yet; trying on"
                    );
                }
            }
            Err(error) => return Err(error.context("this region's Redis")),
        }
        tokio::time::sleep(AGAIN).await;
    }
}

/// Looks whether this region's Redis takes writes, for `/readyz`. After anything else the next look connects anew.
async fn watch_home(client: redis::Client, keys: Keys, admin: Arc<Admin>) {
    let mut link: Option<Link> = None;
    loop {
        let looked = async {
            let open = match link.take() {
                Some(open) => open,
                None => Link::open(&client).await?,
            };
            open.call(&ClockCall::call(&keys)).await?;
            link = Some(open);
            Ok::<_, LinkError>(())
        };
        match tokio::time::timeout(LOOK, looked).await {
            Ok(Ok(())) => admin.home_served(),
            Ok(Err(error)) => tracing::debug!(%error, "this region's Redis does not serve"),
            Err(_) => tracing::debug!("this region's Redis does not answer"),
        }
        tokio::time::sleep(AGAIN).await;
    }
}

async fn asked_to_stop() -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}
