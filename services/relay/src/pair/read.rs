//! Reading the other region's logs.

use std::collections::HashMap;
use std::time::Duration;

use redis::Cmd;
use tidegate_relay::{ReadPlan, limits};
use tidegate_stream::calls::RelayEntry;
use tidegate_stream::{Keys, Region, Shard};

use crate::connection::{Link, LinkError};
use crate::values::streams;

/// A read that takes so much longer than it blocks is given up, and the session with it.
const OVERDUE: Duration = Duration::from_millis(limits::BLOCK_MS + 5_000);

/// Which log is which shard's.
pub struct Logs {
    keys: Vec<String>,
    shards: HashMap<Vec<u8>, Shard>,
}

impl Logs {
    /// The logs of one origin.
    pub fn new(keys: &Keys, origin: &Region) -> Self {
        let names: Vec<String> = keys
            .shards()
            .all()
            .map(|shard| keys.log(shard, origin))
            .collect();
        let shards = names
            .iter()
            .zip(keys.shards().all())
            .map(|(key, shard)| (key.clone().into_bytes(), shard))
            .collect();
        Self {
            keys: names,
            shards,
        }
    }

    /// The command for a plan.
    pub fn query(&self, plan: &ReadPlan) -> Cmd {
        let mut command = redis::cmd("XREAD");
        command
            .arg("COUNT")
            .arg(plan.count)
            .arg("BLOCK")
            .arg(limits::BLOCK_MS)
            .arg("STREAMS");
        for (shard, _) in &plan.shards {
            command.arg(&self.keys[shard.index()]);
        }
        for (_, after) in &plan.shards {
            command.arg(after.to_string());
        }
        command
    }

    /// Which shard a key is the log of.
    pub fn shard(&self, key: &[u8]) -> Option<Shard> {
        self.shards.get(key).copied()
    }
}

/// What a read brought.
pub type Brought = Vec<(Shard, Vec<RelayEntry>)>;

/// The same, by key.
pub type Streams = Vec<(Vec<u8>, Vec<RelayEntry>)>;

/// Reads.
pub async fn read(link: Link, command: Cmd) -> Result<Streams, LinkError> {
    match tokio::time::timeout(OVERDUE, link.one(command)).await {
        Ok(answer) => answer.map(streams),
        Err(_) => Err(LinkError::Away("a read was not answered".to_owned())),
    }
}
