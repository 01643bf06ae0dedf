//! The drills of one region, small, so that they stay alive.

use std::time::Duration;

use e2e::task;
use serde_json::Value;

/// Each takes less than half a minute on a machine of its own.
const MOST: Duration = Duration::from_secs(180);

/// Runs a drill, one at a time since they share a folder, and gives its report.
fn drill(name: &str, flags: &[&str]) -> Value {
    let args = ["drill", name, "--dev", "--no-build", "--json"];
    let report = task::report(args.into_iter().chain(flags.iter().copied()), MOST);
    // How fast is held by whoever runs the drill on a machine of its own; what must not be lost is held here.
    let crowd = &report["crowd"];
    for count in ["lost", "repeated", "reordered", "chat_lost", "resets"] {
        assert_eq!(crowd["seen"][count], 0, "{count}: {report:#}");
    }
    for place in [
        "/incomplete",
        "/likes_wrong",
        "/sockets/refusals",
        "/hostile/wrong",
    ] {
        assert_eq!(
            crowd.pointer(place),
            Some(&Value::from(0)),
            "{place}: {report:#}"
        );
    }
    assert!(
        crowd["seen"]["delivered"].as_u64() > Some(1_000),
        "{report:#}"
    );
    report
}

#[test]
fn small_drills_of_one_region_lose_nothing() {
    let soak = drill(
        "soak",
        &["--minutes", "0.25", "--viewers", "60", "--rate", "60"],
    );
    assert!(soak["restarts"].as_u64() >= Some(1), "{soak:#}");
    let sockets = &soak["crowd"]["sockets"];
    for count in ["resumed", "left", "moved", "stops"] {
        assert!(sockets[count].as_u64() > Some(0), "{count}: {soak:#}");
    }
    let right = soak["crowd"]["hostile"]["right"].as_object();
    assert!(right.is_some_and(|cases| cases.len() > 10), "{soak:#}");

    let flags = [
        "--viewers",
        "100",
        "--stayers",
        "10",
        "--rate",
        "60",
        "--seconds",
        "2",
    ];
    let back = drill("return", &flags);
    assert_eq!(back["returned"], 100, "{back:#}");
    for time in ["before", "during", "after"] {
        assert!(back["stayed"][time]["count"].is_u64(), "{time}: {back:#}");
    }

    let flags = [
        "--viewers",
        "50",
        "--rate",
        "100",
        "--turns",
        "1",
        "--turn-seconds",
        "3",
    ];
    let unread = drill("unread", &flags);
    assert!(unread["without"]["p99_us"].as_u64() > Some(0), "{unread:#}");
    let noticed = [&unread["cut"], &unread["blocked"]].map(|count| count.as_u64().unwrap_or(0));
    assert!(noticed.iter().sum::<u64>() > 0, "{unread:#}");
}
