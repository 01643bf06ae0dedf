//! What each drill breaks, and when.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde_json::json;

use super::engine::Engine;
use super::several::{Args, Drill};
use crate::process::LOOK;
use crate::progress::Progress;
use crate::regions::{Fleet, Link, Role, Site};

/// How long everything is whole, before and after.
pub(super) const CALM: Duration = Duration::from_secs(3);
/// What a slow link does.
const SLOW: Link = Link::Slow {
    round_trip_ms: 400,
    loss_percent: 2,
};

/// Regions, and those who watch and publish in them.
pub(super) struct Scene<'a, 'b> {
    pub(super) args: &'a Args,
    pub(super) fleet: &'a mut Fleet<'b>,
    pub(super) engine: &'a mut Engine<'b>,
    progress: &'a Progress,
    /// The first region, to which the worst happens.
    pub(super) first: Site,
    /// The one that its viewers go to.
    second: Site,
    pub(super) length: Duration,
}

/// Plays a drill from the first message to the last.
///
/// # Errors
/// When something died that nobody killed, or the network does not obey.
pub fn play<'b>(
    drill: Drill,
    args: &Args,
    fleet: &mut Fleet<'b>,
    engine: &mut Engine<'b>,
    progress: &Progress,
) -> Result<()> {
    let sites = fleet.layout().sites.clone();
    let [first, second, ..] = &sites[..] else {
        anyhow::bail!("a drill needs two regions");
    };
    let mut scene = Scene {
        args,
        first: first.clone(),
        second: second.clone(),
        length: Duration::from_secs(args.seconds.into()),
        fleet,
        engine,
        progress,
    };
    scene.pass(CALM)?;
    match drill {
        Drill::RegionLoss if args.silent => scene.silence()?,
        Drill::RegionLoss => scene.region_loss()?,
        Drill::Partition => scene.partition(false)?,
        Drill::Heal => scene.partition(true)?,
        Drill::SlowLink => scene.slow_link()?,
        Drill::RelayCrash => scene.relay_crash(&sites)?,
        Drill::RedisRestart => scene.redis_restart()?,
        Drill::Failover => scene.failover()?,
        Drill::Rolling => scene.rolling(&sites)?,
    }
    scene.pass(CALM)?;
    scene.engine.tell(&json!({"do": "stop"}))
}

impl Scene<'_, '_> {
    pub(super) fn say(&self, text: &str) {
        self.progress.say("drill", text);
    }

    /// Time passes; nobody else may die meanwhile.
    pub(super) fn pass(&mut self, time: Duration) -> Result<()> {
        let end = Instant::now() + time;
        while Instant::now() < end {
            self.fleet.stop().check()?;
            self.fleet.check()?;
            thread::sleep(LOOK);
        }
        Ok(())
    }

    pub(super) fn wait_for(&mut self, event: &str) -> Result<()> {
        self.engine.wait_for(event, || self.fleet.check()).map(drop)
    }

    pub(super) fn ask(&mut self, order: &serde_json::Value) -> Result<()> {
        self.engine.tell(order)?;
        self.wait_for("done")
    }

    /// A region has gone; newcomers are to be led elsewhere, and the time of the break to pass.
    fn after_loss(&mut self, begun: Instant) -> Result<()> {
        self.wait_for("dns-right")?;
        self.pass(self.length.saturating_sub(begun.elapsed()))
    }

    fn back(&mut self) -> Result<()> {
        self.engine
            .tell(&json!({"do": "back", "region": self.first.name.as_str()}))?;
        self.wait_for("same")
    }

    fn lost(&mut self) -> Result<()> {
        self.engine
            .tell(&json!({"do": "lost", "region": self.first.name.as_str()}))
    }

    fn region_loss(&mut self) -> Result<()> {
        let begun = Instant::now();
        self.say(&format!("killing every process of {}", self.first.name));
        self.lost()?;
        self.fleet.kill_region(&self.first);
        self.after_loss(begun)?;
        self.say(&format!("starting {} again", self.first.name));
        self.ask(&json!({"do": "returning"}))?;
        self.fleet.revive_region(&self.first)?;
        self.back()
    }

    fn silence(&mut self) -> Result<()> {
        let begun = Instant::now();
        self.say(&format!("cutting {} off, without a word", self.first.name));
        self.lost()?;
        let net = self.fleet.net().context("there are no namespaces")?;
        net.reach(&self.first, false)?;
        self.fleet.link(Link::Cut)?;
        self.after_loss(begun)?;
        self.say(&format!("{} is within reach again", self.first.name));
        self.ask(&json!({"do": "returning"}))?;
        let net = self.fleet.net().context("there are no namespaces")?;
        net.reach(&self.first, true)?;
        self.fleet.heal()?;
        self.back()
    }

    fn partition(&mut self, moving: bool) -> Result<()> {
        self.say(&format!(
            "cutting regions off from each other for {} s",
            self.length.as_secs()
        ));
        self.fleet.link(Link::Cut)?;
        self.ask(&json!({"do": "cut"}))?;
        self.pass(self.length / 3)?;
        if moving {
            self.say("changing bans, mutes, rooms and likes on both sides");
            self.ask(&json!({"do": "change"}))?;
            self.say(&format!(
                "half of {}'s viewers go to {}",
                self.first.name, self.second.name
            ));
            let (from, to) = (self.first.name.as_str(), self.second.name.as_str());
            self.ask(&json!({"do": "shift", "from": from, "to": to}))?;
        }
        self.pass(self.length * 2 / 3)?;
        self.say("the link is whole again");
        self.fleet.heal()?;
        self.healed()
    }

    pub(super) fn healed(&mut self) -> Result<()> {
        self.engine.tell(&json!({"do": "healed"}))?;
        self.wait_for("same")
    }

    fn slow_link(&mut self) -> Result<()> {
        // A forwarder loses nothing: it makes what follows wait, as a loss does.
        let two = match self.fleet.commands().has_ways() {
            true => "2 % of pieces held for 400 ms more",
            false => "2 % of packets lost",
        };
        let seconds = self.length.as_secs();
        self.say(&format!("400 ms there and back, {two}, for {seconds} s"));
        self.fleet.link(SLOW)?;
        self.ask(&json!({"do": "cut"}))?;
        self.pass(self.length)?;
        self.fleet.heal()?;
        self.healed()
    }

    fn relay_crash(&mut self, sites: &[Site]) -> Result<()> {
        self.ask(&json!({"do": "cut"}))?;
        for site in sites {
            self.say(&format!("killing the relay of {}", site.name));
            self.fleet.kill(site, &Role::Relay);
        }
        self.pass(self.length)?;
        for site in sites {
            self.fleet.revive(site, &Role::Relay)?;
        }
        self.healed()
    }

    fn rolling(&mut self, sites: &[Site]) -> Result<()> {
        for site in sites {
            let nodes = (0..site.nodes.len()).map(Role::Node);
            for role in nodes.chain([Role::Edge, Role::Relay]) {
                self.say(&format!("restarting {} {role}", site.name));
                self.fleet.end_part(site, &role);
                self.fleet.revive(site, &role)?;
                // As a careful operator does: the next one when this one has its viewers.
                self.pass(CALM)?;
            }
        }
        self.healed()
    }
}
