//! A Redis that is killed and comes back, or whose replica takes its place.

use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use serde_json::json;

use super::script::{CALM, Scene};
use super::tail;
use crate::process::LOOK;
use crate::regions::Role;
use crate::up::redis;
use crate::up::resp::Connection;

/// How long a promotion may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// How a replica takes a primary's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum How {
    /// `FAILOVER`: the primary waits until the replica has everything.
    Failover,
    /// `REPLICAOF NO ONE` at a replica that is behind, as Sentinels and operators do it.
    Promote,
    /// The primary is killed; it comes back as a replica.
    Kill,
}

impl Scene<'_, '_> {
    /// One after the other: a Redis is killed, its last writes are lost, and it is away for so long.
    pub(super) fn redis_restart(&mut self) -> Result<()> {
        let outages = self.args.outages_ms.clone();
        for (number, away_ms) in (0..).zip(outages) {
            // Every other time the cut goes through a command.
            self.one_outage(away_ms, number % 2 == 1)?;
            self.pass(CALM)?;
        }
        Ok(())
    }

    fn one_outage(&mut self, away_ms: u32, torn: bool) -> Result<()> {
        let (first, name) = (self.first.clone(), self.first.name.to_string());
        let folder = self.fleet.commands().redis_folder(&first, 0);
        let mark = tail::mark(&folder)?;
        self.ask(&json!({"do": "at-stake", "region": name, "away_ms": away_ms}))?;
        let loses = self.args.loses_tail();
        if loses {
            self.pass(Duration::from_millis(self.args.tail_ms.into()))?;
        }
        self.fleet.kill(&first, &Role::Redis);
        let killed = Instant::now();
        self.ask(&json!({"do": "fallen"}))?;
        let lost = match loses {
            true => format!(
                "its last {} ms of writes are lost, {} bytes{}",
                self.args.tail_ms,
                mark.cut(&folder, torn)?,
                if torn { ", within a command" } else { "" }
            ),
            false => "nothing that it wrote is lost".to_owned(),
        };
        self.say(&format!(
            "the Redis of {name} was killed, for {away_ms} ms; {lost}"
        ));
        let away = Duration::from_millis(away_ms.into());
        self.pass(away.saturating_sub(killed.elapsed()))?;
        self.fleet.revive(&first, &Role::Redis)?;
        self.serving()?;
        self.healed()
    }

    /// Another Redis, or the same one, serves again; waits until all nodes have noticed.
    fn serving(&mut self) -> Result<()> {
        self.engine.tell(&json!({"do": "serving"}))?;
        self.wait_for("listed")
    }

    /// A replica takes the primary's place. Whoever has a connection to the old one keeps it.
    pub(super) fn failover(&mut self) -> Result<()> {
        let first = self.first.clone();
        let layout = self.fleet.layout();
        let (old, new) = (layout.server(&first, 0), layout.server(&first, 1));
        let behind_ms = match self.args.how {
            How::Promote => self.args.behind_ms,
            How::Failover | How::Kill => 0,
        };
        self.fleet.copy_late(&first, behind_ms)?;
        self.pass(Duration::from_millis(2 * u64::from(behind_ms)))?;
        let name = first.name.to_string();
        self.ask(&json!({"do": "at-stake", "region": name, "away_ms": 0}))?;
        // What is still under way to the replica was taken before.
        self.pass(CALM)?;
        self.ask(&json!({"do": "fallen"}))?;
        let begun = Instant::now();
        match self.args.how {
            How::Failover => {
                self.say(&format!("{name}: FAILOVER TO its replica"));
                let (host, port) = (new.ip().to_string(), new.port().to_string());
                call(old, &["FAILOVER", "TO", &host, &port])?;
                self.await_primary(new)?;
            }
            How::Promote => {
                self.say(&format!(
                    "{name}: promoting its replica, which is {behind_ms} ms behind"
                ));
                call(new, &["REPLICAOF", "NO", "ONE"])?;
                follow(old, new)?;
            }
            How::Kill => {
                self.say(&format!(
                    "{name}: killing its primary, promoting its replica"
                ));
                self.fleet.kill(&first, &Role::Redis);
                call(new, &["REPLICAOF", "NO", "ONE"])?;
            }
        }
        self.fleet.lead(&first, 1)?;
        self.say(&format!(
            "the replica is primary, and the address leads there, after {} ms",
            begun.elapsed().as_millis()
        ));
        if self.args.how == How::Kill {
            self.fleet.launch(&first, &Role::Redis)?;
            self.fleet.wait(&first, &Role::Redis)?;
            follow(old, new)?;
        }
        self.serving()?;
        self.pass(self.length)?;
        self.healed()
    }

    fn await_primary(&mut self, server: SocketAddr) -> Result<()> {
        let end = Instant::now() + PATIENCE;
        while redis::replication(server, "role")? != "master" {
            if Instant::now() >= end {
                bail!("the replica is no primary within {} s", PATIENCE.as_secs());
            }
            self.fleet.check()?;
            thread::sleep(LOOK);
        }
        Ok(())
    }
}

fn call(server: SocketAddr, words: &[&str]) -> Result<()> {
    Connection::open(server)?.call(words).map(drop)
}

/// A Redis becomes another one's replica, and forgets what that one does not have.
fn follow(old: SocketAddr, new: SocketAddr) -> Result<()> {
    let (host, port) = (new.ip().to_string(), new.port().to_string());
    call(old, &["REPLICAOF", &host, &port])
}
