//! `tg_merge` and `tg_region`: state from another region, of which the later stamp holds.

use super::bounds::Bounds;
use super::error::CallError;
use super::reply::{Answer, Reply};
use super::{FunctionCall, arg};
use crate::keys::Keys;
use crate::name::{Region, RoomId};

/// Most pairs of one part of a room in one call.
pub const MOST_MERGED: usize = 500;

/// A part of a room, by the kind of its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Its fields, each with its stamp.
    Room,
    /// Its bans.
    Bans,
    /// Its mutes.
    Mutes,
    /// Its hidden messages.
    Hidden,
    /// Totals of likes, by origin.
    Likes,
    /// Viewers, by region and node.
    Online,
}

impl Part {
    /// The name in a call.
    fn as_str(self) -> &'static str {
        match self {
            Self::Room => "room",
            Self::Bans => "bans",
            Self::Mutes => "mutes",
            Self::Hidden => "hidden",
            Self::Likes => "likes",
            Self::Online => "online",
        }
    }
}

/// Names and values, one after the other, as they lie in a hash.
pub type Pairs = Vec<Vec<u8>>;

/// A room's state as another region has it, or some of it. Doing it twice changes nothing.
#[derive(Debug, Clone, Copy)]
pub struct Merge<'a> {
    /// This region.
    pub region: &'a Region,
    /// Whose state it is.
    pub origin: &'a Region,
    /// Which room.
    pub room: &'a RoomId,
    /// Each part at most once, at most [`MOST_MERGED`] pairs of each. A room that is not known here needs `Room` first.
    pub parts: &'a [(Part, Pairs)],
}

/// What `tg_merge` answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MergeAnswer {
    /// Whether it was done; else the same again in a moment: this region waits for what it lost.
    pub taken: bool,
    /// Things that were changed.
    pub changed: u64,
    /// Stamps more than 60 s ahead of the clock here; they hold all the same.
    pub ahead: u64,
    /// Pairs that were not understood.
    pub unread: u64,
    /// Whether this region had created the room as well, and later: it appended an entry that says so.
    pub told: u64,
}

impl Merge<'_> {
    /// What to send.
    pub fn call(&self, keys: &Keys, bounds: &Bounds) -> FunctionCall {
        let mut args = vec![arg(self.region), arg(self.origin)];
        args.extend(bounds.of_room());
        for (part, pairs) in self.parts {
            args.push(arg(part.as_str()));
            args.push(arg(pairs.len() / 2));
            args.extend(pairs.iter().take(pairs.len() / 2 * 2).cloned());
        }
        FunctionCall::writing("tg_merge", vec![keys.room(self.room)], args)
    }

    /// What came back.
    ///
    /// # Errors
    /// Arguments out of bounds, or an answer that is not one.
    pub fn answer(replies: &[Reply]) -> Result<MergeAnswer, CallError> {
        let mut answer = Answer::begin(replies)?;
        let taken = match answer.text("verdict")? {
            "taken" => true,
            "wait" => false,
            _ => return Err(CallError::Malformed("verdict")),
        };
        Ok(MergeAnswer {
            taken,
            changed: answer.number("changed")?,
            ahead: answer.number("ahead")?,
            unread: answer.number("unread")?,
            told: answer.number("told")?,
        })
    }
}

/// A region's line in `tg:regions`, as another region or an operator has it.
#[derive(Debug, Clone, Copy)]
pub struct MergeRegion<'a> {
    /// The region.
    pub name: &'a Region,
    /// JSON with `state`, `edge`, `socket` and `stamp`; at most 4,096 bytes.
    pub line: &'a str,
}

/// Whether a region's line was changed by another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegionAnswer {
    /// It was.
    pub changed: bool,
    /// Its state now: `joining`, `active` or `retired`. It only goes on, never back.
    pub state: String,
}

impl MergeRegion<'_> {
    /// What to send.
    pub fn call(&self, keys: &Keys) -> FunctionCall {
        let args = vec![arg(self.name), arg(self.line)];
        FunctionCall::writing("tg_region", vec![keys.regions()], args)
    }

    /// What came back.
    ///
    /// # Errors
    /// A line that is none, or an answer that is not one.
    pub fn answer(replies: &[Reply]) -> Result<RegionAnswer, CallError> {
        let mut answer = Answer::begin(replies)?;
        let changed = match answer.text("verdict")? {
            "changed" => true,
            "same" => false,
            _ => return Err(CallError::Malformed("verdict")),
        };
        let state = answer.text("state")?.to_owned();
        Ok(RegionAnswer { changed, state })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calls::reply::tests::words;
    use crate::shard::ShardCount;

    #[test]
    fn a_call_says_how_many_pairs_each_part_has() {
        let keys = Keys::new("tg", ShardCount::new(1).unwrap());
        let pairs = |text: &str| {
            text.split(' ')
                .map(|part| part.as_bytes().to_vec())
                .collect()
        };
        let parts = [(Part::Room, pairs("state 5.us-open")), (Part::Bans, vec![])];
        let call = Merge {
            region: &"eu".parse().unwrap(),
            origin: &"us".parse().unwrap(),
            room: &"demo".parse().unwrap(),
            parts: &parts,
        }
        .call(&keys, &Bounds::default());
        let args: Vec<_> = call
            .args
            .iter()
            .map(|arg| String::from_utf8_lossy(arg))
            .collect();
        assert_eq!(
            args.join(" "),
            "eu us 500 2000 100000 900000 room 1 state 5.us-open bans 0"
        );
    }

    #[test]
    fn answers_are_read() {
        let answer = Merge::answer(&words("taken 3 1 0 1")).unwrap();
        assert_eq!((answer.taken, answer.changed, answer.told), (true, 3, 1));
        assert!(!Merge::answer(&words("wait 0 0 0 0")).unwrap().taken);
        let answer = MergeRegion::answer(&words("changed active")).unwrap();
        assert_eq!((answer.changed, answer.state.as_str()), (true, "active"));
        assert!(MergeRegion::answer(&words("odd active")).is_err());
    }
}
