//! One small drill, so that all of them stay alive: two regions on loopback, one of them killed and started again.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use e2e::process::{binary, root};
use serde_json::Value;

/// Two regions have to start, gdnsd to see a death (8 to 12 s), a region to come back.
const MOST: Duration = Duration::from_secs(240);

#[test]
fn a_region_that_is_lost_costs_nobody_a_message() {
    let mut child = Command::new(binary("xtask"))
        .current_dir(root())
        .args(["drill", "region-loss", "--loopback", "--no-build", "--json"])
        .args(["--edge", "embedded"])
        .args(["--viewers", "20", "--rate", "20", "--seconds", "10"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .expect("xtask is built: `cargo xtask test e2e` runs it");
    let end = Instant::now() + MOST;
    while child.try_wait().expect("it can be waited for").is_none() {
        if Instant::now() >= end {
            // SIGKILL: its guard ends what it had started.
            child.kill().expect("it runs");
            panic!("the drill was not done within {MOST:?}");
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    let output = child.wait_with_output().expect("it has ended");
    let report: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("no report: {error}; it ended with {}", output.status));
    // How fast is held by whoever runs the drill on a machine of its own; what must not be lost is held here.
    for count in [
        "lost",
        "repeated",
        "reordered",
        "resets",
        "ids_twice",
        "dns_wrong",
    ] {
        assert_eq!(report[count], 0, "{count}: {report:#}");
    }
    assert!(report["acknowledged"].as_u64() > Some(50), "{report:#}");
    assert_eq!(report["received"], report["expected"], "{report:#}");
    assert_eq!(report["different"], Value::Array(Vec::new()), "{report:#}");
    assert!(report["dns_right_ms"].is_u64(), "{report:#}");
    assert!(report["same_after_ms"].is_u64(), "{report:#}");
    assert!(
        report["reading_again_ms"]["count"].as_u64() >= Some(10),
        "{report:#}"
    );
}
