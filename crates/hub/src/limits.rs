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

/// What frames of counters by themselves may cost a core for one room, sends a second, when likes are new: at 7 us each 14 %
/// of the core. Up to 4,000 viewers on a core see likes every [`LIKES_MS`]; 15,000 every 750 ms. Messages bring counters with
/// them, however many viewers there are.
pub const LIKES_SENDS_PER_S: u64 = 20_000;

/// The same when only viewers have come or gone, which is always so while a crowd comes in: 1.4 % of the core. Up to 2,000
/// viewers on a core see their number every [`ONLINE_MS`]; 15,000 every 7.5 s. At 5,000 a second they were three sends for
/// each newcomer of 1,500 a second, more than it gets of its own.
pub const ONLINE_SENDS_PER_S: u64 = 2_000;

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

/// Newcomers that a core takes in a second at most: a newcomer costs about 100 us, 37 of them accept, upgrade, hello and close,
/// the rest ticket, look-ups and the first batch. 4,000 are two fifths of a core: the rest is left to those who are there.
pub const ADMITTED_PER_S: u32 = 4_000;
/// The same with TLS: a handshake costs 250 to 300 us more (a signature and a key exchange), so 1,000 are two fifths.
pub const ADMITTED_TLS_PER_S: u32 = 1_000;
/// The fewest, however pressed a core is, so that nobody is kept out for long: a twentieth of a core, which hurts nobody.
pub(crate) const LEAST_PER_S: u32 = 500;
/// What was due begins so late, ms: the core is pressed. As long as a room's tick at most.
pub(crate) const LATE_MS: u64 = TICK_CEILING_MS;
/// And so late at most: it is calm.
pub(crate) const CALM_LAG_MS: u64 = 20;
/// Computing time above which a core is pressed, in thousandths: newcomers may be two fifths of it, and those who are there the
/// rest.
pub(crate) const BUSY_PERMILLE: u16 = 950;
/// And below which it is calm.
pub(crate) const CALM_PERMILLE: u16 = 850;
/// So long newcomers may wait to come in, ms: a client gives a connection 5 s, and half of them must be left for its upgrade.
/// At 4,000 a second they are 8,000 at most, each a file and nothing else.
pub(crate) const WAIT_MS: u64 = 2_000;
/// The latest that somebody is told to come back, ms, about: as the client's own longest back-off.
pub(crate) const RETRY_MOST_MS: u64 = 30_000;
/// What newcomers may wait for while more are let in: 512 subscriptions are two look-ups, and with 64 reads of history on their way
/// at once at half a millisecond each, 512 of those wait 4 ms.
pub(crate) const UNDER_WAY: usize = 512;
/// Newcomers who come within so long are looked up together, ms: at 1,500 a second 8 of them share a round trip to Redis,
/// which for one alone is a fifth of what a newcomer costs the core. It is a twentieth of what a newcomer over a
/// network of 50 ms waits for the two round trips before.
pub(crate) const GATHER_MS: u64 = 5;
/// Newcomers that one look-up is for at most: their first frames are written in one go when it is answered, in about 2 ms.
pub(crate) const TOGETHER: usize = 256;

/// How long a node that is to stop still serves newcomers, ms, unless told otherwise. Until a balancer sends nobody here any more
/// it takes its check's interval, times the failures that it asks for, and one check's time-out: 1 s, 2 and 1 s make 3 s, and two
/// seconds are left over.
pub const DRAIN_WAIT_MS: u64 = 5_000;
/// How long connections that have begun may take to be made when no further one may begin, ms: one round trip of the longest way
/// there is. The last part of the wait.
pub(crate) const HANDSHAKE_MS: u64 = 300;
/// Probes that a core answers ahead of newcomers who wait, a second: 25 checkers that ask each second at every core there is, four
/// times over. At 20 us each 0.2 % of the core.
pub const PROBED_PER_S: u32 = 100;
