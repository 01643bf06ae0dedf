//! What is counted, and how it is told (Prometheus' text format).

use service_shell::{Number, Text};
use tidegate_hub::{LEVELS, Stats};
use tidegate_protocol::CloseCode;

/// Of one core.
#[derive(Debug, Default)]
pub struct CoreMetrics {
    /// Open connections.
    pub connections: Number,
    /// Subscriptions, `!all` included.
    pub subscriptions: Number,
    /// Rooms.
    pub rooms: Number,
    /// Bytes written to viewers.
    pub bytes: Number,
    /// Connections that wait until they can be written.
    pub blocked: Number,
    /// Connections that wait to be read on.
    pub ready: Number,
    /// Bytes of entries that wait to be taken in.
    pub queued_bytes: Number,
    /// Look-ups that wait for Redis.
    pub lookups: Number,
    /// Connections that wait to be let in.
    pub lobby: Number,
    /// Newcomers that are taken in a second at most, now.
    pub admitted_per_s: Number,
    /// How late what was due was begun in the last second, at worst, ms.
    pub lag_ms: Number,
    /// Computing time in the last second, thousandths.
    pub cpu_permille: Number,
    /// Answered 503, or let go, because more came at once than the core takes in.
    pub turned_away: Number,
    /// Look-ups that were not begun because too many waited.
    pub lookups_refused: Number,
    /// Accepted.
    pub accepted: Number,
    /// Answered 503 because the node is full.
    pub full: Number,
    /// `accept` failed for want of files.
    pub no_files: Number,
    /// Requests refused.
    pub refused: Number,
    /// Viewers sent elsewhere.
    pub moves: Number,
    /// Viewers told of new endpoints.
    pub endpoints: Number,
    /// Viewers by the level that they are served at; `!all` does not count.
    pub viewers: [Number; LEVELS],
    /// Rooms over their chat budget.
    pub sampled_rooms: Number,
    /// What the hub counts.
    pub hub: HubMetrics,
    /// Sockets closed, by code, in the order of [`CloseCode::ALL`].
    pub closed: [Number; CloseCode::ALL.len()],
}

/// A copy of [`Stats`], for other threads.
#[derive(Debug, Default)]
pub struct HubMetrics([Number; 12]);

impl HubMetrics {
    const NAMES: [(&'static str, &'static str); 12] = [
        ("deliveries", "Frames given to viewers"),
        (
            "own_frames",
            "Of these, made for one viewer or for a few that were behind",
        ),
        ("flushes", "Flushes of rooms"),
        (
            "frames_refused",
            "Frames that a blocked connection did not take",
        ),
        (
            "frames_blocked",
            "Frames that a connection took and could not write at once",
        ),
        (
            "left_out",
            "Chat messages left out of frames, counted for each viewer",
        ),
        ("holes", "Holes in the tail, filled from history"),
        ("resets", "Resets: history did not reach back"),
        ("replays", "Viewers who came back to something missed"),
        (
            "too_slow",
            "Viewers cut off because the ring no longer reached back",
        ),
        ("rewinds", "Entries of an origin that lost its tail"),
        ("gaps", "Gaps between regions that a relay could not fill"),
    ];

    /// Takes the numbers over.
    pub fn set(&self, stats: &Stats) {
        let values = [
            stats.deliveries,
            stats.own_frames,
            stats.flushes,
            stats.refused,
            stats.blocked,
            stats.left_out,
            stats.holes,
            stats.resets,
            stats.replays,
            stats.too_slow,
            stats.rewinds,
            stats.gaps,
        ];
        for (number, value) in self.0.iter().zip(values) {
            number.set(value);
        }
    }
}

/// Of a node.
#[derive(Debug, Default)]
pub struct Metrics {
    /// By core.
    pub cores: Vec<CoreMetrics>,
    /// Whether Redis was reached last time.
    pub redis_up: Number,
    /// Entries that the tail read.
    pub tail_entries: Number,
    /// Entries that the tail could not read.
    pub tail_unreadable: Number,
    /// How old the last entry was when it was read, ms.
    pub tail_lag_ms: Number,
    /// Entries in the last reply: at the bound, the tail is behind.
    pub tail_reply_entries: Number,
    /// Times that the tail's connection broke.
    pub tail_breaks: Number,
    /// Logs that are tailed.
    pub tail_logs: Number,
    /// Regions whose logs are tailed, this one included.
    pub origins: Number,
    /// Entries that a core was too slow for.
    pub tail_passed_over: Number,
    /// Calls for presence, counters, clock and registration that failed.
    pub duty_failures: Number,
}

impl Metrics {
    /// For so many cores.
    pub fn new(cores: usize) -> Self {
        Self {
            cores: (0..cores).map(|_| CoreMetrics::default()).collect(),
            ..Self::default()
        }
    }

    /// Computing time of all cores in the last second, 0 to 1.
    pub fn cpu(&self) -> f64 {
        let sum: u64 = self.cores.iter().map(|core| core.cpu_permille.get()).sum();
        sum as f64 / 1_000.0 / self.cores.len().max(1) as f64
    }

    /// The lag of the core that is worst.
    pub fn lag_ms(&self) -> u64 {
        self.cores
            .iter()
            .map(|core| core.lag_ms.get())
            .max()
            .unwrap_or(0)
    }

    /// All of them as text.
    pub fn text(&self, most_connections: usize) -> String {
        let mut out = Text::new("tidegate_fanout_");
        let gauges: [Series; 12] = [
            ("connections", "Open connections", |core| {
                core.connections.get()
            }),
            ("subscriptions", "Subscriptions", |core| {
                core.subscriptions.get()
            }),
            ("rooms", "Rooms with a subscription", |core| {
                core.rooms.get()
            }),
            ("rooms_sampled", "Rooms over their chat budget", |core| {
                core.sampled_rooms.get()
            }),
            (
                "connections_blocked",
                "Connections that wait to be writable",
                |core| core.blocked.get(),
            ),
            (
                "connections_ready",
                "Connections that wait to be read on",
                |core| core.ready.get(),
            ),
            (
                "core_queue_bytes",
                "Entries that wait to be taken in",
                |core| core.queued_bytes.get(),
            ),
            ("lookups_waiting", "Look-ups that wait for Redis", |core| {
                core.lookups.get()
            }),
            (
                "connections_waiting",
                "Connections that wait to be let in",
                |core| core.lobby.get(),
            ),
            (
                "admitted_per_second",
                "Newcomers that are taken in a second at most, now",
                |core| core.admitted_per_s.get(),
            ),
            (
                "lag_ms",
                "How late what was due was begun in the last second, at worst",
                |core| core.lag_ms.get(),
            ),
            (
                "cpu_permille",
                "Computing time in the last second, thousandths",
                |core| core.cpu_permille.get(),
            ),
        ];
        for (name, help, get) in gauges {
            self.by_core(&mut out, name, "gauge", help, get);
        }
        let help = "Subscriptions of rooms, by the level that they are served at";
        out.head("viewers", "gauge", help);
        for level in 0..LEVELS {
            let viewers = self.cores.iter().map(|core| core.viewers[level].get());
            out.line(
                "viewers",
                &format!("level=\"{level}\""),
                viewers.sum::<u64>(),
            );
        }
        let counters: [Series; 9] = [
            ("sent_bytes_total", "Bytes written to viewers", |core| {
                core.bytes.get()
            }),
            ("accepted_total", "Connections accepted", |core| {
                core.accepted.get()
            }),
            (
                "full_total",
                "Connections answered 503: the node is full",
                |core| core.full.get(),
            ),
            (
                "turned_away_total",
                "Connections answered 503 or let go: too many at once",
                |core| core.turned_away.get(),
            ),
            (
                "lookups_refused_total",
                "Subscriptions told to try again: too many look-ups wait",
                |core| core.lookups_refused.get(),
            ),
            (
                "no_files_total",
                "Accepts that failed for want of files",
                |core| core.no_files.get(),
            ),
            ("refused_total", "Requests refused", |core| {
                core.refused.get()
            }),
            ("moves_total", "Viewers sent elsewhere", |core| {
                core.moves.get()
            }),
            ("endpoints_total", "Viewers told of new endpoints", |core| {
                core.endpoints.get()
            }),
        ];
        for (name, help, get) in counters {
            self.by_core(&mut out, name, "counter", help, get);
        }
        for (index, (name, help)) in HubMetrics::NAMES.iter().enumerate() {
            let name = format!("{name}_total");
            self.by_core(&mut out, &name, "counter", help, |core| {
                core.hub.0[index].get()
            });
        }
        out.head("closed_total", "counter", "Sockets closed by the node");
        for (index, code) in CloseCode::ALL.iter().enumerate() {
            let total: u64 = self.cores.iter().map(|core| core.closed[index].get()).sum();
            let code = code.code();
            out.line("closed_total", &format!("code=\"{code}\""), total);
        }
        let node = [
            (
                "connections_most",
                "gauge",
                "Most connections",
                most_connections as u64,
            ),
            (
                "redis_up",
                "gauge",
                "Whether Redis was reached last time",
                self.redis_up.get(),
            ),
            (
                "tail_logs",
                "gauge",
                "Logs that are tailed",
                self.tail_logs.get(),
            ),
            (
                "origins",
                "gauge",
                "Regions whose logs are tailed",
                self.origins.get(),
            ),
            (
                "tail_lag_ms",
                "gauge",
                "Age of the last entry when it was read",
                self.tail_lag_ms.get(),
            ),
            (
                "tail_reply_entries",
                "gauge",
                "Entries in the last reply",
                self.tail_reply_entries.get(),
            ),
            (
                "tail_entries_total",
                "counter",
                "Entries read",
                self.tail_entries.get(),
            ),
            (
                "tail_unreadable_total",
                "counter",
                "Entries that could not be read",
                self.tail_unreadable.get(),
            ),
            (
                "tail_breaks_total",
                "counter",
                "Times that the connection broke",
                self.tail_breaks.get(),
            ),
            (
                "tail_passed_over_total",
                "counter",
                "Entries that a core was too slow for",
                self.tail_passed_over.get(),
            ),
            (
                "duty_failures_total",
                "counter",
                "Failed calls for presence, counters, clock, registration",
                self.duty_failures.get(),
            ),
        ];
        for (name, kind, help, value) in node {
            out.head(name, kind, help);
            out.line(name, "", value);
        }
        out.done()
    }

    fn by_core(
        &self,
        out: &mut Text,
        name: &str,
        kind: &str,
        help: &str,
        get: impl Fn(&CoreMetrics) -> u64,
    ) {
        out.head(name, kind, help);
        for (index, core) in self.cores.iter().enumerate() {
            out.line(name, &format!("core=\"{index}\""), get(core));
        }
    }
}

/// A number of each core: its name, what it means, and where it is read.
type Series = (&'static str, &'static str, fn(&CoreMetrics) -> u64);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_series_has_its_head_once() {
        let metrics = Metrics::new(2);
        metrics.cores[1].connections.set(7);
        let text = metrics.text(9);
        assert!(text.contains("\ntidegate_fanout_connections{core=\"1\"} 7\n"));
        assert!(text.contains("\ntidegate_fanout_closed_total{code=\"4411\"} 0\n"));
        let heads: Vec<_> = text
            .lines()
            .filter(|line| line.starts_with("# TYPE"))
            .collect();
        let mut once = heads.clone();
        once.sort_unstable();
        once.dedup();
        assert_eq!(heads.len(), once.len());
    }
}
