//! What is printed at the end.

use serde_json::json;

use crate::tally::Tally;

/// The figures of one run.
pub struct Report {
    viewers: u32,
    rate: u32,
    published: u64,
    expected: u64,
    received: u64,
    reordered: u64,
    repeated: u64,
    each_us: [u64; 3],
    last_us: [u64; 3],
}

#[expect(clippy::cast_precision_loss, reason = "a latency is far below 2^52 us")]
fn ms(us: u64) -> f64 {
    us as f64 / 1_000.0
}

impl Report {
    /// Reads a tally.
    pub fn new(viewers: u32, rate: u32, published: u64, expected: u64, tally: &Tally) -> Self {
        let (each_us, last_us) = tally.latencies_us();
        let (reordered, repeated) = tally.disorder();
        Self {
            viewers,
            rate,
            published,
            expected,
            received: tally.received(),
            reordered,
            repeated,
            each_us,
            last_us,
        }
    }

    /// Whether each message reached each viewer once and in order.
    pub fn is_complete(&self) -> bool {
        self.received == self.expected && self.reordered == 0 && self.repeated == 0
    }

    /// Prints a table, or JSON.
    pub fn print(&self, as_json: bool) {
        if as_json {
            let figures = |us: [u64; 3]| json!({"p50_ms": ms(us[0]), "p99_ms": ms(us[1]), "max_ms": ms(us[2])});
            println!(
                "{}",
                json!({"bench":"way","viewers":self.viewers,"rate":self.rate,"published":self.published,
                    "expected":self.expected,"delivered":self.received,"reordered":self.reordered,"repeated":self.repeated,
                    "each":figures(self.each_us),"last":figures(self.last_us)})
            );
            return;
        }
        println!(
            "{} viewers, {} messages/s, {} published",
            self.viewers, self.rate, self.published
        );
        println!(
            "expected {}  received {}  reordered {}  repeated {}",
            self.expected, self.received, self.reordered, self.repeated
        );
        println!(
            "{:<28}{:>10}{:>10}{:>10}",
            "publish to receive, ms", "p50", "p99", "max"
        );
        for (name, us) in [
            ("every delivery", self.each_us),
            ("each message's last viewer", self.last_us),
        ] {
            println!(
                "{name:<28}{:>10.2}{:>10.2}{:>10.2}",
                ms(us[0]),
                ms(us[1]),
                ms(us[2])
            );
        }
    }
}
