//! What relays read and write in a Redis: an origin's log, a copy of it, rooms with their state.

use tidegate_stream::calls::{Pairs, Part, Relay, RelayAnswer, RelayEntry};
use tidegate_stream::{RoomId, Shard, StreamId};

use super::World;
use super::site::NoAnswer;
use crate::redis::Answer;

/// Rooms with the parts that `tg_merge` takes.
pub(super) type Rooms = Vec<(RoomId, Vec<(Part, Pairs)>)>;

impl World {
    pub(super) fn relay_at(
        &mut self,
        site: usize,
        origin: usize,
        shard: Shard,
        fence: u64,
        entries: &[RelayEntry],
    ) -> Result<RelayAnswer, NoAnswer> {
        let (here, there) = (
            self.sites[site].name.clone(),
            self.sites[origin].name.clone(),
        );
        let copy = Relay {
            region: &here,
            origin: &there,
            shard,
            fence,
            entries,
        };
        let call = copy.call(&self.keys, &self.plan.bounds);
        let replies = self.call_at(site, &call)?;
        Relay::answer(&replies).map_err(|error| {
            self.violated(format!("a copy: {error}"));
            NoAnswer::Away
        })
    }

    /// The last id of an origin's log in a region.
    pub(super) fn last_at(
        &mut self,
        site: usize,
        shard: Shard,
        origin: usize,
    ) -> Result<StreamId, NoAnswer> {
        let region = self.sites[origin].name.clone();
        let found = self.positions_at(site, shard, std::slice::from_ref(&region))?;
        Ok(found.get(&region))
    }

    /// Entries of an origin's logs in a region, above these ids.
    pub(super) fn entries_at(
        &mut self,
        site: usize,
        origin: usize,
        shards: &[(Shard, StreamId)],
        count: usize,
    ) -> Result<Vec<(Shard, Vec<RelayEntry>)>, NoAnswer> {
        let region = self.sites[origin].name.clone();
        let keys: Vec<String> = shards
            .iter()
            .map(|(shard, _)| self.keys.log(*shard, &region))
            .collect();
        let mut words: Vec<String> = ["XREAD", "COUNT", &count.to_string(), "STREAMS"]
            .map(str::to_owned)
            .into();
        words.extend(keys.iter().cloned());
        words.extend(shards.iter().map(|(_, after)| after.to_string()));
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let mut brought = Vec::new();
        for stream in self.ask_at(site, &words)?.list() {
            let mut parts = stream.list().into_iter();
            let key = parts.next().map(Answer::bytes).unwrap_or_default();
            let entries = parts.next().map(Answer::list).unwrap_or_default();
            let at = keys.iter().position(|known| known.as_bytes() == key);
            let Some(at) = at else { continue };
            brought.push((shards[at].0, entries.into_iter().filter_map(read).collect()));
        }
        Ok(brought)
    }

    /// A shard's rooms with all that `tg_merge` takes.
    pub(super) fn rooms_at(&mut self, site: usize, shard: Shard) -> Result<Rooms, NoAnswer> {
        let keys = self.keys.clone();
        let names = self.ask_at(site, &["ZRANGE", &keys.rooms(shard), "0", "-1"])?;
        let mut rooms = Vec::new();
        for name in names.list() {
            let Some(room) = String::from_utf8(name.bytes())
                .ok()
                .and_then(|name| name.parse::<RoomId>().ok())
            else {
                continue;
            };
            let mut parts = Vec::new();
            for (part, key) in [
                (Part::Room, keys.room(&room)),
                (Part::Bans, keys.bans(&room)),
                (Part::Mutes, keys.mutes(&room)),
                (Part::Hidden, keys.hidden(&room)),
                (Part::Online, keys.online(&room)),
            ] {
                let all = self.ask_at(site, &["HGETALL", &key])?.list();
                let all: Vec<Vec<u8>> = all.into_iter().map(Answer::bytes).collect();
                let pairs: Pairs = all
                    .chunks_exact(2)
                    .filter(|pair| !pair[0].starts_with(b"last:"))
                    .flatten()
                    .cloned()
                    .collect();
                if !pairs.is_empty() {
                    parts.push((part, pairs));
                }
            }
            let mut likes = Pairs::new();
            for origin in 0..self.sites.len() {
                let origin = self.sites[origin].name.clone();
                let total = self
                    .ask_at(site, &["GET", &keys.likes(&room, &origin)])?
                    .bytes();
                if !total.is_empty() {
                    likes.push(origin.as_str().as_bytes().to_vec());
                    likes.push(total);
                }
            }
            if !likes.is_empty() {
                parts.push((Part::Likes, likes));
            }
            rooms.push((room, parts));
        }
        Ok(rooms)
    }
}

fn read(entry: Answer) -> Option<RelayEntry> {
    let mut parts = entry.list().into_iter();
    let id = String::from_utf8(parts.next()?.bytes())
        .ok()?
        .parse()
        .ok()?;
    let fields = parts
        .next()?
        .list()
        .into_iter()
        .map(Answer::bytes)
        .collect();
    RelayEntry::new(id, fields)
}
