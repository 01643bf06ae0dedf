//! `drill return`: a node is killed, and all of its viewers come to the other one at once, beside those who stay there.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use serde_json::{Value, json};

use super::Common;
use super::report::{self, Broken, number, times};
use super::scene::{Scene, Wanted};
use crate::process::Family;
use crate::progress::Progress;
use crate::workspace::Workspace;

/// Bytes of a message's data.
const DATA_BYTES: usize = 128;
/// Viewers of the killed node for each room, at most.
const ROOM: u32 = 500;
/// What those who stay may need meanwhile (p99), ms.
const STAYED_MS: u64 = 1_000;

/// What it may be told.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// How many viewers the killed node has.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(10..=15_000))]
    viewers: u32,
    /// Within how many seconds all of them must read again.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=60))]
    within: u32,
    /// How many viewers the other node has before.
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=4_000))]
    stayers: u32,
    /// Messages a second, over all rooms.
    #[arg(long, default_value_t = 40, value_parser = clap::value_parser!(u32).range(1..=5_000))]
    rate: u32,
    /// How long those who stay are measured before, and after.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=600))]
    seconds: u32,
    #[command(flatten)]
    common: Common,
}

/// Runs it.
///
/// # Errors
/// What kept it from being done.
pub fn run(
    workspace: &Workspace,
    family: &Family,
    progress: &Progress,
    args: &Args,
) -> Result<ExitCode> {
    let wanted = Wanted {
        nodes: 2,
        rooms: u16::try_from(args.viewers.div_ceil(ROOM)).unwrap_or(u16::MAX),
        data_bytes: DATA_BYTES,
        apart: false,
    };
    let mut scene = Scene::start(workspace, family, progress, &args.common, &wanted)?;
    scene.say(&format!(
        "opening {} viewers, and {} who stay",
        args.viewers, args.stayers
    ));
    for (group, count, node) in [("measured", args.stayers, 1), ("crowd", args.viewers, 0)] {
        scene.ask(
            &json!({"do": "open", "group": group, "count": count, "node": node, "manner": "reads"}),
        )?;
    }
    scene.ask(&json!({"do": "publish", "per_second": args.rate}))?;
    scene.pass(Duration::from_secs(2))?;
    let calm = Duration::from_secs(args.seconds.into());
    let before = measure(&mut scene, calm)?;

    scene.say("killing the first node");
    scene.ask(&json!({"do": "measure", "group": "measured"}))?;
    scene.ask(&json!({"do": "lost", "node": 0}))?;
    scene.kill_first();
    let returned = scene.wait_for("returned")?;
    let during = scene.figures()?["latency"].clone();
    scene.say(&format!(
        "they read again, ms: {}",
        times(&returned["after"])
    ));
    let after = measure(&mut scene, calm)?;
    let settled = scene.answer(&json!({"do": "settle"}), "settled")?;

    let mut report = json!({
        "drill": "return",
        "viewers": args.viewers,
        "within_s": args.within,
        "stayers": args.stayers,
        "rate": args.rate,
        "returned": returned["returned"],
        "reading_again": returned["after"],
        "stayed": {"before": before, "during": during, "after": after},
        "crowd": settled,
    });
    report["broken"] = broken(&report).into_value();
    Ok(report::print(
        &report,
        &rows(&report),
        &args.common,
        progress,
    ))
}

fn measure(scene: &mut Scene<'_>, time: Duration) -> Result<Value> {
    scene.ask(&json!({"do": "measure", "group": "measured"}))?;
    scene.pass(time)?;
    Ok(scene.figures()?["latency"].clone())
}

fn broken(report: &Value) -> Broken {
    let mut broken = Broken::default();
    broken.hold_crowd(&report["crowd"]);
    let (returned, viewers) = (number(&report["returned"]), number(&report["viewers"]));
    broken.hold(
        returned == viewers,
        format!("{returned} of {viewers} viewers came back within a minute"),
    );
    let last_us = number(&report["reading_again"]["max_us"]);
    let within_s = number(&report["within_s"]);
    broken.hold(
        last_us <= within_s * 1_000_000,
        format!(
            "the last one read again after {:.1} s; {within_s} s are promised",
            last_us as f64 / 1e6
        ),
    );
    for time in ["before", "during"] {
        broken.hold(
            !report["stayed"][time].is_null(),
            format!("those who stayed got nothing {time} the return, so they were not measured"),
        );
    }
    let p99_us = number(&report["stayed"]["during"]["p99_us"]);
    broken.hold(
        p99_us <= STAYED_MS * 1_000,
        format!(
            "those who stayed waited {} ms (p99); {STAYED_MS} ms are promised",
            p99_us / 1_000
        ),
    );
    broken
}

fn rows(report: &Value) -> Vec<(String, String)> {
    let row = |name: &str, value: String| (name.to_owned(), value);
    let stayed = &report["stayed"];
    let mut rows = vec![
        row(
            "came back, of",
            format!("{}, {}", report["returned"], report["viewers"]),
        ),
        row("reading again, ms", times(&report["reading_again"])),
        row("who stayed, before, ms", times(&stayed["before"])),
        row("who stayed, during, ms", times(&stayed["during"])),
        row("who stayed, after, ms", times(&stayed["after"])),
    ];
    rows.extend(report::crowd_rows(&report["crowd"]));
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Value {
        let micros = json!({"count": 9, "p50_us": 1, "p99_us": 900_000, "max_us": 4_900_000});
        json!({
            "viewers": 100, "within_s": 5, "returned": 100, "reading_again": micros,
            "stayed": {"before": micros, "during": micros, "after": micros},
            "crowd": {"seen": {"delivered": 1}},
        })
    }

    #[test]
    fn each_promise_can_be_broken() {
        assert_eq!(broken(&report()).into_value(), json!([]));
        for (pointer, value, words) in [
            ("/returned", json!(99), "99 of 100"),
            ("/reading_again/max_us", json!(5_100_000), "after 5.1 s"),
            ("/stayed/during/p99_us", json!(1_100_000), "waited 1100 ms"),
            ("/stayed/during", Value::Null, "not measured"),
            ("/crowd/seen/lost", json!(1), "missing"),
        ] {
            let mut bad = report();
            match bad.pointer_mut(pointer) {
                Some(place) => *place = value,
                None => bad["crowd"]["seen"]["lost"] = value,
            }
            let said = broken(&bad).into_value();
            assert!(
                said[0].as_str().is_some_and(|said| said.contains(words)),
                "{said}"
            );
        }
    }
}
