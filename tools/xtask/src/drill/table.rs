//! The report, for people.

use std::fmt::Write as _;

use serde_json::Value;

use crate::progress::{Progress, Tone};

/// Two columns, and which promises held.
pub fn text(report: &Value, progress: &Progress) -> String {
    let number = |name: &str| report[name].to_string();
    let times = |name: &str| match &report[name] {
        Value::Null => "none".to_owned(),
        times => format!(
            "p50 {}  p99 {}  max {}  ({} times)",
            times["p50"], times["p99"], times["max"], times["count"]
        ),
    };
    let ms = |name: &str| match &report[name] {
        Value::Null => "–".to_owned(),
        ms => format!("{ms} ms"),
    };
    let rows = [
        ("viewers", number("viewers")),
        ("acknowledged messages", number("acknowledged")),
        (
            "deliveries of them",
            format!("{} of {}", report["received"], report["expected"]),
        ),
        ("lost", number("lost")),
        ("repeated", number("repeated")),
        ("out of order", number("reordered")),
        ("left out under overload", number("left_out")),
        ("viewers reading again, ms", times("reading_again_ms")),
        ("newcomers led right after", ms("dns_right_ms")),
        ("regions hold the same after", ms("same_after_ms")),
        ("publish to receive, ms", times("latency_ms")),
        ("later than a second", number("late")),
        ("sockets lost", number("reconnects")),
    ];
    let mut rows: Vec<_> = (rows.into_iter())
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
    for outage in report["outages"].as_array().into_iter().flatten() {
        rows.extend(self::outage(outage));
    }
    shown(report, &rows, progress)
}

/// What one failure of a Redis has cost.
fn outage(outage: &Value) -> [(String, String); 3] {
    let ms = |name: &str| match &outage[name] {
        Value::Null => "never".to_owned(),
        ms => format!("{ms} ms"),
    };
    let count = |name: &str| &outage[name];
    let region = outage["region"].as_str().unwrap_or_default();
    [
        (
            format!("{region} without Redis, {} ms", count("away_ms")),
            format!(
                "publishing back after {}, nodes listed after {}, {} sockets lost",
                ms("publishing_back_ms"),
                ms("listed_ms"),
                count("reconnects")
            ),
        ),
        (
            "    acknowledged, at stake".to_owned(),
            format!(
                "{}: {} in its log, {} in another region's copy only, {} gone; {} not at every viewer",
                count("at_stake"),
                count("kept"),
                count("elsewhere"),
                count("gone"),
                count("lacked")
            ),
        ),
        (
            "    entries, as relays count".to_owned(),
            format!(
                "{} taken back, {} too late",
                count("taken_back"),
                count("left_there")
            ),
        ),
    ]
}

/// A drill's name, two columns, and the promises that it broke.
pub fn shown(report: &Value, rows: &[(String, String)], progress: &Progress) -> String {
    let mut text = format!("\n{}\n", report["drill"].as_str().unwrap_or_default());
    for (name, value) in rows {
        let _ = writeln!(text, "    {name:<30}{value}");
    }
    let broken = report["broken"].as_array().cloned().unwrap_or_default();
    if broken.is_empty() {
        let _ = write!(
            text,
            "\n{}",
            progress.paint(Tone::Good, "every promise held")
        );
    }
    for promise in &broken {
        let line = format!("broken: {}", promise.as_str().unwrap_or_default());
        let _ = write!(text, "\n{}", progress.paint(Tone::Bad, &line));
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_report_is_shown_with_what_it_broke() {
        let report = json!({
            "drill": "region-loss", "viewers": 20, "acknowledged": 100, "received": 990, "expected": 1000, "lost": 1,
            "repeated": 0, "reordered": 0, "left_out": 0, "late": 3, "dns_right_ms": 9_000, "same_after_ms": null,
            "reconnects": 10, "outages": [{"region": "east", "away_ms": 500, "publishing_back_ms": 3_100, "listed_ms": null,
                "reconnects": 2, "at_stake": 50, "kept": 40, "elsewhere": 9, "gone": 1, "lacked": 7, "taken_back": 41,
                "left_there": 8}],
            "reading_again_ms": {"p50": 80, "p99": 210, "max": 230, "count": 10}, "latency_ms": null,
            "broken": ["1 acknowledged messages are missing; 0 may be"],
        });
        let text = text(&report, &Progress::new());
        for words in [
            "region-loss",
            "990 of 1000",
            "p50 80  p99 210  max 230  (10 times)",
            "9000 ms",
            "broken: 1 acknowledged",
            "east without Redis, 500 ms",
            "publishing back after 3100 ms, nodes listed after never, 2 sockets lost",
            "50: 40 in its log, 9 in another region's copy only, 1 gone; 7 not at every viewer",
            "41 taken back, 8 too late",
        ] {
            assert!(text.contains(words), "{text}");
        }
    }
}
