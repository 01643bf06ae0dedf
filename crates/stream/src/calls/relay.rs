//! `tg_relay` and `tg_gap`: another region's log, copied here with its ids.

use super::bounds::Bounds;
use super::error::CallError;
use super::reply::{Answer, Reply};
use super::{FunctionCall, arg};
use crate::id::StreamId;
use crate::keys::Keys;
use crate::name::Region;
use crate::shard::Shard;

/// Most entries in one call of `tg_relay`.
pub const MOST_RELAYED: usize = 32;
/// Most strings (names and values) of one entry.
const MOST_STRINGS: usize = 64;

/// An entry as it lies in its origin's log: every field, also those that this version does not know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelayEntry {
    id: StreamId,
    previous: Option<StreamId>,
    at_ms: u64,
    bytes: usize,
    fields: Vec<Vec<u8>>,
}

impl RelayEntry {
    /// An entry from its names and values, in their order; none when they do not come in pairs, or are more than 32.
    pub fn new(id: StreamId, fields: Vec<Vec<u8>>) -> Option<Self> {
        if fields.is_empty() || !fields.len().is_multiple_of(2) || fields.len() > MOST_STRINGS {
            return None;
        }
        let mut entry = Self {
            id,
            previous: None,
            at_ms: 0,
            bytes: fields.iter().map(|part| part.len() + PART_BYTES).sum(),
            fields,
        };
        entry.previous = entry.text("sp").and_then(|text| text.parse().ok());
        entry.at_ms = entry
            .text("at_ms")
            .and_then(|text| text.parse().ok())
            .unwrap_or_default();
        Some(entry)
    }

    /// Its id.
    pub fn id(&self) -> StreamId {
        self.id
    }

    /// The id before it in the log (`sp`); none when no function wrote it.
    pub fn previous(&self) -> Option<StreamId> {
        self.previous
    }

    /// When it was appended, by the clock of the Redis that did, in ms.
    pub fn at_ms(&self) -> u64 {
        self.at_ms
    }

    /// What it takes in memory, about.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.fields
            .chunks_exact(2)
            .find(|pair| pair[0] == name.as_bytes())
            .and_then(|pair| std::str::from_utf8(&pair[1]).ok())
    }

    /// The digits of its idempotency key; empty when it has none.
    fn once(&self, keys: &Keys) -> String {
        let part = |name| self.text(name).unwrap_or_default();
        match part("key") {
            "" => String::new(),
            key => keys.once_digits(part("room"), part("sub"), key),
        }
    }
}

/// What a string costs beside its bytes, in memory.
const PART_BYTES: usize = 24;

/// A copy of entries of one shard from one origin, in the order of their ids.
#[derive(Debug, Clone, Copy)]
pub struct Relay<'a> {
    /// This region.
    pub region: &'a Region,
    /// Whose log it is.
    pub origin: &'a Region,
    /// Which shard.
    pub shard: Shard,
    /// The number of the lease, or 0 without one.
    pub fence: u64,
    /// At most [`MOST_RELAYED`].
    pub entries: &'a [RelayEntry],
}

/// What became of a copy. It stops at the first entry that does not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// All were taken, or were there.
    Taken,
    /// The next one names a predecessor that is not here: read again from the last id.
    Hole,
    /// This region waits for what it lost: the same again in a moment.
    Wait,
    /// Somebody else has taken the lease over.
    Fenced,
}

/// What `tg_relay` answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RelayAnswer {
    /// What became of it.
    pub verdict: Verdict,
    /// The copy's last id now.
    pub last: StreamId,
    /// Entries that were appended.
    pub appended: u64,
    /// Entries that were there already.
    pub repeats: u64,
    /// Appended entries whose origin had lost its tail before them.
    pub rewound: u64,
    /// Stamps more than 60 s ahead of the clock here; they hold all the same.
    pub ahead: u64,
    /// Entries that were copied, but whose content was not understood.
    pub unread: u64,
    /// Rooms that this region had created as well, and later: it appended an entry that says so.
    pub told: u64,
}

impl Verdict {
    fn read(answer: &mut Answer<'_>) -> Result<Self, CallError> {
        match answer.text("verdict")? {
            "taken" => Ok(Self::Taken),
            "hole" => Ok(Self::Hole),
            "wait" => Ok(Self::Wait),
            "fenced" => Ok(Self::Fenced),
            _ => Err(CallError::Malformed("verdict")),
        }
    }
}

impl Relay<'_> {
    /// What to send.
    pub fn call(&self, keys: &Keys, bounds: &Bounds) -> FunctionCall {
        let mut args = Vec::new();
        self.arguments(keys, bounds, |argument| args.push(argument.to_vec()));
        let names = vec![keys.log(self.shard, self.origin)];
        FunctionCall::writing("tg_relay", names, args)
    }

    /// The whole command, word by word, without a copy of what lies in the entries: a relay sends millions of them.
    pub fn command(&self, keys: &Keys, bounds: &Bounds, mut word: impl FnMut(&[u8])) {
        for part in ["FCALL", "tg_relay", "1"] {
            word(part.as_bytes());
        }
        word(keys.log(self.shard, self.origin).as_bytes());
        self.arguments(keys, bounds, word);
    }

    fn arguments(&self, keys: &Keys, bounds: &Bounds, mut word: impl FnMut(&[u8])) {
        word(self.region.as_str().as_bytes());
        word(self.origin.as_str().as_bytes());
        word(&arg(self.fence));
        for bound in bounds.of_room() {
            word(&bound);
        }
        for entry in self.entries {
            word(&arg(entry.id));
            word(entry.once(keys).as_bytes());
            word(&arg(entry.fields.len()));
            for part in &entry.fields {
                word(part);
            }
        }
    }

    /// What came back.
    ///
    /// # Errors
    /// Arguments out of bounds, or an answer that is not one.
    pub fn answer(replies: &[Reply]) -> Result<RelayAnswer, CallError> {
        let mut answer = Answer::begin(replies)?;
        Ok(RelayAnswer {
            verdict: Verdict::read(&mut answer)?,
            last: answer.parse("last")?,
            appended: answer.number("appended")?,
            repeats: answer.number("repeats")?,
            rewound: answer.number("rewound")?,
            ahead: answer.number("ahead")?,
            unread: answer.number("unread")?,
            told: answer.number("told")?,
        })
    }
}

/// The word that entries between the copy's end and an id are gone at their origin.
#[derive(Debug, Clone, Copy)]
pub struct Gap<'a> {
    /// This region.
    pub region: &'a Region,
    /// Whose log it is.
    pub origin: &'a Region,
    /// Which shard.
    pub shard: Shard,
    /// The number of the lease, or 0 without one.
    pub fence: u64,
    /// The copy's last id, as far as the caller knows.
    pub last: StreamId,
    /// The id to go on from: the `sp` of the first entry that the origin still has.
    pub upto: StreamId,
}

impl Gap<'_> {
    /// What to send.
    pub fn call(&self, keys: &Keys, bounds: &Bounds) -> FunctionCall {
        let mut args = vec![arg(self.region), arg(self.origin), arg(self.fence)];
        args.extend(bounds.of_room());
        args.extend([arg(self.last), arg(self.upto)]);
        let names = vec![keys.log(self.shard, self.origin)];
        FunctionCall::writing("tg_gap", names, args)
    }

    /// What came back: `Taken`, `Hole` when the copy's last id is another, `Fenced`; and the copy's last id now.
    ///
    /// # Errors
    /// Arguments out of bounds, or an answer that is not one.
    pub fn answer(replies: &[Reply]) -> Result<(Verdict, StreamId), CallError> {
        let mut answer = Answer::begin(replies)?;
        Ok((Verdict::read(&mut answer)?, answer.parse("last")?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calls::reply::tests::words;
    use crate::shard::ShardCount;

    fn entry(id: &str, text: &str) -> Option<RelayEntry> {
        let fields = text.split(' ').map(|part| part.as_bytes().to_vec());
        RelayEntry::new(id.parse().unwrap(), fields.collect())
    }

    #[test]
    fn a_call_carries_every_field_as_it_is() {
        let keys = Keys::new("tg", ShardCount::new(1).unwrap());
        let entries = [
            entry(
                "7-1",
                "v 1 room demo sub bob key k1 at_ms 5 sp 6-0 mood new",
            )
            .unwrap(),
            entry("7-2", "v 1 room demo at_ms 6 sp 7-1").unwrap(),
        ];
        let shard = keys.shards().all().next().unwrap();
        let (region, origin) = ("eu".parse().unwrap(), "us".parse().unwrap());
        let call = Relay {
            region: &region,
            origin: &origin,
            shard,
            fence: 3,
            entries: &entries,
        }
        .call(&keys, &Bounds::default());
        let args: Vec<_> = call
            .args
            .iter()
            .map(|arg| String::from_utf8_lossy(arg))
            .collect();
        let mut words = Vec::new();
        let relay = Relay {
            region: &region,
            origin: &origin,
            shard,
            fence: 3,
            entries: &entries,
        };
        relay.command(&keys, &Bounds::default(), |word| words.push(word.to_vec()));
        assert_eq!(words, call.command());
        let once = keys.once_digits("demo", "bob", "k1");
        assert_eq!(call.keys, ["tg:{00}:log:us"]);
        assert_eq!(
            args.join(" "),
            format!(
                "eu us 3 500 2000 100000 900000 7-1 {once} 14 v 1 room demo sub bob key k1 at_ms 5 sp 6-0 mood new \
                 7-2  8 v 1 room demo at_ms 6 sp 7-1"
            )
        );
        assert_eq!(entries[0].previous(), Some(StreamId { ms: 6, seq: 0 }));
        assert_eq!(entries[1].at_ms(), 6);
    }

    #[test]
    fn what_cannot_be_copied_is_no_entry() {
        assert!(entry("7-1", "v").is_none());
        assert!(entry("7-1", &["a"; 66].join(" ")).is_none());
        assert!(RelayEntry::new(StreamId::ZERO, vec![]).is_none());
        let foreign = entry("7-1", "hello world sp never").unwrap();
        assert_eq!((foreign.previous(), foreign.at_ms()), (None, 0));
    }

    #[test]
    fn answers_are_read() {
        let answer = Relay::answer(&words("hole 7-1 3 1 0 0 0 2")).unwrap();
        assert_eq!((answer.verdict, answer.appended), (Verdict::Hole, 3));
        assert_eq!((answer.repeats, answer.told), (1, 2));
        for bad in [
            "taken",
            "taken 7-1 1",
            "odd 7-1 1 1 1 1 1 1",
            "refused bad_call no 0",
        ] {
            assert!(Relay::answer(&words(bad)).is_err(), "{bad}");
        }
        let gap = Gap::answer(&words("taken 9-0"));
        assert_eq!(gap, Ok((Verdict::Taken, StreamId { ms: 9, seq: 0 })));
    }
}
