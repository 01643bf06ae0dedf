//! One small drill, so that all of them stay alive: two regions on loopback, one of them killed and started again.

use std::time::Duration;

use e2e::task;
use serde_json::Value;

/// Two regions have to start, gdnsd to see a death (8 to 12 s), a region to come back.
const MOST: Duration = Duration::from_secs(240);

#[test]
fn a_region_that_is_lost_costs_nobody_a_message() {
    let args = "drill region-loss --loopback --no-build --json --edge embedded --viewers 20 --rate 20 --seconds 10";
    let report = task::report(args.split(' '), MOST);
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
