//! A node's tail: which logs it reads, from where, and what it hands to the hub.

use std::collections::BTreeMap;

use tidegate_hub::{LogEntry, Says};
use tidegate_stream::{Cursor, Entry, Region, Shard, StreamId};

use super::World;
use super::site::NoAnswer;
use crate::plan::Breakage;
use crate::redis::Answer;

/// Entries of one log in a reply; the service asks for 128.
const MOST_ENTRIES: &str = "5";
/// A read that failed is tried again after so long, ms.
const AGAIN_MS: u64 = 100;

/// What a node reads.
#[derive(Default)]
pub(super) struct Tail {
    logs: BTreeMap<Shard, BTreeMap<Region, StreamId>>,
    /// What the hub was passed over with, and not told yet.
    behind: BTreeMap<(Shard, Region), StreamId>,
    reading: bool,
    /// Something was written while it read.
    again: bool,
}

impl Tail {
    /// Reads a shard from where it was read already, or else from these positions on; which it is.
    pub(super) fn open(&mut self, shard: Shard, found: &Cursor) -> Cursor {
        let logs = self.logs.entry(shard).or_insert_with(|| {
            found
                .iter()
                .map(|(origin, id)| (origin.clone(), id))
                .collect()
        });
        logs.iter()
            .map(|(origin, &id)| (origin.clone(), id))
            .collect()
    }

    pub(super) fn close(&mut self, shard: Shard) {
        self.logs.remove(&shard);
        self.behind.retain(|(known, _), _| *known != shard);
    }
}

impl World {
    /// The last id of each origin's log.
    pub(super) fn positions_at(
        &mut self,
        site: usize,
        shard: Shard,
        origins: &[Region],
    ) -> Result<Cursor, NoAnswer> {
        let mut found = Cursor::default();
        for origin in origins {
            let log = self.keys.log(shard, origin);
            let newest = self.ask_at(site, &["XREVRANGE", &log, "+", "-", "COUNT", "1"])?;
            let id = newest
                .list()
                .into_iter()
                .next()
                .and_then(|entry| entry.list().into_iter().next())
                .and_then(|id| String::from_utf8(id.bytes()).ok()?.parse().ok());
            found.set(origin.clone(), id.unwrap_or_default());
        }
        Ok(found)
    }

    /// Something was written to a region's Redis.
    pub(super) fn wake_tails(&mut self, site: usize) {
        for number in 0..self.nodes.len() {
            if self.nodes[number].site == site {
                self.wake_tail(number);
            }
        }
    }

    pub(super) fn wake_tail(&mut self, number: usize) {
        let tail = &mut self.nodes[number].tail;
        if std::mem::replace(&mut tail.reading, true) {
            tail.again = true;
            return;
        }
        self.read_on(number);
    }

    fn read_on(&mut self, number: usize) {
        let node = &mut self.nodes[number];
        node.tail.again = false;
        if !node.up || node.tail.logs.is_empty() {
            node.tail.reading = false;
            return;
        }
        let mut words: Vec<String> = ["XREAD", "COUNT", MOST_ENTRIES, "STREAMS"]
            .map(str::to_owned)
            .into();
        let each: Vec<_> = node
            .tail
            .logs
            .iter()
            .flat_map(|(&shard, logs)| logs.iter().map(move |(origin, &id)| (shard, origin, id)))
            .map(|(shard, origin, id)| (shard, origin.clone(), id))
            .collect();
        let keys = &self.keys;
        words.extend(
            each.iter()
                .map(|(shard, origin, _)| keys.log(*shard, origin)),
        );
        words.extend(each.iter().map(|(.., id)| id.to_string()));
        self.ask_for_node(
            number,
            move |world, site| {
                let words: Vec<&str> = words.iter().map(String::as_str).collect();
                world.ask_at(site, &words)
            },
            move |world, answer| match answer {
                Ok(answer) => {
                    let found = answer != Answer::Nil;
                    world.take_reply(number, answer, &each);
                    if found || world.nodes[number].tail.again {
                        world.read_on(number);
                    } else {
                        world.nodes[number].tail.reading = false;
                    }
                }
                Err(_) => {
                    let starts = world.nodes[number].starts;
                    world.after(AGAIN_MS, move |world| {
                        if world.is_node(number, starts) {
                            world.read_on(number);
                        }
                    });
                }
            },
        );
    }

    fn take_reply(&mut self, number: usize, answer: Answer, asked: &[(Shard, Region, StreamId)]) {
        for stream in answer.list() {
            let mut parts = stream.list().into_iter();
            let key = parts.next().map(Answer::bytes).unwrap_or_default();
            let entries = parts.next().map(Answer::list).unwrap_or_default();
            let found = asked
                .iter()
                .find(|(shard, origin, _)| self.keys.log(*shard, origin).as_bytes() == key);
            let Some((shard, origin, from)) = found else {
                continue;
            };
            let known = self.nodes[number].tail.logs.get(shard);
            if known.and_then(|logs| logs.get(origin)) != Some(from) {
                // Closed, or opened anew, meanwhile.
                continue;
            }
            let mut read: Vec<LogEntry> = Vec::new();
            for entry in entries {
                let last = read.last().map_or(*from, |entry| entry.id);
                read.extend(read_entry(entry, origin, last));
            }
            self.give(number, *shard, origin, read);
        }
    }

    /// Hands entries to the hub, unless it is passed over.
    fn give(&mut self, number: usize, shard: Shard, origin: &Region, entries: Vec<LogEntry>) {
        let Some(last) = entries.last().map(|entry| entry.id) else {
            return;
        };
        let missed = self.plan.missed_of_1000;
        let missed = self.happens(missed);
        let tail = &mut self.nodes[number].tail;
        if let Some(logs) = tail.logs.get_mut(&shard) {
            logs.insert(origin.clone(), last);
        }
        let key = (shard, origin.clone());
        if missed || tail.behind.contains_key(&key) {
            if tail.behind.insert(key, last).is_none() {
                let starts = self.nodes[number].starts;
                let wait_ms = self.chance.u64(1..60);
                self.after(wait_ms, move |world| {
                    if world.is_node(number, starts) {
                        world.catch_up(number);
                    }
                });
            }
            return;
        }
        self.note(format_args!(
            "node {number} reads {} of {origin} in {shard}, to {last}",
            entries.len()
        ));
        let times = self.times(number);
        self.with_hub(number, |hub, _| hub.take(shard, origin, &entries, times));
    }

    fn catch_up(&mut self, number: usize) {
        let untold = self.plan.breakage == Some(Breakage::MissedUntold);
        for ((shard, origin), last) in std::mem::take(&mut self.nodes[number].tail.behind) {
            self.note(format_args!("node {number} missed {origin} up to {last}"));
            if untold {
                let nothing = LogEntry {
                    id: last,
                    previous: StreamId::ZERO,
                    room: None,
                    says: Says::Unknown,
                };
                let times = self.times(number);
                self.with_hub(number, |hub, _| hub.take(shard, &origin, &[nothing], times));
                continue;
            }
            self.with_hub(number, |hub, _| hub.missed(shard, &origin, last));
        }
    }

    /// Reads the logs of regions that have been added. What they wrote before counts as a hole.
    pub(super) fn follow_regions(&mut self, number: usize) {
        let node = &self.nodes[number];
        let missing: Vec<(Shard, Region)> = node
            .tail
            .logs
            .iter()
            .flat_map(|(&shard, logs)| {
                node.origins
                    .iter()
                    .filter(|origin| !logs.contains_key(*origin))
                    .map(move |origin| (shard, origin.clone()))
            })
            .collect();
        for (shard, origin) in missing {
            let asked = origin.clone();
            self.ask_for_node(
                number,
                move |world, site| world.positions_at(site, shard, &[asked]),
                move |world, found| {
                    let Ok(found) = found else { return };
                    let position = found.get(&origin);
                    let Some(logs) = world.nodes[number].tail.logs.get_mut(&shard) else {
                        return;
                    };
                    if logs.contains_key(&origin) {
                        return;
                    }
                    logs.insert(origin.clone(), position);
                    world.with_hub(number, |hub, _| hub.missed(shard, &origin, position));
                    world.wake_tail(number);
                },
            );
        }
    }
}

/// As the service reads an entry: what it cannot read keeps its place in the chain.
fn read_entry(entry: Answer, origin: &Region, last: StreamId) -> Option<LogEntry> {
    let mut parts = entry.list().into_iter();
    let id = String::from_utf8(parts.next()?.bytes())
        .ok()?
        .parse()
        .ok()?;
    let fields: Vec<Vec<u8>> = parts
        .next()?
        .list()
        .into_iter()
        .map(Answer::bytes)
        .collect();
    let pairs = || {
        fields
            .chunks_exact(2)
            .map(|pair| (pair[0].as_slice(), pair[1].as_slice()))
    };
    Some(match Entry::read(id, pairs()) {
        Ok(entry) => LogEntry::new(origin, &entry),
        Err(_) => LogEntry {
            id,
            previous: pairs()
                .find(|(name, _)| *name == b"sp")
                .and_then(|(_, value)| std::str::from_utf8(value).ok()?.parse().ok())
                .unwrap_or(last),
            room: None,
            says: Says::Unknown,
        },
    })
}
