//! What is printed at the end.

use anyhow::{Result, bail, ensure};
use hdrhistogram::Histogram;
use serde_json::{Value, json};

use super::dialect::Subject;
use super::tally::{Figures, histogram};

/// A part of the run.
#[derive(Debug, Default, Clone, Copy)]
pub struct Span {
    /// How long it took.
    pub seconds: f64,
    /// The server's CPU meanwhile.
    pub server_cpu_s: f64,
    /// Ours.
    pub load_cpu_s: f64,
}

/// In bytes.
#[derive(Debug, Default, Clone, Copy)]
pub struct Memory {
    /// The server's own.
    pub pss: u64,
    /// The kernel's caches on the whole machine.
    pub slab: u64,
}

/// The figures of one run.
pub struct Report {
    /// What was measured.
    pub subject: Subject,
    /// Sockets.
    pub viewers: u32,
    /// Messages of the counted time.
    pub published: u64,
    /// The longest that one was sent after it was due, ms.
    pub behind_ms: f64,
    /// What should have arrived.
    pub expected: u64,
    /// As how many messages each counts.
    pub messages_per_frame: u64,
    /// What did arrive.
    pub figures: Figures,
    /// From the first socket to the last subscription.
    pub open: Span,
    /// From the beginning of the counted time to the last delivery.
    pub run: Span,
    /// Before sockets were opened.
    pub before: Memory,
    /// With all of them open and idle.
    pub opened: Memory,
}

#[expect(
    clippy::cast_precision_loss,
    reason = "counts and times are far below 2^52"
)]
fn float(count: u64) -> f64 {
    count as f64
}

/// p50, p99 and the greatest, in ms.
fn spread_ms(latencies: &Histogram<u64>) -> [f64; 3] {
    [
        latencies.value_at_quantile(0.5),
        latencies.value_at_quantile(0.99),
        latencies.max(),
    ]
    .map(|us| float(us) / 1_000.0)
}

impl Report {
    /// Messages that arrived, each once.
    pub fn delivered(&self) -> u64 {
        self.figures.delivered * self.messages_per_frame
    }

    /// Whether each message reached each viewer of its room once and in order, and every socket lasted.
    ///
    /// # Errors
    /// What was otherwise.
    pub fn verdict(&self) -> Result<()> {
        let Figures {
            repeated,
            reordered,
            ended,
            why,
            ..
        } = &self.figures;
        if let Some(why) = why {
            bail!("{ended} sockets ended before the run did, the first because {why}");
        }
        ensure!(
            self.delivered() == self.expected && (*repeated, *reordered) == (0, 0),
            "not every message reached every viewer once and in order"
        );
        Ok(())
    }

    fn each_ms(&self) -> [f64; 3] {
        let mut each = histogram();
        for (us, count) in &self.figures.latencies {
            each.saturating_record_n(*us, *count);
        }
        spread_ms(&each)
    }

    fn last_ms(&self) -> [f64; 3] {
        let mut last = histogram();
        for us in self.figures.slowest.iter().flatten().filter(|us| **us > 0) {
            last.saturating_record(u64::from(*us));
        }
        spread_ms(&last)
    }

    fn frame_bytes_mean(&self) -> f64 {
        float(self.figures.frame_bytes) / float(self.figures.frames.max(1))
    }

    /// For programs.
    pub fn json(&self) -> Value {
        let [p50, p99, max] = self.each_ms();
        let [last_p50, last_p99, last_max] = self.last_ms();
        json!({
            "subject": self.subject, "viewers": self.viewers, "published": self.published, "expected": self.expected,
            "delivered": self.delivered(), "repeated": self.figures.repeated, "reordered": self.figures.reordered,
            "ended": self.figures.ended, "frames": self.figures.frames,
            "packed_frames": self.figures.packed_frames, "frame_bytes_mean": self.frame_bytes_mean(),
            "behind_max_ms": self.behind_ms,
            "open": {"seconds": self.open.seconds, "server_cpu_s": self.open.server_cpu_s},
            "run": {"seconds": self.run.seconds, "server_cpu_s": self.run.server_cpu_s, "load_cpu_s": self.run.load_cpu_s},
            "memory": {"pss_before": self.before.pss, "pss_open": self.opened.pss,
                "slab_before": self.before.slab, "slab_open": self.opened.slab},
            "p50_ms": p50, "p99_ms": p99, "max_ms": max,
            "last_p50_ms": last_p50, "last_p99_ms": last_p99, "last_max_ms": last_max,
        })
    }

    /// For people.
    pub fn table(&self) -> String {
        let row = |name: &str, [p50, p99, max]: [f64; 3]| {
            format!("{name:<28}{p50:>10.2}{p99:>10.2}{max:>10.2}\n")
        };
        let delivered = float(self.delivered());
        let mut text = format!(
            "{:?}, {} viewers\n{:<28}{:>10}{:>10}{:>10}\n",
            self.subject, self.viewers, "publish to receive, ms", "p50", "p99", "max"
        );
        text += &row("every delivery", self.each_ms());
        text += &row("each message's last viewer", self.last_ms());
        text += &format!(
            "published {}, sent at most {:.1} ms late; expected {}, delivered {}, repeated {}, reordered {}\n",
            self.published,
            self.behind_ms,
            self.expected,
            self.delivered(),
            self.figures.repeated,
            self.figures.reordered
        );
        text += &format!(
            "{} frames of {:.0} bytes, {} of them compressed; {:.0} deliveries/s, load {:.2} s of CPU\n",
            self.figures.frames,
            self.frame_bytes_mean(),
            self.figures.packed_frames,
            delivered / self.run.seconds.max(1e-9),
            self.run.load_cpu_s
        );
        text += &format!(
            "opened in {:.2} s, {:.0}/s",
            self.open.seconds,
            f64::from(self.viewers) / self.open.seconds.max(1e-9)
        );
        if self.opened.pss > 0 {
            let each =
                |now: u64, before: u64| (float(now) - float(before)) / f64::from(self.viewers);
            text += &format!(
                ", {:.0} per CPU-second of the server; {:.0} bytes of PSS a socket, {:.0} of slab\n\
                 server {:.2} s of CPU, {:.0} deliveries/CPU-s",
                f64::from(self.viewers) / self.open.server_cpu_s.max(0.01),
                each(self.opened.pss, self.before.pss),
                each(self.opened.slab, self.before.slab),
                self.run.server_cpu_s,
                delivered / self.run.server_cpu_s.max(0.01)
            );
        }
        text
    }
}

#[cfg(test)]
#[path = "report_tests.rs"]
mod tests;
