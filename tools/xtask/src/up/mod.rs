//! `cargo xtask up`: the whole system on this machine, until Ctrl-C.

mod banner;
mod edge;
mod node;
mod plan;
mod ports;
pub mod ready;
pub mod redis;
pub(crate) mod resp;
mod system;

use std::process::ExitCode;
use std::thread;

use anyhow::Result;

pub use self::edge::{Edge, EdgeChoice};
pub use self::plan::{HOST, Plan, lock};
pub use self::system::System;
use crate::build;
use crate::doctor;
use crate::process::{Family, LOOK};
use crate::progress::Progress;
use crate::regions::Ports;
use crate::regions::up::Wanted;
use crate::settings::Settings;
use crate::workspace::Workspace;

/// What `up` may be told.
#[derive(clap::Args)]
pub struct Args {
    /// What runs the edge. Left out: Spin 4.1 or newer where it is on the PATH, else the host built from `tools/edge-host`.
    #[arg(long, value_enum)]
    edge: Option<EdgeChoice>,
    /// How many fan-out nodes. Each takes one port for sockets and one, 100 above it, for its admin listener.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=16))]
    nodes: u16,
    /// Port of the Redis that is started.
    #[arg(long, default_value_t = 6390)]
    redis_port: u16,
    /// Port of the edge.
    #[arg(long, default_value_t = 3000)]
    edge_port: u16,
    /// Port of the first node's sockets; further nodes take the ports after it.
    #[arg(long, default_value_t = 7001)]
    socket_port: u16,
    /// Port of the demo page.
    #[arg(long, default_value_t = 8080)]
    demo_port: u16,
    /// How many regions. With more than one, each has two nodes at addresses of its own, and gdnsd stands before them; as
    /// root each is in a network namespace.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=3))]
    regions: u8,
    /// How long a round trip between regions takes, ms.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(0..=2_000))]
    delay_ms: u32,
    /// Port of the name server, with several regions.
    #[arg(long, default_value_t = 8053)]
    dns_port: u16,
}

impl Args {
    /// What several regions are to be like.
    fn regions(&self) -> Wanted {
        Wanted {
            regions: self.regions.into(),
            ports: Ports {
                redis: self.redis_port,
                edge: self.edge_port,
                socket: self.socket_port,
                admin: self.socket_port.saturating_add(100),
                relay: self.socket_port.saturating_add(200),
                demo: self.demo_port,
                dns: self.dns_port,
            },
            replicated: false,
            round_trip_ms: self.delay_ms,
            loopback: false,
            appendfsync: "everysec",
            edge: self.edge,
            build: true,
            fresh: false,
        }
    }
}

/// Runs the system until somebody stops it or a part of it dies.
///
/// # Errors
/// Says what is missing, busy, broken or dead.
pub fn run(
    workspace: &Workspace,
    family: &Family,
    progress: &Progress,
    args: &Args,
) -> Result<ExitCode> {
    if args.regions > 1 {
        return crate::regions::up::run(workspace, family, progress, args.regions());
    }
    let settings = Settings::load(workspace)?;
    progress.say("settings", &format!("from {}", settings.source().display()));
    let plan = Plan::from_args(workspace, args)?;
    let _lock = plan.lock()?;
    plan.check_ports()?;
    let edge = prepare(workspace, family, progress, args.edge)?;
    let mut system = System::start(workspace, family, progress, &plan, edge, settings)?;
    println!("{}", banner::text(&plan, system.settings())?);
    while !family.stop().requested() {
        system.check()?;
        thread::sleep(LOOK);
    }
    progress.say("up", "stopping");
    system.end();
    progress.say("up", "stopped");
    Ok(ExitCode::SUCCESS)
}

/// Sees to tools and builds what will run.
///
/// # Errors
/// Says what is missing or does not build.
pub fn prepare(
    workspace: &Workspace,
    family: &Family,
    progress: &Progress,
    choice: Option<EdgeChoice>,
) -> Result<Edge> {
    let redis = doctor::redis(family, progress)?;
    progress.say("redis", &format!("redis-server {redis}"));
    let edge = Edge::choose(progress, choice)?;
    doctor::wasm_target(workspace, family, progress)?;
    build::components(workspace, family, progress, &build::COMPONENTS)?;
    build::binaries(workspace, family, progress, edge.binaries())?;
    Ok(edge)
}
