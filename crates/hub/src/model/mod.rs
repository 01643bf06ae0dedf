//! The hub against a model: over any interleaving of appends, tails with holes, subscriptions on two nodes, pages of
//! history, blocked connections, trimmed histories, gaps between regions, regions that join and chat budgets, no viewer gets a message twice or misses one unsaid;
//! what a level leaves out is chat alone, all of it that the level does not keep, and counted.

mod log;
mod viewers;
mod world;

use std::collections::BTreeMap;

use proptest::prelude::*;
use tidegate_stream::StreamId;

use log::region;
use world::World;

const ORIGINS: [&str; 3] = ["ap", "eu", "us"];
/// How many of them both nodes know from the beginning. The last joins later, on each node by itself.
const KNOWN: usize = 2;
const NODES: usize = 2;
const VIEWERS: usize = 4;
const PAGE: usize = 3;

#[derive(Debug, Clone)]
enum Op {
    Append {
        origin: usize,
        lane: usize,
        here: bool,
    },
    Deliver {
        node: usize,
        origin: usize,
        most: usize,
    },
    Skip {
        node: usize,
        origin: usize,
        most: usize,
    },
    Subscribe {
        viewer: usize,
        node: usize,
        forget: bool,
    },
    Leave {
        viewer: usize,
    },
    Block {
        viewer: usize,
    },
    Unblock {
        viewer: usize,
    },
    Act {
        node: usize,
    },
    FailRead {
        node: usize,
    },
    Slice {
        node: usize,
    },
    Trim {
        origin: usize,
        keep_too: bool,
    },
    /// The relay finds that so many entries were trimmed before it could copy them.
    Gap {
        origin: usize,
        lost: usize,
    },
    /// What the room may send a viewer in a second, on one node; 0: no bound.
    Budget {
        node: usize,
        most: u64,
    },
    /// A second passes.
    Wait,
    /// The node learns of the last origin.
    Learn {
        node: usize,
    },
}

fn op() -> impl Strategy<Value = Op> {
    let origin = 0..ORIGINS.len();
    let node = 0..NODES;
    let viewer = 0..VIEWERS;
    prop_oneof![
        6 => (origin.clone(), 0usize..3, prop::bool::weighted(0.8))
            .prop_map(|(origin, lane, here)| Op::Append { origin, lane, here }),
        6 => (node.clone(), origin.clone(), 1usize..6)
            .prop_map(|(node, origin, most)| Op::Deliver { node, origin, most }),
        1 => (node.clone(), origin.clone(), 1usize..4)
            .prop_map(|(node, origin, most)| Op::Skip { node, origin, most }),
        3 => (viewer.clone(), node.clone(), prop::bool::weighted(0.2))
            .prop_map(|(viewer, node, forget)| Op::Subscribe { viewer, node, forget }),
        1 => viewer.clone().prop_map(|viewer| Op::Leave { viewer }),
        2 => viewer.clone().prop_map(|viewer| Op::Block { viewer }),
        2 => viewer.clone().prop_map(|viewer| Op::Unblock { viewer }),
        8 => node.clone().prop_map(|node| Op::Act { node }),
        1 => node.clone().prop_map(|node| Op::FailRead { node }),
        6 => node.clone().prop_map(|node| Op::Slice { node }),
        1 => (origin.clone(), any::<bool>()).prop_map(|(origin, keep_too)| Op::Trim { origin, keep_too }),
        1 => (origin, 1usize..4).prop_map(|(origin, lost)| Op::Gap { origin, lost }),
        1 => (node.clone(), 0u64..5).prop_map(|(node, most)| Op::Budget { node, most }),
        1 => Just(Op::Wait),
        1 => node.prop_map(|node| Op::Learn { node }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]
    #[test]
    fn nobody_gets_a_message_twice_or_misses_one(ops in prop::collection::vec(op(), 1..120)) {
        let mut world = World::new();
        for op in ops {
            world.apply(op);
        }
        world.settle();
        let mut ends = BTreeMap::new();
        for (origin, log) in world.logs.iter().enumerate() {
            let last = log.entries.iter().rev().find(|(_, here)| *here);
            ends.insert(region(origin), last.map_or(StreamId::ZERO, |(entry, _)| entry.id));
        }
        for viewer in &world.viewers {
            if viewer.sub.is_some() {
                let at = viewer.at.as_ref().expect("every subscription is answered");
                for (origin, &end) in &ends {
                    prop_assert!(at.get(origin) >= end, "{origin}: left at {} of {end}", at.get(origin));
                }
            }
        }
        for (node, hub) in world.hubs.iter().enumerate() {
            let here = world.viewers.iter().filter(|viewer| viewer.node == node && viewer.sub.is_some());
            prop_assert_eq!(hub.sub_count(), here.count());
        }
    }
}
