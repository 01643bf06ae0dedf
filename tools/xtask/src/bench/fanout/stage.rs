//! One subject at a time, with a Redis that all turns share.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::super::cores::{Cores, pinned};
use super::case::{Kind, Work};
use super::peers::Urls;
use super::subject::Subject;
use crate::build::Profile;
use crate::process::{Family, Service};
use crate::settings::Settings;
use crate::up::resp::{Connection, Reply};
use crate::up::{HOST, Plan, ready, redis};
use crate::workspace::Workspace;

/// How long a server may take until it accepts.
const CONNECT: Duration = Duration::from_secs(1);
/// More than a bench can send, so that limits count and never refuse.
const UNLIMITED: &str = "1000000/1";

/// What is there for the whole bench. Redis ends when this is dropped.
pub struct Stage<'a> {
    workspace: &'a Workspace,
    pub(super) family: &'a Family,
    profile: Profile,
    cores: Option<Cores>,
    pub(super) settings: Settings,
    plan: Plan,
    redis: Service<'a>,
}

impl<'a> Stage<'a> {
    /// Starts Redis and fills it.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start(
        workspace: &'a Workspace,
        family: &'a Family,
        profile: Profile,
        cores: Option<Cores>,
    ) -> Result<Self> {
        let plan = Plan::on_free_ports(workspace, "bench-fanout", 0)?;
        let mut settings = Settings::load(workspace)?;
        settings.set("redis_url", format!("redis://{HOST}:{}", plan.redis));
        for name in ["limit_ip", "limit_user", "limit_room", "limit_service"] {
            settings.set(name, UNLIMITED);
        }
        let on_redis = cores.as_ref().map(|cores| cores.redis.as_str());
        let mut command = pinned(redis::measured(&plan)?, on_redis);
        let mut redis = Service::start(family, "redis", &plan.logs(), &mut command)?;
        let check = || redis.check();
        ready::wait(family.stop(), "redis", check, || {
            redis::is_ready(plan.redis)
        })?;
        // Viewers are told of a node directly; the edge only has to know that there is a region.
        let socket = format!("ws://{HOST}:{}", plan.demo);
        redis::fill(plan.redis, &settings, &socket, &plan.edge_url())?;
        Ok(Self {
            workspace,
            family,
            profile,
            cores,
            settings,
            plan,
            redis,
        })
    }

    /// Starts a subject by itself, and what it needs for a work, and waits until it accepts.
    ///
    /// # Errors
    /// When it does not start.
    pub fn serve(&mut self, subject: Subject, work: Work) -> Result<Served<'a>> {
        self.redis.check()?;
        let port = free_port()?;
        match subject {
            Subject::Tidegate => self.tidegate(port, work),
            Subject::Floor => {
                let mut command = Command::new(self.binary("load"));
                command.args(["floor", "--listen", &format!("{HOST}:{port}")]);
                let urls = Urls {
                    viewers: format!("ws://{HOST}:{port}/"),
                    publish: format!("ws://{HOST}:{port}/publish"),
                };
                self.alone(subject, command, port, urls)
            }
            Subject::Peer(peer) => {
                let command = peer.command(self.workspace, port, work.tick_ms, work.deflate)?;
                self.alone(subject, command, port, peer.urls(port))
            }
        }
    }

    fn alone(
        &self,
        subject: Subject,
        command: Command,
        port: u16,
        urls: Urls,
    ) -> Result<Served<'a>> {
        let service = self.start_on_its_core(subject.name(), command)?;
        let mut served = Served {
            services: vec![service],
            urls,
        };
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        self.wait(subject.name(), &mut served, || {
            TcpStream::connect_timeout(&address, CONNECT)
                .map(drop)
                .map_err(|error| error.to_string())
        })?;
        Ok(served)
    }

    fn tidegate(&self, port: u16, work: Work) -> Result<Served<'a>> {
        let admin = free_port()?;
        let mut command = Command::new(self.binary("fanout"));
        command.args(["--listen", &format!("{HOST}:{port}")]);
        command.args(["--admin", &format!("{HOST}:{admin}")]);
        command.args(["--node", "bench", "--cores", "1", "--grace-ms", "0"]);
        command.args(["--drain-wait-ms", "0"]);
        command.args(["--tick-ms", &work.tick_ms.to_string()]);
        command.envs(self.settings.environment());
        let mut served = Served {
            services: vec![self.start_on_its_core("fanout", command)?],
            urls: Urls {
                viewers: format!("ws://{HOST}:{port}/v1/connect"),
                publish: format!("redis://{HOST}:{}", self.plan.redis),
            },
        };
        let url = format!("http://{HOST}:{admin}/readyz");
        self.wait("fanout", &mut served, || ready::get(&url))?;
        if work.kind == Kind::OverTheEdge {
            let mut edge = Command::new(self.binary("edge-host"));
            edge.current_dir(self.workspace.root());
            edge.args(["--manifest", "spin.toml", "--listen"]);
            edge.arg(format!("{HOST}:{}", self.plan.edge));
            edge.envs(self.settings.environment());
            // On any core: on a cloud it is on another machine.
            let logs = self.plan.logs();
            let edge = Service::start(self.family, "edge", &logs, &mut edge)?;
            served.services.push(edge);
            served.urls.publish = self.plan.edge_url();
            let url = format!("{}/readyz", self.plan.edge_url());
            self.wait("edge", &mut served, || ready::get(&url))?;
        }
        Ok(served)
    }

    fn start_on_its_core(&self, name: &str, command: Command) -> Result<Service<'a>> {
        let core = self.cores.as_ref().map(|cores| cores.server.as_str());
        let mut command = pinned(command, core);
        Service::start(self.family, name, &self.plan.logs(), &mut command)
    }

    fn wait(
        &self,
        name: &str,
        served: &mut Served<'_>,
        probe: impl FnMut() -> Result<(), String>,
    ) -> Result<()> {
        ready::wait(self.family.stop(), name, || served.check(), probe)
    }

    fn binary(&self, name: &str) -> PathBuf {
        self.workspace.binary_of(self.profile, name)
    }

    /// The load generator, on its cores.
    pub fn load(&self, configure: impl FnOnce(&mut Command)) -> Command {
        let mut command = Command::new(self.binary("load"));
        configure(&mut command);
        command.envs(self.settings.environment());
        let core = self.cores.as_ref().map(|cores| cores.load.as_str());
        pinned(command, core)
    }

    /// What Redis has spent so far in functions, which take messages, and in `XREAD`, by which nodes get them, us. Looking
    /// viewers up is not among it.
    ///
    /// # Errors
    /// When Redis does not tell.
    pub fn redis_us(&self) -> Result<u64> {
        let mut redis = Connection::open((Ipv4Addr::LOCALHOST, self.plan.redis).into())?;
        let Reply::Text(report) = redis.call(&["INFO", "commandstats"])? else {
            bail!("Redis does not report its commands");
        };
        Ok(spent_us(&report))
    }
}

/// From lines like `cmdstat_fcall:calls=3,usec=210,usec_per_call=70.00,…`.
fn spent_us(report: &str) -> u64 {
    let of = |line: &str| {
        let (name, figures) = line.strip_prefix("cmdstat_")?.split_once(':')?;
        let counts = matches!(name, "fcall" | "xread");
        let usec = figures
            .split(',')
            .find_map(|figure| figure.strip_prefix("usec="))?;
        counts.then(|| usec.parse::<u64>().ok())?
    };
    report.lines().filter_map(of).sum()
}

/// A subject that runs. It ends when this is dropped.
pub struct Served<'a> {
    /// Whoever is measured comes first.
    services: Vec<Service<'a>>,
    /// Where it is reached.
    pub urls: Urls,
}

impl Served<'_> {
    /// The process that is measured; those that it has started are its children.
    pub fn process(&self) -> Option<u32> {
        self.services.first().map(Service::leader)
    }

    /// An error when a part of it has died.
    ///
    /// # Errors
    /// As said.
    pub fn check(&mut self) -> Result<()> {
        self.services.iter_mut().try_for_each(Service::check)
    }

    /// The end of the log of whoever is measured.
    pub fn last_lines(&self) -> String {
        self.services
            .first()
            .map(Service::last_lines)
            .unwrap_or_default()
    }
}

fn free_port() -> Result<u16> {
    let held = TcpListener::bind((HOST, 0)).context("there is no free port")?;
    Ok(held.local_addr()?.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_in_redis_is_that_of_messages() {
        let report = "# Commandstats\r\ncmdstat_fcall:calls=3,usec=210,usec_per_call=70.00\r\n\
            cmdstat_hmget:calls=9,usec=900\r\ncmdstat_xread:calls=3,usec=15\r\ncmdstat_fcall_ro:calls=1,usec=1\r\n";
        assert_eq!(spent_us(report), 225);
    }
}
