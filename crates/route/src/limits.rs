//! Every bound of this crate.

/// Longest path, in bytes. The longest of Tidegate's own is `/v1/rooms/` with a room of 64 signs, `/messages/` and a
/// message id of 58, each escaped at three bytes a sign: 386 bytes. Prefixes that go to an upstream may be longer.
pub const PATH_BYTES: usize = 2_048;

/// Parameters of one route, at most.
pub const PARAMS: usize = 8;

/// Segments of one route, at most; it bounds the depth of the tree, and with it that of a lookup.
pub const SEGMENTS: usize = 32;

/// Routes of one router, at most: far more than a configuration may have.
pub const ROUTES: usize = 1 << 20;
