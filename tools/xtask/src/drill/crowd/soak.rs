//! `drill soak`: nodes under steady load, with everything that goes on in a day, and memory that must stay flat.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use super::gauge::Gauge;
use super::load::{self, RATES};
use super::memory::{Growth, Point, growth};
use super::report::{self, Broken, mib, number, times};
use super::scene::{Scene, Wanted};
use super::{Common, load::Busy};
use crate::process::Family;
use crate::progress::Progress;
use crate::workspace::Workspace;

/// Bytes of a message's data.
const DATA_BYTES: usize = 128;
/// Viewers for each room, at most.
const ROOM: u32 = 500;
/// Of so many viewers one stops reading now and then.
const SLOW_ONE_IN: usize = 50;
/// What a slow viewer misses at the longest stop, bytes: more than a room's ring and what two kernels hold.
const MISSED_BYTES: u64 = 700 << 10;
/// A message with what surrounds it in a frame, bytes.
const FRAME_BYTES: u64 = 300;
/// Bounds of a stop, ms.
const STOPS_MS: (u64, u64) = (2_000, 50_000);
/// Of a hundred viewers so many leave in a second, each replaced by another.
const CHURN_PERCENT: f64 = 1.0;
/// Sockets a second that break the rules.
const HOSTILE: f64 = 4.0;
/// How often processes are looked at, s; in a shorter soak sixty times.
const LOOK_S: f64 = 3.0;
/// How often it is told how things stand.
const TELL: Duration = Duration::from_secs(60);
/// A node is restarted this often, s, in a shorter soak three times.
const RESTART_S: f64 = 300.0;
/// How long a rate is tried, and how often another is.
const TRY: Duration = Duration::from_secs(5);
const TRIES: usize = 8;
/// Memory may grow by so much, percent.
const GROWTH_PERCENT: f64 = 10.0;
/// Files and threads are as before when they are within so many: connections to Redis are opened when first needed, and kept.
const NEAR: usize = 6;
/// How long it may take until everything of those who left is gone.
const GONE: Duration = Duration::from_secs(30);

/// What a soak may be told.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// How long.
    #[arg(long, default_value_t = 30.0)]
    minutes: f64,
    /// How many nodes; the first is never restarted.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u8).range(2..=8))]
    nodes: u8,
    /// How many viewers.
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(50..=15_000))]
    viewers: u32,
    /// Messages a second, over all rooms [default: as many as keep cores 70 % busy, found out first].
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=5_000))]
    rate: Option<u32>,
    #[command(flatten)]
    common: Common,
}

/// What is noted while it runs.
struct Diary {
    begun: Instant,
    /// Looks at each node's process, by the life of that process: a restart begins a new one.
    lives: Vec<Vec<Vec<Point>>>,
    restarts: u32,
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
    ensure!(
        args.minutes >= 0.2 && args.minutes <= 24.0 * 60.0,
        "--minutes is 0.2 to 1440"
    );
    let nodes = usize::from(args.nodes);
    let wanted = Wanted {
        nodes,
        rooms: u16::try_from(args.viewers.div_ceil(ROOM)).unwrap_or(u16::MAX),
        data_bytes: DATA_BYTES,
        apart: false,
    };
    let mut scene = Scene::start(workspace, family, progress, &args.common, &wanted)?;
    let before = scene.gauge(0)?;
    let (rate, busy) = fill(&mut scene, args)?;
    let (diary, stood) = soak(&mut scene, args)?;
    let settled = scene.answer(&json!({"do": "settle"}), "settled")?;
    scene.ask(&json!({"do": "close", "group": "crowd"}))?;
    let after = left(&mut scene, before)?;

    let growths = diary.growths(restart_s(args));
    let mut broken = Broken::default();
    broken.hold_crowd(&settled);
    hold(&mut broken, &growths, before, after);
    let report = json!({
        "drill": "soak",
        "minutes": args.minutes,
        "nodes": nodes,
        "viewers": args.viewers,
        "rate": rate,
        "busy": {"all": busy.all, "node": busy.node},
        "restarts": diary.restarts,
        "latency": stood["latency"],
        "crowd": settled,
        "memory": growths,
        "files": [before.files, after.files],
        "threads": [before.threads, after.threads],
        "broken": broken.into_value(),
    });
    Ok(report::print(
        &report,
        &rows(&report, &growths),
        &args.common,
        progress,
    ))
}

/// Opens everybody, and finds the rate.
fn fill(scene: &mut Scene<'_>, args: &Args) -> Result<(u32, Busy)> {
    let viewers = args.viewers as usize;
    let slow = viewers.div_ceil(SLOW_ONE_IN);
    scene.say(&format!("opening {viewers} viewers"));
    scene.ask(
        &json!({"do": "open", "group": "crowd", "count": viewers - slow, "manner": "reads"}),
    )?;
    let churn = f64::from(args.viewers) * CHURN_PERCENT / 100.0;
    scene.ask(&json!({"do": "churn", "per_second": churn}))?;
    scene.ask(&json!({"do": "hostile", "per_second": HOSTILE}))?;
    let mut rate = args.rate.unwrap_or(20);
    scene.ask(&json!({"do": "publish", "per_second": rate}))?;
    let mut busy = scene.busy(TRY)?;
    if args.rate.is_none() {
        for _ in 0..TRIES {
            scene.say(&told(rate, busy));
            let Some(wanted) = load::next(rate, busy) else {
                break;
            };
            rate = wanted;
            scene.ask(&json!({"do": "publish", "per_second": rate}))?;
            scene.pass(Duration::from_secs(1))?;
            busy = scene.busy(TRY)?;
        }
    }
    scene.say(&format!("soaking at {}", told(rate, busy)));
    // Each room has its share of messages; so long a stop misses more than is kept for whoever is behind.
    let a_room =
        u64::from(rate.max(RATES.0)) * FRAME_BYTES / u64::from(args.viewers.div_ceil(ROOM));
    let stop_ms = (MISSED_BYTES * 1_000 / a_room.max(1)).clamp(STOPS_MS.0, STOPS_MS.1);
    scene.ask(
        &json!({"do": "open", "group": "crowd", "count": slow, "manner": {"slow": stop_ms}}),
    )?;
    scene.ask(&json!({"do": "measure"}))?;
    Ok((rate, busy))
}

fn told(rate: u32, busy: Busy) -> String {
    format!(
        "{rate} messages/s: cores {:.0} % busy, the busiest node {:.0} % of its own",
        busy.all * 100.0,
        busy.node * 100.0
    )
}

/// From when on memory must be flat, s of a process' life. The first node has held everybody once by then, while another was
/// restarted, and keeps what that took: to hold it to less would be to forbid it to serve more than it began with.
fn from_s(node: usize, restart_s: f64) -> f64 {
    match node {
        0 => restart_s,
        _ => restart_s.min(60.0),
    }
}

fn restart_s(args: &Args) -> f64 {
    RESTART_S.min(args.minutes * 60.0 / 4.0)
}

fn soak(scene: &mut Scene<'_>, args: &Args) -> Result<(Diary, Value)> {
    let begun = Instant::now();
    let mut diary = Diary {
        begun,
        lives: vec![vec![Vec::new()]; usize::from(args.nodes)],
        restarts: 0,
    };
    let (end, every) = (
        begun + Duration::from_secs_f64(args.minutes * 60.0),
        Duration::from_secs_f64(restart_s(args)),
    );
    let look = Duration::from_secs_f64(LOOK_S.min(args.minutes));
    let (mut restart, mut tell) = (begun + every, begun + TELL);
    while Instant::now() < end {
        scene.pass(look)?;
        let figures = scene.figures()?;
        diary.look(scene, &figures)?;
        if Instant::now() >= tell {
            tell += TELL;
            scene.say(&diary.standing(&figures));
        }
        // The last part is for looking at what is left.
        if Instant::now() >= restart && Instant::now() + every / 2 < end {
            restart += every;
            let node = 1 + diary.restarts as usize % (usize::from(args.nodes) - 1);
            scene.say(&format!("restarting node {}", node + 1));
            scene.restart(node)?;
            diary.restarts += 1;
            diary.lives[node].push(Vec::new());
        }
    }
    let figures = scene.figures()?;
    Ok((diary, figures))
}

/// Waits until a node's files and threads are as they were, or it has had time enough.
fn left(scene: &mut Scene<'_>, before: Gauge) -> Result<Gauge> {
    let end = Instant::now() + GONE;
    loop {
        let now = scene.gauge(0)?;
        if is_as_before(before, now) || Instant::now() >= end {
            return Ok(now);
        }
        scene.pass(Duration::from_millis(200))?;
    }
}

fn is_as_before(before: Gauge, now: Gauge) -> bool {
    now.files <= before.files + NEAR && now.threads <= before.threads + NEAR
}

impl Diary {
    fn look(&mut self, scene: &Scene<'_>, figures: &Value) -> Result<()> {
        let at_s = self.begun.elapsed().as_secs_f64();
        for (node, lives) in self.lives.iter_mut().enumerate() {
            let point = Point {
                at_s,
                connections: number(&figures["subscribed"][node]) as usize,
                pss_bytes: scene.gauge(node)?.pss_bytes,
            };
            if let Some(points) = lives.last_mut() {
                points.push(point);
            }
        }
        Ok(())
    }

    fn standing(&self, figures: &Value) -> String {
        let seen = &figures["seen"];
        let memory: Vec<String> = (self.lives.iter())
            .filter_map(|lives| lives.last()?.last())
            .map(|point| format!("{} for {}", mib(point.pss_bytes), point.connections))
            .collect();
        format!(
            "minute {:.0}: delivered {}, lost {}, repeated {}, out of order {}, chat left out {}, ms {}; memory {}",
            self.begun.elapsed().as_secs_f64() / 60.0,
            seen["delivered"],
            seen["lost"],
            seen["repeated"],
            seen["reordered"],
            seen["left_out"],
            times(&figures["latency"]),
            memory.join(", ")
        )
    }

    /// Of each process: the first node's life from the first restart on, and each life of the others after it has settled.
    fn growths(&self, restart_s: f64) -> Vec<Value> {
        let mut growths = Vec::new();
        for (node, lives) in self.lives.iter().enumerate() {
            for (life, points) in lives.iter().enumerate() {
                let begun_s = points.first().map_or(0.0, |first| first.at_s);
                let from_s = begun_s + from_s(node, restart_s);
                if let Some(Growth {
                    looks,
                    connections,
                    first_bytes,
                    last_bytes,
                    percent,
                }) = growth(points, from_s)
                {
                    growths.push(json!({
                        "node": node + 1, "life": life + 1, "looks": looks, "connections": connections,
                        "first_bytes": first_bytes, "last_bytes": last_bytes, "percent": percent,
                    }));
                }
            }
        }
        growths
    }
}

fn hold(broken: &mut Broken, growths: &[Value], before: Gauge, after: Gauge) {
    broken.hold(
        growths.iter().any(|one| one["node"] == 1),
        "the first node was not looked at often enough to say whether its memory grows",
    );
    for one in growths.iter().filter(|one| one["node"] == 1) {
        let percent = one["percent"].as_f64().unwrap_or(0.0);
        broken.hold(
            percent <= GROWTH_PERCENT,
            format!("memory of node 1 grew by {percent:.1} %; {GROWTH_PERCENT} % may be"),
        );
    }
    broken.hold(
        is_as_before(before, after),
        format!(
            "with everybody gone node 1 has {} files and {} threads; before anybody came {} and {}",
            after.files, after.threads, before.files, before.threads
        ),
    );
}

fn rows(report: &Value, growths: &[Value]) -> Vec<(String, String)> {
    let row = |name: &str, value: String| (name.to_owned(), value);
    let percent = |value: &Value| format!("{:.0} %", value.as_f64().unwrap_or(0.0) * 100.0);
    let mut rows = vec![
        row(
            "viewers, messages a second",
            format!("{}, {}", report["viewers"], report["rate"]),
        ),
        row(
            "busy: all cores, a node's own",
            format!(
                "{}, {}",
                percent(&report["busy"]["all"]),
                percent(&report["busy"]["node"])
            ),
        ),
        row("restarts", report["restarts"].to_string()),
        row("publish to receive, ms", times(&report["latency"])),
    ];
    rows.extend(report::crowd_rows(&report["crowd"]));
    let hostile = &report["crowd"]["hostile"];
    let right: u64 = (hostile["right"].as_object().into_iter().flatten())
        .map(|(_, count)| number(count))
        .sum();
    rows.push(row(
        "sockets that broke the rules",
        format!("{right} answered as documented, {} not", hostile["wrong"]),
    ));
    for one in growths {
        rows.push(row(
            &format!("memory of node {}, life {}", one["node"], one["life"]),
            format!(
                "{} to {}: {:+.1} % at {} viewers",
                mib(number(&one["first_bytes"])),
                mib(number(&one["last_bytes"])),
                one["percent"].as_f64().unwrap_or(0.0),
                one["connections"]
            ),
        ));
    }
    for name in ["files", "threads"] {
        rows.push(row(
            &format!("{name} of node 1"),
            format!("{} before, {} after", report[name][0], report[name][1]),
        ));
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gauge(files: usize, threads: usize) -> Gauge {
        Gauge {
            files,
            threads,
            ..Gauge::default()
        }
    }

    fn broken(growths: &[Value], after: Gauge) -> Value {
        let mut broken = Broken::default();
        hold(&mut broken, growths, gauge(20, 4), after);
        broken.into_value()
    }

    #[test]
    fn growing_memory_and_files_that_stay_break_a_promise() {
        let flat = json!({"node": 1, "percent": 9.9});
        let grown = json!({"node": 1, "percent": 10.1});
        let restarted = json!({"node": 2, "percent": 50.0});
        assert_eq!(
            broken(&[flat.clone(), restarted.clone()], gauge(22, 4)),
            json!([])
        );
        let said = broken(&[grown], gauge(20, 4));
        assert!(
            said[0].as_str().unwrap().contains("grew by 10.1 %"),
            "{said}"
        );
        assert!(
            broken(&[restarted], gauge(20, 4))[0]
                .as_str()
                .unwrap()
                .contains("often enough")
        );
        for after in [gauge(27, 4), gauge(20, 11)] {
            let said = broken(std::slice::from_ref(&flat), after);
            assert!(
                said[0].as_str().unwrap().contains("with everybody gone"),
                "{said}"
            );
        }
    }
}
