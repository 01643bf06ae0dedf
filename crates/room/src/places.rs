//! Regions and their sockets: who is there, and in which order a viewer tries them.

use std::collections::BTreeMap;

use serde::Deserialize;
use tidegate_stream::host::is_unspecified;
use tidegate_stream::{Region, Stamp};

use crate::endpoint::{Crowd, Node, choose, socket_url};
use crate::limits::{ENDPOINTS, ENDPOINTS_ALL, ENDPOINTS_ELSEWHERE};

/// How far a region is in its life. It only goes forward.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RegionState {
    /// Its entries are read; nobody is sent to it, and nobody waits for it.
    #[default]
    Joining,
    /// It serves.
    Active,
    /// It writes no more.
    Retired,
}

/// What `tg:regions` says of one region. Fields that are not known here are skipped.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
pub struct RegionEntry {
    /// How far it is.
    #[serde(default)]
    pub state: RegionState,
    /// Its edge's URL, or empty.
    #[serde(default)]
    pub edge: String,
    /// Its sockets' URL, or empty.
    #[serde(default)]
    pub socket: String,
    /// When this was set, `MS.REGION`; empty where nobody said.
    #[serde(default)]
    pub stamp: String,
}

impl RegionEntry {
    /// Reads an entry. One that is none counts as joining, as it does for the functions in Redis.
    pub fn read(record: &[u8]) -> Self {
        let mut entry: Self = serde_json::from_slice(record).unwrap_or_default();
        for url in [&mut entry.edge, &mut entry.socket] {
            // Nobody could connect to it.
            if is_unspecified(url) {
                url.clear();
            }
        }
        entry
    }

    /// When this was set, ms; none where nobody said.
    pub fn set_ms(&self) -> Option<u64> {
        self.stamp.parse::<Stamp>().ok().map(|stamp| stamp.ms)
    }
}

/// A region as the configuration names it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Named {
    /// Which.
    pub name: Region,
    /// Its edge's URL.
    #[serde(default)]
    pub edge: String,
    /// Its sockets' URL.
    #[serde(default)]
    pub socket: String,
}

/// A region that viewers may be sent to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Which.
    pub region: Region,
    /// Its edge's URL, or empty.
    pub edge: String,
    /// Its sockets' URL, or empty.
    pub socket: String,
    /// Its nodes, as far as they are known.
    pub nodes: Vec<Node>,
}

/// A socket to try.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Target {
    /// In which region.
    pub region: Region,
    /// `ws://` or `wss://`.
    pub url: String,
}

/// The other regions that viewers may be sent to, without their nodes: those that `tg:regions` has as active, and those
/// that only the configuration knows. The configuration's order comes first, then the names' order.
pub fn others(own: &Region, named: &[Named], listed: &BTreeMap<Region, RegionEntry>) -> Vec<Place> {
    let configured = named
        .iter()
        .filter_map(|named| match listed.get(&named.name) {
            None => Some(place(&named.name, &named.edge, &named.socket)),
            Some(entry) if entry.state == RegionState::Active => {
                let or =
                    |said: &str, known: &str| if said.is_empty() { known } else { said }.to_owned();
                let (edge, socket) = (
                    or(&entry.edge, &named.edge),
                    or(&entry.socket, &named.socket),
                );
                Some(place(&named.name, &edge, &socket))
            }
            Some(_) => None,
        });
    let further = listed
        .iter()
        .filter(|(name, entry)| {
            entry.state == RegionState::Active && !named.iter().any(|named| named.name == **name)
        })
        .map(|(name, entry)| place(name, &entry.edge, &entry.socket));
    configured
        .chain(further)
        .filter(|place| place.region != *own)
        .collect()
}

fn place(region: &Region, edge: &str, socket: &str) -> Place {
    Place {
        region: region.clone(),
        edge: edge.to_owned(),
        socket: socket.to_owned(),
        nodes: Vec::new(),
    }
}

/// The sockets to try, in order: those of the first place, then of the others.
pub fn targets(
    own: Option<&Place>,
    others: &[Place],
    now_ms: u64,
    crowd: Crowd<'_>,
    random: u64,
) -> Vec<Target> {
    let mut list = Vec::new();
    if let Some(own) = own {
        let nodes = choose(&own.nodes, now_ms, crowd, random, ENDPOINTS);
        // With no node in sight, the region's public name is still worth a try.
        let name = nodes.is_empty();
        add(&mut list, own, nodes, name);
    }
    for other in others {
        let nodes = choose(&other.nodes, now_ms, crowd, random, ENDPOINTS_ELSEWHERE);
        // Those nodes may be gone by the time that they are needed.
        add(&mut list, other, nodes, true);
    }
    list.truncate(ENDPOINTS_ALL);
    list
}

fn add(list: &mut Vec<Target>, place: &Place, nodes: Vec<String>, name: bool) {
    let name = Some(socket_url(&place.socket)).filter(|_| name && !place.socket.is_empty());
    for url in nodes.into_iter().chain(name) {
        if !list.iter().any(|target: &Target| target.url == url) {
            list.push(Target {
                region: place.region.clone(),
                url,
            });
        }
    }
}

/// Every socket that anybody may be given now, whatever the order: when this changes, lists that were given are old.
pub fn known(own: &Place, others: &[Place], now_ms: u64) -> Vec<Target> {
    let mut list = Vec::new();
    for place in std::iter::once(own).chain(others) {
        let nodes = choose(&place.nodes, now_ms, Crowd::Anybody, 0, usize::MAX);
        add(&mut list, place, nodes, true);
    }
    list.sort();
    list
}

/// Lists for many viewers at once, each drawn anew, so that they are spread as `join` spreads them.
#[derive(Debug, Clone)]
pub struct Turns {
    own: Option<Place>,
    others: Vec<Place>,
    now_ms: u64,
    turn: u64,
}

impl Turns {
    /// Over these places, as they were at `now_ms`.
    pub fn new(own: Option<Place>, others: Vec<Place>, now_ms: u64) -> Self {
        Self {
            own,
            others,
            now_ms,
            turn: 0,
        }
    }

    /// The next viewer's list.
    pub fn next_list(&mut self, crowd: Crowd<'_>) -> Vec<Target> {
        let turn = self.turn;
        self.turn = turn.wrapping_add(1);
        targets(self.own.as_ref(), &self.others, self.now_ms, crowd, turn)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn region(name: &str) -> Region {
        name.parse().unwrap()
    }

    fn entry(state: RegionState, name: &str) -> (Region, RegionEntry) {
        let entry = RegionEntry {
            state,
            edge: format!("http://{name}"),
            socket: format!("ws://{name}"),
            stamp: String::new(),
        };
        (region(name), entry)
    }

    #[test]
    fn an_address_that_nobody_can_connect_to_counts_as_none() {
        let read = RegionEntry::read(
            br#"{"state":"active","edge":"http://[::]:3000","socket":"ws://0.0.0.0:7001"}"#,
        );
        assert_eq!(read.state, RegionState::Active);
        assert_eq!((read.edge.as_str(), read.socket.as_str()), ("", ""));
    }

    fn with_nodes(name: &str, nodes: &[(&str, u16)]) -> Place {
        Place {
            nodes: nodes
                .iter()
                .map(|(url, load_permille)| Node {
                    url: (*url).to_owned(),
                    until_ms: 100,
                    load_permille: Some(*load_permille),
                    cpu_permille: None,
                    lag_ms: None,
                })
                .collect(),
            ..place(&region(name), "", &format!("ws://live.{name}"))
        }
    }

    fn urls(list: &[Target]) -> Vec<&str> {
        list.iter().map(|target| target.url.as_str()).collect()
    }

    #[test]
    fn an_entry_is_read_and_what_is_none_is_joining() {
        let record =
            br#"{"state":"retired","edge":"http://a","socket":"ws://a","stamp":"7.eu","zone":1}"#;
        let entry = RegionEntry::read(record);
        assert_eq!(
            (entry.state, entry.set_ms()),
            (RegionState::Retired, Some(7))
        );
        assert_eq!(RegionEntry::read(b"[]"), RegionEntry::default());
        let odd = RegionEntry::read(br#"{"state":"paused"}"#);
        assert_eq!((odd.state, odd.set_ms()), (RegionState::Joining, None));
    }

    #[test]
    fn the_configuration_gives_the_order_and_the_list_the_state() {
        let named: Vec<Named> = ["us", "old", "eu", "new"]
            .iter()
            .map(|name| Named {
                name: region(name),
                edge: "http://x".into(),
                socket: "ws://x".into(),
            })
            .collect();
        let listed = BTreeMap::from([
            entry(RegionState::Active, "eu"),
            entry(RegionState::Active, "ap"),
            entry(RegionState::Joining, "soon"),
            entry(RegionState::Retired, "old"),
            entry(RegionState::Active, "us"),
        ]);
        let found = others(&region("eu"), &named, &listed);
        let found: Vec<(&str, &str)> = found
            .iter()
            .map(|place| (place.region.as_str(), place.socket.as_str()))
            .collect();
        // What only the configuration knows is trusted; what has retired is not.
        assert_eq!(
            found,
            [("us", "ws://us"), ("new", "ws://x"), ("ap", "ws://ap")]
        );
    }

    #[test]
    fn own_nodes_come_first_then_other_regions_with_their_names() {
        // What is full comes last.
        let own = with_nodes("eu", &[("ws://e1", 999), ("ws://e2", 0)]);
        let others = [
            with_nodes("us", &[("ws://u1", 1_000), ("ws://u2", 0)]),
            with_nodes("ap", &[]),
        ];
        let list = targets(Some(&own), &others, 50, Crowd::Anybody, 0);
        assert_eq!(
            urls(&list),
            [
                "ws://e2/v1/connect",
                "ws://e1/v1/connect",
                "ws://u2/v1/connect",
                "ws://u1/v1/connect",
                "ws://live.us/v1/connect",
                "ws://live.ap/v1/connect",
            ]
        );
        assert_eq!(list[2].region, region("us"));
        // Without a node in sight the region's own name is given.
        let list = targets(Some(&with_nodes("eu", &[])), &[], 50, Crowd::Anybody, 0);
        assert_eq!(urls(&list), ["ws://live.eu/v1/connect"]);
    }

    #[test]
    fn a_list_is_bounded() {
        let others: Vec<Place> = (0..16)
            .map(|n| {
                let nodes = [(format!("ws://{n}a"), 0), (format!("ws://{n}b"), 0)];
                let nodes: Vec<(&str, u16)> = nodes.iter().map(|(u, c)| (u.as_str(), *c)).collect();
                with_nodes(&format!("r{n}"), &nodes)
            })
            .collect();
        assert_eq!(
            targets(None, &others, 50, Crowd::Anybody, 0).len(),
            ENDPOINTS_ALL
        );
    }

    #[test]
    fn what_is_known_does_not_depend_on_load() {
        let one = known(&with_nodes("eu", &[("ws://a", 1), ("ws://b", 2)]), &[], 50);
        let two = known(&with_nodes("eu", &[("ws://b", 0), ("ws://a", 9)]), &[], 50);
        assert_eq!(one, two);
        let less = known(&with_nodes("eu", &[("ws://b", 0)]), &[], 50);
        assert_ne!(one, less);
    }

    #[test]
    fn many_viewers_are_spread_by_load() {
        let own = with_nodes("eu", &[("ws://a", 0), ("ws://b", 800), ("ws://c", 0)]);
        let mut turns = Turns::new(Some(own), vec![with_nodes("us", &[])], 50);
        let mut counts = BTreeMap::new();
        for _ in 0..900 {
            let list = turns.next_list(Crowd::Anybody);
            assert_eq!(list.len(), 4);
            *counts.entry(list[0].url.clone()).or_insert(0) += 1;
        }
        // 1 : 0.04 : 1
        let counts: Vec<u32> = counts.into_values().collect();
        assert!((380..500).contains(&counts[0]), "{counts:?}");
        assert!((1..50).contains(&counts[1]), "{counts:?}");
        let room = "a".parse().unwrap();
        let firsts: Vec<String> = (0..9)
            .map(|_| turns.next_list(Crowd::Of(&room, 9))[0].url.clone())
            .collect();
        assert_eq!(
            firsts,
            vec![firsts[0].clone(); 9],
            "a small room stays together"
        );
    }
}
