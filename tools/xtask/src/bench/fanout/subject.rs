//! Who is measured.

use super::peers::Peer;

/// Somebody who holds connections and sends to them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// A fan-out node of this workspace.
    Tidegate,
    /// `load floor`: nothing but the system calls.
    Floor,
    /// Somebody else's server.
    Peer(Peer),
}

impl Subject {
    /// As it is printed, and as `load` knows it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tidegate => "tidegate",
            Self::Floor => "floor",
            Self::Peer(peer) => peer.name(),
        }
    }
}
