//! A node from its start to its end.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, RwLock};
use std::time::Duration;

use anyhow::{Context, bail};
use tidegate_stream::Keys;
use tokio::sync::{mpsc, oneshot};

use crate::admin::{self, Admin};
use crate::clock::Clock;
use crate::config::Config;
use crate::duties::Duties;
use crate::link::{Address, Ground, Link, prepare};
use crate::listing::Listing;
use crate::metrics::Metrics;
use crate::node::Node;
use crate::probe::Probe;
use crate::regions::{Origins, Places};
use crate::stop::{self, Wishes};
use crate::tls::Tls;
use crate::{away, demo, engine, reload, tail};

/// Files that are not for viewers: Redis, listeners, polls, logs, and room to spare.
const RESERVED_FILES: u64 = 256;
/// Between two attempts to reach Redis at the start.
const AGAIN: Duration = Duration::from_millis(500);

struct Bound {
    viewers: Vec<std::net::TcpListener>,
    viewers_at: SocketAddr,
    admin: tokio::net::TcpListener,
    demo: Option<tokio::net::TcpListener>,
}

/// Runs until a signal or `/drain`.
pub fn run(config: Config) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let result = runtime.block_on(serve(config));
    // A task that waits for something outside must not keep the process.
    runtime.shutdown_timeout(Duration::from_millis(100));
    result
}

async fn serve(mut config: Config) -> anyhow::Result<()> {
    let bound = bind(&config).await?;
    let admin_at = bound.admin.local_addr()?;
    let admin = Arc::new(Admin::new(config.admin_token.take()));
    let mut wishes = Wishes::new(admin.clone())?;
    tokio::spawn(admin::serve(bound.admin, admin.clone()));
    let keys = tokio::select! {
        keys = await_redis(&config) => keys?,
        _ = wishes.first() => return Ok(()),
    };
    let (cores, public_url) = (config.cores, public_url(&config, bound.viewers_at));
    let tls = config.tls.take();
    let scheme = scheme(tls.is_some());
    let node = node(&config, tls, keys, &public_url)?;
    let listing = Listing::new(node.clone(), public_url);
    let link = Link::new(node.redis.clone());
    tokio::select! {
        taken = listing.take_name(&link) => taken?,
        _ = wishes.first() => return Ok(()),
    }
    let (to_tail, tail_inbox) = mpsc::unbounded_channel();
    let (to_duties, mut counts) = mpsc::unbounded_channel();
    let mut handles = Vec::with_capacity(cores);
    let mut threads = Vec::with_capacity(cores);
    for (index, listener) in bound.viewers.into_iter().enumerate() {
        let started = engine::start(
            index,
            node.clone(),
            listener,
            to_tail.clone(),
            to_duties.clone(),
        );
        let (handle, thread) = started.context("a core's thread cannot be started")?;
        handles.push(handle);
        threads.push(thread);
    }
    tokio::spawn(reload::on_hang_up(node.clone(), config.tickets_from));
    tokio::spawn(tail::run(node.clone(), handles.clone(), tail_inbox));
    tokio::spawn(node.redis.clone().watch());
    tokio::spawn(away::watch(node.clone(), handles.clone()));
    // Ready means served once.
    let mut duties = Duties::new(node.clone(), config.bounds, listing, handles.clone());
    let _ = admin.node.set(node.clone());
    println!("listening on {scheme}://{}", bound.viewers_at);
    println!("admin on http://{admin_at}");
    if let (Some(listener), Some(config)) = (bound.demo, config.demo) {
        println!("demo on http://{}", listener.local_addr()?);
        tokio::spawn(demo::serve(listener, config));
    }
    let asked = tokio::select! {
        asked = wishes.first() => asked,
        () = duties.run(&mut counts) => bail!("every core has ended"),
    };
    tracing::info!(wait_ms = config.drain_wait_ms, "the node drains");
    node.draining.store(true, Ordering::Relaxed);
    // It is off the list before anybody is sent away; who comes meanwhile is served and counted as ever.
    let (over, is_over) = oneshot::channel::<()>();
    let waited = async {
        stop::wait(&node, &handles, config.drain_wait_ms, asked, &mut wishes).await;
        drop(over);
    };
    let left = async {
        duties.leave().await;
        tokio::select! {
            _ = is_over => {}
            () = duties.run(&mut counts) => {}
        }
    };
    tokio::join!(waited, left);
    let turns = node.places_now().elsewhere();
    tokio::select! {
        () = stop::drain(&handles, threads, config.grace_ms, &turns) => {}
        // Those who are still here are still counted.
        () = duties.run(&mut counts) => {}
    }
    duties.take_rest(&mut counts);
    duties.forget_viewers().await;
    Ok(())
}

async fn bind(config: &Config) -> anyhow::Result<Bound> {
    let busy = |what: &str, at: SocketAddr| format!("{what} cannot listen on {at}");
    let viewers = engine::bind(config.listen, config.cores, config.send_buffer_bytes)
        .with_context(|| busy("--listen:", config.listen))?;
    let admin = tokio::net::TcpListener::bind(config.admin)
        .await
        .with_context(|| busy("--admin:", config.admin))?;
    let demo = match &config.demo {
        Some(demo) => Some(
            tokio::net::TcpListener::bind(demo.listen)
                .await
                .with_context(|| busy("--demo:", demo.listen))?,
        ),
        None => None,
    };
    Ok(Bound {
        viewers_at: viewers[0].local_addr()?,
        viewers,
        admin,
        demo,
    })
}

/// Waits until Redis can be worked with. One that never can be is an error.
async fn await_redis(config: &Config) -> anyhow::Result<Keys> {
    let link = Link::new(Address::new(config.redis.clone()));
    let mut said = false;
    loop {
        match prepare(&link, &config.prefix).await? {
            Ground::Good(keys) => return Ok(keys),
            Ground::Away(why) => {
                if !std::mem::replace(&mut said, true) {
                    tracing::warn!(why, "Redis cannot be reached; trying on");
                }
                tokio::time::sleep(AGAIN).await;
            }
        }
    }
}

fn public_url(config: &Config, bound: SocketAddr) -> String {
    let made = || format!("{}://{bound}", scheme(config.tls.is_some()));
    config.public_url.clone().unwrap_or_else(made)
}

fn scheme(tls: bool) -> &'static str {
    if tls { "wss" } else { "ws" }
}

fn node(
    config: &Config,
    tls: Option<Tls>,
    keys: Keys,
    public_url: &str,
) -> anyhow::Result<Arc<Node>> {
    let files = rustix::process::getrlimit(rustix::process::Resource::Nofile)
        .current
        .unwrap_or(u64::MAX);
    if files <= RESERVED_FILES {
        bail!("the limit of open files is {files}; raise it (`ulimit -n`) above {RESERVED_FILES}");
    }
    Ok(Arc::new(Node {
        name: config.node.clone(),
        region: config.region.clone(),
        keys,
        redis: Address::new(config.redis.clone()),
        tickets: RwLock::new(Arc::new(config.tickets.clone())),
        tls,
        origins: config.origins.clone(),
        hub: config.hub,
        clock: Clock::new(),
        regions: RwLock::new(Arc::new(Origins::alone(&config.region))),
        places: RwLock::new(Arc::new(Places::configured(
            &config.region,
            &config.named,
            public_url,
        ))),
        named: config.named.clone(),
        // It has just answered.
        answered_ms: AtomicU64::new(0),
        served_ms: AtomicU64::new(0),
        probe: Probe::new()?,
        metrics: Arc::new(Metrics::new(config.cores)),
        admitted_per_s: config.admitted_per_s,
        connections: AtomicUsize::new(0),
        most_connections: usize::try_from(files - RESERVED_FILES).unwrap_or(usize::MAX),
        draining: AtomicBool::new(false),
        name_taken: AtomicBool::new(false),
    }))
}
