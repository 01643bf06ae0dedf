//! Every bound of this crate.

/// Longest configuration, in bytes: 5,000 routes of about 200 bytes each, and pools.
pub const CONFIG_BYTES: usize = 1 << 20;
/// Routes, at most.
pub const ROUTES: usize = 5_000;
/// Pools, at most.
pub const POOLS: usize = 256;
/// Upstreams of one pool, at most.
pub const MEMBERS: usize = 32;
/// Greatest weight. With [`MEMBERS`] it bounds a pool's schedule to 3,200 turns.
pub const WEIGHT: u32 = 100;
/// Longest name of a pool, in bytes.
pub const NAME_BYTES: usize = 32;
/// Longest host, in bytes (RFC 1035, section 2.3.4).
pub const HOST_BYTES: usize = 253;

/// Bodies are held whole, so these are bounded by an instance's memory. 16 requests at once, each with the largest of both,
/// hold 80 MiB of the 128 MiB that edge clouds give.
pub const REQUEST_BYTES: usize = 1 << 20;
/// See [`REQUEST_BYTES`].
pub const RESPONSE_BYTES: usize = 4 << 20;
/// Longest request body of a route that does not say it, in bytes.
pub const REQUEST_BYTES_DEFAULT: usize = 64 << 10;
/// Longest answer of a route that does not say it, in bytes.
pub const RESPONSE_BYTES_DEFAULT: usize = 1 << 20;

/// Header fields that pass in either direction, at most.
pub const HEADERS: usize = 100;
/// Bytes of their names and values, at most.
pub const HEADERS_BYTES: usize = 32 << 10;
/// How often a request may have passed this edge before it is taken for a loop.
pub const HOPS: usize = 3;

/// Longest time for one call and its retry, in ms: below the 30 s that edge clouds give a request.
pub const TOTAL_MS: u64 = 25_000;
/// What is left of the time must be at least this much for a second attempt, in ms.
pub const RETRY_LEFT_MS: u64 = 50;

/// Longest window of a breaker, in ms.
pub const WINDOW_MS: u64 = 300_000;
/// Longest first wait of an open breaker, in ms; it doubles up to [`OPEN_TIMES`] times.
pub const OPEN_MS: u64 = 300_000;
/// How often an open breaker's wait doubles.
pub const OPEN_TIMES: u32 = 3;
/// Calls that a breaker can ask for before it opens, at most.
pub const MIN_CALLS: u32 = 10_000;
/// Probes of a half-open breaker, at most.
pub const PROBES: u32 = 100;
/// A probe that has not come back after this many ms never will; above [`TOTAL_MS`].
pub const PROBE_MS: u64 = 30_000;

/// How long a reported load counts, in ms.
pub const LOAD_MS: u64 = 10_000;

/// How long a pool's shared state lies there after the last change, in ms: as long as the longest window, or the longest
/// wait (300 s doubled three times is 2,400 s), and a minute.
pub const STATE_MS: u64 = 2_460_000;

/// Longest body that is kept to be served when an upstream fails, in bytes.
pub const STALE_BYTES: usize = 64 << 10;
/// How long it can be kept, at most, in seconds: a day.
pub const STALE_S: u64 = 86_400;
/// Longest body of a configured default, in bytes.
pub const DEFAULT_BYTES: usize = 16 << 10;

/// When to come back while no upstream answers, in seconds.
pub const RETRY_AFTER_S: u64 = 2;
