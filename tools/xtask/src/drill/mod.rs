//! `cargo xtask drill`: something breaks under load, for real, and a report says which promises held.

mod crowd;
mod engine;
mod outage;
mod script;
mod several;
mod table;
mod tail;

use std::process::ExitCode;

use anyhow::Result;

use self::crowd::{comeback, soak, unread};
use self::several::Drill;
use crate::process::Family;
use crate::progress::Progress;
use crate::workspace::Workspace;

/// Which drill, and what it may be told.
#[derive(Debug, clap::Subcommand)]
pub enum Args {
    /// All processes of a region are killed, later it comes back.
    RegionLoss(several::Args),
    /// Regions are cut off from each other for a while; each must serve by itself.
    Partition(several::Args),
    /// The same, with changes of state on both sides and half of a region's viewers moving to the other.
    Heal(several::Args),
    /// The link between regions is slow and loses packets, or stalls where no kernel loses them, for a while.
    SlowLink(several::Args),
    /// Relays are killed, and started again.
    RelayCrash(several::Args),
    /// A region's Redis is killed, loses the end of what it wrote, and is started again after a while; one outage after the other.
    RedisRestart(several::Args),
    /// A replica takes the place of a region's Redis, and whoever is connected stays connected with the old one.
    Failover(several::Args),
    /// Nodes, edges and relays are restarted, one after the other.
    Rolling(several::Args),
    /// One region for a long time: viewers come, go and read slowly, sockets break the rules, a node is restarted again and
    /// again; memory must stay flat.
    Soak(soak::Args),
    /// A node is killed, and all of its viewers come to the other one at once.
    Return(comeback::Args),
    /// One in a hundred viewers stops reading; the others must not notice.
    Unread(unread::Args),
}

/// Runs a drill and prints its report.
///
/// # Errors
/// What kept it from being done. Broken promises are told by the exit code.
pub fn run(
    workspace: &Workspace,
    family: &Family,
    progress: &Progress,
    args: &Args,
) -> Result<ExitCode> {
    let (drill, args) = match args {
        Args::RegionLoss(args) => (Drill::RegionLoss, args),
        Args::Partition(args) => (Drill::Partition, args),
        Args::Heal(args) => (Drill::Heal, args),
        Args::SlowLink(args) => (Drill::SlowLink, args),
        Args::RelayCrash(args) => (Drill::RelayCrash, args),
        Args::RedisRestart(args) => (Drill::RedisRestart, args),
        Args::Failover(args) => (Drill::Failover, args),
        Args::Rolling(args) => (Drill::Rolling, args),
        Args::Soak(args) => return soak::run(workspace, family, progress, args),
        Args::Return(args) => return comeback::run(workspace, family, progress, args),
        Args::Unread(args) => return unread::run(workspace, family, progress, args),
    };
    several::run(workspace, family, progress, drill, args)
}
