//! `tg_presence` and `tg_flush`: counters.

use super::bounds::Bounds;
use super::error::CallError;
use super::reply::{Answer, Reply};
use super::{FunctionCall, arg};
use crate::id::StreamId;
use crate::keys::Keys;
use crate::name::{NodeName, Region, RoomId};
use crate::shard::Shard;

/// Most rooms in one call of `tg_presence`.
pub const MOST_ROOMS: usize = 500;

/// How many viewers a node has in rooms of one shard. A count holds for 30 s.
#[derive(Debug, Clone, Copy)]
pub struct Presence<'a> {
    /// This region.
    pub region: &'a Region,
    /// This node.
    pub node: &'a NodeName,
    /// The shard that all the rooms lie in.
    pub shard: Shard,
    /// Rooms and viewers.
    pub counts: &'a [(RoomId, u64)],
}

impl Presence<'_> {
    /// What to send: a call for each [`MOST_ROOMS`] rooms.
    pub fn calls(&self, keys: &Keys, bounds: &Bounds) -> Vec<FunctionCall> {
        self.counts
            .chunks(MOST_ROOMS)
            .map(|chunk| {
                let mut args = vec![arg(self.region), arg(self.node)];
                args.extend(bounds.of_log());
                for (room, count) in chunk {
                    args.push(arg(room));
                    args.push(arg(count));
                }
                let names = vec![
                    keys.rooms(self.shard),
                    keys.log(self.shard, self.region),
                    keys.run(self.shard),
                ];
                FunctionCall::writing("tg_presence", names, args)
            })
            .collect()
    }

    /// What came back from one of them: the entry's id; none when no room was there and open.
    ///
    /// # Errors
    /// A refusal, arguments out of bounds, or an answer that is not one.
    pub fn answer(replies: &[Reply]) -> Result<Option<StreamId>, CallError> {
        let mut answer = Answer::begin(replies)?;
        match answer.text("id")? {
            "-" => Ok(None),
            id => id.parse().map(Some).map_err(|_| CallError::Malformed("id")),
        }
    }
}

/// Appends the likes of a shard that were counted since their room's last entry.
#[derive(Debug, Clone, Copy)]
pub struct Flush<'a> {
    /// This region.
    pub region: &'a Region,
    /// Which shard.
    pub shard: Shard,
}

impl Flush<'_> {
    /// What to send.
    pub fn call(&self, keys: &Keys, bounds: &Bounds) -> FunctionCall {
        let names = vec![
            keys.likes_appended(self.shard),
            keys.log(self.shard, self.region),
            keys.run(self.shard),
        ];
        let mut args = vec![arg(self.region)];
        args.extend(bounds.of_log());
        FunctionCall::writing("tg_flush", names, args)
    }

    /// What came back: the number of entries appended.
    ///
    /// # Errors
    /// A refusal, arguments out of bounds, or an answer that is not one.
    pub fn answer(replies: &[Reply]) -> Result<u64, CallError> {
        Answer::begin(replies)?.number("appended")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calls::reply::tests::words;
    use crate::shard::ShardCount;

    #[test]
    fn many_rooms_take_several_calls() {
        let keys = Keys::new("tg", ShardCount::new(1).unwrap());
        let counts: Vec<(RoomId, u64)> = (0..1_001)
            .map(|n| (format!("room-{n}").parse().unwrap(), n))
            .collect();
        let presence = Presence {
            region: &"eu".parse().unwrap(),
            node: &"n1".parse().unwrap(),
            shard: keys.shards().all().next().unwrap(),
            counts: &counts,
        };
        let calls = presence.calls(&keys, &Bounds::default());
        let sizes: Vec<_> = calls.iter().map(|call| call.args.len()).collect();
        assert_eq!(sizes, [1_004, 1_004, 6]);
        let none = Presence {
            counts: &[],
            ..presence
        };
        assert!(none.calls(&keys, &Bounds::default()).is_empty());
    }

    #[test]
    fn answers_are_read() {
        assert_eq!(Presence::answer(&words("-")), Ok(None));
        assert_eq!(
            Presence::answer(&words("7-1")),
            Ok(Some(StreamId { ms: 7, seq: 1 }))
        );
        assert_eq!(Flush::answer(&[Reply::Int(3)]), Ok(3));
        assert!(Flush::answer(&[]).is_err());
    }
}
