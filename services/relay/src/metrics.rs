//! What is counted, and how it is told (Prometheus' text format).

use std::sync::Arc;

use service_shell::{Number, Text};
use tidegate_stream::Region;

/// Upper bounds of the lag's buckets, ms.
const LAG_MS: [u64; 15] = [
    5, 10, 20, 30, 40, 50, 75, 100, 200, 500, 1_000, 2_000, 5_000, 15_000, 60_000,
];

/// How old entries were when they were here, by call: its last entry stands for all.
#[derive(Debug, Default)]
pub struct Lag {
    buckets: [Number; LAG_MS.len()],
    count: Number,
    sum_ms: Number,
    last_ms: Number,
}

impl Lag {
    /// So many entries were so old.
    pub fn note(&self, lag_ms: u64, entries: u64) {
        if let Some(at) = LAG_MS.iter().position(|&most| lag_ms <= most) {
            self.buckets[at].add(entries);
        }
        self.count.add(entries);
        self.sum_ms.add(lag_ms.saturating_mul(entries));
        self.last_ms.set(lag_ms);
    }

    /// Nothing is left to be copied.
    pub fn level(&self) {
        self.last_ms.set(0);
    }

    fn write(&self, out: &mut Text, origin: &Region) {
        let mut below = 0;
        for (most, bucket) in LAG_MS.iter().zip(&self.buckets) {
            below += bucket.get();
            out.line(
                "lag_ms_bucket",
                &format!("origin=\"{origin}\",le=\"{most}\""),
                below,
            );
        }
        let all = self.count.get();
        out.line(
            "lag_ms_bucket",
            &format!("origin=\"{origin}\",le=\"+Inf\""),
            all,
        );
        let label = format!("origin=\"{origin}\"");
        out.line("lag_ms_sum", &label, self.sum_ms.get());
        out.line("lag_ms_count", &label, all);
    }
}

/// Of one other region.
#[derive(Debug)]
pub struct OriginMetrics {
    /// Its name.
    pub name: Region,
    /// When it last answered, ms of the relay's clock; 0: never.
    pub contact_ms: Number,
    /// Connections to it, and to the Redis here on its behalf, stand.
    pub up: Number,
    /// Entries appended here.
    pub entries: Number,
    /// Entries that were here already.
    pub repeats: Number,
    /// Calls sent.
    pub calls: Number,
    /// Calls that Redis here refused.
    pub refused: Number,
    /// Times that entries did not fit, and were read again.
    pub holes: Number,
    /// Gaps written: what is missing here was trimmed there.
    pub gaps: Number,
    /// Entries whose origin had lost its tail before them.
    pub rewound: Number,
    /// Stamps more than a minute ahead of the clock here.
    pub ahead: Number,
    /// Entries or fields that were not understood.
    pub unread: Number,
    /// Rooms created in both regions while they were apart.
    pub told: Number,
    /// Shards whose rooms were merged, and rooms.
    pub merges: Number,
    /// Rooms merged.
    pub merged_rooms: Number,
    /// Entries of this region that came back from there.
    pub taken_back: Number,
    /// Entries of this region that stay there only.
    pub left_there: Number,
    /// Sessions that ended in a failure.
    pub breaks: Number,
    /// Entries read and not answered for.
    pub held_entries: Number,
    /// Their bytes.
    pub held_bytes: Number,
    /// Shards at bulk speed.
    pub bulk_shards: Number,
    /// Shards whose lease this relay has.
    pub leases: Number,
    /// Entries that lie there and not here, as far as can be told.
    pub lag_entries: Number,
    /// How old entries were.
    pub lag: Lag,
}

impl OriginMetrics {
    /// All at 0.
    pub fn new(name: Region) -> Self {
        Self {
            name,
            contact_ms: Number::default(),
            up: Number::default(),
            entries: Number::default(),
            repeats: Number::default(),
            calls: Number::default(),
            refused: Number::default(),
            holes: Number::default(),
            gaps: Number::default(),
            rewound: Number::default(),
            ahead: Number::default(),
            unread: Number::default(),
            told: Number::default(),
            merges: Number::default(),
            merged_rooms: Number::default(),
            taken_back: Number::default(),
            left_there: Number::default(),
            breaks: Number::default(),
            held_entries: Number::default(),
            held_bytes: Number::default(),
            bulk_shards: Number::default(),
            leases: Number::default(),
            lag_entries: Number::default(),
            lag: Lag::default(),
        }
    }
}

type Series = (&'static str, &'static str, fn(&OriginMetrics) -> u64);

const GAUGES: [Series; 7] = [
    ("up", "Connections to the region stand", |one| one.up.get()),
    (
        "leases",
        "Shards that this relay copies; the others are another's",
        |one| one.leases.get(),
    ),
    ("bulk_shards", "Shards that are behind", |one| {
        one.bulk_shards.get()
    }),
    ("held_entries", "Entries read and not yet here", |one| {
        one.held_entries.get()
    }),
    ("held_bytes", "Their bytes", |one| one.held_bytes.get()),
    (
        "lag_entries",
        "Entries that lie there and not here",
        |one| one.lag_entries.get(),
    ),
    (
        "lag_last_ms",
        "Age of the entry that arrived last; 0 when nothing is left",
        |one| one.lag.last_ms.get(),
    ),
];

const COUNTERS: [Series; 15] = [
    ("entries_total", "Entries appended here", |one| {
        one.entries.get()
    }),
    ("repeats_total", "Entries that were here already", |one| {
        one.repeats.get()
    }),
    ("calls_total", "Calls of tg_relay", |one| one.calls.get()),
    (
        "refused_total",
        "Calls that Redis here refused, for want of memory for one",
        |one| one.refused.get(),
    ),
    (
        "holes_total",
        "Times that entries did not fit and were read again",
        |one| one.holes.get(),
    ),
    (
        "gaps_total",
        "Gaps: what is missing here was trimmed there",
        |one| one.gaps.get(),
    ),
    (
        "rewound_total",
        "Entries whose region had lost its tail before them",
        |one| one.rewound.get(),
    ),
    (
        "stamps_ahead_total",
        "Stamps more than 60 s ahead of the clock here",
        |one| one.ahead.get(),
    ),
    (
        "unread_total",
        "Entries or fields that were not understood",
        |one| one.unread.get(),
    ),
    (
        "created_twice_total",
        "Rooms that this region had created too, and later",
        |one| one.told.get(),
    ),
    ("merges_total", "Shards whose rooms were merged", |one| {
        one.merges.get()
    }),
    ("merged_rooms_total", "Rooms merged", |one| {
        one.merged_rooms.get()
    }),
    (
        "taken_back_total",
        "Entries of this region that came back from there",
        |one| one.taken_back.get(),
    ),
    (
        "left_there_total",
        "Entries of this region that stay there only",
        |one| one.left_there.get(),
    ),
    (
        "breaks_total",
        "Times that connections broke or were refused",
        |one| one.breaks.get(),
    ),
];

/// All of them as text.
pub fn text(origins: &[Arc<OriginMetrics>], home: bool, now_ms: u64) -> String {
    let mut out = Text::new("tidegate_relay_");
    out.head("home_up", "gauge", "This region's Redis answers");
    out.line("home_up", "", u64::from(home));
    for (series, kind) in [(&GAUGES[..], "gauge"), (&COUNTERS[..], "counter")] {
        for (name, help, value) in series {
            out.head(name, kind, help);
            for origin in origins {
                out.line(name, &format!("origin=\"{}\"", origin.name), value(origin));
            }
        }
    }
    let help = "Since the region last answered; -1: never";
    out.head("contact_age_ms", "gauge", help);
    for origin in origins {
        let age = match origin.contact_ms.get() {
            0 => -1,
            at => now_ms.saturating_sub(at) as i64,
        };
        let labels = format!("origin=\"{}\"", origin.name);
        out.line("contact_age_ms", &labels, age);
    }
    let help = "From the append there to the append here";
    out.head("lag_ms", "histogram", help);
    for origin in origins {
        origin.lag.write(&mut out, &origin.name);
    }
    out.done()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_one_that_prometheus_reads() {
        let origin = OriginMetrics::new("us".parse().unwrap());
        origin.lag.note(31, 32);
        origin.lag.note(100_000, 1);
        let text = text(&[Arc::new(origin)], true, 5);
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let (name, value) = line.rsplit_once(' ').unwrap();
            assert!(name.starts_with("tidegate_relay_"), "{line}");
            assert!(value.parse::<f64>().is_ok(), "{line}");
        }
        assert!(text.contains("lag_ms_bucket{origin=\"us\",le=\"40\"} 32\n"));
        assert!(text.contains("lag_ms_bucket{origin=\"us\",le=\"+Inf\"} 33\n"));
        assert!(text.contains("contact_age_ms{origin=\"us\"} -1\n"));
    }
}
