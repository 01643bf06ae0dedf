//! Copying rooms' state from the other region.

use std::collections::BTreeSet;
use std::time::Duration;

use redis::{Cmd, Value};
use tidegate_stream::calls::{MOST_MERGED, Merge, Pairs, Part};
use tidegate_stream::{Keys, Region, RoomId, Shard};

use super::Shared;
use crate::connection::{Link, LinkError, flatten, function, strings, words};

/// Rooms that are read and merged at once.
const ROOMS: usize = 16;
/// Members of a hash that are asked for at once.
const SCAN: &str = "400";
/// How often a room is tried that must wait, and how long between.
const TRIES: u32 = 40;
const WAIT: Duration = Duration::from_millis(100);

/// Merges the rooms of a shard: those that the other region lists, and those that are listed here, of which it may know that
/// they were closed. How many.
pub async fn shard(
    shared: &Shared,
    home: &Link,
    source: &Link,
    shard: Shard,
) -> Result<u64, LinkError> {
    let key = shared.keys.rooms(shard);
    let mut rooms: BTreeSet<RoomId> = BTreeSet::new();
    for link in [source, home] {
        for pair in scan(link, "ZSCAN", &key, Vec::new()).await?.chunks_exact(2) {
            let name = std::str::from_utf8(&pair[0]).ok();
            rooms.extend(name.and_then(|name| name.parse::<RoomId>().ok()));
        }
    }
    // Revocations are bans of everywhere.
    let all = RoomId::all();
    if shared.keys.shard(&all) == shard {
        rooms.insert(all);
    }
    let rooms: Vec<RoomId> = rooms.into_iter().collect();
    for chunk in rooms.chunks(ROOMS) {
        some_rooms(shared, home, source, chunk).await?;
    }
    shared.metrics.merges.add(1);
    shared.metrics.merged_rooms.add(rooms.len() as u64);
    Ok(rooms.len() as u64)
}

/// Everything from the place where a first answer of a scan left off; all of it when there was none.
async fn scan(link: &Link, verb: &str, key: &str, first: Vec<u8>) -> Result<Pairs, LinkError> {
    let mut cursor = if first.is_empty() {
        b"0".to_vec()
    } else {
        first
    };
    let mut pairs = Pairs::new();
    loop {
        let mut command = redis::cmd(verb);
        command
            .arg(key)
            .arg(cursor.as_slice())
            .arg("COUNT")
            .arg(SCAN);
        let mut answer = strings(link.one(command).await?).into_iter();
        cursor = answer.next().unwrap_or_default();
        pairs.extend(answer);
        if cursor == b"0" || cursor.is_empty() {
            return Ok(pairs);
        }
    }
}

/// What of a room is asked for in one go: a part, and how.
fn questions(keys: &Keys, room: &RoomId) -> [(Part, String); 3] {
    [
        (Part::Bans, keys.bans(room)),
        (Part::Mutes, keys.mutes(room)),
        (Part::Hidden, keys.hidden(room)),
    ]
}

async fn some_rooms(
    shared: &Shared,
    home: &Link,
    source: &Link,
    rooms: &[RoomId],
) -> Result<(), LinkError> {
    let keys = &shared.keys;
    let mut commands: Vec<Cmd> = Vec::new();
    for room in rooms {
        commands.push(words(["HGETALL", &keys.room(room)]));
        commands.push(words(["HGETALL", &keys.online(room)]));
        commands.push(words(["GET", &keys.likes(room, &shared.origin)]));
        for (_, key) in questions(keys, room) {
            commands.push(words(["HSCAN", &key, "0", "COUNT", SCAN]));
        }
    }
    let mut answers = source.all(commands).await?.into_iter();
    let mut next = || answers.next().unwrap_or_default();
    for room in rooms {
        let mut parts = vec![
            (Part::Room, fields(next())),
            (Part::Online, own_nodes(next(), &shared.origin)),
        ];
        if let Some(total) = strings(next()).pop() {
            parts.push((
                Part::Likes,
                vec![shared.origin.as_str().as_bytes().to_vec(), total],
            ));
        }
        let mut rest = Vec::new();
        for (part, key) in questions(keys, room) {
            let mut found = strings(next()).into_iter();
            let cursor = found.next().unwrap_or_default();
            parts.push((part, found.collect()));
            if cursor != b"0" && !cursor.is_empty() {
                rest.push((part, key, cursor));
            }
        }
        one_room(shared, home, room, parts).await?;
        for (part, key, cursor) in rest {
            let pairs = scan(source, "HSCAN", &key, cursor).await?;
            one_room(shared, home, room, vec![(part, pairs)]).await?;
        }
    }
    Ok(())
}

/// A room's fields without what each region has of its own; the ones that decide come first.
fn fields(answer: Value) -> Pairs {
    let all = strings(answer);
    let mut pairs: Vec<&[Vec<u8>]> = all
        .chunks_exact(2)
        .filter(|pair| !pair[0].starts_with(b"last:"))
        .collect();
    pairs.sort_by_key(|pair| !matches!(pair[0].as_slice(), b"created_ms" | b"state"));
    pairs.truncate(MOST_MERGED);
    pairs.concat()
}

/// Counts of the region's own nodes: of those of others the others know better.
fn own_nodes(answer: Value, origin: &Region) -> Pairs {
    let beginning = format!("{origin}/").into_bytes();
    let all = strings(answer);
    let own = all
        .chunks_exact(2)
        .filter(|pair| pair[0].starts_with(&beginning));
    own.take(MOST_MERGED).flatten().cloned().collect()
}

async fn one_room(
    shared: &Shared,
    home: &Link,
    room: &RoomId,
    parts: Vec<(Part, Pairs)>,
) -> Result<(), LinkError> {
    // Each call holds so many pairs of a part; only a part that came whole from one large hash has more.
    let mut calls = vec![Vec::new()];
    for (part, pairs) in parts {
        for (at, chunk) in pairs.chunks(2 * MOST_MERGED).enumerate() {
            if calls.len() == at {
                calls.push(Vec::new());
            }
            calls[at].push((part, chunk.to_vec()));
        }
    }
    for parts in calls.iter().filter(|parts| !parts.is_empty()) {
        let merge = Merge {
            region: &shared.region,
            origin: &shared.origin,
            room,
            parts,
        };
        let call = merge.call(&shared.keys, &shared.bounds);
        let mut tries = 0;
        loop {
            let answer = Merge::answer(&flatten(home.one(function(&call)).await?))?;
            shared.metrics.ahead.add(answer.ahead);
            shared.metrics.unread.add(answer.unread);
            shared.metrics.told.add(answer.told);
            if answer.taken {
                break;
            }
            tries += 1;
            if tries == TRIES {
                return Err(LinkError::Away(
                    "the Redis here waits for its own tail".to_owned(),
                ));
            }
            tokio::time::sleep(WAIT).await;
        }
    }
    Ok(())
}
