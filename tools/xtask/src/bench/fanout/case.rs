//! What is measured, and the work that is done for it.

use super::peers::Peer;
use super::subject::Subject;

/// Sockets open when memory is read: a process may have 20,000 open files on many systems.
const OPEN: u32 = 15_000;
/// Sockets opened a second for that. The slowest peer can do it with its one core.
const OPEN_RATE: u32 = 1_500;
/// The same where sockets are opened only to be written to.
const OPEN_RATE_BEFORE: u32 = 2_000;
/// How long open sockets are left alone before memory is read.
const HOLD_S: u32 = 3;
/// Bytes of a message, without what a dialect puts around it.
pub const PAYLOAD_BYTES: u32 = 128;

/// One line of the table, or two: `idle_memory` has the kernel's memory beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Case {
    /// Every message by itself, 40 a second to 1,000 viewers.
    #[value(name = "uncoalesced_1000")]
    Uncoalesced1000,
    /// Every message by itself, 6 a second to 5,000 viewers.
    #[value(name = "uncoalesced_5000")]
    Uncoalesced5000,
    /// Messages of up to 50 ms together, 200 a second to 1,000 viewers.
    #[value(name = "coalesced_50ms_1000")]
    Coalesced50ms1000,
    /// The same, compressed; only where it is named.
    #[value(name = "coalesced_50ms_1000_deflate")]
    Coalesced50ms1000Deflate,
    /// Memory of an open, subscribed connection that nothing is sent to, of 15,000.
    #[value(name = "idle_memory")]
    IdleMemory,
    /// Opening 15,000 connections, 1,500 a second.
    #[value(name = "accept")]
    Accept,
    /// From a publish at the edge to the last of 1,000 viewers, 50 messages a second.
    #[value(name = "edge_to_last_1000")]
    EdgeToLast1000,
    /// From a publish at the edge to the last of 10,000 viewers, 2 messages a second.
    #[value(name = "edge_to_last_10000")]
    EdgeToLast10000,
}

impl Case {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Uncoalesced1000,
        Self::Uncoalesced5000,
        Self::Coalesced50ms1000,
        Self::Coalesced50ms1000Deflate,
        Self::IdleMemory,
        Self::Accept,
        Self::EdgeToLast1000,
        Self::EdgeToLast10000,
    ];

    /// As it is typed and printed.
    pub fn name(self) -> &'static str {
        match self {
            Self::Uncoalesced1000 => "uncoalesced_1000",
            Self::Uncoalesced5000 => "uncoalesced_5000",
            Self::Coalesced50ms1000 => "coalesced_50ms_1000",
            Self::Coalesced50ms1000Deflate => "coalesced_50ms_1000_deflate",
            Self::IdleMemory => "idle_memory",
            Self::Accept => "accept",
            Self::EdgeToLast1000 => "edge_to_last_1000",
            Self::EdgeToLast10000 => "edge_to_last_10000",
        }
    }

    /// Whether messages come over an edge.
    pub fn needs_edge(self) -> bool {
        matches!(self, Self::EdgeToLast1000 | Self::EdgeToLast10000)
    }

    /// Whether it is measured only where it is named.
    pub fn is_further(self) -> bool {
        self == Self::Coalesced50ms1000Deflate
    }

    /// What is done for it.
    pub fn work(self) -> Work {
        match self {
            Self::Uncoalesced1000 => Work::each(1_000, 40),
            Self::Uncoalesced5000 => Work::each(5_000, 6),
            Self::Coalesced50ms1000 => Work {
                tick_ms: 50,
                ..Work::each(1_000, 200)
            },
            Self::Coalesced50ms1000Deflate => Work {
                deflate: true,
                ..Self::Coalesced50ms1000.work()
            },
            Self::IdleMemory | Self::Accept => Work {
                kind: Kind::Open,
                open_rate: OPEN_RATE,
                hold_s: HOLD_S,
                ..Work::each(OPEN, 0)
            },
            Self::EdgeToLast1000 => Work {
                kind: Kind::OverTheEdge,
                ..Work::each(1_000, 50)
            },
            Self::EdgeToLast10000 => Work {
                kind: Kind::OverTheEdge,
                ..Work::each(10_000, 2)
            },
        }
    }
}

/// What a turn is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Messages go straight to where the server takes them from.
    Deliver,
    /// Nothing is sent.
    Open,
    /// Tidegate's messages go to its edge.
    OverTheEdge,
}

/// What load does, the same for everybody.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Work {
    /// See there.
    pub kind: Kind,
    /// Connections, all in one room.
    pub viewers: u32,
    /// Messages a second.
    pub rate: u32,
    /// How long messages may wait to be sent together, ms.
    pub tick_ms: u32,
    /// Whether viewers ask for compression.
    pub deflate: bool,
    /// Connections opened a second, at most.
    pub open_rate: u32,
    /// How long they are left alone once they are open, s.
    pub hold_s: u32,
}

impl Work {
    fn each(viewers: u32, rate: u32) -> Self {
        Self {
            kind: Kind::Deliver,
            viewers,
            rate,
            tick_ms: 0,
            deflate: false,
            open_rate: OPEN_RATE_BEFORE,
            hold_s: 0,
        }
    }

    /// Who does it: of the peers those who can.
    pub fn subjects(self, peers: &[Peer]) -> Vec<Subject> {
        let native = match self.kind {
            Kind::OverTheEdge => vec![Subject::Tidegate],
            Kind::Deliver | Kind::Open => vec![Subject::Tidegate, Subject::Floor],
        };
        let can = |peer: &&Peer| match self.kind {
            // Fed directly, which is what the goal is set against.
            Kind::OverTheEdge => **peer == Peer::Nchan,
            // Nobody else gathers messages for so long, and one by itself is too short to be compressed.
            Kind::Deliver if self.tick_ms > 0 => **peer == Peer::Centrifuge,
            Kind::Deliver | Kind::Open => true,
        };
        let others = peers.iter().filter(can).copied().map(Subject::Peer);
        native.into_iter().chain(others).collect()
    }
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum;

    use super::*;

    #[test]
    fn names_are_those_that_are_typed() {
        assert_eq!(Case::ALL.len(), Case::value_variants().len());
        for case in Case::ALL {
            assert_eq!(Case::from_str(case.name(), false), Ok(case));
        }
    }

    #[test]
    fn only_those_who_can_do_a_work_are_asked_to() {
        let names = |case: Case| {
            let subjects = case.work().subjects(Peer::value_variants());
            subjects
                .iter()
                .map(|one| one.name())
                .collect::<Vec<_>>()
                .join(" ")
        };
        assert_eq!(
            names(Case::Uncoalesced1000),
            "tidegate floor uwebsockets nchan centrifuge ws socketio sockudo"
        );
        for case in [Case::Coalesced50ms1000, Case::Coalesced50ms1000Deflate] {
            assert_eq!(names(case), "tidegate floor centrifuge");
        }
        assert_eq!(names(Case::EdgeToLast1000), "tidegate nchan");
        assert_eq!(
            Case::IdleMemory.work().subjects(&[]),
            [Subject::Tidegate, Subject::Floor]
        );
    }

    #[test]
    fn memory_and_accepting_are_one_work() {
        assert_eq!(Case::IdleMemory.work(), Case::Accept.work());
    }
}
