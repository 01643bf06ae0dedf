//! Every bound on what a caller may send about a room.

/// Longest request body, in bytes. The largest is a message: 4 KiB of data, 512 B of info, at up to six bytes a sign where
/// every one is escaped (`\u0041`), would be 27 KiB; but whoever sends plain UTF-8 needs less than 5 KiB.
pub const BODY_BYTES: usize = 16 * 1024;

/// Longest `data` of a message, in bytes of JSON without white space.
pub const DATA_BYTES: usize = 4 * 1024;

/// Longest `info` of a subject, in bytes of JSON without white space.
pub const INFO_BYTES: usize = 512;

/// Deepest nesting of a body, its own braces counted. Below the 128 at which the JSON reader itself would stop.
pub const DEPTH: usize = 32;

/// Longest title of a room, in characters.
pub const TITLE_CHARS: usize = 128;

/// Longest pause of slow mode, in ms: an hour.
pub const SLOW_MS: u32 = 60 * 60 * 1000;

/// Most moderators of a room. Their names go into one field of 1,024 bytes: 16 of 63 signs and 15 commas are 1,023.
pub const MODERATORS: usize = 16;

/// Largest budget of chat, in messages a second for one viewer. Nobody reads a tenth of it.
pub const CHAT_BUDGET: u32 = 1_000;

/// Least and most messages that a room may be told to keep. Fewer than ten would make every short break a `reset`; the
/// region's own bound, which is lower as a rule, caps the rest.
pub const HISTORY: std::ops::RangeInclusive<u32> = 10..=100_000;

/// Most messages of one batch.
pub const BATCH: usize = 100;

/// Longest body of a batch, in bytes: 100 messages of 4 KiB of data, 512 B of info and 512 B of everything else.
pub const BATCH_BODY_BYTES: usize = BATCH * (DATA_BYTES + INFO_BYTES + 512);

/// Most rooms in one page of the list, and how many without being told.
pub const LIST_MOST: u32 = 100;
/// See [`LIST_MOST`].
pub const LIST_DEFAULT: u32 = 20;

/// Longest idempotency key, in bytes.
pub const KEY_BYTES: usize = 64;

/// Longest namespace of a room whose id the server makes, in bytes: with a region of 16 and 13 random signs, and a dot
/// and a dash between them, the id has at most 63 of its 64 signs.
pub const NAMESPACE_BYTES: usize = 32;

/// Most messages in one page of history, and how many without being told.
pub const PAGE_MOST: u32 = 200;
/// See [`PAGE_MOST`].
pub const PAGE_DEFAULT: u32 = 50;

/// Longest ban or mute that has an end, in seconds: ten years.
pub const SANCTION_S: u64 = 10 * 365 * 24 * 60 * 60;

/// How long after its `until_ms` a node still counts as live, in ms: clocks differ.
pub const NODE_LEEWAY_MS: u64 = 5_000;

/// Viewers of a room, all regions together, for whom one node is enough. A further node costs each message a read, an encoding
/// and a flush there, about 30 us; its sends, 6 to 8 us a viewer, cost the same wherever they are. With 200 viewers that is 2 %
/// of 1.4 ms, with 10 it would be a third. A room is spread over one node more for every so many.
pub const SMALL_ROOM: u64 = 200;
/// The lag, in ms, at which a node is given half of the viewers that it would be given without: the tick's ceiling, so that
/// what is late by as much as anything may wait anyway counts.
pub const LAG_HALF_MS: f64 = 50.0;

/// Sockets of the own region that a join hands out, at most.
pub const ENDPOINTS: usize = 8;
/// Nodes of each other region that it hands out beside that region's public name, at most.
pub const ENDPOINTS_ELSEWHERE: usize = 2;
/// Sockets in all, at most: as many as a client keeps. 8 of the own region and 3 of each of 8 others.
pub const ENDPOINTS_ALL: usize = 32;
