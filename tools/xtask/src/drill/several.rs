//! Drills of several regions under load: something is broken for real, and a report says which promises held.

use std::process::{Command, ExitCode};
use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::json;
use tidegate_auth::Scope;

use super::engine::Engine;
use super::outage::How;
use super::{script, table};
use crate::process::Family;
use crate::progress::Progress;
use crate::regions::up::{self as start, Wanted};
use crate::regions::{Fleet, Ports, ZONE};
use crate::token;
use crate::up::{EdgeChoice, lock};
use crate::workspace::Workspace;

/// Below the checkout's data folder.
const FOLDER: &str = "drill";
/// Namespaces are named by the checkout, so `up` and drills hold one lock.
const LOCK: &str = "regions";
/// Longer than any drill takes.
const LIFE: Duration = Duration::from_secs(4 * 60 * 60);
/// Viewers for each room, at most: as many rooms are made.
const ROOM: usize = 500;
/// What connected viewers are promised, ms, and what they are when nobody tells them that their node is gone: a viewer
/// speaks after ten seconds of silence, waits three for an answer, and gives the region's other node half a second.
const READING_AGAIN_MS: u64 = 1_000;
const SILENT_MS: u64 = 14_000;

/// Which drill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drill {
    /// All processes of a region are killed, later it comes back.
    RegionLoss,
    /// Regions are cut off from each other for a while; each must serve by itself.
    Partition,
    /// The same, with changes of state on both sides and half of a region's viewers moving to the other.
    Heal,
    /// The link between regions is slow and loses packets, or stalls where no kernel loses them, for a while.
    SlowLink,
    /// Relays are killed, and started again.
    RelayCrash,
    /// A region's Redis is killed, and loses the end of what it wrote.
    RedisRestart,
    /// A replica takes its place.
    Failover,
    /// Nodes, edges and relays are restarted, one after the other.
    Rolling,
}

/// When Redis writes to disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Fsync {
    /// Before it answers.
    Always,
    /// Every second.
    Everysec,
}

/// What a drill may be told.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// How many regions.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u8).range(2..=3))]
    regions: u8,
    /// How many viewers, over all regions.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(2..=15_000))]
    viewers: u32,
    /// Messages a second, over all regions.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=5_000))]
    rate: u32,
    /// How long the break lasts.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=600))]
    pub(super) seconds: u32,
    /// How long a round trip between regions takes, ms.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(0..=2_000))]
    delay_ms: u32,
    /// When Redis writes to disk; decides what a crash of it may lose.
    #[arg(long, value_enum, default_value_t = Fsync::Everysec)]
    appendfsync: Fsync,
    /// redis-restart: for how long there is no Redis, ms; one outage after the other.
    #[arg(long, value_delimiter = ',', default_value = "500,3000,8000,30000", value_parser = clap::value_parser!(u32).range(0..=600_000))]
    pub(super) outages_ms: Vec<u32>,
    /// redis-restart, without --appendfsync always: how much of what it wrote is lost each time, ms.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(0..=10_000))]
    pub(super) tail_ms: u32,
    /// failover: how the replica takes the primary's place.
    #[arg(long, value_enum, default_value_t = How::Failover)]
    pub(super) how: How,
    /// failover --how promote: how far behind the replica is, ms.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(0..=4_000))]
    pub(super) behind_ms: u32,
    /// region-loss: cut the region off without a word instead of killing it.
    #[arg(long)]
    pub(super) silent: bool,
    /// Regions on loopback addresses also as root.
    #[arg(long)]
    loopback: bool,
    /// What runs the edge, as in `up`.
    #[arg(long, value_enum)]
    edge: Option<EdgeChoice>,
    /// Print the report as JSON.
    #[arg(long)]
    json: bool,
    /// Run what was built before.
    #[arg(long, hide = true)]
    no_build: bool,
}

impl Args {
    /// Whether a Redis that is killed loses what it wrote last: what it answered before it was on disk.
    pub(super) fn loses_tail(&self) -> bool {
        self.appendfsync == Fsync::Everysec && self.tail_ms > 0
    }

    /// How many acknowledged messages may be lost: what is published in one region while it is not on disk, or not at the
    /// replica, and half a second's more.
    fn may_lose(&self, drill: Drill) -> u64 {
        let windows: Vec<u32> = match (drill, self.how) {
            (Drill::RedisRestart, _) if self.loses_tail() => {
                vec![self.tail_ms; self.outages_ms.len()]
            }
            (Drill::Failover, How::Promote) => vec![self.behind_ms],
            (Drill::Failover, How::Kill) => vec![0],
            _ => Vec::new(),
        };
        let ms: u64 = (windows.iter())
            .map(|window| u64::from(*window) + 500)
            .sum();
        (u64::from(self.rate) * ms).div_ceil(1_000 * u64::from(self.regions))
    }
}

impl Drill {
    /// As it is typed.
    fn name(self) -> &'static str {
        match self {
            Self::RegionLoss => "region-loss",
            Self::Partition => "partition",
            Self::Heal => "heal",
            Self::SlowLink => "slow-link",
            Self::RelayCrash => "relay-crash",
            Self::RedisRestart => "redis-restart",
            Self::Failover => "failover",
            Self::Rolling => "rolling",
        }
    }

    /// Whether it cuts the network, which namespaces are needed for.
    fn needs_namespaces(self) -> bool {
        matches!(self, Self::Partition | Self::Heal)
    }
}

/// Runs a drill and prints its report.
///
/// # Errors
/// What kept it from being done. Broken promises are told by the exit code.
pub fn run(
    workspace: &Workspace,
    family: &Family,
    progress: &Progress,
    drill: Drill,
    args: &Args,
) -> Result<ExitCode> {
    let root = rustix::process::geteuid().is_root();
    ensure!(
        !(drill.needs_namespaces() || args.silent) || (root && !args.loopback),
        "{} cuts the network between regions, which needs namespaces of their own: run it as root, without --loopback",
        drill.name()
    );
    let _lock = lock(&workspace.data(LOCK))?;
    let wanted = Wanted {
        regions: args.regions.into(),
        ports: Ports::free()?,
        round_trip_ms: args.delay_ms,
        // A replica is told where to go from outside of a namespace.
        loopback: args.loopback || drill == Drill::Failover,
        replicated: drill == Drill::Failover,
        appendfsync: match args.appendfsync {
            Fsync::Always => "always",
            Fsync::Everysec => "everysec",
        },
        edge: args.edge,
        build: !args.no_build,
        fresh: true,
    };
    let variables = variables();
    let mut fleet = start::start(workspace, family, progress, FOLDER, wanted, &variables)?;
    let mut command = Command::new(workspace.binary("drill"));
    let mut engine = Engine::start(family, progress, &mut command)?;
    engine.tell(&spec(drill, args, &fleet)?)?;
    engine.wait_for("ready", || fleet.check())?;
    script::play(drill, args, &mut fleet, &mut engine, progress)?;
    let report = engine.report(|| fleet.check())?;
    fleet.end();
    drop(fleet);
    if args.json {
        println!("{report}");
    } else {
        println!("{}", table::text(&report, progress));
    }
    let kept = report["broken"].as_array().is_some_and(Vec::is_empty);
    Ok(if kept {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Limits are not what is drilled, and history must reach over the break.
fn variables() -> Vec<(&'static str, &'static str)> {
    let mut variables: Vec<_> = ["limit_ip", "limit_user", "limit_room", "limit_service"]
        .map(|name| (name, "1000000/1"))
        .into();
    variables.extend([
        ("limit_routes", ""),
        ("chat_max", "100000"),
        ("keep_max", "100000"),
        ("log_max", "1000000"),
        ("retention_ms", "7200000"),
    ]);
    variables
}

/// The engine's first line.
fn spec(drill: Drill, args: &Args, fleet: &Fleet) -> Result<serde_json::Value> {
    let (layout, settings) = (fleet.layout(), &fleet.commands().settings);
    let scopes = [Scope::Service, Scope::RoomsWrite, Scope::Moderate];
    let token = token::sign(settings, &token::Args::new("drill", &scopes, LIFE))?;
    let regions: Vec<_> = (layout.sites.iter())
        .map(|site| {
            let nodes = (0..site.nodes.len())
                .map(|node| format!("{}/readyz", layout.admin_url(site, node)));
            let ready: Vec<String> = nodes
                .chain([format!("{}/readyz", layout.edge_url(site))])
                .collect();
            let addresses: Vec<_> = [site.host].iter().chain(&site.nodes).copied().collect();
            json!({
                "name": site.name.as_str(),
                "edge": layout.edge_url(site),
                "redis": format!("redis://{}", layout.redis(site)),
                "addresses": addresses,
                "ready": ready,
                "relay": layout.relay_url(site),
            })
        })
        .collect();
    let viewers = args.viewers as usize;
    Ok(json!({
        "drill": drill.name(),
        "regions": regions,
        "viewers": viewers,
        "rooms": viewers.div_ceil(ROOM).max(4),
        "rate": args.rate,
        "token": token,
        "prefix": settings.required("prefix")?,
        "dns": layout.dns(),
        "zone": ZONE,
        "may_lose": args.may_lose(drill),
        "reading_again_ms": if args.silent { SILENT_MS } else { READING_AGAIN_MS },
    }))
}
