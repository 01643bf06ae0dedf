//! `cargo xtask bench fanout`: what a delivery, a connection and its opening cost, beside the bare system calls and other
//! people's servers.

mod case;
mod peers;
mod rows;
mod stage;
mod subject;
mod turn;

use anyhow::{Context, Result, ensure};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use self::case::{Case, Kind, Work};
use self::peers::Peers;
use self::stage::Stage;
use self::subject::Subject;
use self::turn::{Frames, Taken};
use super::cores::Cores;
use super::row::Report;
use crate::build::{self, Profile};
use crate::doctor;
use crate::process::Family;
use crate::progress::Progress;
use crate::workspace::Workspace;

/// Files that a server has open beside its connections.
const OTHER_FILES: u64 = 300;

/// What `bench fanout` may be told.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// Who else is measured: uwebsockets, nchan, centrifuge, ws, socketio, sockudo (its first build takes some minutes),
    /// with commas between them; `all`, or `none`.
    #[arg(long, default_value = "uwebsockets,nchan,centrifuge,ws,socketio", value_parser = Peers::parse)]
    peers: Peers,
    /// What is measured. Left out: all of it but …_deflate, and edge_to_last_… only where edge-host has been built in release.
    #[arg(long, value_enum, value_delimiter = ',')]
    cases: Vec<Case>,
    /// Turns of each case and subject; each turn begins with another subject.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    turns: u32,
    /// How long deliveries are counted in each turn, in seconds.
    #[arg(long, default_value_t = 5.0, value_parser = super::seconds)]
    seconds: f64,
    /// Print JSON instead of a table.
    #[arg(long)]
    json: bool,
    /// So many viewers in every case, whatever it is called: only for trying the bench itself.
    #[arg(long, hide = true, value_parser = clap::value_parser!(u32).range(1..=15_000))]
    viewers: Option<u32>,
    /// Measure binaries of the dev profile, which says nothing of the real ones: only for trying the bench itself.
    #[arg(long, hide = true)]
    dev: bool,
    /// Run what was built before.
    #[arg(long, hide = true)]
    no_build: bool,
}

/// Builds, starts, measures in turns, prints.
///
/// # Errors
/// When something does not build or start, or a message was lost.
pub fn run(workspace: &Workspace, family: &Family, progress: &Progress, args: &Args) -> Result<()> {
    ensure!(
        cfg!(target_os = "linux"),
        "CPU and memory of servers are read from /proc, which only Linux has"
    );
    let mut report = Report::begin("fanout");
    let cases = cases(workspace, progress, args);
    prepare(workspace, family, progress, args, &cases)?;
    let cores = Cores::share();
    progress.say(
        "cores",
        &cores.as_ref().map_or_else(
            || "nothing is pinned: one core only, or no taskset (util-linux)".to_owned(),
            Cores::told,
        ),
    );
    let works = works(&cases, args.viewers);
    raise_open_files(&works)?;
    let mut stage = Stage::start(workspace, family, args.profile(), cores)?;
    let measured = measure(&mut stage, progress, args, &works)?;
    drop(stage);
    for case in cases {
        let found = measured.iter().find(|(of, _)| of.has(case));
        for (subject, turns) in found.into_iter().flat_map(|(_, subjects)| subjects) {
            let work = args.scaled(case.work());
            for row in rows::of(case, work, *subject, turns) {
                report.add(row);
            }
        }
    }
    report.print(args.json, &rows::ratios(&report));
    Ok(())
}

/// A work and the cases that it is done for.
struct Shared {
    work: Work,
    cases: Vec<Case>,
}

impl Shared {
    fn has(&self, case: Case) -> bool {
        self.cases.contains(&case)
    }
}

fn works(cases: &[Case], viewers: Option<u32>) -> Vec<Shared> {
    let mut works: Vec<Shared> = Vec::new();
    for case in cases {
        let work = scaled(case.work(), viewers);
        // Cases that only differ in their number of viewers stay apart when that is one for all.
        let same = |one: &&mut Shared| one.work == work && work.kind == Kind::Open;
        match works.iter_mut().find(same) {
            Some(shared) => shared.cases.push(*case),
            None => works.push(Shared {
                work,
                cases: vec![*case],
            }),
        }
    }
    works
}

fn scaled(work: Work, viewers: Option<u32>) -> Work {
    Work {
        viewers: viewers.unwrap_or(work.viewers),
        ..work
    }
}

impl Args {
    fn profile(&self) -> Profile {
        if self.dev {
            Profile::Dev
        } else {
            Profile::Release
        }
    }

    fn scaled(&self, work: Work) -> Work {
        scaled(work, self.viewers)
    }
}

/// Those that were asked for; else all that can be had without building an edge first.
fn cases(workspace: &Workspace, progress: &Progress, args: &Args) -> Vec<Case> {
    if !args.cases.is_empty() {
        let mut cases = args.cases.clone();
        cases.dedup();
        return cases;
    }
    let has_edge = workspace.binary_of(args.profile(), "edge-host").is_file();
    if !has_edge {
        progress.say(
            "cases",
            "edge_to_last_… are left out, since edge-host has not been built in release; --cases edge_to_last_1000,edge_to_last_10000 builds it, 10 to 18 minutes",
        );
    }
    let kept = |case: &Case| !case.is_further() && (has_edge || !case.needs_edge());
    Case::ALL.into_iter().filter(kept).collect()
}

fn prepare(
    workspace: &Workspace,
    family: &Family,
    progress: &Progress,
    args: &Args,
    cases: &[Case],
) -> Result<()> {
    let redis = doctor::redis(family, progress)?;
    progress.say("redis", &format!("redis-server {redis}"));
    if !args.no_build {
        let mut binaries = vec!["fanout", "load"];
        if cases.iter().any(|case| case.needs_edge()) {
            doctor::wasm_target(workspace, family, progress)?;
            build::components(workspace, family, progress, &build::COMPONENTS)?;
            binaries.push("edge-host");
        }
        build::binaries_of(args.profile(), workspace, family, progress, &binaries)?;
    }
    for peer in &args.peers.0 {
        peers::install(workspace, family, progress, *peer)?;
    }
    Ok(())
}

/// Raises the limit of open files, which every server inherits, to what the largest work takes.
fn raise_open_files(works: &[Shared]) -> Result<()> {
    let most = works.iter().map(|shared| shared.work.viewers).max();
    let need = u64::from(most.unwrap_or(0)) + OTHER_FILES;
    let limit = getrlimit(Resource::Nofile);
    ensure!(
        limit.maximum.is_none_or(|maximum| maximum >= need),
        "a server will hold {need} files open, and no process may hold more than {} here: raise that (`ulimit -Hn`), or leave cases out (--cases)",
        limit.maximum.unwrap_or_default()
    );
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    setrlimit(Resource::Nofile, raised).context("the limit of open files cannot be raised")
}

type Measured = Vec<(Subject, Vec<Taken>)>;

fn measure<'a>(
    stage: &mut Stage<'_>,
    progress: &Progress,
    args: &Args,
    works: &'a [Shared],
) -> Result<Vec<(&'a Shared, Measured)>> {
    let mut measured: Vec<(&Shared, Measured)> = works
        .iter()
        .map(|shared| {
            let subjects = shared.work.subjects(&args.peers.0);
            let none = subjects.into_iter().map(|subject| (subject, Vec::new()));
            (shared, none.collect())
        })
        .collect();
    let a_turn: usize = measured.iter().map(|(_, subjects)| subjects.len()).sum();
    let bar = progress.bar("measure", u64::from(args.turns) * a_turn as u64);
    for turn in 0..args.turns {
        for (shared, subjects) in &mut measured {
            let count = subjects.len();
            for place in 0..count {
                let at = (place + turn as usize) % count;
                let subject = subjects[at].0;
                let what = format!(
                    "{} of {}, turn {}",
                    shared.cases[0].name(),
                    subject.name(),
                    turn + 1
                );
                bar.waiting_for(&what);
                let frames = frames(shared.work, subjects, subject);
                let taken = turn::take(stage, subject, shared.work, args.seconds, frames)?;
                ensure!(
                    shared.cases.iter().all(|case| rows::is_seen(*case, &taken)),
                    "{what}: too short for the server's CPU to be seen; give more --seconds"
                );
                bar.done(&what);
                subjects[at].1.push(taken);
            }
        }
    }
    Ok(measured)
}

/// What the bare loop sends where Tidegate gathers messages: frames like those of Tidegate's last turn, which it has had, as it
/// comes before the bare loop in the first.
fn frames(work: Work, subjects: &Measured, subject: Subject) -> Option<Frames> {
    if work.tick_ms == 0 || subject != Subject::Floor {
        return None;
    }
    let (_, turns) = subjects
        .iter()
        .find(|(subject, _)| *subject == Subject::Tidegate)?;
    Some(Frames::of(&turns.last()?.figures, work.rate))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_and_accepting_are_measured_together() {
        let works = works(&Case::ALL, None);
        let names: Vec<Vec<&str>> = works
            .iter()
            .map(|shared| shared.cases.iter().map(|case| case.name()).collect())
            .collect();
        assert_eq!(works.len(), Case::ALL.len() - 1);
        assert_eq!(names[4], ["idle_memory", "accept"]);
    }

    #[test]
    fn a_number_of_viewers_for_all_keeps_cases_apart() {
        let works = works(&Case::ALL, Some(10));
        assert_eq!(works.len(), Case::ALL.len() - 1);
        assert!(works.iter().all(|shared| shared.work.viewers == 10));
    }

    #[test]
    fn the_bare_loop_is_told_of_tidegates_frames_where_those_hold_several_messages() {
        let taken = Taken {
            figures: turn::tests::figures(),
            weight: 1.0,
            overloaded: false,
            redis_us: None,
        };
        let subjects = vec![
            (Subject::Tidegate, vec![taken]),
            (Subject::Floor, Vec::new()),
        ];
        let coalesced = Case::Coalesced50ms1000.work();
        assert!(frames(coalesced, &subjects, Subject::Floor).is_some());
        assert!(frames(coalesced, &subjects, Subject::Tidegate).is_none());
        let each = Case::Uncoalesced1000.work();
        assert!(frames(each, &subjects, Subject::Floor).is_none());
    }
}
