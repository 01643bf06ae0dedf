//! Where a viewer is sent: the sockets of a region's live nodes, drawn by how free they are, and so that a small room stays
//! together.

use serde::{Deserialize, Deserializer};
use tidegate_stream::RoomId;
use tidegate_stream::host::is_unspecified;

use crate::limits::{LAG_HALF_MS, NODE_LEEWAY_MS, SMALL_ROOM};

/// The path of a node's socket.
pub const CONNECT_PATH: &str = "/v1/connect";

/// What a node says of itself in `tg:nodes:R`. Fields that are not known here are skipped, and one that cannot be read counts
/// as not said: nodes of other versions are on the list, too.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Node {
    /// Its public URL, or its load balancer's.
    pub url: String,
    /// Until when it is live, by Redis' clock.
    pub until_ms: u64,
    /// Open connections in thousandths of the most that it takes.
    #[serde(default, rename = "load", deserialize_with = "thousandths")]
    pub load_permille: Option<u16>,
    /// The time that its cores computed in the last second, in thousandths.
    #[serde(default, rename = "cpu", deserialize_with = "thousandths")]
    pub cpu_permille: Option<u16>,
    /// How late what was due was begun in the last second, at worst, ms.
    #[serde(default, deserialize_with = "whole")]
    pub lag_ms: Option<u64>,
}

/// A share of 0 to 1.
fn thousandths<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u16>, D::Error> {
    let share = serde_json::Value::deserialize(from)?.as_f64();
    Ok(share.map(|share| (share.clamp(0.0, 1.0) * 1_000.0).round() as u16))
}

fn whole<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u64>, D::Error> {
    Ok(serde_json::Value::deserialize(from)?.as_u64())
}

impl Node {
    /// Reads a node's record; none if it is not one, or names no address that a client could connect to.
    pub fn read(record: &[u8]) -> Option<Self> {
        serde_json::from_slice(record)
            .ok()
            .filter(|node: &Self| !is_unspecified(&node.url))
    }

    /// Whether it is live.
    pub fn is_live(&self, now_ms: u64) -> bool {
        self.until_ms.saturating_add(NODE_LEEWAY_MS) > now_ms
    }

    /// Its part of the newcomers, before it is set against the others': above 0, at most 1.
    ///
    /// What is free of the scarcer of sockets and time, squared: a node at 80 % then gets a sixteenth of what one at 20 % gets
    /// rather than a quarter, since what is nearly full has most to lose. Halved by a lag of [`LAG_HALF_MS`], and again by
    /// thrice that. A node that does not say how full it is counts as half full.
    pub fn weight(&self) -> f64 {
        let sockets = self.load_permille.unwrap_or(500);
        let full = sockets.max(self.cpu_permille.unwrap_or(0)).min(999);
        let free = f64::from(1_000 - full) / 1_000.0;
        let lag_ms = self.lag_ms.unwrap_or(0) as f64;
        free * free * LAG_HALF_MS / (LAG_HALF_MS + lag_ms)
    }
}

/// Who is sent somewhere.
#[derive(Debug, Clone, Copy)]
pub enum Crowd<'a> {
    /// Viewers of a room that has so many, in all regions together.
    Of(&'a RoomId, u64),
    /// Viewers of no room in particular.
    Anybody,
}

impl Crowd<'_> {
    /// The number that nodes are drawn by: the same for all viewers of a small room, one of several for those of a larger one,
    /// and by `random` alone for anybody.
    fn draw(self, random: u64) -> u64 {
        match self {
            Self::Of(room, viewers) => {
                let parts = 1 + viewers / SMALL_ROOM;
                mix(hash(room.as_str(), random % parts))
            }
            Self::Anybody => mix(random),
        }
    }
}

/// The WebSocket URL of a node or a region's sockets.
pub fn socket_url(base: &str) -> String {
    format!("{}{CONNECT_PATH}", base.trim_end_matches('/'))
}

/// The WebSocket URLs to try, `most` of them, in order. Nodes behind one URL count as one, as free as they are together.
///
/// Each URL gets a number from 0 to 1 by the crowd and itself, and -ln(number)/weight is its place: rendezvous hashing by
/// weight. Over many crowds each is first in proportion to its weight, and a crowd changes its first only when weights do; then
/// only as many crowds move as must.
pub fn choose(
    nodes: &[Node],
    now_ms: u64,
    crowd: Crowd<'_>,
    random: u64,
    most: usize,
) -> Vec<String> {
    let drawn = crowd.draw(random);
    let mut distinct: Vec<(&str, f64)> = Vec::new();
    for node in nodes.iter().filter(|node| node.is_live(now_ms)) {
        let url = node.url.trim_end_matches('/');
        match distinct.iter_mut().find(|(known, _)| *known == url) {
            Some((_, weight)) => *weight += node.weight(),
            None => distinct.push((url, node.weight())),
        }
    }
    for (url, weight) in &mut distinct {
        // 53 bits and a half, so that it is never 0.
        let number = ((mix(hash(url, drawn)) >> 11) as f64 + 0.5) / (1u64 << 53) as f64;
        *weight = -number.ln() / *weight;
    }
    distinct.sort_by(|a, b| a.1.total_cmp(&b.1).then(a.0.cmp(b.0)));
    distinct.truncate(most);
    distinct
        .into_iter()
        .map(|(url, _)| socket_url(url))
        .collect()
}

/// FNV-1a, 64 bits: the same at every edge and node.
fn hash(text: &str, seed: u64) -> u64 {
    let bytes = text.bytes().chain(seed.to_le_bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// Spreads every bit over all (the finaliser of SplitMix64).
fn mix(number: u64) -> u64 {
    let number = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::{BTreeMap, BTreeSet};

    fn node(url: &str, load_permille: u16, until_ms: u64) -> Node {
        Node {
            url: url.to_owned(),
            until_ms,
            load_permille: Some(load_permille),
            cpu_permille: None,
            lag_ms: None,
        }
    }

    fn nodes(loads: &[(u16, u16, u64)]) -> Vec<Node> {
        let numbered = loads.iter().enumerate();
        numbered
            .map(|(n, (load, cpu, lag_ms))| Node {
                cpu_permille: Some(*cpu),
                lag_ms: Some(*lag_ms),
                ..node(&format!("ws://n{n}"), *load, 9)
            })
            .collect()
    }

    /// How many of `count` are given each node first.
    fn firsts(nodes: &[Node], crowd: Crowd<'_>, count: u64) -> Vec<u64> {
        let mut counts = BTreeMap::new();
        for random in 0..count {
            let first = choose(nodes, 0, crowd, random, 1).remove(0);
            *counts.entry(first).or_insert(0) += 1;
        }
        let urls = nodes.iter().map(|node| socket_url(&node.url));
        urls.map(|url| counts.get(&url).copied().unwrap_or(0))
            .collect()
    }

    #[test]
    fn dead_nodes_are_left_out_and_one_url_is_one() {
        let list = vec![
            node("ws://a", 9, 100_000),
            node("ws://dead", 0, 94_999),
            node("ws://late", 5, 95_001),
            node("ws://a/", 2, 100_000),
        ];
        let mut found = choose(&list, 100_000, Crowd::Anybody, 0, 8);
        found.sort();
        assert_eq!(found, ["ws://a/v1/connect", "ws://late/v1/connect"]);
        assert!(choose(&[], 0, Crowd::Anybody, 7, 8).is_empty());
        assert_eq!(choose(&list, 100_000, Crowd::Anybody, 0, 1).len(), 1);
        // Two nodes behind a balancer are given twice as many.
        let counts = firsts(
            &[list[0].clone(), list[3].clone(), list[2].clone()],
            Crowd::Anybody,
            3_000,
        );
        assert!((1_800..2_200).contains(&counts[0]), "{counts:?}");
    }

    #[test]
    fn weights_fall_with_what_is_scarcer_and_with_lag() {
        let [free, sockets, time, late, full] = <[Node; 5]>::try_from(nodes(&[
            (0, 0, 0),
            (500, 100, 0),
            (100, 500, 0),
            (0, 0, 50),
            (1_000, 1_000, 0),
        ]))
        .unwrap()
        .map(|node| node.weight());
        assert_eq!((free, sockets, time, late), (1.0, 0.25, 0.25, 0.5));
        // Never nothing: were all full, somebody must still be named.
        assert!(full > 0.0 && full < 1e-5);
    }

    #[test]
    fn anybody_is_spread_by_weight() {
        let counts = firsts(
            &nodes(&[(0, 0, 0), (0, 500, 0), (0, 0, 150)]),
            Crowd::Anybody,
            6_000,
        );
        // 1 : 1/4 : 1/4
        assert!((3_800..4_200).contains(&counts[0]), "{counts:?}");
        assert!((850..1_150).contains(&counts[1]), "{counts:?}");
        assert!((850..1_150).contains(&counts[2]), "{counts:?}");
    }

    #[test]
    fn a_small_room_stays_together_and_a_huge_one_is_everywhere() {
        let list = nodes(&[(0, 0, 0); 8]);
        let room: RoomId = "game.final".parse().unwrap();
        let used = |viewers| {
            let counts = firsts(&list, Crowd::Of(&room, viewers), 2_000);
            counts.iter().filter(|&&count| count > 0).count()
        };
        assert_eq!((used(0), used(SMALL_ROOM - 1)), (1, 1));
        assert!(used(SMALL_ROOM) <= 2);
        assert_eq!(used(100 * SMALL_ROOM), 8);
    }

    #[test]
    fn a_record_is_read_and_what_is_not_known_is_skipped() {
        let old = br#"{"url":"ws://x","connections":3,"load":0.5,"until_ms":7,"zone":"a"}"#;
        assert_eq!(Node::read(old), Some(node("ws://x", 500, 7)));
        let new = br#"{"url":"ws://x","load":0.5,"cpu":0.25,"lag_ms":3,"until_ms":7}"#;
        let read = Node::read(new).unwrap();
        assert_eq!((read.cpu_permille, read.lag_ms), (Some(250), Some(3)));
        let odd = br#"{"url":"ws://x","load":"half","cpu":[],"lag_ms":-1,"until_ms":7}"#;
        let read = Node::read(odd).unwrap();
        assert_eq!(
            (read.load_permille, read.cpu_permille, read.lag_ms),
            (None, None, None)
        );
        assert_eq!(read.weight(), 0.25);
        assert_eq!(Node::read(b"{}"), None);
        let nowhere = br#"{"url":"ws://0.0.0.0:7001","load":0.5,"until_ms":7}"#;
        assert_eq!(Node::read(nowhere), None);
    }

    proptest! {
        #[test]
        fn every_live_url_is_handed_out_once(
            urls in proptest::collection::vec(("[a-f]", 0u16..1_001, 0u64..20_000), 0..30),
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
            let mut chosen = choose(&nodes, 10_000, Crowd::Anybody, random, usize::MAX);
            chosen.sort();
            prop_assert_eq!(chosen, live);
        }

        #[test]
        fn a_loaded_node_gets_fewer_and_none_gets_all(
            loads in proptest::collection::vec((0u16..600, 0u16..600, 0u64..100), 2..6),
            more in 250u16..400,
        ) {
            let mut list = nodes(&loads);
            let before = firsts(&list, Crowd::Anybody, 3_000);
            let total: f64 = list.iter().map(Node::weight).sum();
            for (count, node) in before.iter().zip(&list) {
                let fair = 3_000.0 * node.weight() / total;
                prop_assert!((*count as f64 - fair).abs() < 200.0, "{} for {}", count, fair);
                prop_assert!(*count < 3_000);
            }
            list[0].cpu_permille = list[0].load_permille.max(list[0].cpu_permille).map(|full| full + more);
            let after = firsts(&list, Crowd::Anybody, 3_000);
            prop_assert!(after[0] < before[0], "{:?} then {:?}", before, after);
            // Nobody moves between the others.
            for (one, other) in before.iter().zip(&after).skip(1) {
                prop_assert!(other >= one);
            }
        }

        #[test]
        fn rooms_move_only_from_the_node_that_became_loaded(
            loads in proptest::collection::vec((0u16..600, 0u16..600, 0u64..100), 2..6),
            rooms in proptest::collection::btree_set("[a-z]{1,12}", 20..60),
        ) {
            let before = nodes(&loads);
            let mut after = before.clone();
            after[0].cpu_permille = Some(990);
            let rooms: BTreeSet<RoomId> = rooms.iter().map(|name| name.parse().unwrap()).collect();
            for room in &rooms {
                let first = |list| choose(list, 0, Crowd::Of(room, 10), 7, 2);
                let (one, other) = (first(&before), first(&after));
                let loaded = socket_url(&before[0].url);
                prop_assert!(one[0] == other[0] || one[0] == loaded && one[1] == other[0]);
            }
        }
    }
}
