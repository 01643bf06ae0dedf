//! What a drill is told, line by line, and what it says.

use std::io::{Write, stdout};
use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

use crate::report::Report;

/// The first line.
#[derive(Debug, Clone, Deserialize)]
pub struct Spec {
    /// Which drill it is; decides which promises are held.
    pub drill: Drill,
    /// Regions, in the order in which names prefer them; two or more.
    pub regions: Vec<Place>,
    /// How many viewers, over all regions.
    pub viewers: usize,
    /// Over how many rooms they and the messages are spread.
    pub rooms: usize,
    /// Messages a second, over all regions.
    pub rate: u32,
    /// A service's token, good for the whole drill.
    pub token: String,
    /// What keys in Redis begin with.
    pub prefix: String,
    /// The name server, and the zone that it answers for.
    pub dns: SocketAddr,
    /// See there.
    pub zone: String,
    /// How many acknowledged messages a crash of Redis may lose: what is published in a second, or none.
    pub may_lose: u64,
    /// How long connected viewers may need, ms.
    pub reading_again_ms: u64,
}

/// One region.
#[derive(Debug, Clone, Deserialize)]
pub struct Place {
    /// Its name.
    pub name: String,
    /// Its edge.
    pub edge: String,
    /// Its Redis.
    pub redis: String,
    /// Where names may lead when it is up.
    pub addresses: Vec<IpAddr>,
    /// Where it says that it can serve.
    pub ready: Vec<String>,
    /// Its relay's admin listener.
    pub relay: String,
}

/// Which drill.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Drill {
    /// All processes of a region are killed.
    RegionLoss,
    /// Regions are cut off from each other.
    Partition,
    /// The same, and half of a region's viewers move meanwhile.
    Heal,
    /// The link between regions is slow and loses packets.
    SlowLink,
    /// Relays are killed.
    RelayCrash,
    /// A region's Redis is killed, and loses the end of what it wrote.
    RedisRestart,
    /// A replica takes a region's Redis' place.
    Failover,
    /// Nodes, edges and relays are restarted one after the other.
    Rolling,
}

/// A later line.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
pub enum Order {
    /// This region is killed, or cut off, now.
    Lost {
        /// Which.
        region: String,
    },
    /// The lost region begins to come back: names may lead there again.
    Returning,
    /// It can serve again.
    Back,
    /// Regions are cut off from each other now; each must serve by itself.
    Cut,
    /// They reach each other again.
    Healed,
    /// Change bans, mutes, rooms and likes in every region.
    Change,
    /// Half of a region's viewers go to another.
    Shift {
        /// From here.
        from: String,
        /// To there.
        to: String,
    },
    /// From now on what a region's Redis takes may be lost.
    AtStake {
        /// Whose.
        region: String,
        /// For how long there will be none, ms.
        away_ms: u64,
    },
    /// That Redis is gone now, or about to be replaced.
    Fallen,
    /// One serves in its place. What it says next is [`Event::Listed`].
    Serving,
    /// Publish no more, wait until everything has arrived, report.
    Stop,
}

/// What is said.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// Something to show.
    Progress {
        /// In a few words.
        text: String,
    },
    /// Viewers are subscribed, and publishing has begun.
    Ready,
    /// A newcomer is led to a living region.
    DnsRight {
        /// After so long, ms.
        after_ms: u64,
    },
    /// Every region holds what every other held when the break was over.
    Same {
        /// After so long, ms; none: not in time.
        after_ms: Option<u64>,
    },
    /// Every node of a region whose Redis had fallen is in the list again, and all of it is ready.
    Listed {
        /// After so long, ms; none: not in time.
        after_ms: Option<u64>,
    },
    /// What was asked for has been done.
    Done,
    /// The end.
    Report(Box<Report>),
}

/// Says something to whoever ran this.
pub fn say(event: &Event) {
    if let Ok(line) = serde_json::to_string(event) {
        // Whoever started this is gone if nobody reads.
        let _ = writeln!(stdout().lock(), "{line}");
    }
}

/// Something to show.
pub fn progress(text: impl Into<String>) {
    say(&Event::Progress { text: text.into() });
}
