//! Every bound of the hub, with the arithmetic behind it.

/// Encoded messages that a room's ring holds, bytes: at 300 bytes a message 870 of them, which is nine seconds of a
/// room with 100 messages a second. A viewer who falls further behind is closed and resumes by cursor.
pub const RING_BYTES: usize = 256 * 1024;

/// How many times that a ring may hold of what no flush has begun to serve: one reply of the tail, 128 entries of 4.5 KiB, is
/// 576 KiB.
pub const UNSERVED: usize = 4;

/// What one item of a ring costs beside its text, bytes: a pointer, a count, an id, and where the fields of the text lie.
pub const ITEM_BYTES: usize = 128;

/// Messages in one frame, bytes: twice a socket's send buffer, so that a frame is seldom cut more than once.
pub const FRAME_BYTES: usize = 64 * 1024;

/// Viewers that one slice of a flush serves: about 2 ms of sends.
pub const SLICE: usize = 256;

/// The longest that an entry waits for a flush to begin, ms, unless told otherwise.
pub const TICK_CEILING_MS: u64 = 50;

/// New likes make a frame of counters at most this often in a room, ms: as often as an origin appends their total.
pub const LIKES_MS: u64 = 200;

/// New counts of viewers make one at most this often, ms.
pub const ONLINE_MS: u64 = 1_000;

/// Chat messages a second that a viewer is sent at most in a room that has no budget of its own: as many as a room may set
/// (`crates/room`). At 200 bytes each they are 200 kB/s a viewer, and 5,000 viewers of one core 8 Gbit/s.
pub const CHAT_BUDGET: u64 = 1_000;

/// How long less must have come before a room's level goes down by one, in seconds, so that it does not go up and down with each.
pub const CALM_S: u64 = 2;

/// A node's count of a room's viewers is believed for so long, ms.
pub const PRESENCE_LIVES_MS: u64 = 30_000;

/// Clocks of two regions may differ by so much, ms.
pub const LEEWAY_MS: u64 = 5_000;

/// Users whose bans are looked up in one go after a gap: a kilobyte or so of names.
pub const CHECKED: usize = 512;

/// How many times history is read again, a second apart, when Redis has less of a log than the tail has read: a region waits
/// 3 s for what it lost, and relays copy again what another one lost.
pub const BEHIND_READS: u8 = 5;
/// A kick is obeyed within so long of its append, ms.
pub const KICK_MS: u64 = 60_000;
