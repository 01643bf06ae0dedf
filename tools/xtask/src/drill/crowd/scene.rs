//! A region's Redis and nodes, and the crowd.

use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::Common;
use super::gauge::{Gauge, cpu_s};
use super::load::Busy;
use crate::bench::cores::{Cores, pinned};
use crate::build::{self, Profile};
use crate::doctor;
use crate::drill::engine::Engine;
use crate::process::{Family, LOOK, Service};
use crate::progress::Progress;
use crate::settings::Settings;
use crate::up::{HOST, Plan, lock, ready, redis};
use crate::workspace::Workspace;

/// Below the checkout's data folder.
const FOLDER: &str = "drill-crowd";

/// What a scene is like.
pub struct Wanted {
    /// Nodes, each with one thread for sockets.
    pub nodes: usize,
    /// Rooms.
    pub rooms: u16,
    /// Bytes of a message's data.
    pub data_bytes: usize,
    /// Whether nodes have a core to themselves, and everything else the rest.
    pub apart: bool,
}

/// Everything that runs.
pub struct Scene<'a> {
    family: &'a Family,
    progress: &'a Progress,
    binary: std::path::PathBuf,
    root: std::path::PathBuf,
    plan: Plan,
    settings: Settings,
    cores: Option<Cores>,
    redis: Service<'a>,
    nodes: Vec<Service<'a>>,
    crowd: Engine<'a>,
    _lock: std::fs::File,
}

impl<'a> Scene<'a> {
    /// Builds and starts it, and waits until it can serve.
    ///
    /// # Errors
    /// Says what does not build or start.
    pub fn start(
        workspace: &Workspace,
        family: &'a Family,
        progress: &'a Progress,
        common: &Common,
        wanted: &Wanted,
    ) -> Result<Self> {
        let profile = match common.dev {
            true => Profile::Dev,
            false => Profile::Release,
        };
        doctor::redis(family, progress)?;
        if !common.no_build {
            build::binaries_of(profile, workspace, family, progress, &["fanout", "drill"])?;
        }
        let held = lock(&workspace.data(&format!("{FOLDER}-lock")))?;
        let plan = Plan::on_free_ports(workspace, FOLDER, wanted.nodes)?;
        let mut settings = Settings::load(workspace)?;
        settings.set("redis_url", format!("redis://{HOST}:{}", plan.redis));
        settings.set("redis_auth", "");
        let cores = Cores::share().filter(|_| wanted.apart);
        if let Some(cores) = &cores {
            progress.say("drill", &cores.told());
        }
        let core = cores.as_ref().map(|cores| cores.redis.as_str());
        let mut command = pinned(redis::command(&plan)?, core);
        let mut server = Service::start(family, "redis", &plan.logs(), &mut command)?;
        let check = || server.check();
        ready::wait(family.stop(), "redis", check, || {
            redis::is_ready(plan.redis)
        })?;
        redis::fill(plan.redis, &settings, &plan.socket_url(0), &plan.edge_url())?;

        let core = cores.as_ref().map(|cores| cores.load.as_str());
        let mut command = Command::new(workspace.binary_of(profile, "drill"));
        command.arg("crowd");
        let crowd = Engine::start(family, progress, &mut pinned(command, core))?;
        let mut scene = Self {
            family,
            progress,
            binary: workspace.binary_of(profile, "fanout"),
            root: workspace.root().to_path_buf(),
            plan,
            settings,
            cores,
            redis: server,
            nodes: Vec::new(),
            crowd,
            _lock: held,
        };
        for node in 0..wanted.nodes {
            let service = scene.service(node)?;
            scene.nodes.push(service);
        }
        (0..wanted.nodes).try_for_each(|node| scene.await_node(node))?;
        scene.begin(wanted)?;
        Ok(scene)
    }

    fn begin(&mut self, wanted: &Wanted) -> Result<()> {
        let nodes: Vec<String> = (self.plan.nodes.iter())
            .map(|ports| format!("{HOST}:{}", ports.socket))
            .collect();
        let spec = json!({
            "redis": self.settings.required("redis_url")?,
            "prefix": self.settings.required("prefix")?,
            "region": self.settings.required("region")?,
            "ticket_keys": self.settings.required("ticket_keys")?,
            "nodes": nodes,
            "rooms": wanted.rooms,
            "data_bytes": wanted.data_bytes,
        });
        self.ask(&spec)
    }

    fn service(&self, node: usize) -> Result<Service<'a>> {
        let ports = self.plan.nodes[node];
        let mut command = Command::new(&self.binary);
        command.current_dir(&self.root);
        command.args(["--listen", &format!("{HOST}:{}", ports.socket)]);
        command.args(["--admin", &format!("{HOST}:{}", ports.admin)]);
        command.args(["--public-url", &self.plan.socket_url(node)]);
        command.args(["--node", &name(node), "--cores", "1"]);
        command.args(["--drain-wait-ms", "0"]);
        command.envs(self.settings.environment());
        let core = self.cores.as_ref().map(|cores| cores.server.as_str());
        let mut command = pinned(command, core);
        Service::start(self.family, &name(node), &self.plan.logs(), &mut command)
    }

    fn await_node(&mut self, node: usize) -> Result<()> {
        let url = self.admin_url(node, "/readyz");
        let service = &mut self.nodes[node];
        let stop = self.family.stop();
        ready::wait(stop, &name(node), || service.check(), || ready::get(&url))
    }

    fn admin_url(&self, node: usize, path: &str) -> String {
        format!("http://{HOST}:{}{path}", self.plan.nodes[node].admin)
    }

    /// A line about what goes on.
    pub fn say(&self, text: &str) {
        self.progress.say("drill", text);
    }

    /// Has the crowd do something, and waits until it is done.
    ///
    /// # Errors
    /// When something died that nobody killed, or it was not done in time.
    pub fn ask(&mut self, order: &Value) -> Result<()> {
        self.crowd.tell(order)?;
        self.wait_for("done").map(drop)
    }

    /// Has the crowd do something, and gives its answer of this name.
    ///
    /// # Errors
    /// As [`Scene::ask`].
    pub fn answer(&mut self, order: &Value, name: &str) -> Result<Value> {
        self.crowd.tell(order)?;
        self.wait_for(name)
    }

    /// Waits for what the crowd says.
    ///
    /// # Errors
    /// As [`Scene::ask`].
    pub fn wait_for(&mut self, name: &str) -> Result<Value> {
        let (redis, nodes) = (&mut self.redis, &mut self.nodes);
        let mut event = self.crowd.wait_for(name, || {
            redis.check()?;
            nodes.iter_mut().try_for_each(Service::check)
        })?;
        if let Some(answer) = event.as_object_mut() {
            answer.remove("event");
        }
        Ok(event)
    }

    /// How the crowd stands.
    ///
    /// # Errors
    /// As [`Scene::ask`].
    pub fn figures(&mut self) -> Result<Value> {
        self.answer(&json!({"do": "figures"}), "figures")
    }

    /// Time passes; nobody may die meanwhile.
    ///
    /// # Errors
    /// As [`Scene::ask`].
    pub fn pass(&mut self, time: Duration) -> Result<()> {
        let end = Instant::now() + time;
        while Instant::now() < end {
            self.family.stop().check()?;
            self.redis.check()?;
            self.nodes.iter_mut().try_for_each(Service::check)?;
            thread::sleep(LOOK.min(end.saturating_duration_since(Instant::now())));
        }
        Ok(())
    }

    /// A node stops in order, and is started again.
    ///
    /// # Errors
    /// When it does not come back.
    pub fn restart(&mut self, node: usize) -> Result<()> {
        self.ask(&json!({"do": "leaving", "node": node}))?;
        self.nodes[node].end();
        self.nodes[node] = self.service(node)?;
        self.await_node(node)?;
        self.ask(&json!({"do": "back", "node": node}))
    }

    /// A node is killed, and stays away. It is the first one; the others are numbered anew.
    pub fn kill_first(&mut self) {
        let mut first = self.nodes.remove(0);
        first.kill();
    }

    /// A look at a node's process; nodes that were killed are not counted.
    ///
    /// # Errors
    /// When there is none, as on a system that is not Linux.
    pub fn gauge(&self, node: usize) -> Result<Gauge> {
        let pids = self.nodes[node].processes();
        let gauge = pids.first().and_then(|pid| Gauge::of(*pid));
        gauge.context("this drill reads /proc: it needs Linux, and rights on its own processes")
    }

    /// How busy everything is for a while.
    ///
    /// # Errors
    /// As [`Scene::pass`].
    pub fn busy(&mut self, time: Duration) -> Result<Busy> {
        let cores = thread::available_parallelism().map_or(1, usize::from) as f64;
        let nodes: Vec<u32> = (self.nodes.iter()).flat_map(Service::processes).collect();
        let mut others = self.redis.processes();
        others.extend(self.crowd.processes());
        let look = || {
            let each: Vec<f64> = nodes.iter().map(|pid| cpu_s(&[*pid])).collect();
            (each, cpu_s(&others), Instant::now())
        };
        let before = look();
        self.pass(time)?;
        let after = look();
        let passed = (after.2 - before.2).as_secs_f64();
        let each = after
            .0
            .iter()
            .zip(&before.0)
            .map(|(after, before)| after - before);
        let all = each.clone().sum::<f64>() + after.1 - before.1;
        Ok(Busy {
            all: all / passed / cores,
            node: each.fold(0.0, f64::max) / passed,
        })
    }

    /// A number among a node's metrics, over all of its cores.
    ///
    /// # Errors
    /// When the node does not answer.
    pub fn metric(&self, node: usize, name: &str) -> Result<f64> {
        let url = self.admin_url(node, "/metrics");
        let text = ureq::get(&url).call()?.body_mut().read_to_string()?;
        match sum(&text, &format!("tidegate_fanout_{name}")) {
            Some(sum) => Ok(sum),
            None => bail!("{url} has no {name}"),
        }
    }
}

/// The sum of a metric over its labels; none: there is no such line.
fn sum(text: &str, name: &str) -> Option<f64> {
    let values = text.lines().filter_map(|line| {
        let rest = line.strip_prefix(name)?;
        let is_it = rest.starts_with('{') || rest.starts_with(' ');
        rest.rsplit_once(' ')
            .filter(|_| is_it)?
            .1
            .parse::<f64>()
            .ok()
    });
    values.fold(None, |sum, value| Some(sum.unwrap_or(0.0) + value))
}

fn name(node: usize) -> String {
    format!("n{}", node + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_metric_is_summed_over_its_labels() {
        let text =
            "# HELP a_total x\na_total{core=\"0\"} 2\na_total{core=\"1\"} 3\na_totals 7\nb 4.5\n";
        assert_eq!(sum(text, "a_total"), Some(5.0));
        assert_eq!(sum(text, "b"), Some(4.5));
        assert_eq!(sum(text, "c"), None);
    }
}
