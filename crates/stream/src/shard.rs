//! Shards: which keys of a room lie together.

use std::fmt;

use crate::name::RoomId;

/// Shards at set-up, unless told otherwise.
pub const DEFAULT_SHARDS: u16 = 64;
/// The version of the layout that this code reads and writes (`tg:layout`).
pub const LAYOUT_VERSION: u32 = 1;

/// How many shards a deployment has, 1 to 1,024: fixed at set-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShardCount(u16);

impl ShardCount {
    /// 1 to 1,024 shards.
    pub fn new(count: u16) -> Option<Self> {
        (1..=1024).contains(&count).then_some(Self(count))
    }

    /// The number.
    pub fn get(self) -> u16 {
        self.0
    }

    /// The shard of a room.
    pub fn of(self, room: &RoomId) -> Shard {
        Shard(crc16_xmodem(room.as_str().as_bytes()) % self.0)
    }

    /// All shards, in order.
    pub fn all(self) -> impl Iterator<Item = Shard> {
        (0..self.0).map(Shard)
    }
}

impl Default for ShardCount {
    fn default() -> Self {
        Self(DEFAULT_SHARDS)
    }
}

/// One shard. Only a [`ShardCount`] makes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Shard(u16);

impl Shard {
    /// Its number, from 0.
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}", self.0)
    }
}

/// CRC-16/XMODEM, as Redis Cluster hashes keys: polynomial 0x1021, start 0, no reflection.
pub fn crc16_xmodem(bytes: &[u8]) -> u16 {
    let mut crc: u16 = 0;
    for &byte in bytes {
        crc ^= u16::from(byte) << 8;
        for _ in 0..8 {
            crc = if crc & 0x8000 == 0 {
                crc << 1
            } else {
                (crc << 1) ^ 0x1021
            };
        }
    }
    crc
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crc_matches_the_published_check_value() {
        assert_eq!(crc16_xmodem(b"123456789"), 0x31c3);
        assert_eq!(crc16_xmodem(b""), 0);
    }

    #[test]
    fn a_room_always_lies_in_the_same_shard() {
        let shards = ShardCount::default();
        let room: RoomId = "demo.lobby".parse().unwrap();
        assert_eq!(shards.of(&room), shards.of(&room.clone()));
        assert_eq!(ShardCount::new(1).unwrap().of(&room).to_string(), "00");
        assert!(ShardCount::new(0).is_none());
        assert!(ShardCount::new(1025).is_none());
    }
}
