//! Every bound of the HTTP interface that is not about rooms (those are in `tidegate_room::limits`).

/// Longest request id that is taken over from the caller, in bytes.
pub const REQUEST_ID_BYTES: usize = 64;

/// Longest query, in bytes: a cursor of 1,024 bytes, and the rest.
pub const QUERY_BYTES: usize = 2_048;

/// Longest prefix of keys in Redis, in bytes.
pub const PREFIX_BYTES: usize = 32;

/// Origins and regions that may be configured, at most. A cursor has as many components.
pub const REGIONS: usize = 16;
/// See [`REGIONS`].
pub const ORIGINS: usize = 64;

/// How long a guest's ticket lasts, and any ticket at most, in ms: an hour.
pub const TICKET_MS: u64 = 60 * 60 * 1000;

/// How long a browser may remember what a preflight answered, in seconds.
pub const PREFLIGHT_S: u32 = 600;

/// How long the description of the interface may be kept, in seconds. It changes with a deployment.
pub const DOCUMENT_S: u32 = 300;

/// When to come back while Redis is out of reach, in seconds: a fail-over takes about that.
pub const AWAY_RETRY_S: u64 = 1;
/// When to come back while Redis is full, or something has to be set right by hand, in seconds.
pub const FULL_RETRY_S: u64 = 10;

/// Longest detail of a problem, in characters: enough for every sentence here, little enough for a log line.
pub const DETAIL_CHARS: usize = 400;

/// How long moderation may take to judge a message, in ms. With 1,500 ms for each of Redis' two answers it stays a matter
/// of seconds for the one who waits.
pub const JUDGE_MS: u64 = 500;

/// How early the one alarm of a request rings at the latest, in ms. It is the shortest of the times that a request waits for
/// anything, so that it never rings too late for what comes next: [`JUDGE_MS`] for moderation, 1,500 ms for Redis,
/// [`BODY_MS`] for the body. Who is still waiting then has it set again.
pub const ALARM_MS: u64 = JUDGE_MS;

/// For how long limits are counted in memory before the Redis that counts is asked again, in ms, where that is configured.
pub const AWAY_MS: u64 = 1_000;

/// How long a body may take to come, in ms.
pub const BODY_MS: u64 = 10_000;
