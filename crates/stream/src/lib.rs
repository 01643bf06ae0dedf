//! The link: what lies in Redis, and how it is named, read and written. Formats: `docs/redis.md`.
//!
//! Pure: no Redis client, no clock. Edge, nodes and relays share it, so that they agree on every byte.

pub mod calls;
pub mod cursor;
pub mod digest;
pub mod entry;
pub mod host;
pub mod id;
pub mod keys;
pub mod layout;
pub mod name;
pub mod shard;
pub mod stamp;

pub use cursor::{Cursor, CursorError};
pub use entry::{Entry, EntryError, Kind, Lane};
pub use id::{IdError, MessageId, StreamId};
pub use keys::Keys;
pub use name::{NameError, NodeName, Region, RoomId, Subject};
pub use shard::{Shard, ShardCount};
pub use stamp::Stamp;
