//! How long the edge takes until it can serve, and how large its components are.

use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::Args;
use super::stage::Stage;
use crate::bench::row::{Report, Row, median};
use crate::build::COMPONENTS;
use crate::process::Service;
use crate::progress::Progress;
use crate::up::HOST;
use crate::workspace::Workspace;

/// How often is looked whether it listens: far below what a start takes.
const LOOK: Duration = Duration::from_micros(500);
/// A start that takes longer has failed.
const DEADLINE: Duration = Duration::from_secs(300);

/// Bytes of each component's wasm, as it is deployed.
///
/// # Errors
/// When one is not there.
pub fn sizes(workspace: &Workspace, report: &mut Report) -> Result<()> {
    let folder = workspace.target().join("wasm32-wasip2/release");
    for name in COMPONENTS {
        let file = folder.join(format!("{}.wasm", name.replace('-', "_")));
        let bytes = fs::metadata(&file)
            .with_context(|| format!("{} cannot be read", file.display()))?
            .len();
        let case = name.replace("component-", "wasm_");
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52 bytes")]
        report.add(Row::of(&case, "tidegate", bytes as f64, "bytes"));
    }
    Ok(())
}

/// Starts the edge with an empty cache and with the one that this has filled, on all cores; rows in ms. None where the host
/// has no such cache.
///
/// # Errors
/// When it does not start or answer.
pub fn measure(
    stage: &mut Stage<'_>,
    progress: &Progress,
    args: &Args,
    report: &mut Report,
) -> Result<()> {
    stage.end_edge();
    let cache = stage.plan.logs().join("compiled");
    if stage.host.command_with_cache("", &cache).is_none() {
        progress.say(
            "start",
            "not measured: only edge-host can be told where its cache is",
        );
        return Ok(());
    }
    let mut taken = vec![Vec::new(); CASES.len()];
    let bar = progress.bar("start", u64::from(args.turns) * 2);
    for turn in 1..=args.turns {
        if cache.exists() {
            fs::remove_dir_all(&cache)
                .with_context(|| format!("{} cannot be emptied", cache.display()))?;
        }
        let [empty, _, _] = start(stage, &cache)?;
        bar.done(&format!("empty cache, turn {turn}: {empty:.0} ms"));
        let [full, first, next] = start(stage, &cache)?;
        bar.done(&format!("full cache, turn {turn}: {full:.0} ms"));
        for (taken, ms) in taken.iter_mut().zip([empty, full, first, next]) {
            taken.push(ms);
        }
    }
    for (case, turns) in CASES.into_iter().zip(taken) {
        report.add(Row::of(case, "tidegate", median(turns), "ms"));
    }
    Ok(())
}

const CASES: [&str; 4] = [
    "cold_start_empty_ms",
    "cold_start_full_ms",
    "first_answer_ms",
    "next_answer_ms",
];

/// Until it listens, which it does when everything is compiled and loaded; its first answer; its second, of the same
/// instance. In ms.
fn start(stage: &Stage<'_>, cache: &Path) -> Result<[f64; 3]> {
    let address = stage.address("tidegate")?;
    let listen = format!("{HOST}:{}", address.port());
    let command = stage.host.command_with_cache(&listen, cache);
    let mut command = command.context("this host has no cache folder")?;
    command.envs(stage.settings.environment());
    let begun = Instant::now();
    let mut service = Service::start(stage.family, "start", &stage.plan.logs(), &mut command)?;
    let listening = listens(stage, &mut service, address, begun)?;
    let url = format!("http://{address}/healthz");
    let agent = ureq::Agent::new_with_defaults();
    let first = answer(&agent, &url)?;
    let next = answer(&agent, &url)?;
    service.end();
    Ok([listening, first, next])
}

fn listens(
    stage: &Stage<'_>,
    service: &mut Service<'_>,
    address: SocketAddr,
    begun: Instant,
) -> Result<f64> {
    loop {
        if TcpStream::connect(address).is_ok() {
            return Ok(ms(begun));
        }
        service.check()?;
        stage.family.stop().check()?;
        ensure!(
            begun.elapsed() < DEADLINE,
            "the edge does not listen after {} s. {}",
            DEADLINE.as_secs(),
            service.last_lines()
        );
        thread::sleep(LOOK);
    }
}

fn answer(agent: &ureq::Agent, url: &str) -> Result<f64> {
    let begun = Instant::now();
    let mut answer = agent.get(url).call().context("the edge does not answer")?;
    answer.body_mut().read_to_string()?;
    Ok(ms(begun))
}

fn ms(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e3
}
