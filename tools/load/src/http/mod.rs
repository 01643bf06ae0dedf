//! `load http`: so many connections that each send a request, wait for its answer and send the next, and what that took:
//! answers, latencies, and the CPU of the processes that served.

mod client;
pub mod cpu;
mod requests;
mod tally;

use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::json;
use tokio::task::{JoinSet, LocalSet};

use self::client::Client;
use self::cpu::Watched;
use self::requests::Requests;
use self::tally::Tally;

/// What `load http` may be told.
#[derive(clap::Args)]
pub struct Args {
    /// IP and port of the server.
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:3000")]
    to: std::net::SocketAddr,
    /// Connections, each with one request on its way.
    #[arg(long, default_value_t = 32, value_parser = clap::value_parser!(u16).range(1..=1_000))]
    connections: u16,
    /// How long to measure.
    #[arg(long, default_value_t = 5.0, value_parser = seconds)]
    seconds: f64,
    /// How long to send before that.
    #[arg(long, default_value_t = 1.0, value_parser = seconds)]
    warm_up_seconds: f64,
    /// Processes whose CPU is counted, as NAME=PID; may be given again, also with the same name.
    #[arg(long = "cpu", value_name = "NAME=PID")]
    watched: Vec<Watched>,
    #[command(subcommand)]
    what: What,
}

/// What is sent.
#[derive(Clone, clap::Subcommand)]
pub enum What {
    /// `GET`, answered with 200.
    Get {
        /// The path. `{n}` in it becomes 0, 1, 2 … up to `--spread`, in turn.
        path: String,
        /// How many different paths.
        #[arg(long, default_value_t = 1)]
        spread: u32,
    },
    /// Chat of 128 bytes, each with a key of its own, answered with 202. The rooms `NAMESPACE.room-0` … must be there.
    Publish {
        /// Rooms, in turn.
        #[arg(long, default_value_t = 16)]
        rooms: u32,
        /// Subjects, each with a token of its own, in turn.
        #[arg(long, default_value_t = 1_000)]
        users: u32,
        /// What the rooms' names begin with.
        #[arg(long, default_value = "bench")]
        namespace: String,
        /// What the tokens are good for.
        #[arg(long, default_value = "publish")]
        scope: String,
    },
}

fn seconds(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(seconds) if (0.05..=3_600.0).contains(&seconds) => Ok(seconds),
        _ => Err("a number of seconds between 0.05 and 3600 is meant".to_owned()),
    }
}

/// Sends, measures, prints one line of JSON.
///
/// # Errors
/// When the server is not reached, or an answer is not the expected one.
pub fn run(args: &Args) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let figures = LocalSet::new().block_on(&runtime, measure(args))?;
    println!("{figures}");
    Ok(())
}

async fn measure(args: &Args) -> Result<serde_json::Value> {
    let tally = Rc::new(Tally::default());
    let requests = Rc::new(Requests::new(&args.what, args.to)?);
    let mut clients = JoinSet::new();
    for _ in 0..args.connections {
        let client = Client::open(args.to)
            .await
            .with_context(|| format!("{} does not answer", args.to))?;
        clients.spawn_local(client.run(Rc::clone(&requests), Rc::clone(&tally)));
    }
    pause(args.warm_up_seconds).await;
    let before = cpu::read(&args.watched)?;
    let begun = Instant::now();
    tally.measure(true);
    pause(args.seconds).await;
    tally.measure(false);
    let took_s = begun.elapsed().as_secs_f64();
    let after = cpu::read(&args.watched)?;
    tally.stop();
    while let Some(ended) = clients.join_next().await {
        ended?.context("a connection broke")?;
    }
    if let Some(refused) = tally.refused() {
        bail!("an answer was not the expected one: {refused}");
    }
    let measured = tally.measured();
    ensure!(measured > 0, "no request was answered in {took_s:.1} s");
    let [p50, p99, max] = tally.latencies_us();
    Ok(json!({
        "took_s": took_s, "measured": measured, "answered": tally.answered(),
        "p50_us": p50, "p99_us": p99, "max_us": max, "cpu_s": cpu::difference(&before, &after),
    }))
}

async fn pause(seconds: f64) {
    tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
}
