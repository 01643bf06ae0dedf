//! Every bound of this crate, and why it is what it is.

/// Longest policy name, in bytes: it stands in two headers of every answer.
pub const NAME_BYTES: usize = 32;

/// Greatest quota and burst, in units. The longest window over the smallest quota is 86,400,000,000 us a unit; times the
/// greatest burst that is below 2^57, so the product is computed safely before [`DEBT_MAX_US`] is applied to it.
pub const UNITS_MAX: u32 = 1_000_000;

/// Longest window, in seconds: a day.
pub const WINDOW_MAX_S: u32 = 86_400;

/// Longest time that a policy may need to be full again after its burst, in us: 30 days. Redis' Lua counts in doubles,
/// which are exact up to 2^53; the epoch in us is below 2^51 until 2041, and 30 days are below 2^42.
pub const DEBT_MAX_US: u64 = 30 * 86_400 * 1_000_000;

/// Partitions that one instance remembers while Redis is out of reach, at most: below 200 kB of keys and times.
pub const AWAY_PARTITIONS: usize = 1_024;

/// Policies of one call, at most: address, subject, room, route, and as many again.
pub const POLICIES_MAX: usize = 8;

/// Longest partition, in bytes: a subject or a room id of 64 bytes, with what may precede it.
pub const PARTITION_BYTES: usize = 128;

/// Proxies that may stand before the edge, at most.
pub const PROXIES_MAX: usize = 16;
