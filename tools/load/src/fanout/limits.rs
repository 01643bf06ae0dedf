//! Every bound of `load fanout`, with its arithmetic.

use std::time::Duration;

/// Sockets of one process: a process may have 20,000 files open on many systems, and a quarter of that is left over.
pub const SOCKETS_A_PROCESS: u32 = 15_000;
/// Viewers altogether: 200 processes, each with two addresses of 127.0.1.0/24 … 127.0.8.0/24.
pub const VIEWERS: u32 = 3_000_000;
/// Processes of viewers.
pub const PROCESSES: u32 = 200;
/// Sockets that a process opens at once: few enough for a server's listen queue.
pub const IN_FLIGHT: usize = 64;
/// Rooms: a number of room is four digits and fits every name.
pub const ROOMS: u32 = 10_000;
/// Messages a second.
pub const RATE: u32 = 100_000;
/// How long a run may be.
pub const SECONDS: f64 = 3_600.0;
/// Messages of a run: for each, every process keeps four bytes.
pub const MESSAGES: u64 = 10_000_000;
/// Messages that go to Redis in one write when the publisher is behind.
pub const AT_ONCE: usize = 256;
/// A message's bytes: what a node takes as `data`, 4 KiB, with some of it for `{"text":""}`.
pub const PAYLOAD_BYTES: usize = 4_000;
/// A server's frame; the largest here are batches of 256 KiB.
pub const FRAME_BYTES: usize = 4 << 20;
/// Compressed frames that a process of viewers knows by their bytes: viewers are apart by few at any time, and each is at most a
/// frame and what it inflates to.
pub const INFLATED: usize = 8;
/// A server's answer to an upgrade.
pub const HEAD_BYTES: usize = 16 << 10;
/// One buffer for all sockets of a process: a socket's receive buffer seldom holds more.
pub const READ_BYTES: usize = 256 << 10;
/// Messages that a viewer is known to have missed so far; more are counted only.
pub const MISSING: usize = 1_024;
/// Opening has failed when no further socket opens for so long.
pub const OPENING: Duration = Duration::from_secs(60);
/// A message that has not come when nothing has come for so long is lost.
pub const LINGER: Duration = Duration::from_secs(10);
/// How often a process of viewers says how far it is.
pub const TELL: Duration = Duration::from_millis(50);
/// A publish that is not answered after so long has failed.
pub const PUBLISH: Duration = Duration::from_secs(10);
/// A viewer that was told nothing for so long says something; nodes end sockets that they hear nothing from for 60 s.
pub const SILENT_S: u32 = 10;
/// A viewer that said nothing for so long says something, however much it is told.
pub const MUTE_S: u32 = 25;
