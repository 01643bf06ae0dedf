//! The Redis Functions of `infra/redis/tidegate.lua` as calls: what to send, and what the answer says.
//!
//! Nothing here speaks to Redis. A call makes a [`FunctionCall`]; whoever has a client sends its
//! [`command`](FunctionCall::command), flattens what comes back into [`Reply`]s and hands them to the same call's
//! `answer`. Arguments and answers: `docs/redis.md`.

mod bounds;
mod control;
mod error;
mod fault;
mod join;
mod layout;
mod lease;
mod library;
mod limit;
mod merge;
mod node;
mod presence;
mod publish;
mod read;
mod relay;
mod reply;
mod rooms;
mod single;
mod swap;

pub use bounds::{Bounds, BoundsError};
pub use control::{Appended, BannedName, Control, Lasting, MOST_FIELDS, Right, Verb};
pub use error::{CallError, Refusal};
pub use fault::{Fault, Remedy};
pub use join::{Join, JoinAnswer, OriginPosition, RoomAccess, RoomFields, RoomState};
pub use layout::SetLayout;
pub use lease::{Lease, LeaseVerb, Leased, MOST_LEASE_MS};
pub use library::{HOW_TO_LOAD, Library, SOURCE, VERSION, load_command};
pub use limit::{Limit, LimitAnswer, MOST_POLICIES, PolicyLine, Standing};
pub use merge::{MOST_MERGED, Merge, MergeAnswer, MergeRegion, Pairs, Part, RegionAnswer};
pub use node::{Listed as NodeListed, NODE_LIVES_MS, NODE_SILENT_MS, NodeLine};
pub use presence::{Flush, MOST_ROOMS, Presence};
pub use publish::{Publish, PublishFlags, Published, Receipt, UnknownKind};
pub use read::{After, MOST_BYTES, MOST_ENTRIES, OriginPage, Read, Verdict};
pub use relay::{Gap, MOST_RELAYED, Relay, RelayAnswer, RelayEntry, Verdict as RelayVerdict};
pub use reply::Reply;
pub use rooms::{CountRooms, ListRooms, Listed, ListedRoom, MOST_LISTED, Place};
pub use single::{Clock, Version, Whole};
pub use swap::{Swap, Swapped};

/// One call of a function, ready to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FunctionCall {
    /// The function's name.
    pub name: &'static str,
    /// Its keys.
    pub keys: Vec<String>,
    /// Its arguments.
    pub args: Vec<Vec<u8>>,
    /// Whether it only reads: it then also works on a full Redis and on a replica.
    pub read_only: bool,
}

impl FunctionCall {
    fn writing(name: &'static str, keys: Vec<String>, args: Vec<Vec<u8>>) -> Self {
        Self {
            name,
            keys,
            args,
            read_only: false,
        }
    }

    fn reading(name: &'static str, keys: Vec<String>, args: Vec<Vec<u8>>) -> Self {
        Self {
            name,
            keys,
            args,
            read_only: true,
        }
    }

    /// The command's verb: `FCALL`, or `FCALL_RO` when it only reads.
    pub fn verb(&self) -> &'static str {
        if self.read_only { "FCALL_RO" } else { "FCALL" }
    }

    /// What follows the verb: name, number of keys, keys, arguments.
    pub fn arguments(&self) -> impl Iterator<Item = Vec<u8>> + '_ {
        let head = [
            self.name.as_bytes().to_vec(),
            self.keys.len().to_string().into_bytes(),
        ];
        let keys = self.keys.iter().map(|key| key.clone().into_bytes());
        head.into_iter()
            .chain(keys)
            .chain(self.args.iter().cloned())
    }

    /// The whole command, verb first.
    pub fn command(&self) -> Vec<Vec<u8>> {
        std::iter::once(self.verb().as_bytes().to_vec())
            .chain(self.arguments())
            .collect()
    }
}

/// Arguments as bytes, from anything that can be written.
fn arg(value: impl std::fmt::Display) -> Vec<u8> {
    value.to_string().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_counts_its_keys() {
        let call = FunctionCall::reading("tg_x", vec!["k".into()], vec![arg(7)]);
        let words: Vec<_> = call
            .command()
            .into_iter()
            .map(|word| String::from_utf8(word).unwrap())
            .collect();
        assert_eq!(words, ["FCALL_RO", "tg_x", "1", "k", "7"]);
        assert_eq!(
            FunctionCall::writing("tg_x", vec![], vec![]).verb(),
            "FCALL"
        );
    }
}
