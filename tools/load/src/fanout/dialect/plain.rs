//! Plain WebSocket: whoever is connected is in the room.

use super::Dialect;

/// See the module.
pub struct Plain;

impl Dialect for Plain {}
