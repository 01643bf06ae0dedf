//! Everything that was ever appended, by whom it is still held, and what viewers may rely on.

use std::collections::BTreeMap;

use tidegate_stream::{Entry, Kind, Lane, MessageId, RoomId, StreamId};

use crate::redis::Added;
use crate::report::Tally;
use crate::world::NAMES;

/// An entry of one region's log.
#[derive(Debug, Clone)]
pub(crate) struct Given {
    pub(crate) entry: Entry,
    /// Its fields, as one number: copies have the same.
    print: u64,
    /// Its own region still has it, or trimmed it in good order.
    pub(crate) here: bool,
    /// Which other regions have it, or had it until they trimmed it.
    pub(crate) copies: [bool; NAMES.len()],
    acknowledged: bool,
}

impl Given {
    pub(super) fn is_chat(&self) -> bool {
        self.entry.kind.lane() == Some(Lane::Chat)
    }
}

/// What one region ever appended to one shard's log.
#[derive(Debug, Default)]
pub(crate) struct LogOf {
    pub(crate) entries: BTreeMap<StreamId, Given>,
    /// Gaps that relays wrote into copies, by region.
    pub(crate) gaps: Vec<(usize, StreamId)>,
}

/// By shard, as its key names it, and origin.
pub(crate) struct Ledger {
    pub(crate) logs: BTreeMap<(String, usize), LogOf>,
    pub(super) sites: usize,
}

pub(super) fn site_of(name: &str) -> Option<usize> {
    NAMES.iter().position(|known| *known == name)
}

/// The shard and the origin of a log, from its key; none of other streams.
fn log_of(key: &[u8]) -> Option<(String, usize)> {
    let key = std::str::from_utf8(key).ok()?;
    let (shard, origin) = key.split_once(":log:")?;
    Some((shard.to_owned(), site_of(origin)?))
}

fn print(fields: &[Vec<u8>]) -> u64 {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for part in fields {
        for byte in part.iter().chain(&[0]) {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    hash
}

fn read(added: &Added) -> Result<Entry, String> {
    let pairs = added
        .fields
        .chunks_exact(2)
        .map(|pair| (pair[0].as_slice(), pair[1].as_slice()));
    Entry::read(added.id, pairs).map_err(|error| format!("{}: {error}", added.id))
}

impl Ledger {
    pub(crate) fn new(sites: usize) -> Self {
        Self {
            logs: BTreeMap::new(),
            sites,
        }
    }

    /// A region's Redis has appended.
    pub(crate) fn added(
        &mut self,
        site: usize,
        added: &[Added],
        tally: &mut Tally,
    ) -> Result<(), String> {
        for one in added {
            let Some((shard, origin)) = log_of(&one.key) else {
                continue;
            };
            let entry = read(one)?;
            if entry.kind == Kind::Gap {
                tally.gaps += 1;
                let log = self.logs.entry((shard, origin)).or_default();
                log.gaps.push((site, one.id));
            } else if site == origin {
                self.own(shard, origin, one, entry, tally)?;
            } else {
                self.copied(shard, site, origin, one)?;
            }
        }
        Ok(())
    }

    fn own(
        &mut self,
        shard: String,
        origin: usize,
        added: &Added,
        entry: Entry,
        tally: &mut Tally,
    ) -> Result<(), String> {
        let id = added.id;
        let print = print(&added.fields);
        let log = self.logs.entry((shard.clone(), origin)).or_default();
        if let Some(known) = log.entries.get_mut(&id) {
            if known.here || known.print != print {
                return Err(format!("{}-{id} was given twice", NAMES[origin]));
            }
            known.here = true;
            tally.taken_back += 1;
            return Ok(());
        }
        if let Some((last, _)) = log.entries.last_key_value()
            && id < *last
        {
            return Err(format!("{}-{id} was given after {last}", NAMES[origin]));
        }
        self.check_once(&shard, origin, &entry)?;
        tally.appended += u64::from(entry.kind.lane().is_some());
        let given = Given {
            entry,
            print,
            here: true,
            copies: [false; NAMES.len()],
            acknowledged: false,
        };
        let log = self.logs.entry((shard, origin)).or_default();
        log.entries.insert(id, given);
        Ok(())
    }

    /// A key is used once in its region, and wherever its entry has arrived.
    fn check_once(&self, shard: &str, site: usize, entry: &Entry) -> Result<(), String> {
        if entry.key.is_empty() {
            return Ok(());
        }
        for (origin, name) in NAMES.iter().enumerate().take(self.sites) {
            let Some(log) = self.logs.get(&(shard.to_owned(), origin)) else {
                continue;
            };
            let earlier = log.entries.values().find(|given| {
                let held = if origin == site {
                    given.here
                } else {
                    given.copies[site]
                };
                held && given.entry.key == entry.key
                    && given.entry.sub == entry.sub
                    && given.entry.room == entry.room
            });
            if let Some(earlier) = earlier {
                return Err(format!(
                    "the key of {}-{} was used again: {}-{}",
                    name, earlier.entry.id, NAMES[site], entry.id
                ));
            }
        }
        Ok(())
    }

    fn copied(
        &mut self,
        shard: String,
        site: usize,
        origin: usize,
        added: &Added,
    ) -> Result<(), String> {
        let id = added.id;
        let log = self.logs.entry((shard, origin)).or_default();
        let Some(known) = log.entries.get_mut(&id) else {
            return Err(format!(
                "{} has {}-{id}, which was never given",
                NAMES[site], NAMES[origin]
            ));
        };
        if known.print != print(&added.fields) {
            return Err(format!(
                "{}-{id} is another one in {}",
                NAMES[origin], NAMES[site]
            ));
        }
        if known.copies[site] {
            return Err(format!(
                "{}-{id} came to {} twice",
                NAMES[origin], NAMES[site]
            ));
        }
        known.copies[site] = true;
        Ok(())
    }

    /// A region's Redis has lost what it had appended last.
    pub(crate) fn rolled_back(&mut self, site: usize, gone: &[Added]) {
        for one in gone {
            let Some((shard, origin)) = log_of(&one.key) else {
                continue;
            };
            let Some(log) = self.logs.get_mut(&(shard, origin)) else {
                continue;
            };
            if let Some(at) = log.gaps.iter().position(|gap| *gap == (site, one.id)) {
                log.gaps.remove(at);
            } else if let Some(known) = log.entries.get_mut(&one.id) {
                if site == origin {
                    known.here = false;
                } else {
                    known.copies[site] = false;
                }
            }
        }
    }

    /// A publish was answered.
    pub(crate) fn acknowledged(
        &mut self,
        site: usize,
        id: &MessageId,
        data: &str,
        tries: u32,
    ) -> Result<(), String> {
        let found = self
            .logs
            .iter_mut()
            .filter(|((_, origin), _)| NAMES[*origin] == id.origin.as_str())
            .find_map(|(_, log)| {
                log.entries
                    .get_mut(&id.id)
                    .filter(|given| data.is_empty() || given.entry.data == data)
            });
        match found {
            Some(given) => {
                given.acknowledged = true;
                Ok(())
            }
            None => Err(format!(
                "{} acknowledged {data} as {id} at try {tries}, which is not that",
                NAMES[site]
            )),
        }
    }

    /// What was acknowledged: how many, and how many of these nobody has.
    pub(crate) fn lost(&self) -> u64 {
        self.logs
            .values()
            .flat_map(|log| log.entries.values())
            .filter(|given| given.acknowledged && !given.here && !given.copies.contains(&true))
            .count() as u64
    }

    /// Whether a region still has, or trimmed in good order, what it appended.
    pub(crate) fn is_here(&self, origin: usize, id: StreamId) -> bool {
        self.logs
            .iter()
            .filter(|((_, known), _)| *known == origin)
            .any(|(_, log)| log.entries.get(&id).is_some_and(|given| given.here))
    }

    /// The content of a room's orders of a kind that any region has.
    pub(crate) fn known_orders(&self, kind: Kind, room: &RoomId) -> impl Iterator<Item = &str> {
        self.logs
            .values()
            .flat_map(|log| log.entries.values())
            .filter(move |given| {
                given.entry.kind == kind
                    && given.entry.room.as_ref() == Some(room)
                    && (given.here || given.copies.contains(&true))
            })
            .map(|given| given.entry.data.as_str())
    }
}
