//! Where a viewer is sent: the sockets of a region's live nodes, the emptiest first.

use serde::Deserialize;

use crate::limits::NODE_LEEWAY_MS;

/// The path of a node's socket.
pub const CONNECT_PATH: &str = "/v1/connect";

/// What a node says of itself in `tg:nodes:R`. Fields that are not known here are skipped.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Node {
    /// Its public URL, or its load balancer's.
    pub url: String,
    /// Open connections.
    pub connections: u64,
    /// Until when it is live, by Redis' clock.
    pub until_ms: u64,
}

impl Node {
    /// Reads a node's record; none if it is not one.
    pub fn read(record: &[u8]) -> Option<Self> {
        serde_json::from_slice(record).ok()
    }

    /// Whether it is live.
    pub fn is_live(&self, now_ms: u64) -> bool {
        self.until_ms.saturating_add(NODE_LEEWAY_MS) > now_ms
    }
}

/// The WebSocket URL of a node or a region's sockets.
pub fn socket_url(base: &str) -> String {
    format!("{}{CONNECT_PATH}", base.trim_end_matches('/'))
}

/// The WebSocket URLs to try, `most` of them, in order: live nodes with the fewest connections first, those with equally
/// many turned by `random`, so that viewers who come at once are spread. Nodes behind one URL count as one, with the fewest
/// of them.
pub fn choose(nodes: &[Node], now_ms: u64, random: u64, most: usize) -> Vec<String> {
    let mut live: Vec<&Node> = nodes.iter().filter(|node| node.is_live(now_ms)).collect();
    live.sort_by(|a, b| (a.connections, &a.url).cmp(&(b.connections, &b.url)));
    let mut distinct: Vec<&Node> = Vec::new();
    for node in live {
        if !distinct.iter().any(|known| known.url == node.url) {
            distinct.push(node);
        }
    }
    for equal in distinct.chunk_by_mut(|a, b| a.connections == b.connections) {
        let turn = random % equal.len() as u64;
        equal.rotate_left(usize::try_from(turn).unwrap_or(0));
    }
    distinct
        .into_iter()
        .take(most)
        .map(|node| socket_url(&node.url))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn node(url: &str, connections: u64, until_ms: u64) -> Node {
        Node {
            url: url.to_owned(),
            connections,
            until_ms,
        }
    }

    #[test]
    fn the_emptiest_live_node_comes_first() {
        let nodes = vec![
            node("ws://a", 9, 100_000),
            node("ws://b/", 1, 100_000),
            node("ws://dead", 0, 94_999),
            node("ws://late", 5, 95_001),
            node("ws://a", 2, 100_000),
        ];
        assert_eq!(
            choose(&nodes, 100_000, 0, 8),
            [
                "ws://b/v1/connect",
                "ws://a/v1/connect",
                "ws://late/v1/connect"
            ]
        );
        assert!(choose(&[], 0, 7, 8).is_empty());
        assert_eq!(choose(&nodes, 100_000, 0, 1).len(), 1);
    }

    #[test]
    fn equally_full_nodes_take_turns() {
        let nodes = || {
            vec![
                node("ws://a", 0, 9),
                node("ws://b", 0, 9),
                node("ws://c", 1, 9),
            ]
        };
        let first = |random| choose(&nodes(), 0, random, 8)[0].clone();
        assert_eq!(first(0), "ws://a/v1/connect");
        assert_eq!(first(1), "ws://b/v1/connect");
        assert_eq!(choose(&nodes(), 0, 1, 8)[2], "ws://c/v1/connect");
    }

    #[test]
    fn a_record_is_read_and_later_fields_are_skipped() {
        let record = br#"{"url":"ws://x","connections":3,"load":0.5,"until_ms":7,"zone":"a"}"#;
        assert_eq!(Node::read(record), Some(node("ws://x", 3, 7)));
        assert_eq!(Node::read(b"{}"), None);
    }

    proptest! {
        #[test]
        fn every_live_url_is_handed_out_once(
            urls in proptest::collection::vec(("[a-f]", 0u64..4, 0u64..20_000), 0..30),
            random: u64,
        ) {
            let nodes: Vec<Node> = urls.iter().map(|(url, n, until)| node(url, *n, *until)).collect();
            let mut live: Vec<String> = nodes
                .iter()
                .filter(|node| node.is_live(10_000))
                .map(|node| socket_url(&node.url))
                .collect();
            live.sort();
            live.dedup();
            let mut chosen = choose(&nodes, 10_000, random, usize::MAX);
            chosen.sort();
            prop_assert_eq!(chosen, live);
        }
    }
}
