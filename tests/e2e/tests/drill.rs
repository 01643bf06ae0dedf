//! Drills of several regions, small, so that they stay alive: two regions on loopback.

use std::time::Duration;

use e2e::host::Host;
use e2e::task;
use serde_json::Value;

/// Two regions have to start, gdnsd to see a death (8 to 12 s), a region to come back.
const MOST: Duration = Duration::from_secs(240);

/// Runs a drill, one at a time since they share addresses, and gives its report.
fn drill(name: &str, flags: &[&str]) -> Value {
    let args = ["drill", name, "--loopback", "--no-build", "--json"];
    let small = ["--edge", Host::chosen().flag(), "--viewers", "20"];
    let report = task::report(
        (args.into_iter().chain(small)).chain(flags.iter().copied()),
        MOST,
    );
    // How fast is held by whoever runs the drill on a machine of its own; what must not be lost is held here.
    for count in [
        "repeated",
        "reordered",
        "ids_twice",
        "dns_wrong",
        "vanished",
        "unsaid",
    ] {
        assert_eq!(report[count], 0, "{count}: {report:#}");
    }
    assert!(report["acknowledged"].as_u64() > Some(50), "{report:#}");
    assert!(report["same_after_ms"].is_u64(), "{report:#}");
    report
}

fn nothing_is_lost(report: &Value) {
    for count in ["lost", "resets"] {
        assert_eq!(report[count], 0, "{count}: {report:#}");
    }
    assert_eq!(report["received"], report["expected"], "{report:#}");
    assert_eq!(report["different"], Value::Array(Vec::new()), "{report:#}");
}

#[test]
fn small_drills_of_several_regions_keep_their_promises() {
    let lost = drill("region-loss", &["--rate", "20", "--seconds", "10"]);
    nothing_is_lost(&lost);
    assert!(lost["dns_right_ms"].is_u64(), "{lost:#}");
    let moved = lost["reading_again_ms"]["count"].as_u64();
    assert!(moved >= Some(10), "{lost:#}");

    let failover = drill("failover", &["--rate", "40", "--seconds", "2"]);
    nothing_is_lost(&failover);
    let cost = &failover["outages"][0];
    assert!(cost["at_stake"].as_u64() > Some(20), "{failover:#}");
    for count in ["elsewhere", "gone", "reconnects"] {
        assert_eq!(cost[count], 0, "{count}: {failover:#}");
    }
    for time in ["publishing_back_ms", "listed_ms"] {
        assert!(cost[time].is_u64(), "{time}: {failover:#}");
    }

    // After eight seconds a relay that waits ever longer would come too late.
    let flags = ["--rate", "40", "--outages-ms", "300,8000"];
    let restart = drill("redis-restart", &flags);
    let costs = restart["outages"].as_array().cloned().unwrap_or_default();
    assert_eq!(costs.len(), 2, "{restart:#}");
    for cost in costs {
        // The tail was cut off for real: what is there again came from the other region.
        assert!(cost["at_stake"].as_u64() > Some(5), "{restart:#}");
        assert!(cost["taken_back"].as_u64() > Some(5), "{restart:#}");
        assert_eq!(cost["elsewhere"], 0, "{restart:#}");
    }
}
