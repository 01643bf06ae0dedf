//! Two regions, each with a Redis of its own: what one appended is copied into the other.

mod copy;
mod creation;
mod lease;
mod merge;
mod model;
mod once;
mod state;
mod tail;

use redis::RedisError;
use tidegate_stream::calls::{
    Gap, Lasting, Merge, MergeAnswer, Part, Relay, RelayAnswer, RelayEntry, RelayVerdict, Verb,
};
use tidegate_stream::{Region, RoomId, StreamId};

use crate::site::{Site, region, room};

pub const US: &str = "us";

/// A region of that name.
pub fn site(name: &str) -> Site {
    let mut site = Site::start();
    site.region = region(name);
    site
}

pub fn two() -> (Site, Site) {
    (site(crate::site::EU), site(US))
}

/// What a log holds above an id, as a relay reads it.
pub fn entries(from: &mut Site, origin: &Region, after: StreamId) -> Vec<RelayEntry> {
    let key = from.keys.log(from.shard(), origin);
    let start = format!("({after}");
    let rows: Vec<(String, Vec<Vec<u8>>)> = from.ask(&["XRANGE", &key, &start, "+"]);
    rows.into_iter()
        .map(|(id, fields)| RelayEntry::new(id.parse().unwrap(), fields).unwrap())
        .collect()
}

/// One call.
pub fn try_copy(
    to: &mut Site,
    origin: &Region,
    fence: u64,
    entries: &[RelayEntry],
) -> Result<RelayAnswer, RedisError> {
    let region = to.region.clone();
    let relay = Relay {
        region: &region,
        origin,
        shard: to.shard(),
        fence,
        entries,
    };
    let call = relay.call(&to.keys, &to.bounds);
    to.try_call(&call)
        .map(|replies| Relay::answer(&replies).unwrap())
}

pub fn copy(to: &mut Site, origin: &Region, entries: &[RelayEntry]) -> RelayAnswer {
    try_copy(to, origin, 0, entries).unwrap()
}

/// The last id of a copy.
pub fn last(site: &mut Site, origin: &Region) -> StreamId {
    let key = site.keys.log(site.shard(), origin);
    let rows: Vec<(String, Vec<String>)> = site.ask(&["XREVRANGE", &key, "+", "-", "COUNT", "1"]);
    rows.first()
        .map_or(StreamId::ZERO, |(id, _)| id.parse().unwrap())
}

/// Everything of an origin that one has and the other lacks.
pub fn pull(from: &mut Site, to: &mut Site, origin: &Region) -> u64 {
    let after = last(to, origin);
    let missing = entries(from, origin, after);
    let mut appended = 0;
    for chunk in missing.chunks(32) {
        let answer = copy(to, origin, chunk);
        assert_eq!(answer.verdict, RelayVerdict::Taken);
        assert_eq!(answer.unread, 0);
        appended += answer.appended;
    }
    appended
}

/// Both ways.
pub fn exchange(one: &mut Site, other: &mut Site) {
    let (first, second) = (one.region.clone(), other.region.clone());
    // What a region has to say of another's creation goes back.
    for _ in 0..2 {
        pull(one, other, &first);
        pull(other, one, &second);
    }
}

pub fn gap(
    to: &mut Site,
    origin: &Region,
    from: StreamId,
    upto: StreamId,
) -> (RelayVerdict, StreamId) {
    let region = to.region.clone();
    let gap = Gap {
        region: &region,
        origin,
        shard: to.shard(),
        fence: 0,
        last: from,
        upto,
    };
    let call = gap.call(&to.keys, &to.bounds);
    Gap::answer(&to.call(&call)).unwrap()
}

/// A room's state, from one into the other, as a relay copies it.
pub fn merge(from: &mut Site, to: &mut Site, name: &str) -> MergeAnswer {
    let id: RoomId = room(name);
    let mut parts = Vec::new();
    for (part, key) in [
        (Part::Room, from.keys.room(&id)),
        (Part::Bans, from.keys.bans(&id)),
        (Part::Mutes, from.keys.mutes(&id)),
        (Part::Hidden, from.keys.hidden(&id)),
        (Part::Online, from.keys.online(&id)),
    ] {
        parts.push((part, from.ask::<Vec<Vec<u8>>>(&["HGETALL", &key])));
    }
    let key = from.keys.likes(&id, &from.region);
    if let Some(total) = from.ask::<Option<Vec<u8>>>(&["GET", &key]) {
        let pairs = vec![from.region.as_str().as_bytes().to_vec(), total];
        parts.push((Part::Likes, pairs));
    }
    let (region, origin) = (to.region.clone(), from.region.clone());
    let merge = Merge {
        region: &region,
        origin: &origin,
        room: &id,
        parts: &parts,
    };
    let call = merge.call(&to.keys, &to.bounds);
    Merge::answer(&to.call(&call)).unwrap()
}

/// A hash, in order of its fields; last ids left out, of which each region has its own.
pub fn hash(site: &mut Site, key: &str) -> Vec<(String, String)> {
    let mut rows: Vec<(String, String)> = site.ask::<Vec<(String, String)>>(&["HGETALL", key]);
    rows.retain(|(name, _)| !name.starts_with("last:"));
    rows.sort();
    rows
}

pub fn room_hash(site: &mut Site, name: &str) -> Vec<(String, String)> {
    let key = site.keys.room(&room(name));
    hash(site, &key)
}

/// One field's value, without its stamp.
pub fn field(site: &mut Site, name: &str, field: &str) -> Option<String> {
    room_hash(site, name)
        .into_iter()
        .find(|(other, _)| other == field)
        .map(|(_, value)| value.split_once(' ').unwrap().1.to_owned())
}

pub fn ban(site: &mut Site, name: &str, who: &str, lasting: Lasting) {
    let user = tidegate_stream::calls::BannedName::Subject(crate::site::subject(who));
    let verb = Verb::Ban {
        user: &user,
        lasting,
    };
    site.control(name, verb).unwrap();
}

pub fn ban_until(site: &mut Site, name: &str, who: &str) -> u64 {
    site.join(name, who).unwrap().ban_until_ms
}
