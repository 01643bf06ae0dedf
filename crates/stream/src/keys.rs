//! The one place where keys are named.

use crate::digest;
use crate::entry::Lane;
use crate::name::{Region, RoomId, Subject};
use crate::shard::{Shard, ShardCount};

/// Makes the keys of one deployment.
#[derive(Debug, Clone)]
pub struct Keys {
    prefix: String,
    shards: ShardCount,
}

impl Keys {
    /// Keys under a prefix (`tg` by default), over so many shards.
    pub fn new(prefix: impl Into<String>, shards: ShardCount) -> Self {
        Self {
            prefix: prefix.into(),
            shards,
        }
    }

    /// What every key begins with.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// How many shards there are.
    pub fn shards(&self) -> ShardCount {
        self.shards
    }

    /// The shard of a room.
    pub fn shard(&self, room: &RoomId) -> Shard {
        self.shards.of(room)
    }

    /// Hash: version and number of shards.
    pub fn layout(&self) -> String {
        format!("{}:layout", self.prefix)
    }

    /// Hash: the regions and their states.
    pub fn regions(&self) -> String {
        format!("{}:regions", self.prefix)
    }

    /// Hash: the fan-out nodes of a region.
    pub fn nodes(&self, region: &Region) -> String {
        format!("{}:nodes:{region}", self.prefix)
    }

    /// String: the greatest Redis time seen.
    pub fn clock(&self) -> String {
        format!("{}:clock", self.prefix)
    }

    /// String: what `/readyz` writes.
    pub fn ready(&self) -> String {
        format!("{}:ready", self.prefix)
    }

    /// Hash: moderation rules of a namespace.
    pub fn rules(&self, namespace: &str) -> String {
        format!("{}:rules:{namespace}", self.prefix)
    }

    /// Hash: settings of a namespace.
    pub fn namespace(&self, namespace: &str) -> String {
        format!("{}:ns:{namespace}", self.prefix)
    }

    /// Hash: routes to upstreams, and their pools.
    pub fn routes(&self) -> String {
        format!("{}:routes", self.prefix)
    }

    /// String: what edges tell each other of a pool of upstreams.
    pub fn pool(&self, name: &str) -> String {
        format!("{}:up:{name}", self.prefix)
    }

    /// String: an upstream's answer, kept for when it fails, by what tells it from others.
    pub fn stale(&self, parts: &[&str]) -> String {
        format!("{}:stale:{}", self.prefix, digest::joined(parts))
    }

    /// String: the keys fetched from the issuer's address.
    pub fn key_sets(&self) -> String {
        format!("{}:jwks", self.prefix)
    }

    /// String: there while one instance fetches them, and for a while after.
    pub fn key_sets_turn(&self) -> String {
        format!("{}:jwks:turn", self.prefix)
    }

    /// String: GCRA state of one policy and partition.
    pub fn limit(&self, policy: &str, partition: &str) -> String {
        format!("{}:limit:{policy}:{partition}", self.prefix)
    }

    fn of_shard(&self, shard: Shard, rest: &str) -> String {
        format!("{}:{{{shard}}}:{rest}", self.prefix)
    }

    /// Stream: every entry of the shard from one region.
    pub fn log(&self, shard: Shard, origin: &Region) -> String {
        self.of_shard(shard, &format!("log:{origin}"))
    }

    /// Zset: the shard's rooms by viewers.
    pub fn rooms(&self, shard: Shard) -> String {
        self.of_shard(shard, "rooms")
    }

    /// Hash: namespace -> rooms of it in the shard.
    pub fn namespaces(&self, shard: Shard) -> String {
        self.of_shard(shard, "ns")
    }

    /// String: below this id a region's history may be missing here.
    pub fn floor(&self, shard: Shard, origin: &Region) -> String {
        self.of_shard(shard, &format!("floor:{origin}"))
    }

    /// Hash: the Redis run that last appended.
    pub fn run(&self, shard: Shard) -> String {
        self.of_shard(shard, "run")
    }

    /// Hash: who copies a region's log of this shard here.
    pub fn relay(&self, shard: Shard, origin: &Region) -> String {
        self.of_shard(shard, &format!("relay:{origin}"))
    }

    /// Hash: room -> likes last appended.
    pub fn likes_appended(&self, shard: Shard) -> String {
        self.of_shard(shard, "likes")
    }

    /// Hash: a room's settings and state.
    pub fn room(&self, room: &RoomId) -> String {
        self.of_shard(self.shard(room), &format!("room:{room}"))
    }

    fn of_room(&self, room: &RoomId, rest: &str) -> String {
        self.of_shard(self.shard(room), &format!("room:{room}:{rest}"))
    }

    /// Stream: a room's entries of one lane from one region. `control` and `gift` share one.
    pub fn lane(&self, room: &RoomId, lane: Lane, origin: &Region) -> String {
        self.of_room(room, &format!("{}:{origin}", lane.stream()))
    }

    /// Hash: user -> ban.
    pub fn bans(&self, room: &RoomId) -> String {
        self.of_room(room, "bans")
    }

    /// Hash: user -> mute.
    pub fn mutes(&self, room: &RoomId) -> String {
        self.of_room(room, "mutes")
    }

    /// String: running total of likes from one region.
    pub fn likes(&self, room: &RoomId, origin: &Region) -> String {
        self.of_room(room, &format!("likes:{origin}"))
    }

    /// Hash: region and node -> viewers.
    pub fn online(&self, room: &RoomId) -> String {
        self.of_room(room, "online")
    }

    /// Hash: message id -> stamp of its hiding.
    pub fn hidden(&self, room: &RoomId) -> String {
        self.of_room(room, "hidden")
    }

    /// String: the answer to a publish with an idempotency key.
    pub fn once(&self, room: &RoomId, subject: &Subject, key: &str) -> String {
        let digits = self.once_digits(room.as_str(), subject.as_str(), key);
        self.of_shard(self.shard(room), &format!("once:{digits}"))
    }

    /// What tells one idempotency key from another in their names.
    pub(crate) fn once_digits(&self, room: &str, subject: &str, key: &str) -> String {
        digest::joined(&[room, subject, key])
    }

    /// String: slow mode of one subject.
    pub fn slow(&self, room: &RoomId, subject: &Subject) -> String {
        let hex = digest::joined(&[room.as_str(), subject.as_str()]);
        self.of_shard(self.shard(room), &format!("slow:{hex}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_those_of_the_document() {
        let keys = Keys::new("tg", ShardCount::default());
        let room: RoomId = "demo.lobby".parse().unwrap();
        let region: Region = "eu".parse().unwrap();
        let shard = keys.shard(&room);
        assert_eq!(keys.log(shard, &region), format!("tg:{{{shard}}}:log:eu"));
        assert_eq!(keys.room(&room), format!("tg:{{{shard}}}:room:demo.lobby"));
        assert_eq!(
            keys.lane(&room, Lane::Gift, &region),
            keys.lane(&room, Lane::Control, &region)
        );
        assert_eq!(
            keys.lane(&room, Lane::Chat, &region),
            format!("tg:{{{shard}}}:room:demo.lobby:chat:eu")
        );
    }
}
