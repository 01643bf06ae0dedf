//! One turn: so many seconds of one case against one subject.

use std::process::Command;
use std::sync::Mutex;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use super::super::cores::pinned;
use super::super::row::Counted;
use super::change::REQUEST;
use super::stage::{NAMESPACE, ROOMS, Stage};
use super::{Args, check};

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// A constant.
    Static,
    /// A constant, after the two calls to Redis that a message takes: what the host takes for them by itself.
    TwoCalls,
    /// A message.
    Publish,
    /// A constant of the native peer, by one of so many routes in turn.
    Routed {
        /// How many there are.
        routes: u32,
    },
}

impl What {
    /// Its name as a case.
    pub fn name(self) -> &'static str {
        match self {
            Self::Static => "static",
            Self::TwoCalls => "two_calls",
            Self::Publish => "publish",
            Self::Routed { .. } => "routed",
        }
    }
}

/// What one turn came to.
#[derive(Debug, Clone)]
pub struct Taken {
    measured: f64,
    server_s: f64,
    redis_s: f64,
    /// Half were answered faster.
    pub p50_us: f64,
    /// 99 of 100 were.
    pub p99_us: f64,
    /// The slowest.
    pub max_us: f64,
    /// Acknowledged and found; for messages.
    pub counted: Option<Counted>,
    /// Functions called in Redis for each request.
    pub redis_calls: f64,
}

impl Taken {
    /// CPU of the server for each request.
    pub fn server_us(&self) -> f64 {
        self.server_s / self.measured * 1e6
    }

    /// CPU of Redis for each request.
    pub fn redis_us(&self) -> f64 {
        self.redis_s / self.measured * 1e6
    }
}

/// What `load http` prints.
#[derive(Deserialize)]
struct Figures {
    measured: u64,
    answered: u64,
    p50_us: f64,
    p99_us: f64,
    max_us: f64,
    cpu_s: Cpu,
}

#[derive(Deserialize)]
struct Cpu {
    server: f64,
    redis: f64,
}

/// Sends requests for as long as a turn lasts.
pub fn take(stage: &mut Stage<'_>, subject: &str, what: What, args: &Args) -> Result<Taken> {
    let (entries, calls) = (stage.entries()?, stage.function_calls()?);
    let figures = load(stage, subject, what, args)?;
    stage.check()?;
    let (entries, calls) = (stage.entries()? - entries, stage.function_calls()? - calls);
    ensure!(
        figures.cpu_s.server > 0.0,
        "the turn was too short for the CPU of {subject} to be seen: give more --seconds"
    );
    let counted = Counted {
        expected: figures.answered,
        delivered: entries,
    };
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52 requests")]
    let (measured, answered, calls) = (
        figures.measured as f64,
        figures.answered as f64,
        calls as f64,
    );
    Ok(Taken {
        measured,
        server_s: figures.cpu_s.server,
        redis_s: figures.cpu_s.redis,
        p50_us: figures.p50_us,
        p99_us: figures.p99_us,
        max_us: figures.max_us,
        counted: match what {
            What::Static | What::Routed { .. } => None,
            What::TwoCalls | What::Publish => Some(check(subject, counted)?),
        },
        redis_calls: calls / answered,
    })
}

fn load(stage: &Stage<'_>, subject: &str, what: What, args: &Args) -> Result<Figures> {
    let mut command = Command::new(&stage.load);
    command.arg("http");
    command.args(["--to", &stage.address(subject)?.to_string()]);
    command.args(["--connections", &args.connections.to_string()]);
    command.args(["--seconds", &args.seconds.to_string()]);
    command.args([
        "--warm-up-seconds",
        &args.warm_up().as_secs_f64().to_string(),
    ]);
    for (name, service) in [("server", subject), ("redis", "redis")] {
        for process in stage.processes(service)? {
            command.args(["--cpu", &format!("{name}={process}")]);
        }
    }
    match what {
        What::Static => command.args(["get", "/static"]),
        What::TwoCalls => command.args(["get", "/two-calls"]),
        What::Routed { routes } => command.args(["get", REQUEST, "--spread", &routes.to_string()]),
        What::Publish => command.args([
            "publish",
            "--namespace",
            NAMESPACE,
            "--rooms",
            &ROOMS.to_string(),
        ]),
    };
    command.envs(stage.settings.environment());
    let cores = stage.cores.as_ref().map(|cores| cores.load.as_str());
    let lines = Mutex::new(String::new());
    let status = stage
        .family
        .run_stdout(&mut pinned(command, cores), |line| {
            if let Ok(mut lines) = lines.lock() {
                lines.push_str(line);
            }
        })?;
    ensure!(
        status.success(),
        "the load on {subject} ended with {status}; what it said stands above"
    );
    let line = lines.into_inner().unwrap_or_default();
    serde_json::from_str(&line).with_context(|| format!("the load said {line:?}"))
}
