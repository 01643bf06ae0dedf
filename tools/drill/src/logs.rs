//! What regions hold: every shard's log of every origin, and the state of rooms.

use std::collections::HashSet;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use redis::{Connection, Value};
use tidegate_stream::{Keys, Region, RoomId, ShardCount, StreamId};

use crate::ledger::Acknowledged;
use crate::outage::Fate;
use crate::script::Place;

/// How long regions may take to hold the same.
pub const PATIENCE: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(20);
/// Shards of a deployment that nobody configured otherwise.
const SHARDS: u16 = tidegate_stream::shard::DEFAULT_SHARDS;

/// The Redis of every region.
pub struct Logs {
    places: Vec<(Region, String)>,
    keys: Keys,
    rooms: Vec<RoomId>,
}

/// Last ids, by origin and then by shard.
type Ends = Vec<Vec<StreamId>>;

impl Logs {
    /// Of these regions.
    ///
    /// # Errors
    /// When a name is none.
    pub fn new(places: &[Place], prefix: &str, rooms: &[String]) -> Result<Self> {
        let shards = ShardCount::new(SHARDS).context("the number of shards is out of range")?;
        Ok(Self {
            places: (places.iter())
                .map(|place| Ok((place.name.parse()?, place.redis.clone())))
                .collect::<Result<_>>()?,
            keys: Keys::new(prefix, shards),
            rooms: rooms
                .iter()
                .map(|room| Ok(room.parse()?))
                .collect::<Result<_>>()?,
        })
    }

    fn open(&self, place: usize) -> Result<Connection> {
        let client = redis::Client::open(self.places[place].1.as_str())?;
        let wait = Duration::from_secs(2);
        let connection = client.get_connection_with_timeout(wait)?;
        connection.set_read_timeout(Some(Duration::from_secs(10)))?;
        Ok(connection)
    }

    /// The ends of one origin's logs in one region.
    fn ends(&self, connection: &mut Connection, origin: usize) -> Result<Vec<StreamId>> {
        let mut pipe = redis::pipe();
        for shard in self.keys.shards().all() {
            let log = self.keys.log(shard, &self.places[origin].0);
            pipe.cmd("XREVRANGE")
                .arg(log)
                .arg("+")
                .arg("-")
                .arg("COUNT")
                .arg(1);
        }
        let answers: Vec<Vec<(String, Value)>> = pipe.query(connection)?;
        let id = |answer: &Vec<(String, Value)>| match answer.first() {
            Some((id, _)) => Ok(id.parse()?),
            None => Ok(StreamId::default()),
        };
        answers.iter().map(id).collect()
    }

    /// Where every origin's own logs end now.
    ///
    /// # Errors
    /// When a Redis does not answer.
    pub fn own_ends(&self) -> Result<Ends> {
        (0..self.places.len())
            .map(|origin| self.ends(&mut self.open(origin)?, origin))
            .collect()
    }

    /// Waits until every region has copied up to these ends.
    ///
    /// # Errors
    /// When not in time; what a Redis said last, if it was that.
    pub fn wait_for(&self, ends: &Ends, since: Instant) -> Result<Duration> {
        loop {
            let reached = self.have_reached(ends);
            if matches!(reached, Ok(true)) {
                return Ok(since.elapsed());
            }
            if since.elapsed() > PATIENCE {
                reached?;
                anyhow::bail!("copies were not complete within {} s", PATIENCE.as_secs());
            }
            thread::sleep(LOOK);
        }
    }

    /// Where each of these messages lies now, in their order.
    ///
    /// # Errors
    /// When a Redis does not answer.
    pub fn fates(&self, messages: &[&Acknowledged]) -> Result<Vec<Fate>> {
        let held: Vec<HashSet<(String, StreamId)>> = (0..self.places.len())
            .map(|place| self.held(place))
            .collect::<Result<_>>()?;
        let fate = |message: &&Acknowledged| {
            let (room, id) = (&self.rooms[message.room], &message.id);
            let entry = (self.keys.log(self.keys.shard(room), &id.origin), id.id);
            let has = |place: usize| held[place].contains(&entry);
            let own = (self.places.iter()).position(|(region, _)| *region == id.origin);
            match own.is_some_and(has) {
                true => Fate::Kept,
                false if (0..held.len()).any(has) => Fate::Elsewhere,
                false => Fate::Gone,
            }
        };
        Ok(messages.iter().map(fate).collect())
    }

    /// All ids that a region has, with the log that each lies in.
    fn held(&self, place: usize) -> Result<HashSet<(String, StreamId)>> {
        let mut connection = self.open(place)?;
        let mut held = HashSet::new();
        for (origin, _) in &self.places {
            for shard in self.keys.shards().all() {
                let log = self.keys.log(shard, origin);
                let rows: Vec<(String, Value)> =
                    (redis::cmd("XRANGE").arg(&log).arg("-").arg("+")).query(&mut connection)?;
                for (id, _) in rows {
                    held.insert((log.clone(), id.parse()?));
                }
            }
        }
        Ok(held)
    }

    fn have_reached(&self, ends: &Ends) -> Result<bool> {
        for place in 0..self.places.len() {
            let mut connection = self.open(place)?;
            for (origin, ends) in ends.iter().enumerate() {
                let here = self.ends(&mut connection, origin)?;
                if here.iter().zip(ends).any(|(here, end)| here < end) {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    /// What the regions hold differently, in sentences: entries of logs up to these ends, rooms, bans, mutes, likes.
    ///
    /// # Errors
    /// When a Redis does not answer.
    pub fn differences(&self, ends: &Ends) -> Result<Vec<String>> {
        let mut different = Vec::new();
        let mut first = self.open(0)?;
        for place in 1..self.places.len() {
            let mut other = self.open(place)?;
            let (one, two) = (&self.places[0].0, &self.places[place].0);
            for (origin, ends) in ends.iter().enumerate() {
                let origin = &self.places[origin].0;
                for (shard, end) in self.keys.shards().all().zip(ends) {
                    let log = self.keys.log(shard, origin);
                    let here = entries(&mut first, &log, *end)?;
                    let there = entries(&mut other, &log, *end)?;
                    if here != there {
                        different.push(format!(
                            "{log}: {one} has {} entries, {two} {}; the first that differs is number {}",
                            here.len(),
                            there.len(),
                            here.iter().zip(&there).take_while(|(a, b)| a == b).count()
                        ));
                    }
                }
            }
            for room in &self.rooms {
                for key in self.state_keys(room) {
                    let (here, there) = (state(&mut first, &key)?, state(&mut other, &key)?);
                    if here != there {
                        let of = |these: &[String], those: &[String]| -> Vec<String> {
                            these
                                .iter()
                                .filter(|one| !those.contains(one))
                                .cloned()
                                .collect()
                        };
                        different.push(format!(
                            "{key}: {one} has {:?}, {two} {:?}",
                            of(&here, &there),
                            of(&there, &here)
                        ));
                    }
                }
            }
        }
        Ok(different)
    }

    fn state_keys(&self, room: &RoomId) -> Vec<String> {
        let keys = &self.keys;
        let mut all = vec![keys.room(room), keys.bans(room), keys.mutes(room)];
        all.extend(
            self.places
                .iter()
                .map(|(region, _)| keys.likes(room, region)),
        );
        all
    }
}

/// A log's entries up to an end.
fn entries(
    connection: &mut Connection,
    log: &str,
    end: StreamId,
) -> Result<Vec<(String, Vec<Vec<u8>>)>> {
    let mut command = redis::cmd("XRANGE");
    command.arg(log).arg("-").arg(end.to_string());
    Ok(command.query(connection)?)
}

/// A hash as sorted lines, or a string as one.
fn state(connection: &mut Connection, key: &str) -> Result<Vec<String>> {
    let kind: String = redis::cmd("TYPE").arg(key).query(connection)?;
    let mut lines = match kind.as_str() {
        "hash" => {
            let pairs: Vec<(String, String)> = redis::cmd("HGETALL").arg(key).query(connection)?;
            pairs
                .into_iter()
                .map(|(field, value)| format!("{field}={value}"))
                .collect()
        }
        "string" => vec![redis::cmd("GET").arg(key).query::<String>(connection)?],
        _ => Vec::new(),
    };
    lines.sort();
    Ok(lines)
}
