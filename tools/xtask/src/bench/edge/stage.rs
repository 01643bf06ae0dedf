//! Who is measured, and what they need: Redis, the edge, its native peer, rooms, rules.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde_json::json;
use tidegate_auth::Scope;
use tidegate_stream::{Keys, Region, RoomId};

use super::super::cores::{Cores, pinned};
use super::host::Host;
use super::variables;
use crate::build::Profile;
use crate::process::{Family, Service};
use crate::progress::Progress;
use crate::settings::Settings;
use crate::token;
use crate::up::resp::{Connection, Reply};
use crate::up::{Edge, HOST, Plan, ready, redis};
use crate::workspace::Workspace;

/// Who is measured, in the order of their turns.
pub const SUBJECTS: [&str; 2] = ["tidegate", "axum"];
/// What rooms' names begin with.
pub const NAMESPACE: &str = "bench";
/// Rooms that messages go to, in turn.
pub const ROOMS: u32 = 16;
/// Words that moderation looks for, none of which is in a message.
const WORDS: u32 = 200;
/// How long tokens of the bench are good.
pub const TOKEN_LIFE: Duration = Duration::from_secs(60 * 60);

/// Everything that runs. It ends when this is dropped.
pub struct Stage<'a> {
    /// Redis first.
    pub(super) services: Vec<Service<'a>>,
    pub family: &'a Family,
    pub load: PathBuf,
    pub settings: Settings,
    pub cores: Option<Cores>,
    pub(super) host: Host,
    pub(super) plan: Plan,
    pub(super) keys: Keys,
    region: Region,
}

impl<'a> Stage<'a> {
    /// Starts everything and waits until it serves.
    pub fn start(
        workspace: &Workspace,
        family: &'a Family,
        progress: &Progress,
        edge: Edge,
        profile: Profile,
        cores: Option<&Cores>,
    ) -> Result<Self> {
        let plan = Plan::on_free_ports(workspace, "bench-edge", 0)?;
        let settings = variables::settings(workspace, &plan)?;
        let region: Region = settings.required("region")?.parse()?;
        let keys = crate::region::keys(&settings);
        let manifest = variables::manifest(workspace, &plan)?;
        let mut stage = Self {
            services: Vec::new(),
            family,
            load: workspace.binary_of(profile, "load"),
            settings,
            cores: cores.cloned(),
            host: Host::new(workspace, profile, edge, manifest),
            plan,
            keys,
            region,
        };
        let on_redis = cores.map(|cores| cores.redis.as_str());
        stage.serve("redis", pinned(redis::measured(&stage.plan)?, on_redis))?;
        stage.wait("redis", |stage| redis::is_ready(stage.plan.redis))?;
        let (socket, edge_url) = (
            format!("ws://{HOST}:{}", stage.plan.demo),
            stage.plan.edge_url(),
        );
        redis::fill(stage.plan.redis, &stage.settings, &socket, &edge_url)?;
        stage.write_rules()?;

        let tidegate = stage.host.command(&format!("{HOST}:{}", stage.plan.edge));
        let mut axum = Command::new(workspace.binary_of(profile, "axum-peer"));
        axum.args(["--listen", &format!("{HOST}:{}", stage.plan.demo)]);
        for (name, mut command) in SUBJECTS.into_iter().zip([tidegate, axum]) {
            command.envs(stage.settings.environment());
            let on_server = cores.map(|cores| cores.server.as_str());
            stage.serve(name, pinned(command, on_server))?;
            let url = format!("http://{}/static", stage.address(name)?);
            stage.wait(name, |_| ready::get(&url))?;
            progress.say("start", &format!("{name} serves"));
        }
        stage.make_rooms()?;
        Ok(stage)
    }

    fn serve(&mut self, name: &str, mut command: Command) -> Result<()> {
        let service = Service::start(self.family, name, &self.plan.logs(), &mut command)?;
        self.services.push(service);
        Ok(())
    }

    pub(super) fn wait(
        &mut self,
        name: &str,
        probe: impl Fn(&Self) -> Result<(), String>,
    ) -> Result<()> {
        let stop = self.family.stop().clone();
        // Both look at what runs, one after the other.
        let stage = std::cell::RefCell::new(self);
        ready::wait(
            &stop,
            name,
            || {
                stage
                    .borrow_mut()
                    .services
                    .iter_mut()
                    .try_for_each(Service::check)
            },
            || probe(&stage.borrow()),
        )
    }

    /// Where a subject listens.
    pub fn address(&self, subject: &str) -> Result<SocketAddr> {
        let port = match subject {
            "tidegate" => self.plan.edge,
            "axum" => self.plan.demo,
            other => bail!("nobody is called {other}"),
        };
        Ok((Ipv4Addr::LOCALHOST, port).into())
    }

    /// The processes of a subject, or of Redis.
    pub fn processes(&self, name: &str) -> Result<Vec<u32>> {
        let service = self.services.iter().find(|service| service.name() == name);
        let processes = service
            .with_context(|| format!("{name} was not started"))?
            .processes();
        ensure!(!processes.is_empty(), "{name} has no process any more");
        Ok(processes)
    }

    /// An error when a part has died.
    pub fn check(&mut self) -> Result<()> {
        self.services.iter_mut().try_for_each(Service::check)
    }

    pub(super) fn redis(&self) -> Result<Connection> {
        Connection::open((Ipv4Addr::LOCALHOST, self.plan.redis).into())
    }

    /// How many entries the logs of the bench's rooms were ever given.
    pub fn entries(&self) -> Result<u64> {
        let mut redis = self.redis()?;
        let mut logs: Vec<String> = rooms()?
            .iter()
            .map(|room| self.keys.log(self.keys.shard(room), &self.region))
            .collect();
        logs.sort();
        logs.dedup();
        logs.iter().map(|log| added(&mut redis, log)).sum()
    }

    /// How many functions were called.
    pub fn function_calls(&self) -> Result<u64> {
        let Reply::Text(report) = self.redis()?.call(&["INFO", "commandstats"])? else {
            bail!("Redis does not report its commands");
        };
        let calls = report.lines().filter_map(|line| {
            let line = line.strip_prefix("cmdstat_fcall")?;
            let (_, rest) = line.split_once(":calls=")?;
            rest.split(',').next()?.parse::<u64>().ok()
        });
        Ok(calls.sum())
    }

    fn write_rules(&self) -> Result<()> {
        let words: Vec<_> = (0..WORDS)
            .map(|n| json!({"word": format!("unwanted{n}"), "do": "replace"}))
            .collect();
        let key = self.keys.rules(NAMESPACE);
        let body = json!({ "words": words }).to_string();
        self.redis()?
            .call(&["HSET", &key, "version", "1", "body", &body])
            .map(drop)
    }

    fn make_rooms(&self) -> Result<()> {
        let scopes = [Scope::Service, Scope::RoomsWrite];
        let token = token::sign(
            &self.settings,
            &token::Args::new("bench", &scopes, TOKEN_LIFE),
        )?;
        for room in rooms()? {
            let answer = ureq::post(format!("{}/v1/rooms", self.plan.edge_url()))
                .header("authorization", format!("Bearer {token}"))
                .send_json(json!({ "id": room.to_string() }))
                .with_context(|| format!("the room {room} could not be made"))?;
            ensure!(
                answer.status() == 201,
                "the room {room} was not made: {}",
                answer.status()
            );
        }
        Ok(())
    }

    /// Ends the edge alone.
    pub fn end_edge(&mut self) {
        self.services
            .extract_if(.., |service| service.name() == "tidegate")
            .for_each(|mut service| service.end());
    }

    /// Ends everything: whoever uses Redis first.
    pub fn end(&mut self) {
        while let Some(mut service) = self.services.pop() {
            service.end();
        }
    }
}

impl Drop for Stage<'_> {
    fn drop(&mut self) {
        self.end();
    }
}

fn rooms() -> Result<Vec<RoomId>> {
    (0..ROOMS)
        .map(|n| Ok(format!("{NAMESPACE}.room-{n}").parse()?))
        .collect()
}

fn added(redis: &mut Connection, log: &str) -> Result<u64> {
    let about = match redis.ask(&["XINFO", "STREAM", log])? {
        Reply::List(about) => about,
        // There is no such stream yet.
        Reply::Error(_) => return Ok(0),
        other => bail!("XINFO answers {other:?}"),
    };
    let added = about.chunks_exact(2).find_map(|pair| match pair {
        [Reply::Text(name), Reply::Integer(value)] if name == "entries-added" => Some(*value),
        _ => None,
    });
    let added =
        added.context("this Redis does not count a stream's entries: 7.0 or newer is needed")?;
    Ok(u64::try_from(added)?)
}
