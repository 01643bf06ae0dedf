//! What holds when everything has come to rest.

use std::collections::{BTreeMap, BTreeSet};

use tidegate_stream::{Keys, Kind, Lane, Region, RoomId, StreamId};

use super::Ledger;
use crate::redis::Store;
use crate::report::Tally;
use crate::world::{NAMES, Site, Viewer};

/// Checks a world at rest.
pub(crate) fn rest(
    keys: &Keys,
    rooms: &[RoomId],
    sites: &mut [Site],
    viewers: &[Viewer],
    ledger: &Ledger,
    tally: &mut Tally,
) -> Result<(), String> {
    tally.lost = ledger.lost();
    for (index, viewer) in viewers.iter().enumerate() {
        let Some(site) = viewer.site.filter(|_| viewer.answered) else {
            return Err(format!("viewer {index} is not answered"));
        };
        if let Some(what) = ledger.behind(viewer, site) {
            return Err(format!("viewer {index} does not get {what}"));
        }
    }
    for origin in 0..sites.len() {
        for copy in (0..sites.len()).filter(|site| *site != origin) {
            let name = sites[origin].name.clone();
            let mut streams: Vec<_> = keys
                .shards()
                .all()
                .map(|shard| (shard, keys.log(shard, &name)))
                .collect();
            for room in rooms {
                for lane in [Lane::Chat, Lane::Gift] {
                    streams.push((keys.shard(room), keys.lane(room, lane, &name)));
                }
            }
            for (shard, key) in streams {
                let floor = keys.floor(shard, &name);
                same_entries(&key, &floor, sites, origin, copy, ledger)?;
            }
        }
    }
    for room in rooms {
        same_state(keys, room, sites)?;
        latest_orders(keys, room, sites, ledger)?;
    }
    Ok(())
}

const MOST: StreamId = StreamId {
    ms: u64::MAX,
    seq: u64::MAX,
};

/// Ids of a stream, without gaps, which are in copies only; and its first one.
fn ids(store: &mut Store, key: &str) -> (StreamId, BTreeSet<StreamId>) {
    let stream = store.stream(key);
    let first = stream
        .range(StreamId::ZERO, MOST)
        .next()
        .map_or(MOST, |(id, _)| *id);
    let ids = stream
        .range(StreamId::ZERO, MOST)
        .filter(|(_, fields)| {
            fields
                .get(5)
                .is_none_or(|kind| kind != Kind::Gap.as_str().as_bytes())
        })
        .map(|(id, _)| *id)
        .collect();
    (first, ids)
}

/// What neither has trimmed, both have; a copy may have what its origin lost.
fn same_entries(
    key: &str,
    floor: &str,
    sites: &mut [Site],
    origin: usize,
    copy: usize,
    ledger: &Ledger,
) -> Result<(), String> {
    let (first, own) = ids(&mut sites[origin].store, key);
    let (copied_first, copied) = ids(&mut sites[copy].store, key);
    // Below its floor a copy may lack anything, and has said so.
    let floor = sites[copy]
        .store
        .text(floor)
        .and_then(|text| text.parse().ok());
    let above = floor.map_or(StreamId::ZERO, |floor: StreamId| StreamId {
        ms: floor.ms,
        seq: floor.seq + 1,
    });
    let from = first.max(copied_first).max(above);
    let only_own = own.iter().find(|id| **id >= from && !copied.contains(id));
    if let Some(id) = only_own {
        return Err(format!("{key}: {id} is not in {}", NAMES[copy]));
    }
    let only_copied = copied
        .iter()
        .find(|id| **id >= from && !own.contains(id) && ledger.is_here(origin, **id));
    if let Some(id) = only_copied {
        return Err(format!("{key}: {id} is in {} alone", NAMES[copy]));
    }
    Ok(())
}

/// Rooms, bans, mutes, hidden messages and likes are the same everywhere.
fn same_state(keys: &Keys, room: &RoomId, sites: &mut [Site]) -> Result<(), String> {
    let mut hashes = vec![keys.room(room), keys.bans(room), keys.mutes(room)];
    hashes.push(keys.hidden(room));
    let likes: Vec<String> = sites
        .iter()
        .map(|site| keys.likes(room, &site.name))
        .collect();
    let mut all: Vec<BTreeMap<String, String>> = Vec::new();
    for site in sites.iter_mut() {
        let mut state = BTreeMap::new();
        for key in &hashes {
            for (name, value) in site.store.hash(key) {
                // Where a stream ended is each region's own affair.
                if !name.starts_with("last:") {
                    state.insert(format!("{key} {name}"), value);
                }
            }
        }
        for key in &likes {
            if let Some(total) = site.store.text(key) {
                state.insert(key.clone(), total);
            }
        }
        all.push(state);
    }
    for (index, state) in all.iter().enumerate().skip(1) {
        let differs = all[0]
            .keys()
            .chain(state.keys())
            .find(|name| all[0].get(*name) != state.get(*name));
        if let Some(name) = differs {
            return Err(format!(
                "{name} is {:?} in {}, {:?} in {}",
                all[0].get(name),
                NAMES[0],
                state.get(name),
                NAMES[index]
            ));
        }
    }
    Ok(())
}

/// `MS.REGION` as it is compared.
fn stamp(text: &str) -> Option<(u64, Region)> {
    let (ms, region) = text.split_once('.')?;
    Some((ms.parse().ok()?, region.parse().ok()?))
}

/// No ban or mute that somebody still knows of is undone by an earlier one.
fn latest_orders(
    keys: &Keys,
    room: &RoomId,
    sites: &mut [Site],
    ledger: &Ledger,
) -> Result<(), String> {
    for (kind, key) in [(Kind::Ban, keys.bans(room)), (Kind::Mute, keys.mutes(room))] {
        for site in sites.iter_mut() {
            let held = site.store.hash(&key);
            for data in ledger.known_orders(kind, room) {
                let order: serde_json::Value =
                    serde_json::from_str(data).map_err(|error| format!("{data}: {error}"))?;
                let text = |name: &str| order[name].as_str().unwrap_or_default().to_owned();
                let user = text("user");
                let holds = held
                    .get(&user)
                    .and_then(|value| stamp(value.split(' ').next()?));
                if holds < stamp(&text("stamp")) {
                    return Err(format!(
                        "{key}: {user} has {holds:?} in {}, although {data} was said",
                        site.name
                    ));
                }
            }
        }
    }
    Ok(())
}
