//! One line of what a bench says, and the whole of it: JSON for programs, a table for people.

use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;

/// One case of one subject.
#[derive(Debug, Clone, Serialize)]
pub struct Row {
    /// What was done.
    pub case: String,
    /// By whom.
    pub subject: &'static str,
    /// The median of all turns.
    pub value: f64,
    /// Of what.
    pub unit: &'static str,
    /// From request to answer; for what has latencies.
    #[serde(skip_serializing_if = "Option::is_none", flatten)]
    pub latency: Option<Latency>,
    /// How many there should have been, and how many there were.
    #[serde(skip_serializing_if = "Option::is_none", flatten)]
    pub counted: Option<Counted>,
    /// CPU of Redis for each, in us; where there is one. Of a fan-out: of its functions and reads, for each message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redis_us: Option<f64>,
    /// Calls to Redis for each.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redis_calls: Option<f64>,
    /// Whether it did not keep up with what was offered, so that the value is that of an overloaded server.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub overloaded: bool,
}

impl Row {
    /// A figure by itself.
    pub fn of(case: &str, subject: &'static str, value: f64, unit: &'static str) -> Self {
        Self {
            case: case.to_owned(),
            subject,
            value,
            unit,
            latency: None,
            counted: None,
            redis_us: None,
            redis_calls: None,
            overloaded: false,
        }
    }
}

/// Milliseconds, medians of all turns but the last.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Latency {
    /// Half were faster.
    pub p50_ms: f64,
    /// 99 of 100 were faster.
    pub p99_ms: f64,
    /// The slowest of all turns.
    pub max_ms: f64,
}

/// What was checked.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Counted {
    /// Acknowledged.
    pub expected: u64,
    /// Found.
    pub delivered: u64,
}

/// What one bench says.
#[derive(Debug, Serialize)]
pub struct Report {
    bench: &'static str,
    at: String,
    machine: Machine,
    rows: Vec<Row>,
}

#[derive(Debug, Serialize)]
struct Machine {
    cpu: String,
    cores: usize,
    /// What else ran: the load average before the bench.
    load_before: f64,
}

impl Report {
    /// A report without rows, of a bench that begins now.
    pub fn begin(bench: &'static str) -> Self {
        let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
        Self {
            bench,
            at: date(SystemTime::now()),
            machine: Machine {
                cpu: cpu(),
                cores: std::thread::available_parallelism().map_or(1, usize::from),
                load_before: load
                    .split(' ')
                    .next()
                    .and_then(|minute| minute.parse().ok())
                    .unwrap_or(0.0),
            },
            rows: Vec::new(),
        }
    }

    /// Adds a row.
    pub fn add(&mut self, row: Row) {
        self.rows.push(row);
    }

    /// All rows.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// The value of a row, if there is one.
    pub fn value(&self, case: &str, subject: &str) -> Option<f64> {
        let of = |row: &&Row| row.case == case && row.subject == subject;
        self.rows.iter().find(of).map(|row| row.value)
    }

    /// Prints it: one line of JSON, or a table and what its figures come to.
    pub fn print(&self, as_json: bool, told: &[String]) {
        if as_json {
            // Numbers and text always serialise.
            println!("{}", serde_json::to_string(self).unwrap_or_default());
            return;
        }
        println!(
            "{}, {} cores, load before {}, {}",
            self.machine.cpu, self.machine.cores, self.machine.load_before, self.at
        );
        println!(
            "{:<26}{:<12}{:>12} {:<18}{:>9}{:>9}{:>9}{:>12}{:>13}",
            "case",
            "subject",
            "value",
            "unit",
            "p50 ms",
            "p99 ms",
            "max ms",
            "redis us",
            "redis calls"
        );
        let or_dash =
            |value: Option<f64>| value.map_or("-".to_owned(), |value| format!("{value:.2}"));
        for row in &self.rows {
            let digits = usize::from(row.value < 1_000.0);
            println!(
                "{:<26}{:<12}{:>12.digits$} {:<18}{:>9}{:>9}{:>9}{:>12}{:>13}",
                row.case,
                row.subject,
                row.value,
                row.unit,
                or_dash(row.latency.map(|latency| latency.p50_ms)),
                or_dash(row.latency.map(|latency| latency.p99_ms)),
                or_dash(row.latency.map(|latency| latency.max_ms)),
                or_dash(row.redis_us),
                or_dash(row.redis_calls),
            );
        }
        for line in told {
            println!("{line}");
        }
    }
}

fn cpu() -> String {
    let about = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    about
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(':'))
        .map_or_else(
            || std::env::consts::ARCH.to_owned(),
            |(_, name)| name.trim().to_owned(),
        )
}

/// A moment as RFC 3339 has it, in UTC, to the second.
fn date(at: SystemTime) -> String {
    let seconds = at
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs());
    let (mut days, of_day) = (seconds / 86_400, seconds % 86_400);
    let is_leap = |year: u64| {
        year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
    };
    let mut year = 1970;
    loop {
        let length = if is_leap(year) { 366 } else { 365 };
        if days < length {
            break;
        }
        days -= length;
        year += 1;
    }
    let february = if is_leap(year) { 29 } else { 28 };
    let mut month = 1;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30] {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    let (hour, minute, second) = (of_day / 3_600, of_day / 60 % 60, of_day % 60);
    format!(
        "{year:04}-{month:02}-{:02}T{hour:02}:{minute:02}:{second:02}Z",
        days + 1
    )
}

/// The middle one; of an even number, the lower of the two.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values
        .get(values.len().saturating_sub(1) / 2)
        .copied()
        .unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_735_689_599, "2024-12-31T23:59:59Z"),
            (1_795_510_923, "2026-11-24T09:02:03Z"),
        ] {
            assert_eq!(date(UNIX_EPOCH + Duration::from_secs(seconds)), text);
        }
    }

    #[test]
    fn the_median_is_one_of_them() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(vec![4.0, 1.0]), 1.0);
        assert_eq!(median(Vec::new()), 0.0);
    }

    #[test]
    fn a_row_is_flat() {
        let row = Row {
            case: "publish".to_owned(),
            subject: "tidegate",
            value: 1.0,
            unit: "requests/cpu_s",
            latency: Some(Latency {
                p50_ms: 1.0,
                p99_ms: 2.0,
                max_ms: 3.0,
            }),
            counted: Some(Counted {
                expected: 4,
                delivered: 4,
            }),
            redis_us: None,
            redis_calls: None,
            overloaded: false,
        };
        assert_eq!(
            serde_json::to_string(&row).unwrap(),
            r#"{"case":"publish","subject":"tidegate","value":1.0,"unit":"requests/cpu_s","p50_ms":1.0,"p99_ms":2.0,"max_ms":3.0,"expected":4,"delivered":4}"#
        );
    }
}
