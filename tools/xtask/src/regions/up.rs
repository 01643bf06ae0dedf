//! `cargo xtask up --regions N`: several regions, until Ctrl-C.

use std::process::ExitCode;
use std::thread;

use anyhow::{Result, bail};

use super::banner;
use super::commands::Commands;
use super::fleet::Fleet;
use super::layout::{Ground, Layout, Ports};
use super::net::{NO_NETEM, Net};
use crate::doctor;
use crate::process::{Family, LOOK};
use crate::progress::Progress;
use crate::settings::Settings;
use crate::up::{self, EdgeChoice};
use crate::workspace::Workspace;

/// Below the checkout's data folder.
const FOLDER: &str = "regions";

/// What a set of regions is to be like.
#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    /// How many.
    pub regions: usize,
    /// Ports.
    pub ports: Ports,
    /// Whether each region's Redis has a replica; on loopback addresses only.
    pub replicated: bool,
    /// How long a round trip between regions takes, ms.
    pub round_trip_ms: u32,
    /// Loopback addresses also where namespaces could be had.
    pub loopback: bool,
    /// Redis' setting of that name.
    pub appendfsync: &'static str,
    /// What runs the edge.
    pub edge: Option<EdgeChoice>,
    /// Whether what runs is built first.
    pub build: bool,
    /// Whether Redis begins empty.
    pub fresh: bool,
}

/// Runs until somebody stops it or a part of it dies.
///
/// # Errors
/// Says what is missing, busy, broken or dead.
pub fn run(
    workspace: &Workspace,
    family: &Family,
    progress: &Progress,
    wanted: Wanted,
) -> Result<ExitCode> {
    let _lock = up::lock(&workspace.data(FOLDER))?;
    let mut fleet = start(workspace, family, progress, FOLDER, wanted, &[])?;
    println!("{}", banner::text(fleet.commands())?);
    while !family.stop().requested() {
        fleet.check()?;
        thread::sleep(LOOK);
    }
    progress.say("up", "stopping");
    fleet.end();
    drop(fleet);
    progress.say("up", "stopped");
    Ok(ExitCode::SUCCESS)
}

/// Sees to tools, builds, and starts the regions. Namespaces are made where this may be done.
///
/// # Errors
/// Says what is missing, busy, broken or not ready.
pub fn start<'a>(
    workspace: &'a Workspace,
    family: &'a Family,
    progress: &Progress,
    folder: &str,
    wanted: Wanted,
    variables: &[(&str, &str)],
) -> Result<Fleet<'a>> {
    let mut settings = Settings::load(workspace)?;
    progress.say("settings", &format!("from {}", settings.source().display()));
    for (name, value) in variables {
        settings.set(name, *value);
    }
    doctor::need(family, progress, &[doctor::GDNSD])?;
    let edge = if wanted.build {
        let edge = up::prepare(workspace, family, progress, wanted.edge)?;
        crate::build::binaries(workspace, family, progress, &["relay", "drill"])?;
        edge
    } else {
        up::Edge::choose(progress, wanted.edge)?
    };
    let mut net = match wanted.loopback {
        true => None,
        false => namespaces(workspace, progress)?,
    };
    if net.is_none() && !cfg!(target_os = "linux") {
        bail!(
            "several regions take addresses 127.0.1.x and 127.0.2.x, which only Linux has on its loopback"
        );
    }
    let ground = net.as_ref().map_or(Ground::Loopback, Net::ground);
    let layout = Layout::new(workspace, folder, wanted.regions, ground, wanted.ports)?;
    layout.check_ports(ground)?;
    if wanted.fresh {
        for site in &layout.sites {
            let data = layout.data.join(site.name.as_str());
            if data.exists() {
                std::fs::remove_dir_all(data)?;
            }
        }
    }
    if let Some(net) = &mut net {
        net.make(&layout.sites)?;
        progress.say("network", "a namespace for each region");
    }
    let round_trip_ms = wanted.round_trip_ms;
    let delay = format!("{round_trip_ms} ms there and back between regions");
    let by = match &net {
        Some(net) if net.is_shaped() => String::new(),
        Some(_) => format!(", by forwarders before each relay: {NO_NETEM}"),
        None => ", by forwarders before each relay".to_owned(),
    };
    progress.say("network", &format!("{delay}{by}"));
    let commands = Commands {
        workspace,
        layout,
        net,
        edge,
        appendfsync: wanted.appendfsync,
        replicated: wanted.replicated,
        round_trip_ms,
        settings,
    };
    Fleet::start(family, progress, commands)
}

/// Namespaces, when this is root.
fn namespaces(workspace: &Workspace, progress: &Progress) -> Result<Option<Net>> {
    if !rustix::process::geteuid().is_root() {
        progress.say(
            "network",
            "loopback addresses; as root each region has a network of its own",
        );
        return Ok(None);
    }
    Ok(Some(Net::plan(workspace.root())?))
}
