//! The processes of a region.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use tidegate_stream::Region;

use super::layout::{Layout, Site};
use super::net::{Link, Net};
use super::ways;
use crate::doctor;
use crate::process::this_program;
use crate::settings::Settings;
use crate::up::{Edge, redis};
use crate::workspace::Workspace;

/// What makes commands for regions.
pub struct Commands<'a> {
    /// The checkout.
    pub workspace: &'a Workspace,
    /// Where everything listens.
    pub layout: Layout,
    /// The namespaces, if regions lie in some.
    pub net: Option<Net>,
    /// What runs the edge.
    pub edge: Edge,
    /// Redis' setting of that name.
    pub appendfsync: &'static str,
    /// Whether each region's Redis has a replica, and its address leads to whichever of the two it is told to.
    pub replicated: bool,
    /// How long a round trip between regions takes while nothing is broken, ms.
    pub round_trip_ms: u32,
    /// What all regions share.
    pub settings: Settings,
}

impl Commands<'_> {
    /// What a region's processes are told.
    pub fn settings_of(&self, site: &Site) -> Settings {
        let layout = &self.layout;
        let others = layout.sites.iter().filter(|other| other.name != site.name);
        // Its own first: the demo and an edge read it so.
        let regions: Vec<_> = std::iter::once(site)
            .chain(others)
            .map(|site| {
                json!({
                    "name": site.name.as_str(),
                    "edge": layout.edge_url(site),
                    "socket": layout.socket_url(site, 0),
                })
            })
            .collect();
        let mut settings = self.settings.clone();
        settings.set("region", site.name.as_str());
        settings.set("regions", json!(regions).to_string());
        settings.set(
            "redis_url",
            format!("redis://{}:{}", site.inside, layout.ports.redis),
        );
        let demos: Vec<String> = (layout.sites.iter())
            .map(|site| layout.demo_url(site))
            .collect();
        settings.add_to_list("cors_origins", &demos);
        settings
    }

    /// A program in a region.
    fn within(&self, site: &Site, program: &Path) -> Command {
        let mut command = match &self.net {
            Some(net) => net.command(site.name.as_str(), program),
            None => Command::new(program),
        };
        command.current_dir(self.workspace.root());
        command.envs(self.settings_of(site).environment());
        command
    }

    /// Its Redis, reached from within and by relays.
    ///
    /// # Errors
    /// When its folder cannot be made.
    pub fn redis(&self, site: &Site) -> Result<Command> {
        if self.replicated {
            return self.replicating(site, 0);
        }
        let (host, inside) = (site.host.to_string(), site.inside.to_string());
        let bind: &[&str] = if host == inside {
            &[&host]
        } else {
            &[&inside, &host]
        };
        self.redis_server(site, bind, &self.redis_folder(site, 0))
    }

    /// The replica of its Redis.
    ///
    /// # Errors
    /// As [`Commands::redis`].
    pub fn replica(&self, site: &Site) -> Result<Command> {
        let mut command = self.replicating(site, 1)?;
        let from = self.layout.replication(site);
        command.args([
            "--replicaof",
            &from.ip().to_string(),
            &from.port().to_string(),
        ]);
        Ok(command)
    }

    fn replicating(&self, site: &Site, index: u8) -> Result<Command> {
        let host = self.layout.server(site, index).ip().to_string();
        let folder = self.redis_folder(site, index);
        let mut command = self.redis_server(site, &[&host], &folder)?;
        command.args(["--replica-announce-ip", &host]);
        command.args([
            "--min-replicas-to-write",
            "1",
            "--min-replicas-max-lag",
            "10",
        ]);
        command.args(["--repl-diskless-sync-delay", "0"]);
        Ok(command)
    }

    /// Where a region's Redis writes.
    pub fn redis_folder(&self, site: &Site, index: u8) -> PathBuf {
        let name = match index {
            0 => "redis".to_owned(),
            index => format!("redis-{}", index + 1),
        };
        self.layout.data.join(site.name.as_str()).join(name)
    }

    fn redis_server(&self, site: &Site, bind: &[&str], folder: &Path) -> Result<Command> {
        let program = doctor::on_path("redis-server").context("there is no redis-server")?;
        let mut command = self.within(site, &program);
        redis::configure(
            &mut command,
            self.layout.ports.redis,
            bind,
            self.appendfsync,
            folder,
        )?;
        // Its addresses are this machine's alone.
        command.args(["--protected-mode", "no"]);
        Ok(command)
    }

    /// Its edge.
    pub fn edge(&self, site: &Site) -> Command {
        let listen = format!("{}:{}", site.host, self.layout.ports.edge);
        let alone = self.edge.command_at(self.workspace, &listen);
        let mut command = self.within(site, Path::new(alone.get_program()));
        command.args(alone.get_args());
        if self.edge == Edge::Spin {
            let folder = self.layout.data.join(site.name.as_str()).join("spin");
            command.arg("--state-dir").arg(folder);
        }
        command
    }

    /// One of its nodes, counted from 0. The first serves the demo page on the region's loopback.
    pub fn node(&self, site: &Site, index: usize) -> Command {
        let (layout, ports) = (&self.layout, self.layout.ports);
        let mut command = self.within(site, &self.workspace.binary("fanout"));
        let address = site.nodes[index];
        command.args(["--listen", &format!("{address}:{}", ports.socket)]);
        command.args(["--admin", &format!("{address}:{}", ports.admin)]);
        command.args(["--public-url", &layout.socket_url(site, index)]);
        command.args(["--node", &format!("n{}", index + 1), "--cores", "1"]);
        // No balancer has to notice first.
        command.args(["--drain-wait-ms", "0"]);
        if index == 0 {
            command.args(["--demo", &format!("{}:{}", site.inside, ports.demo)]);
            command.args(["--edge-url", &layout.edge_url(site)]);
        }
        command
    }

    /// What hands the demo page to outside of the region's namespace; none is needed on loopback.
    ///
    /// # Errors
    /// When this program is not found.
    pub fn forward(&self, site: &Site) -> Result<Option<Command>> {
        if self.net.is_none() {
            return Ok(None);
        }
        let program: PathBuf = this_program()?;
        let mut command = self.within(site, &program);
        let port = self.layout.ports.demo;
        command.arg("forward");
        command.arg(format!("{}:{port}", site.host));
        command.arg(format!("{}:{port}", site.inside));
        Ok(Some(command))
    }

    /// Its relay.
    pub fn relay(&self, site: &Site) -> Command {
        let layout = &self.layout;
        let mut command = self.within(site, &self.workspace.binary("relay"));
        command.args(["--admin", &format!("{}:{}", site.host, layout.ports.relay)]);
        command.args(["--name", &format!("relay-{}", site.name)]);
        for other in layout.sites.iter().filter(|other| other.name != site.name) {
            let redis = match self.has_ways() {
                true => layout.way(site, other),
                false => layout.redis(other),
            };
            let from = format!("{}=redis://{redis}", other.name);
            command.args(["--from", &from]);
        }
        command
    }

    /// Whether a program of ours makes the delay between regions, and not the kernel.
    pub fn has_ways(&self) -> bool {
        self.net.as_ref().is_none_or(|net| !net.is_shaped())
    }

    /// What makes it in a region, and its first line.
    pub fn ways(&self, site: &Site) -> (Command, Value) {
        let mut command = self.within(site, &self.workspace.binary("drill"));
        command.arg("forward");
        let layout = &self.layout;
        let others = layout.sites.iter().filter(|other| other.name != site.name);
        let ways: Vec<_> = others
            .map(|other| json!({"at": layout.way(site, other), "to": layout.redis(other)}))
            .collect();
        let quality = ways::quality(self.whole());
        (command, json!({"ways": ways, "quality": quality}))
    }

    /// What leads a region's address to its first Redis, and its first line.
    pub fn front(&self, site: &Site) -> (Command, Value) {
        self.forwarder(site, self.layout.redis(site))
    }

    /// What the second Redis copies the first by, and its first line.
    pub fn copying(&self, site: &Site) -> (Command, Value) {
        self.forwarder(site, self.layout.replication(site))
    }

    /// From an address to a region's first Redis, without a delay.
    fn forwarder(&self, site: &Site, at: SocketAddr) -> (Command, Value) {
        let mut command = self.within(site, &self.workspace.binary("drill"));
        command.arg("forward");
        let way = json!({"at": at, "to": self.layout.server(site, 0)});
        let quality = ways::quality(Link::Delay { round_trip_ms: 0 });
        (command, json!({"ways": [way], "quality": quality}))
    }

    /// What links are while nothing is broken.
    pub fn whole(&self) -> Link {
        Link::Delay {
            round_trip_ms: self.round_trip_ms,
        }
    }

    /// All regions, as `tg:regions` holds them: name, socket URL, edge URL.
    pub fn regions(&self) -> Vec<(Region, String, String)> {
        let layout = &self.layout;
        (layout.sites.iter())
            .map(|site| {
                (
                    site.name.clone(),
                    layout.socket_url(site, 0),
                    layout.edge_url(site),
                )
            })
            .collect()
    }
}
