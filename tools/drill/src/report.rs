//! What came of a drill.

use serde::Serialize;

use crate::figures::Figures;
use crate::ledger::Balance;
use crate::outage::Cost;
use crate::script::Drill;

/// The figures; `cargo xtask drill --json` prints them as they are.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Which drill.
    pub drill: Drill,
    /// How many viewers there were.
    pub viewers: usize,
    /// Messages that were acknowledged.
    pub acknowledged: u64,
    /// Deliveries of them, and how many should have been.
    pub received: u64,
    /// See there.
    pub expected: u64,
    /// Messages that were acknowledged and did not reach somebody.
    pub lost: u64,
    /// Deliveries that came twice.
    pub repeated: u64,
    /// Deliveries that came after a later one of the same origin.
    pub reordered: u64,
    /// Chat that was left out under overload, and said to be.
    pub left_out: u64,
    /// Viewers who were told that history does not reach back.
    pub resets: u64,
    /// Ids that were given twice.
    pub ids_twice: u64,
    /// Viewers who lost their socket: from the break, or the loss, to the next frame of their room.
    pub reading_again_ms: Option<Figures>,
    /// From the break until a newcomer is led to living regions only.
    pub dns_right_ms: Option<u64>,
    /// Answers of the name server, later than that, that led to a dead region.
    pub dns_wrong: u64,
    /// From the end of the break until every region held what every other held then.
    pub same_after_ms: Option<u64>,
    /// What regions hold differently in the end; empty is as it should be.
    pub different: Vec<String>,
    /// Times that a living region said that it cannot serve.
    pub not_ready: u64,
    /// From publish to receive.
    pub latency_ms: Option<Figures>,
    /// Deliveries that took longer than a second.
    pub late: u64,
    /// Times that a viewer lost its socket.
    pub reconnects: u64,
    /// Failures of a region's Redis, and what each has cost.
    pub outages: Vec<Cost>,
    /// Messages that their region's log lacks in the end, though nothing was at stake when they were acknowledged.
    pub vanished: u64,
    /// Messages that their region's log has, and that a viewer lacks who was never told that history does not reach back.
    pub unsaid: u64,
    /// Promises that were broken; empty is as it should be.
    pub broken: Vec<String>,
}

/// What is known besides the balance.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// See [`Report`], as all of these.
    pub reading_again_ms: Option<Figures>,
    /// Whether anybody was to lose a socket, a newcomer to be led elsewhere, regions to become the same.
    pub dns_right_ms: Option<u64>,
    /// See there.
    pub dns_wrong: u64,
    /// See there.
    pub same_after_ms: Option<u64>,
    /// See there.
    pub different: Vec<String>,
    /// See there.
    pub not_ready: u64,
    /// See there.
    pub latency_ms: Option<Figures>,
    /// See there.
    pub late: u64,
    /// See there.
    pub reconnects: u64,
    /// See there.
    pub outages: Vec<Cost>,
    /// See there.
    pub vanished: u64,
    /// See there.
    pub unsaid: u64,
}

impl Report {
    /// Puts everything together; promises are judged afterwards.
    pub fn new(drill: Drill, viewers: usize, balance: &Balance, seen: Seen) -> Self {
        Self {
            drill,
            viewers,
            acknowledged: balance.acknowledged,
            received: balance.received,
            expected: balance.expected,
            lost: balance.lost,
            repeated: balance.repeated,
            reordered: balance.reordered,
            left_out: balance.left_out,
            resets: balance.resets,
            ids_twice: balance.ids_twice,
            reading_again_ms: seen.reading_again_ms,
            dns_right_ms: seen.dns_right_ms,
            dns_wrong: seen.dns_wrong,
            same_after_ms: seen.same_after_ms,
            different: seen.different,
            not_ready: seen.not_ready,
            latency_ms: seen.latency_ms,
            late: seen.late,
            reconnects: seen.reconnects,
            outages: seen.outages,
            vanished: seen.vanished,
            unsaid: seen.unsaid,
            broken: Vec::new(),
        }
    }
}
