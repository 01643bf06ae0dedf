//! A small run of the fan-out's bench, so that it stays alive. What it measures in the dev profile beside other tests says
//! nothing; that it starts everybody, counts every delivery and tells both is held here.

use std::time::Duration;

use e2e::task;

/// Eight turns of a few seconds each.
const MOST: Duration = Duration::from_secs(180);

#[test]
fn a_small_bench_of_the_fan_out_delivers_everything() {
    let args = "bench fanout --dev --no-build --json --peers none --turns 1 --seconds 1 --viewers 200 \
                --cases uncoalesced_1000,coalesced_50ms_1000,coalesced_50ms_1000_deflate,idle_memory";
    let report = task::report(args.split(' '), MOST);
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
            "coalesced_50ms_1000_deflate tidegate",
            "coalesced_50ms_1000_deflate floor",
            "idle_memory tidegate",
            "idle_slab tidegate",
            "idle_memory floor",
            "idle_slab floor",
        ]
    );
    for row in &rows[..6] {
        assert!(row["delivered"].as_u64() >= Some(1_000), "{row}");
        assert_eq!(row["delivered"], row["expected"], "{row}");
        assert!(row["value"].as_f64() > Some(0.0), "{row}");
        assert!(row["p99_ms"].as_f64() > Some(0.0), "{row}");
    }
}
