//! What is known of the regions and their nodes: whose logs are tailed, and where viewers may be sent.

use std::collections::{BTreeMap, BTreeSet};

use tidegate_hub::Departed;
use tidegate_room::endpoint::{Node as NodeLine, socket_url};
use tidegate_room::places::{self, Named, Place, RegionEntry, RegionState, Target, Turns};
use tidegate_stream::cursor::COMPONENTS;
use tidegate_stream::{NodeName, Region};

/// Whose logs a node reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origins {
    /// Those that are not retired, and those that are but of which something is still kept: by name, as many as a cursor
    /// has components.
    pub tailed: Vec<Region>,
    /// The retired ones.
    pub departed: Departed,
}

impl Origins {
    /// Before Redis has said anything: this region's own.
    pub fn alone(own: &Region) -> Self {
        Self {
            tailed: vec![own.clone()],
            departed: Departed::default(),
        }
    }

    /// What the list of regions says. `is_over`: of a retired one, whether nothing that it wrote is kept any more.
    pub fn new(
        own: &Region,
        listed: &BTreeMap<Region, RegionEntry>,
        mut is_over: impl FnMut(&Region) -> bool,
    ) -> Self {
        let mut tailed = BTreeSet::from([own.clone()]);
        let mut departed = Departed::default();
        for (name, entry) in listed.iter().filter(|(name, _)| *name != own) {
            if entry.state != RegionState::Retired {
                tailed.insert(name.clone());
                continue;
            }
            if is_over(name) {
                departed.expired.insert(name.clone());
            } else {
                tailed.insert(name.clone());
                departed.retired.insert(name.clone());
            }
        }
        let mut tailed: Vec<Region> = tailed.into_iter().collect();
        while tailed.len() > COMPONENTS {
            let last = tailed.iter().rposition(|name| name != own);
            last.map(|at| tailed.remove(at));
        }
        departed.retired.retain(|name| tailed.contains(name));
        Self { tailed, departed }
    }
}

/// Where viewers may be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    own: Place,
    /// This node's place in `own`, while it is on the list.
    here: Option<usize>,
    public_url: String,
    others: Vec<Place>,
    /// When all this was so, by Redis' clock.
    as_of_ms: u64,
}

impl Places {
    /// Before Redis has said anything: what the configuration names.
    pub fn configured(own: &Region, named: &[Named], public_url: &str) -> Self {
        let listed = BTreeMap::new();
        Self::new(own, named, &listed, public_url, 0)
    }

    /// What configuration and list say, nodes aside.
    pub fn new(
        own: &Region,
        named: &[Named],
        listed: &BTreeMap<Region, RegionEntry>,
        public_url: &str,
        as_of_ms: u64,
    ) -> Self {
        let said = listed.get(own).map(|entry| entry.socket.clone());
        let configured = named.iter().find(|named| named.name == *own);
        let socket = said
            .filter(|url| !url.is_empty())
            .or_else(|| configured.map(|named| named.socket.clone()));
        Self {
            own: Place {
                region: own.clone(),
                edge: String::new(),
                socket: socket.unwrap_or_default(),
                nodes: Vec::new(),
            },
            here: None,
            public_url: public_url.to_owned(),
            others: places::others(own, named, listed),
            as_of_ms,
        }
    }

    /// The regions that viewers may be sent to, this one left out.
    pub fn others(&self) -> impl Iterator<Item = &Place> {
        self.others.iter()
    }

    /// Takes a region's nodes in: name and record each.
    pub fn add_nodes(&mut self, region: &Region, fields: &[Vec<u8>], this: &NodeName) {
        let mut nodes = Vec::new();
        let own = *region == self.own.region;
        for pair in fields.chunks_exact(2) {
            let Some(node) = NodeLine::read(&pair[1]) else {
                continue;
            };
            if own && pair[0] == this.as_str().as_bytes() {
                self.here = Some(nodes.len());
            }
            nodes.push(node);
        }
        let others = self.others.iter_mut();
        let found = std::iter::once(&mut self.own)
            .chain(others)
            .find(|place| place.region == *region);
        if let Some(place) = found {
            place.nodes = nodes;
        }
    }

    /// Every socket that `join` may give now.
    pub fn known(&self) -> Vec<Target> {
        places::known(&self.own, &self.others, self.as_of_ms)
    }

    /// Lists as `join` gives them.
    pub fn all(&self) -> Turns {
        Turns::new(Some(self.own.clone()), self.others.clone(), self.as_of_ms)
    }

    /// Lists for those who must leave this node: the region's other nodes, then the other regions.
    pub fn elsewhere(&self) -> Turns {
        let mut own = self.own.clone();
        if let Some(here) = self.here {
            own.nodes.remove(here);
        }
        // The region's name leads back here when it is this node's own.
        if socket_url(&own.socket) == socket_url(&self.public_url) {
            own.socket.clear();
        }
        Turns::new(Some(own), self.others.clone(), self.as_of_ms)
    }

    /// Lists for those who must leave this region.
    pub fn abroad(&self, living: &BTreeSet<Region>) -> Turns {
        let others = self.others.iter();
        let living = others.filter(|place| living.contains(&place.region));
        Turns::new(None, living.cloned().collect(), self.as_of_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tidegate_room::endpoint::Crowd;

    fn region(name: &str) -> Region {
        name.parse().unwrap()
    }

    fn listed(lines: &[(&str, &str)]) -> BTreeMap<Region, RegionEntry> {
        lines
            .iter()
            .map(|(name, line)| (region(name), RegionEntry::read(line.as_bytes())))
            .collect()
    }

    #[test]
    fn retired_regions_are_read_until_nothing_of_them_is_kept() {
        let list = listed(&[
            ("ap", "?"),
            ("eu", r#"{"state":"active"}"#),
            ("gone", r#"{"state":"retired","stamp":"1000.eu"}"#),
            ("us", r#"{"state":"retired","stamp":"6000.eu"}"#),
        ]);
        let origins = Origins::new(&region("eu"), &list, |name| name.as_str() == "gone");
        assert_eq!(origins.tailed, ["ap", "eu", "us"].map(region));
        assert_eq!(origins.departed.retired, BTreeSet::from([region("us")]));
        assert_eq!(origins.departed.expired, BTreeSet::from([region("gone")]));
    }

    #[test]
    fn more_regions_than_a_cursor_holds_are_left_out_but_never_the_own() {
        let names: Vec<String> = (10..40).map(|n| format!("r{n}")).collect();
        let lines: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "{}")).collect();
        let origins = Origins::new(&region("zz"), &listed(&lines), |_| true);
        assert_eq!(origins.tailed.len(), COMPONENTS);
        assert!(origins.tailed.contains(&region("zz")));
    }

    fn places() -> Places {
        let list = listed(&[
            ("eu", r#"{"state":"active","socket":"ws://n1"}"#),
            (
                "us",
                r#"{"state":"active","socket":"ws://live.us","edge":"http://us"}"#,
            ),
            (
                "ap",
                r#"{"state":"active","socket":"ws://live.ap","edge":"http://ap"}"#,
            ),
        ]);
        let mut places = Places::new(&region("eu"), &[], &list, "ws://n1", 50);
        let node = |name: &str, load: f64| {
            let line = format!(r#"{{"url":"ws://{name}","load":{load},"until_ms":90}}"#);
            [name.as_bytes().to_vec(), line.into_bytes()]
        };
        let this = "n1".parse().unwrap();
        let own = [node("n1", 0.0), node("n2", 1.0)].concat();
        places.add_nodes(&region("eu"), &own, &this);
        // A node of that name elsewhere is another.
        places.add_nodes(&region("us"), &node("n1-us", 0.0), &this);
        places
    }

    fn first_list(mut turns: Turns) -> Vec<String> {
        let list = turns.next_list(Crowd::Anybody);
        list.into_iter()
            .map(|target| target.url.replace("ws://", "").replace("/v1/connect", ""))
            .collect()
    }

    #[test]
    fn a_node_that_stops_names_the_others_and_one_without_redis_the_living_regions() {
        let places = places();
        assert_eq!(
            first_list(places.all()),
            ["n1", "n2", "live.ap", "n1-us", "live.us"]
        );
        assert_eq!(
            first_list(places.elsewhere()),
            ["n2", "live.ap", "n1-us", "live.us"]
        );
        let living = BTreeSet::from([region("us"), region("eu")]);
        assert_eq!(first_list(places.abroad(&living)), ["n1-us", "live.us"]);
        assert!(first_list(places.abroad(&BTreeSet::new())).is_empty());
    }

    #[test]
    fn the_last_node_of_a_region_names_no_place_where_it_is_itself() {
        let mut places = places();
        places.add_nodes(&region("eu"), &[], &"n1".parse().unwrap());
        places.here = None;
        assert_eq!(
            first_list(places.elsewhere()),
            ["live.ap", "n1-us", "live.us"]
        );
    }
}
