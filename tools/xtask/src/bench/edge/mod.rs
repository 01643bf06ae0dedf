//! `cargo xtask bench edge`: what a message costs at the edge.

mod change;
mod growth;
mod host;
mod limit;
mod stage;
mod start;
mod turn;
mod variables;

use std::time::Duration;

use anyhow::{Result, ensure};

use self::stage::Stage;
use self::turn::{Taken, What};
use super::cores::Cores;
use super::row::{Counted, Latency, Report, Row, median};
use crate::build::{self, Profile};
use crate::doctor;
use crate::process::Family;
use crate::progress::Progress;
use crate::up::{Edge, EdgeChoice};
use crate::workspace::Workspace;

/// Answers a constant: what the host by itself takes.
const CONSTANT: &str = "guest-constant";
/// Makes a publish's two calls to Redis and answers a constant.
const TWO_CALLS: &str = "guest-two-calls";

/// What `bench edge` may be told.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// What runs the edge. Left out: `embedded`, which is the host built from `tools/edge-host`.
    #[arg(long, value_enum, default_value = "embedded")]
    edge: EdgeChoice,
    /// How long each turn is measured, in seconds; a second of warming up comes before it.
    #[arg(long, default_value_t = 5.0, value_parser = super::seconds)]
    seconds: f64,
    /// Turns of each subject and case, one after the other.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    turns: u32,
    /// Connections, each with one request on its way.
    #[arg(long, default_value_t = 32, value_parser = clap::value_parser!(u16).range(1..=1_000))]
    connections: u16,
    /// What is measured. Left out: all of it.
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = <Case as clap::ValueEnum>::value_variants().iter().copied())]
    cases: Vec<Case>,
    /// Print JSON instead of a table.
    #[arg(long)]
    json: bool,
    /// Measure binaries of the dev profile, which says nothing of the real ones: only for trying the bench itself.
    #[arg(long, hide = true)]
    dev: bool,
}

/// What can be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
#[value(rename_all = "snake_case")]
enum Case {
    /// A constant answer.
    Static,
    /// Two calls to Redis and a constant answer, at the edge.
    TwoCalls,
    /// A message.
    Publish,
    /// Messages and routed requests with more routes and limits.
    Growth,
    /// The function that counts limits, by itself.
    Limits,
    /// How long the edge takes to start, and its components' sizes.
    Starts,
}

/// Builds, starts, measures in turns, prints.
///
/// # Errors
/// When something does not build or start, or an answer is not as it should be.
pub fn run(workspace: &Workspace, family: &Family, progress: &Progress, args: &Args) -> Result<()> {
    let mut report = Report::begin("edge");
    let edge = prepare(workspace, family, progress, args)?;
    let cores = Cores::share();
    progress.say(
        "cores",
        &cores.as_ref().map_or_else(
            || "nothing is pinned: one core only, or no taskset (util-linux)".to_owned(),
            Cores::told,
        ),
    );
    let profile = args.profile();
    let mut stage = Stage::start(workspace, family, progress, edge, profile, cores.as_ref())?;

    let measured = measured(&args.cases);
    let mut taken: Vec<Vec<Taken>> = vec![Vec::new(); measured.len()];
    let total = u64::from(args.turns) * taken.len() as u64;
    let bar = progress.bar("measure", total);
    for turn in 1..=args.turns {
        for (&(what, subject), taken) in measured.iter().zip(&mut taken) {
            bar.waiting_for(&format!("{} of {subject}, turn {turn}", what.name()));
            let one = turn::take(&mut stage, subject, what, args)?;
            bar.done(&format!(
                "{} of {subject}, turn {turn}: {:.1} us of CPU",
                what.name(),
                one.server_us()
            ));
            taken.push(one);
        }
    }
    drop(bar);
    for (&(what, subject), turns) in measured.iter().zip(&taken) {
        report.add(row(what.name(), subject, turns));
    }
    if args.cases.contains(&Case::Growth) {
        growth::measure(&mut stage, progress, args, &mut report)?;
    }
    if args.cases.contains(&Case::Limits) {
        limit::measure(&stage, progress, args, &mut report)?;
    }
    if args.cases.contains(&Case::Starts) {
        start::measure(&mut stage, progress, args, &mut report)?;
        start::sizes(workspace, &mut report)?;
    }
    stage.end();
    report.print(args.json, &told(&report));
    Ok(())
}

/// What is measured, of whom, in the order of the turns.
fn measured(cases: &[Case]) -> Vec<(What, &'static str)> {
    let both = |what| stage::SUBJECTS.map(|subject| (what, subject));
    let mut measured = Vec::new();
    if cases.contains(&Case::Static) {
        measured.extend(both(What::Static));
    }
    if cases.contains(&Case::TwoCalls) {
        measured.push((What::TwoCalls, "tidegate"));
    }
    if cases.contains(&Case::Publish) {
        measured.extend(both(What::Publish));
    }
    measured
}

impl Args {
    fn profile(&self) -> Profile {
        if self.dev {
            Profile::Dev
        } else {
            Profile::Release
        }
    }

    /// One turn.
    fn length(&self) -> Duration {
        Duration::from_secs_f64(self.seconds)
    }

    /// Less for a bench that is only tried.
    fn warm_up(&self) -> Duration {
        Duration::from_secs_f64(self.seconds.min(1.0))
    }
}

fn prepare(
    workspace: &Workspace,
    family: &Family,
    progress: &Progress,
    args: &Args,
) -> Result<Edge> {
    let redis = doctor::redis(family, progress)?;
    progress.say("redis", &format!("redis-server {redis}"));
    let edge = Edge::choose(progress, Some(args.edge))?;
    doctor::wasm_target(workspace, family, progress)?;
    let components: Vec<&str> = build::COMPONENTS
        .into_iter()
        .chain([CONSTANT, TWO_CALLS])
        .collect();
    build::components(workspace, family, progress, &components)?;
    let mut binaries = vec!["axum-peer", "load"];
    if edge == Edge::Embedded {
        binaries.push("edge-host");
    }
    build::binaries_of(args.profile(), workspace, family, progress, &binaries)?;
    Ok(edge)
}

/// The median of the turns, and the check that nothing was lost.
fn row(case: &str, subject: &'static str, turns: &[Taken]) -> Row {
    let of = |figure: fn(&Taken) -> f64| median(turns.iter().map(figure).collect());
    let counted = turns
        .iter()
        .filter_map(|turn| turn.counted)
        .reduce(|sum, one| Counted {
            expected: sum.expected + one.expected,
            delivered: sum.delivered + one.delivered,
        });
    let asks_redis = turns.iter().any(|turn| turn.redis_calls > 0.0);
    Row {
        case: case.to_owned(),
        subject,
        value: of(|turn| 1e6 / turn.server_us()),
        unit: "requests/cpu_s",
        latency: Some(Latency {
            p50_ms: of(|turn| turn.p50_us / 1e3),
            p99_ms: of(|turn| turn.p99_us / 1e3),
            max_ms: turns
                .iter()
                .map(|turn| turn.max_us / 1e3)
                .fold(0.0, f64::max),
        }),
        redis_us: asks_redis.then(|| of(Taken::redis_us)),
        redis_calls: asks_redis.then(|| of(|turn| turn.redis_calls)),
        counted,
        overloaded: false,
    }
}

/// What the figures come to.
fn told(report: &Report) -> Vec<String> {
    let ratio = |of: (&str, &str), to: (&str, &str)| {
        Some(report.value(of.0, of.1)? / report.value(to.0, to.1)?)
    };
    let sentences = [
        (
            "tidegate, a publish of a constant answer",
            ratio(("publish", "tidegate"), ("static", "tidegate")),
        ),
        (
            "tidegate, two calls to Redis of a constant answer",
            ratio(("two_calls", "tidegate"), ("static", "tidegate")),
        ),
        (
            "tidegate, a publish of two calls to Redis",
            ratio(("publish", "tidegate"), ("two_calls", "tidegate")),
        ),
        (
            "axum, a publish of a constant answer",
            ratio(("publish", "axum"), ("static", "axum")),
        ),
        (
            "a publish, tidegate of axum",
            ratio(("publish", "tidegate"), ("publish", "axum")),
        ),
    ];
    sentences
        .iter()
        .filter_map(|(what, ratio)| ratio.map(|ratio| format!("{what}: {ratio:.3}")))
        .collect()
}

/// That the messages which were acknowledged are there, no more and no fewer.
fn check(what: &str, counted: Counted) -> Result<Counted> {
    ensure!(
        counted.expected == counted.delivered,
        "{what}: {} were acknowledged, and {} are in Redis",
        counted.expected,
        counted.delivered
    );
    Ok(counted)
}
