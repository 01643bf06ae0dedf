//! The running regions: parts that are started, killed and started again.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result, anyhow};
use tidegate_stream::Region;

use super::commands::Commands;
use super::layout::{Layout, NODES, Site};
use super::names;
use super::net::{Link, Net};
use super::ways::Ways;
use crate::process::{Family, Service, Stop};
use crate::progress::Progress;
use crate::up::{ready, redis};

/// What a process does in its region.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Redis, or the first of two.
    Redis,
    /// The second of two.
    Replica,
    /// A fan-out node, counted from 0.
    Node(usize),
    /// The edge.
    Edge,
    /// The relay, which copies the other regions' logs.
    Relay,
    /// What hands the demo page on.
    Forward,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Redis => f.write_str("redis"),
            Self::Replica => f.write_str("replica"),
            Self::Node(index) => write!(f, "n{}", index + 1),
            Self::Edge => f.write_str("edge"),
            Self::Relay => f.write_str("relay"),
            Self::Forward => f.write_str("demo"),
        }
    }
}

/// Everything that runs. All of it ends when this is dropped, namespaces after the processes in them.
pub struct Fleet<'a> {
    family: &'a Family,
    running: BTreeMap<(Region, Role), Service<'a>>,
    names: Option<Service<'a>>,
    /// What delays, where the kernel cannot. They belong to the network, and outlive a region.
    ways: Vec<Ways<'a>>,
    /// What leads to the one of a region's two Redis that is primary, and what the second copies the first by.
    fronts: BTreeMap<Region, [Ways<'a>; 2]>,
    /// How often a part was started, so that logs of earlier lives stay.
    lives: BTreeMap<(Region, Role), u32>,
    commands: Commands<'a>,
    _gdnsd: RunFolder,
}

/// The folder of gdnsd's control socket.
struct RunFolder(PathBuf);

impl Drop for RunFolder {
    fn drop(&mut self) {
        // It lies in the system's folder for what may vanish.
        let _ = fs::remove_dir_all(&self.0);
    }
}

impl<'a> Fleet<'a> {
    /// Starts every region and the name server, and waits until all can serve.
    ///
    /// # Errors
    /// Says what is not ready, and shows its last lines; what had been started has ended then.
    pub fn start(family: &'a Family, progress: &Progress, commands: Commands<'a>) -> Result<Self> {
        let begun = Instant::now();
        let sites = commands.layout.sites.clone();
        let parts = sites.len() * usize::from(NODES + 3) + 1;
        let bar = progress.bar("start", parts as u64);
        let run_folder = names::run_folder(commands.workspace.root());
        let mut fleet = Self {
            family,
            running: BTreeMap::new(),
            names: None,
            ways: Vec::new(),
            fronts: BTreeMap::new(),
            lives: BTreeMap::new(),
            commands,
            _gdnsd: RunFolder(run_folder),
        };
        if fleet.commands.has_ways() {
            for site in &sites {
                let (mut command, spec) = fleet.commands.ways(site);
                let ways = Ways::start(family, &mut command, &spec);
                let ways = ways.with_context(|| format!("the ways of {}", site.name))?;
                fleet.ways.push(ways);
            }
        }
        if fleet.commands.replicated {
            for site in &sites {
                let start = |(mut command, spec): (_, _)| Ways::start(family, &mut command, &spec);
                let front = start(fleet.commands.front(site));
                let copying = start(fleet.commands.copying(site));
                let both = front.and_then(|front| Ok([front, copying?]));
                let both = both.with_context(|| format!("before the Redis of {}", site.name))?;
                fleet.fronts.insert(site.name.clone(), both);
            }
        }
        fleet.heal()?;
        for site in &sites {
            bar.waiting_for(&format!("{} redis", site.name));
            fleet.start_redis(site)?;
            bar.done(&format!(
                "{} redis on {}",
                site.name,
                fleet.layout().redis(site)
            ));
        }
        // One region after the other: the second edge finds compiled what the first one had to compile.
        for site in &sites {
            for role in fleet.roles() {
                fleet.launch(site, &role)?;
            }
            for role in fleet.roles().iter().filter(|role| Self::has_health(role)) {
                let name = format!("{} {role}", site.name);
                bar.waiting_for(&name);
                fleet.wait(site, role)?;
                bar.done(&format!("{name} ready"));
            }
        }
        let mut command = names::command(fleet.commands.workspace.root(), &fleet.commands.layout)?;
        let logs = fleet.layout().logs();
        fleet.names = Some(Service::start(family, "gdnsd", &logs, &mut command)?);
        bar.done(&format!("gdnsd on {}", fleet.layout().dns()));
        drop(bar);
        progress.say(
            "start",
            &format!("all ready after {:.1} s", begun.elapsed().as_secs_f64()),
        );
        Ok(fleet)
    }

    /// When to stop.
    pub fn stop(&self) -> &Stop {
        self.family.stop()
    }

    /// Where everything listens.
    pub fn layout(&self) -> &Layout {
        &self.commands.layout
    }

    /// What makes its processes.
    pub fn commands(&self) -> &Commands<'a> {
        &self.commands
    }

    /// The namespaces.
    pub fn net(&self) -> Option<&Net> {
        self.commands.net.as_ref()
    }

    /// Changes the links between regions, all of them, both ways.
    ///
    /// # Errors
    /// When the network does not obey.
    pub fn link(&mut self, link: Link) -> Result<()> {
        if let Some(net) = &self.commands.net {
            net.link(link)?;
        }
        self.ways.iter_mut().try_for_each(|ways| ways.link(link))
    }

    /// Makes them what they were in the beginning.
    ///
    /// # Errors
    /// As [`Fleet::link`].
    pub fn heal(&mut self) -> Result<()> {
        self.link(self.commands.whole())
    }

    /// A region's address of Redis leads to this one of the two from now on, for whoever comes.
    ///
    /// # Errors
    /// When nothing leads there, or it is gone.
    pub fn lead(&mut self, site: &Site, server: u8) -> Result<()> {
        let layout = &self.commands.layout;
        let (at, to) = (layout.redis(site), layout.server(site, server));
        let [front, _] = (self.fronts.get_mut(&site.name)).context("this Redis has no replica")?;
        front.lead(at, to)
    }

    /// What the second Redis copies of the first arrives so much later from now on.
    ///
    /// # Errors
    /// As [`Fleet::lead`].
    pub fn copy_late(&mut self, site: &Site, late_ms: u32) -> Result<()> {
        let [_, copying] =
            (self.fronts.get_mut(&site.name)).context("this Redis has no replica")?;
        copying.link(Link::Delay {
            round_trip_ms: late_ms * 2,
        })
    }

    /// What stands above Redis in a region.
    fn roles(&self) -> Vec<Role> {
        let mut roles: Vec<Role> = (0..usize::from(NODES)).map(Role::Node).collect();
        roles.push(Role::Edge);
        roles.push(Role::Relay);
        if self.commands.net.is_some() {
            roles.push(Role::Forward);
        }
        roles
    }

    fn has_health(role: &Role) -> bool {
        *role != Role::Forward
    }

    /// Starts a region's Redis and sees to what is expected in it.
    ///
    /// # Errors
    /// When it cannot serve.
    pub fn start_redis(&mut self, site: &Site) -> Result<()> {
        self.launch(site, &Role::Redis)?;
        self.wait(site, &Role::Redis)?;
        if self.commands.replicated {
            self.launch(site, &Role::Replica)?;
            self.wait(site, &Role::Replica)?;
        }
        let regions = self.commands.regions();
        let regions: Vec<_> = (regions.iter())
            .map(|(name, socket, edge)| (name.clone(), socket.as_str(), edge.as_str()))
            .collect();
        let settings = self.commands.settings_of(site);
        redis::fill_with(self.layout().redis(site), &settings, &regions)
            .with_context(|| format!("the Redis of {}", site.name))?;
        Ok(())
    }

    /// Starts a part that does not run, and waits until it can serve.
    ///
    /// # Errors
    /// As said there.
    pub fn revive(&mut self, site: &Site, role: &Role) -> Result<()> {
        if *role == Role::Redis {
            return self.start_redis(site);
        }
        self.launch(site, role)?;
        if Self::has_health(role) {
            self.wait(site, role)?;
        }
        Ok(())
    }

    /// Starts all parts of a region that do not run.
    ///
    /// # Errors
    /// As [`Fleet::revive`].
    pub fn revive_region(&mut self, site: &Site) -> Result<()> {
        self.start_redis(site)?;
        let roles = self.roles();
        for role in &roles {
            self.launch(site, role)?;
        }
        for role in roles.iter().filter(|role| Self::has_health(role)) {
            self.wait(site, role)?;
        }
        Ok(())
    }

    /// Kills a part.
    pub fn kill(&mut self, site: &Site, role: &Role) {
        if let Some(mut service) = self.running.remove(&(site.name.clone(), role.clone())) {
            service.kill();
        }
    }

    /// Kills all of a region.
    pub fn kill_region(&mut self, site: &Site) {
        let all = self.roles().into_iter().chain([Role::Redis, Role::Replica]);
        let all: Vec<Role> = all.collect();
        for role in all {
            self.kill(site, &role);
        }
    }

    /// Ends a part in order, and waits until it has.
    pub fn end_part(&mut self, site: &Site, role: &Role) {
        if let Some(mut service) = self.running.remove(&(site.name.clone(), role.clone())) {
            service.end();
        }
    }

    /// Starts a part that does not run.
    ///
    /// # Errors
    /// When it does not start.
    pub fn launch(&mut self, site: &Site, role: &Role) -> Result<()> {
        let commands = &self.commands;
        let mut command = match role {
            Role::Redis => commands.redis(site)?,
            Role::Replica => commands.replica(site)?,
            Role::Node(index) => commands.node(site, *index),
            Role::Edge => commands.edge(site),
            Role::Relay => commands.relay(site),
            Role::Forward => match commands.forward(site)? {
                Some(command) => command,
                None => return Ok(()),
            },
        };
        let key = (site.name.clone(), role.clone());
        let life = self.lives.entry(key.clone()).or_default();
        *life += 1;
        let name = match life {
            1 => format!("{}-{role}", site.name),
            life => format!("{}-{role}.{life}", site.name),
        };
        let logs = self.commands.layout.logs();
        let service = Service::start(self.family, &name, &logs, &mut command)?;
        self.running.insert(key, service);
        Ok(())
    }

    /// Waits until a part can serve.
    ///
    /// # Errors
    /// When it cannot in time.
    pub fn wait(&mut self, site: &Site, role: &Role) -> Result<()> {
        let layout = &self.commands.layout;
        let redis = match self.commands.replicated {
            true => layout.server(site, 0),
            false => layout.redis(site),
        };
        let url = match role {
            Role::Node(index) => format!("{}/readyz", layout.admin_url(site, *index)),
            Role::Relay => format!("{}/readyz", layout.relay_url(site)),
            _ => format!("{}/readyz", layout.edge_url(site)),
        };
        let name = format!("{} {role}", site.name);
        let stop = self.family.stop();
        let probe = || match role {
            Role::Redis => redis::is_ready_at(redis),
            // It has what the primary has, which waits for it.
            Role::Replica => redis::has_replica(redis),
            _ => ready::get(&url),
        };
        let waited = ready::wait(stop, &name, || self.check(), probe);
        waited.map_err(
            |error| match self.running.get(&(site.name.clone(), role.clone())) {
                Some(service) if error.is::<ready::NotReady>() => {
                    anyhow!("{error:#}\n{}", service.last_lines())
                }
                _ => error,
            },
        )
    }

    /// An error when a part has died that nobody killed.
    ///
    /// # Errors
    /// Names the part, and shows its last lines.
    pub fn check(&mut self) -> Result<()> {
        (self.ways.iter_mut())
            .chain(self.fronts.values_mut().flatten())
            .try_for_each(Ways::check)?;
        self.running
            .values_mut()
            .chain(&mut self.names)
            .try_for_each(Service::check)
    }

    /// Ends all of it: whoever uses Redis first.
    pub fn end(&mut self) {
        for ((_, role), service) in &mut self.running {
            if !matches!(role, Role::Redis | Role::Replica) {
                service.ask_to_end();
            }
        }
        self.names = None;
        self.running
            .retain(|(_, role), _| matches!(role, Role::Redis | Role::Replica));
        for service in self.running.values_mut() {
            service.ask_to_end();
        }
        self.running.clear();
        self.ways.clear();
        self.fronts.clear();
    }
}

impl Drop for Fleet<'_> {
    fn drop(&mut self) {
        self.end();
    }
}
