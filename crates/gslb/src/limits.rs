//! Every bound of a description.

/// Regions, at most: a cursor has as many components (`docs/redis.md`).
pub const REGIONS: usize = 16;
/// Addresses of one tier in one region, at most.
pub const ADDRESSES: usize = 8;
/// A region's greatest weight. An address' share of it is counted in 840ths, the least number that 1 to [`ADDRESSES`] all
/// divide: 1,000 x 840 = 840,000, and gdnsd takes weights below 2^20 = 1,048,576.
pub const WEIGHT: u32 = 1_000;
/// See [`WEIGHT`].
pub const WEIGHT_PARTS: u32 = 840;
/// Places and networks of one region, at most.
pub const PLACES: usize = 256;
/// Name servers, at most.
pub const NAME_SERVERS: usize = 8;
/// Time to live of a name, seconds: gdnsd lifts what is below 5, and a day is long for a name that is to move.
pub const TTL_S: std::ops::RangeInclusive<u32> = 5..=86_400;
/// Seconds between checks: what gdnsd takes. One check may take less than that, from a second upwards.
pub const INTERVAL_S: std::ops::RangeInclusive<u32> = 2..=3_600;
/// Checks in a row that change an address' state.
pub const THRESHOLD: std::ops::RangeInclusive<u32> = 1..=10;
/// Bytes of a description, at most.
pub const DESCRIPTION_BYTES: usize = 1 << 20;
