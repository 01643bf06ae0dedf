//! A small run of the fan-out's bench, so that it stays alive. What it measures in the dev profile beside other tests says
//! nothing; that it starts everybody, counts every delivery and tells both is held here.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use e2e::process::{binary, root};
use serde_json::Value;

/// Six turns of a few seconds each.
const MOST: Duration = Duration::from_secs(180);

#[test]
fn a_small_bench_of_the_fan_out_delivers_everything() {
    let mut child = Command::new(binary("xtask"))
        .current_dir(root())
        .args(["bench", "fanout", "--dev", "--no-build", "--json"])
        .args(["--peers", "none", "--turns", "1", "--seconds", "1"])
        .args(["--viewers", "200", "--cases"])
        .arg("uncoalesced_1000,coalesced_50ms_1000,idle_memory")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .expect("xtask is built: `cargo xtask test e2e` runs it");
    let end = Instant::now() + MOST;
    while child.try_wait().expect("it can be waited for").is_none() {
        if Instant::now() >= end {
            // SIGKILL: its guard ends what it had started.
            child.kill().expect("it runs");
            panic!("the bench was not done within {MOST:?}");
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    let output = child.wait_with_output().expect("it has ended");
    let report: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("no report: {error}; it ended with {}", output.status));
    let rows = report["rows"].as_array().expect("there are rows");
    let found: Vec<String> = rows
        .iter()
        .map(|row| format!("{} {}", row["case"], row["subject"]).replace('"', ""))
        .collect();
    assert_eq!(
        found,
        [
            "uncoalesced_1000 tidegate",
            "uncoalesced_1000 floor",
            "coalesced_50ms_1000 tidegate",
            "coalesced_50ms_1000 floor",
            "idle_memory tidegate",
            "idle_slab tidegate",
            "idle_memory floor",
            "idle_slab floor",
        ]
    );
    for row in &rows[..4] {
        assert!(row["delivered"].as_u64() >= Some(1_000), "{row}");
        assert_eq!(row["delivered"], row["expected"], "{row}");
        assert!(row["value"].as_f64() > Some(0.0), "{row}");
        assert!(row["p99_ms"].as_f64() > Some(0.0), "{row}");
    }
}
