//! The node's line on its region's list (`tg:nodes:R`), by which viewers are sent to it. One living node has a name.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::bail;
use tidegate_stream::calls::{
    Clock as ClockCall, FunctionCall, NODE_LIVES_MS, NodeLine, NodeListed, Reply,
};

use crate::chance;
use crate::link::{Link, LinkError};
use crate::node::Node;

/// Between two looks at another node's line. Where that node lives, it writes its line each second.
const LOOK_AGAIN: Duration = Duration::from_millis(600);

/// What a node says of itself.
pub struct Listing {
    node: Arc<Node>,
    public_url: String,
    /// What tells this process from another of the node's name.
    run: String,
}

impl Listing {
    /// Of a node that is reached at `public_url`.
    pub fn new(node: Arc<Node>, public_url: String) -> Self {
        Self {
            node,
            public_url,
            run: format!("{:016x}", chance::number()),
        }
    }

    /// Where viewers reach the node.
    pub fn public_url(&self) -> &str {
        &self.public_url
    }

    /// Takes the node's name before it takes viewers. The line of a node of this name that was killed is replaced once it has
    /// been silent for [`NODE_SILENT_MS`](tidegate_stream::calls::NODE_SILENT_MS).
    ///
    /// # Errors
    /// A living node has this name.
    pub async fn take_name(&self, link: &Link) -> anyhow::Result<()> {
        let mut seen_ms = None;
        loop {
            let listed = async {
                let now = link.call(&ClockCall::call(&self.node.keys)).await?;
                self.node.clock.redis_said(ClockCall::answer(&now)?);
                Ok::<_, LinkError>(NodeLine::answer(&link.call(&self.write()).await?)?)
            };
            match listed.await {
                Ok(NodeListed::Taken { until_ms, url }) => {
                    if seen_ms.is_some_and(|before_ms| until_ms > before_ms) {
                        bail!(
                            "another node of the name {} lives in this region, at {url}: give each a name of its own \
                             (--node)",
                            self.node.name
                        );
                    }
                    seen_ms.get_or_insert(until_ms);
                }
                Ok(NodeListed::Done) => return Ok(()),
                Err(error) => {
                    tracing::warn!(%error, "the node is not on its region's list yet; it will try each second");
                    return Ok(());
                }
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// Writes the line as it is now.
    pub fn write(&self) -> FunctionCall {
        let connections = self.node.connections.load(Ordering::Relaxed);
        let line = serde_json::json!({
            "url": self.public_url,
            "connections": connections,
            "load": (connections as f64 / self.node.most_connections.max(1) as f64).min(1.0),
            "cpu": self.node.metrics.cpu(),
            "lag_ms": self.node.metrics.lag_ms(),
            "run": self.run,
            "until_ms": self.node.clock.redis_ms() + NODE_LIVES_MS,
        });
        self.call(Some(&line.to_string()))
    }

    /// Takes the line away, unless it is another process' by now.
    pub fn strike(&self) -> FunctionCall {
        self.call(None)
    }

    fn call(&self, line: Option<&str>) -> FunctionCall {
        let line = NodeLine {
            region: &self.node.region,
            name: &self.node.name,
            run: &self.run,
            line,
        };
        line.call(&self.node.keys)
    }

    /// Reads what came of writing it. A node that was silent for so long that another took its name keeps its viewers, is not
    /// ready for others, and takes the name back when that one has gone.
    pub fn written(&self, answer: &[Reply]) -> Result<(), LinkError> {
        let listed = NodeLine::answer(answer)?;
        let taken = matches!(listed, NodeListed::Taken { .. });
        let before = self.node.name_taken.swap(taken, Ordering::Relaxed);
        if let NodeListed::Taken { url, .. } = listed
            && !before
            && !self.node.draining.load(Ordering::Relaxed)
        {
            tracing::error!(
                url,
                "another node has this node's name and place on the list: give each a name of its own (--node)"
            );
        }
        Ok(())
    }
}
