//! How much is read, held and sent at once.
//!
//! An entry is at most 18 KiB (16 KiB of `data`, 1 KiB of `info`, names and ids), 400 B as they come. A relay holds of each
//! other region, for each of the two speeds, one reply and what was read before it:
//!
//! ```text
//! (4,096 entries x 18 KiB + 16 MiB) x 2 speeds = 176 MiB at the worst, 2 x (1.6 + 6.4) MiB as they come
//! ```

/// Entries of one reply, over all shards that are read at once.
pub const READ_ENTRIES: usize = 4_096;
/// Most entries of one shard in a live reply. A shard that fills it goes on at bulk speed.
pub const LIVE_ENTRIES: usize = 64;
/// Shards that are read at once at bulk speed; the others wait for their turn.
pub const BULK_SHARDS: usize = 16;
/// A shard at bulk speed whose reply holds fewer entries than this is level again: half of what a live reply takes, so that a
/// shard does not go to and fro.
pub const SHORT_REPLY: usize = LIVE_ENTRIES / 2;
/// How long a read waits at the source when there is nothing new, ms. A shard that changes its speed waits so long at most.
pub const BLOCK_MS: u64 = 100;

/// Most bytes of one call's entries, beside the 32 entries that the function takes.
pub const CALL_BYTES: usize = 256 * 1024;
/// Entries read and not answered for yet, of one speed; above it nothing is read.
pub const HELD_ENTRIES: usize = 16_384;
/// The same in bytes.
pub const HELD_BYTES: usize = 16 * 1024 * 1024;
/// Entries of one shard that are on their way at once. At 30 ms between relay and Redis here this alone is 34,000/s.
pub const FLIGHT_ENTRIES: usize = 1_024;
/// Calls of one speed that are on their way at once.
pub const FLIGHT_CALLS: usize = 512;

/// The first wait after a refusal, ms; each is twice the one before.
pub const FIRST_WAIT_MS: u64 = 50;
/// The longest.
pub const LONGEST_WAIT_MS: u64 = 5_000;

/// How often it is looked whether this region's Redis is back, ms. It waits 3 s for what relays take back once it is, so the look
/// does not grow rare as it does for another region's.
pub const HOME_WAIT_MS: u64 = 200;
/// How long that Redis may take to accept and to answer, ms: it is near, and a connection to where nobody is would be waited for.
pub const HOME_OPEN_MS: u64 = 1_000;

/// How long a lease lasts, ms.
pub const LEASE_MS: u64 = 4_000;
/// How often it is prolonged, ms.
pub const LEASE_EVERY_MS: u64 = 1_000;
/// A source that has not answered for so long is not reached: the lease is left to who reaches it, ms.
pub const SOURCE_FRESH_MS: u64 = 3_000;

/// How often a shard's rooms are merged though nothing calls for it, ms.
pub const MERGE_EVERY_MS: u64 = 60 * 60 * 1_000;
/// When that failed: after this it is tried again, ms.
pub const MERGE_AGAIN_MS: u64 = 60 * 1_000;
