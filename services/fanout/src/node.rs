//! What all threads of a node share, and what they say to each other.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, RwLock};

use tidegate_auth::TicketKeys;
use tidegate_hub::{Departed, HubLimits, LogEntry};
use tidegate_protocol::upgrade::{Origins as Pages, Readiness};
use tidegate_room::places::{Named, Turns};
use tidegate_stream::{Cursor, Keys, NodeName, Region, RoomId, Shard, StreamId};
use tokio::sync::mpsc;

use crate::clock::Clock;
use crate::link::Address;
use crate::metrics::Metrics;
use crate::probe::Probe;
use crate::regions::{Origins, Places};
use crate::tls::Tls;

/// Shared by all threads; nothing in it is written often.
pub struct Node {
    /// This node.
    pub name: NodeName,
    /// This region.
    pub region: Region,
    /// Names of keys.
    pub keys: Keys,
    /// Redis.
    pub redis: Arc<Address>,
    /// Keys of tickets; read anew on SIGHUP.
    pub tickets: RwLock<Arc<TicketKeys>>,
    /// TLS of the viewers' listener; its certificate is read anew on SIGHUP.
    pub tls: Option<Tls>,
    /// Pages that may connect.
    pub origins: Pages,
    /// Ring and tick.
    pub hub: HubLimits,
    /// Both clocks.
    pub clock: Clock,
    /// Regions as the configuration names them.
    pub named: Vec<Named>,
    /// Whose logs are tailed.
    pub regions: RwLock<Arc<Origins>>,
    /// Where viewers may be sent.
    pub places: RwLock<Arc<Places>>,
    /// When Redis last answered, ms of this node's clock.
    pub answered_ms: AtomicU64,
    /// When Redis last took a write, ms of this node's clock; 0: never.
    pub served_ms: AtomicU64,
    /// Asks other regions whether they live.
    pub probe: Probe,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// Open connections.
    pub connections: AtomicUsize,
    /// Newcomers that a core takes in a second at most.
    pub admitted_per_s: u32,
    /// The most that there may be.
    pub most_connections: usize,
    /// About to stop: nobody is to be sent here any more.
    pub draining: AtomicBool,
    /// Another process has this node's name on the region's list.
    pub name_taken: AtomicBool,
}

impl Node {
    /// Whose logs are tailed now.
    pub fn origins_now(&self) -> Arc<Origins> {
        self.regions
            .read()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .clone()
    }

    /// Where viewers may be sent now.
    pub fn places_now(&self) -> Arc<Places> {
        self.places
            .read()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .clone()
    }

    /// The keys of tickets now.
    pub fn tickets_now(&self) -> Arc<TicketKeys> {
        self.tickets
            .read()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .clone()
    }

    /// Whether newcomers may be sent here: both listeners say so.
    pub fn readiness(&self) -> Readiness {
        let served_ms = self.served_ms.load(Ordering::Relaxed);
        Readiness::judge(
            self.clock.now_ms(),
            (served_ms > 0).then_some(served_ms),
            self.draining.load(Ordering::Relaxed),
            self.name_taken.load(Ordering::Relaxed),
        )
    }

    /// Whether there is no place for one more connection.
    pub fn is_full(&self) -> bool {
        self.connections.load(Ordering::Relaxed) >= self.most_connections
    }

    /// Takes a place for one more connection, if there is one.
    pub fn take_place(&self) -> bool {
        let taken = self.connections.fetch_add(1, Ordering::Relaxed);
        if taken < self.most_connections {
            return true;
        }
        self.connections.fetch_sub(1, Ordering::Relaxed);
        false
    }

    /// Gives a place back.
    pub fn give_place(&self) {
        self.connections.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What a core is told.
#[derive(Debug, Clone)]
pub enum ToCore {
    /// A shard is tailed from these positions on.
    Opened(Shard, Cursor),
    /// A shard cannot be tailed now.
    NotOpened(Shard),
    /// Entries of one log, in order.
    Entries {
        /// Of which shard.
        shard: Shard,
        /// From which region.
        origin: Region,
        /// The entries.
        entries: Arc<[LogEntry]>,
        /// What they weigh in the queue.
        bytes: usize,
    },
    /// Everything in one log up to an id was passed over.
    Missed(Shard, Region, StreamId),
    /// Which regions have retired.
    Departed(Departed),
    /// No further connection is to begin.
    Close,
    /// Close the listener, send the viewers away within so many ms, with these lists, and end.
    Drain(u64, Turns),
    /// Send the viewers to other regions, with these lists.
    Move(Turns),
    /// Send nobody away any more.
    Stay,
    /// Tell the viewers where they may go from now on.
    Endpoints(Turns),
}

/// What the tail is told.
#[derive(Debug, Clone, Copy)]
pub enum ToTail {
    /// A core has viewers in a shard.
    Open(usize, Shard),
    /// A core has none there any more.
    Close(usize, Shard),
}

/// Rooms of one core whose number of viewers has changed.
pub type Counts = (usize, Vec<(RoomId, u64)>);

/// A core, seen from the other threads.
#[derive(Clone)]
pub struct CoreHandle {
    /// To it.
    pub sender: mpsc::UnboundedSender<ToCore>,
    /// Bytes of entries on their way to it.
    pub queued_bytes: Arc<AtomicUsize>,
}

/// Most bytes of entries on their way to one core. What is more, it reads from history.
pub const QUEUE_BYTES: usize = 16 * 1024 * 1024;
