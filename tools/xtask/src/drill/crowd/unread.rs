//! `drill unread`: of a hundred viewers one stops reading. In turns without and with, the others are measured.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Result;
use serde_json::{Value, json};

use super::Common;
use super::report::{self, Broken, number};
use super::scene::{Scene, Wanted};
use crate::process::Family;
use crate::progress::Progress;
use crate::workspace::Workspace;

/// One in so many does not read.
const ONE_IN: u32 = 100;
/// Bytes of a message's data: so many that kernels are full within seconds.
const DATA_BYTES: usize = 1_024;
/// Before and after a turn, so that one does not spill into the next.
const CALM: Duration = Duration::from_secs(3);
/// How long those who were cut may take to see it once they read: until then the node's kernel has tried again ever more
/// seldom.
const AWAKE: Duration = Duration::from_secs(15);
/// By how much the p99 of the others may move, percent.
const MOVES_PERCENT: u64 = 10;

/// What it may be told.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// How many viewers are measured, beside one in a hundred who is not.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(10..=10_000))]
    viewers: u32,
    /// Messages a second, into one room.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    rate: u32,
    /// Pairs of turns, without and with.
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..=50))]
    turns: u32,
    /// How long a turn takes.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=600))]
    turn_seconds: u32,
    #[command(flatten)]
    common: Common,
}

/// What was measured in one turn.
struct Turn {
    p50_us: u64,
    p99_us: u64,
    /// Of those who did not read: cut with 4411, and still waiting at the end.
    cut: u64,
    blocked: u64,
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
        nodes: 1,
        rooms: 1,
        data_bytes: DATA_BYTES,
        apart: true,
    };
    let mut scene = Scene::start(workspace, family, progress, &args.common, &wanted)?;
    scene.say(&format!("opening {} viewers", args.viewers));
    scene.ask(&json!({"do": "open", "group": "measured", "count": args.viewers, "node": 0, "manner": "reads"}))?;
    scene.ask(&json!({"do": "publish", "per_second": args.rate}))?;
    let (mut without, mut with) = (Vec::new(), Vec::new());
    for pair in 0..args.turns {
        // The order changes, so that whatever drifts hurts both alike.
        for second in [false, true] {
            let unread = second != (pair % 2 == 1);
            let turn = turn(&mut scene, args, unread)?;
            scene.say(&format!(
                "pair {}, {} non-readers: p50 {:.2} ms, p99 {:.2} ms",
                pair + 1,
                if unread { "with" } else { "without" },
                turn.p50_us as f64 / 1e3,
                turn.p99_us as f64 / 1e3
            ));
            if unread { &mut with } else { &mut without }.push(turn);
        }
    }
    let settled = scene.answer(&json!({"do": "settle"}), "settled")?;
    let p99 = |turns: &[Turn]| -> Vec<u64> { turns.iter().map(|turn| turn.p99_us).collect() };
    let p50 = |turns: &[Turn]| -> Vec<u64> { turns.iter().map(|turn| turn.p50_us).collect() };
    let total = |of: fn(&Turn) -> u64| with.iter().map(of).sum::<u64>();
    let mut report = json!({
        "drill": "unread",
        "viewers": args.viewers,
        "non_readers": non_readers(args),
        "rate": args.rate,
        "without": {"p50_us": median(&p50(&without)), "p99_us": median(&p99(&without)), "turns_p99_us": p99(&without)},
        "with": {"p50_us": median(&p50(&with)), "p99_us": median(&p99(&with)), "turns_p99_us": p99(&with)},
        "cut": total(|turn| turn.cut),
        "blocked": total(|turn| turn.blocked),
        "crowd": settled,
    });
    report["broken"] = broken(&report, &p99(&without), &p99(&with)).into_value();
    Ok(report::print(
        &report,
        &rows(&report, args),
        &args.common,
        progress,
    ))
}

fn non_readers(args: &Args) -> u32 {
    args.viewers.div_ceil(ONE_IN)
}

/// As many beside those who are measured, who read as well or do not read at all.
fn turn(scene: &mut Scene<'_>, args: &Args, unread: bool) -> Result<Turn> {
    let manner = if unread { "never" } else { "reads" };
    let count = non_readers(args);
    let cut_before = scene.metric(0, "too_slow_total")?;
    scene.ask(
        &json!({"do": "open", "group": "aside", "count": count, "node": 0, "manner": manner}),
    )?;
    scene.pass(CALM)?;
    scene.ask(&json!({"do": "measure", "group": "measured"}))?;
    scene.pass(Duration::from_secs(args.turn_seconds.into()))?;
    let latency = scene.figures()?["latency"].clone();
    let blocked = scene.metric(0, "connections_blocked")? as u64;
    let cut = (scene.metric(0, "too_slow_total")? - cut_before) as u64;
    // They read what was kept for them, and go on from there: nothing of theirs is lost either.
    let ended_before = ended(&scene.figures()?);
    scene.ask(&json!({"do": "wake", "group": "aside"}))?;
    let end = Instant::now() + AWAKE;
    while unread && Instant::now() < end {
        let figures = scene.figures()?;
        let all = subscribed(&figures) == number(&figures["viewers"]);
        if all && ended(&figures) >= ended_before + cut {
            break;
        }
        scene.pass(Duration::from_millis(100))?;
    }
    scene.pass(CALM)?;
    scene.ask(&json!({"do": "close", "group": "aside"}))?;
    Ok(Turn {
        p50_us: number(&latency["p50_us"]),
        p99_us: number(&latency["p99_us"]),
        cut,
        blocked,
    })
}

/// Sockets that ended so far, with a code or without.
fn ended(figures: &Value) -> u64 {
    let sockets = &figures["sockets"];
    let closed = sockets["closed"].as_object().into_iter().flatten();
    number(&sockets["broken"]) + closed.map(|(_, count)| number(count)).sum::<u64>()
}

fn subscribed(figures: &Value) -> u64 {
    let nodes = figures["subscribed"].as_array().into_iter().flatten();
    nodes.map(number).sum()
}

fn median(values: &[u64]) -> u64 {
    let mut values = values.to_vec();
    values.sort_unstable();
    values.get(values.len() / 2).copied().unwrap_or(0)
}

/// A median that moves by more than it may, and further than turns without differ among themselves.
fn moved(without: &[u64], with: &[u64]) -> bool {
    let (before, after) = (median(without), median(with));
    let furthest = without.iter().copied().max().unwrap_or(0);
    after * 100 > before * (100 + MOVES_PERCENT) && after > furthest
}

fn broken(report: &Value, without: &[u64], with: &[u64]) -> Broken {
    let mut broken = Broken::default();
    broken.hold_crowd(&report["crowd"]);
    broken.hold(
        median(without) > 0 && median(with) > 0,
        "nothing was measured in a turn",
    );
    broken.hold(
        number(&report["cut"]) + number(&report["blocked"]) > 0,
        "no node noticed that somebody does not read: take more seconds, or a higher rate",
    );
    broken.hold(
        !moved(without, with),
        format!(
            "the p99 of those who read went from {:.2} to {:.2} ms; {MOVES_PERCENT} % are allowed",
            median(without) as f64 / 1e3,
            median(with) as f64 / 1e3
        ),
    );
    broken
}

fn rows(report: &Value, args: &Args) -> Vec<(String, String)> {
    let row = |name: &str, value: String| (name.to_owned(), value);
    let ms = |value: &Value| format!("{:.2}", number(value) as f64 / 1e3);
    let turns = |value: &Value| {
        let all = value["turns_p99_us"].as_array().into_iter().flatten();
        let all: Vec<String> = all.map(ms).collect();
        format!(
            "p50 {}  p99 {}  (p99 by turn: {})",
            ms(&value["p50_us"]),
            ms(&value["p99_us"]),
            all.join(" ")
        )
    };
    let (before, after) = (&report["without"]["p99_us"], &report["with"]["p99_us"]);
    let percent = (number(after) as f64 / number(before).max(1) as f64 - 1.0) * 100.0;
    let mut rows = vec![
        row(
            "viewers, non-readers, rate",
            format!(
                "{}, {}, {}",
                report["viewers"], report["non_readers"], report["rate"]
            ),
        ),
        row("without, ms", turns(&report["without"])),
        row("with, ms", turns(&report["with"])),
        row("p99 moved by", format!("{percent:+.1} %")),
        row(
            "non-readers",
            format!(
                "{} in {} turns: {} cut with 4411, {} waiting at the end",
                number(&report["non_readers"]) * u64::from(args.turns),
                args.turns,
                report["cut"],
                report["blocked"]
            ),
        ),
    ];
    rows.extend(report::crowd_rows(&report["crowd"]));
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_p99_moves_when_it_is_beyond_a_tenth_and_beyond_the_noise() {
        assert!(!moved(&[100, 102, 98], &[109, 110, 111]));
        assert!(moved(&[100, 102, 98], &[111, 112, 113]));
        assert!(
            !moved(&[100, 140, 98], &[120, 121, 119]),
            "within the noise"
        );
        assert!(moved(&[100, 140, 98], &[150, 151, 149]));
        assert!(!moved(&[100], &[50]), "faster is no harm");
    }

    #[test]
    fn ends_are_counted_with_a_code_and_without() {
        let sockets = json!({"broken": 2, "closed": {"4411": 3, "1012": 1}});
        let figures = json!({"sockets": sockets, "subscribed": [4, 5]});
        assert_eq!((ended(&figures), subscribed(&figures)), (6, 9));
    }

    #[test]
    fn each_promise_can_be_broken() {
        let report =
            |cut: u64| json!({"cut": cut, "blocked": 0, "crowd": {"seen": {"delivered": 1}}});
        let said =
            |cut, without: &[u64], with: &[u64]| broken(&report(cut), without, with).into_value();
        assert_eq!(said(1, &[100], &[105]), json!([]));
        for (said, words) in [
            (said(1, &[100], &[120]), "10 % are allowed"),
            (said(0, &[100], &[100]), "does not read"),
            (said(1, &[], &[]), "nothing was measured"),
        ] {
            assert!(said[0].as_str().unwrap().contains(words), "{said}");
        }
    }
}
