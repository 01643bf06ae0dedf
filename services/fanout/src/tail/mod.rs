//! The tail: one for the node reads the shards' logs and hands each core what it has viewers for, once.

mod hand;
mod logs;
mod read;

use std::sync::Arc;
use std::time::Duration;

use tidegate_hub::Departed;
use tidegate_stream::Shard;
use tokio::sync::mpsc::UnboundedReceiver;

use crate::chance;
use crate::link::{Link, LinkError, positions};
use crate::node::{CoreHandle, Node, ToCore, ToTail};
use hand::Hands;
use logs::Logs;

/// How long a read blocks, ms. A new shard does not wait for it: the read is unblocked.
const BLOCK_MS: u64 = 1_000;
/// A read that takes so much longer than it blocks is given up, and the connection with it.
const OVERDUE: Duration = Duration::from_millis(BLOCK_MS + 5_000);
/// How long the name of the connection may take to come.
const GREETING: Duration = Duration::from_secs(2);
/// How often a read that did not begin to block yet is unblocked again.
const UNBLOCK_EVERY: Duration = Duration::from_millis(5);
/// The first wait after Redis was lost, ms; each is twice the one before, until something was read.
const FIRST_WAIT_MS: u64 = 100;
/// The longest.
const LONGEST_WAIT_MS: u64 = 2_000;

struct Tail {
    node: Arc<Node>,
    /// Blocks in XREAD.
    reader: Link,
    /// Everything else.
    link: Link,
    client_id: Option<Vec<u8>>,
    logs: Logs,
    hands: Hands,
    /// How long it waited after Redis was lost, ms; 0: it reads.
    wait_ms: u64,
    /// What the cores know of regions that have retired.
    departed: Departed,
}

/// Runs until the cores' senders are gone.
pub async fn run(node: Arc<Node>, cores: Vec<CoreHandle>, mut commands: UnboundedReceiver<ToTail>) {
    let mut moves = node.redis.moves();
    let mut tail = Tail {
        reader: Link::blocking(node.redis.clone()),
        link: Link::new(node.redis.clone()),
        client_id: None,
        logs: Logs::default(),
        hands: Hands::new(cores, node.metrics.clone()),
        wait_ms: 0,
        departed: Departed::default(),
        node,
    };
    loop {
        tail.follow_regions().await;
        tail.hands.catch_up();
        tail.node.metrics.tail_logs.set(tail.logs.len() as u64);
        if tail.logs.is_empty() {
            match commands.recv().await {
                Some(command) => tail.obey(command).await,
                None => return,
            }
            continue;
        }
        let query = tail.logs.query(&tail.node.keys, BLOCK_MS);
        if tail.reader.has_moved().await {
            tail.forget_reader();
        }
        if tail.client_id.is_none() && !tail.greet().await {
            tail.pause(&mut commands).await;
            continue;
        }
        let mut waiting = Vec::new();
        let answer = {
            let read = tokio::time::timeout(OVERDUE, tail.reader.command(&query));
            tokio::pin!(read);
            loop {
                tokio::select! {
                    answer = &mut read => break Some(answer),
                    // Nothing that it waits for may come there any more.
                    Ok(()) = moves.changed() => if tail.reader.has_moved().await {
                        break None;
                    },
                    command = commands.recv() => match command {
                        Some(command) => waiting.push(command),
                        None => return,
                    },
                    () = tokio::time::sleep(UNBLOCK_EVERY), if !waiting.is_empty() => {
                        tail.unblock().await;
                    }
                }
            }
        };
        match answer {
            Some(Ok(Ok(value))) => {
                tail.wait_ms = 0;
                tail.take(value);
            }
            Some(Ok(Err(error))) => tail.lost(&error.to_string(), &mut commands).await,
            Some(Err(_)) => tail.lost("no answer", &mut commands).await,
            None => tail.forget_reader(),
        }
        for command in waiting {
            tail.obey(command).await;
        }
    }
}

impl Tail {
    /// Learns the name by which Redis knows the connection that blocks.
    async fn greet(&mut self) -> bool {
        let words = crate::link::words(["CLIENT", "ID"]);
        let asked = tokio::time::timeout(GREETING, self.reader.command(&words));
        let Ok(asked) = asked.await else {
            // The way may have been cut while it was on it: on this connection one would wait for ever.
            self.reader.drop_connection().await;
            return false;
        };
        self.client_id = match asked {
            Ok(redis::Value::Int(id)) => Some(id.to_string().into_bytes()),
            // Without it a new shard waits until the read returns by itself.
            Ok(_) | Err(LinkError::Fault(..) | LinkError::Call(_)) => Some(Vec::new()),
            Err(LinkError::Away(_)) => None,
        };
        self.client_id.is_some()
    }

    async fn unblock(&self) {
        if let Some(id) = self.client_id.as_ref().filter(|id| !id.is_empty()) {
            let mut words = crate::link::words(["CLIENT", "UNBLOCK"]);
            words.push(id.clone());
            // If it fails, the read returns by itself within a second.
            let _ = self.link.command(&words).await;
        }
    }

    /// The connection that blocked is gone, since the address leads to another Redis.
    fn forget_reader(&mut self) {
        tracing::info!(
            "the tail follows the address to another Redis; it goes on from where it was"
        );
        self.node.metrics.tail_breaks.add(1);
        self.client_id = None;
    }

    async fn lost(&mut self, why: &str, commands: &mut UnboundedReceiver<ToTail>) {
        if self.wait_ms == 0 {
            tracing::warn!(why, "the tail lost Redis; it goes on from where it was");
        }
        self.wait_ms = (self.wait_ms * 2).clamp(FIRST_WAIT_MS, LONGEST_WAIT_MS);
        self.node.metrics.tail_breaks.add(1);
        self.reader.drop_connection().await;
        self.client_id = None;
        self.pause(commands).await;
    }

    /// Waits a moment, without leaving cores without an answer.
    async fn pause(&mut self, commands: &mut UnboundedReceiver<ToTail>) {
        let wait = tokio::time::sleep(Duration::from_millis(chance::jitter(
            self.wait_ms.max(FIRST_WAIT_MS),
        )));
        tokio::pin!(wait);
        loop {
            tokio::select! {
                () = &mut wait => return,
                command = commands.recv() => match command {
                    Some(command) => self.obey(command).await,
                    None => return,
                }
            }
        }
    }

    async fn obey(&mut self, command: ToTail) {
        match command {
            ToTail::Open(core, shard) => self.open(core, shard).await,
            ToTail::Close(core, shard) => self.logs.close(core, shard),
        }
    }

    async fn open(&mut self, core: usize, shard: Shard) {
        self.tell_departed();
        if !self.logs.has(shard) {
            let origins = self.node.origins_now();
            match positions(&self.link, &self.node.keys, shard, &origins.tailed).await {
                Ok(found) => self.logs.add(shard, &found),
                Err(error) => {
                    tracing::debug!(%error, %shard, "a shard cannot be tailed now");
                    return self.hands.tell(core, ToCore::NotOpened(shard));
                }
            }
        }
        let positions = self.logs.open(core, shard);
        self.hands.tell(core, ToCore::Opened(shard, positions));
    }

    /// Drops regions that are gone, and tells the cores.
    fn tell_departed(&mut self) {
        let origins = self.node.origins_now();
        self.logs.keep(&origins.tailed);
        if self.departed != origins.departed {
            self.departed = origins.departed.clone();
            self.hands
                .tell_all(&ToCore::Departed(self.departed.clone()));
        }
    }

    /// Tails the logs of regions that have been added. What they wrote before counts as a hole.
    async fn follow_regions(&mut self) {
        self.tell_departed();
        let origins = self.node.origins_now();
        for (shard, origin) in self.logs.missing(&origins.tailed) {
            let one = [origin.clone()];
            let Ok(found) = positions(&self.link, &self.node.keys, shard, &one).await else {
                return;
            };
            let position = found.get(&origin);
            for core in self.logs.add_origin(shard, &origin, position) {
                self.hands
                    .tell(core, ToCore::Missed(shard, origin.clone(), position));
            }
        }
    }

    fn take(&mut self, value: redis::Value) {
        let batches = read::batches(value, &self.logs, &self.node);
        let mut count = 0;
        for batch in batches {
            count += batch.entries.len() as u64;
            let cores = self.logs.advance(&batch);
            self.hands.give(&cores, batch);
        }
        self.node.metrics.tail_reply_entries.set(count);
        self.node.metrics.tail_entries.add(count);
    }
}
