//! `load`: opens sockets, publishes through the edge, measures from publish to receive, and checks what arrived.

mod edge;
mod http;
mod publisher;
mod report;
mod tally;
mod viewer;

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::Parser;
use tokio::task::JoinSet;

use crate::edge::Edge;
use crate::report::Report;
use crate::tally::Tally;

/// Opens viewers of one room, publishes into it through the edge at a fixed rate, and prints publish-to-receive
/// latencies, with a check that each message reached each viewer once and in order.
///
/// It signs its own token with the first key of SPIN_VARIABLE_AUTH_KEYS (from the environment, `.env` or `.env.example`).
#[derive(Parser)]
#[command(args_conflicts_with_subcommands = true)]
struct Args {
    #[command(subcommand)]
    other: Option<Other>,
    /// The edge to publish through.
    #[arg(long, default_value = "http://127.0.0.1:3000")]
    edge: String,
    /// The room; created when it is not there.
    #[arg(long, default_value = "demo.load")]
    room: String,
    /// How many sockets.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=15_000))]
    viewers: u32,
    /// Messages a second.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    rate: u32,
    /// How long to publish.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=3_600))]
    seconds: u32,
    /// Print JSON instead of a table.
    #[arg(long)]
    json: bool,
}

/// What else can be measured.
#[derive(clap::Subcommand)]
enum Other {
    /// Requests over HTTP, as many as are answered, and the CPU that they take: one line of JSON.
    Http(http::Args),
}

/// How long after the last publish a message may still arrive.
const LINGER: Duration = Duration::from_secs(10);
/// Sockets opened at once: few enough for a node's listen queue.
const OPENING: usize = 64;

fn main() -> Result<()> {
    let args = Args::parse();
    if let Some(Other::Http(args)) = &args.other {
        return http::run(args);
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let report = runtime.block_on(run(&args))?;
    report.print(args.json);
    if !report.is_complete() {
        bail!("not every message reached every viewer once and in order");
    }
    Ok(())
}

async fn run(args: &Args) -> Result<Report> {
    let edge = Edge::new(&args.edge, &args.room)?;
    edge.create_room()?;
    let joined = edge.join()?;
    let tally = Arc::new(Tally::default());
    let mut viewers = JoinSet::new();
    for index in 0..args.viewers as usize {
        let endpoint = joined.endpoints[index % joined.endpoints.len()].clone();
        viewers.spawn(viewer::watch(
            endpoint,
            args.room.clone(),
            joined.ticket.clone(),
            Arc::clone(&tally),
        ));
        while tally.subscribed() + OPENING <= index {
            if let Some(ended) = viewers.try_join_next() {
                ended?.context("a viewer ended before the start")?;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        if index % 500 == 499 {
            eprintln!("{} of {} sockets opened", index + 1, args.viewers);
        }
    }
    let wanted = args.viewers as usize;
    tokio::time::timeout(
        Duration::from_secs(60),
        tally.until(|tally| tally.subscribed() == wanted),
    )
    .await
    .context("not every viewer was subscribed within 60 s")?;
    eprintln!(
        "publishing {} messages a second for {} s",
        args.rate, args.seconds
    );
    let messages = u64::from(args.rate) * u64::from(args.seconds);
    let publishing = publisher::start(&edge, args.rate, messages);
    let published = tokio::task::spawn_blocking(move || publishing.finish()).await??;
    let expected = published * wanted as u64;
    let _ = tokio::time::timeout(LINGER, tally.until(|tally| tally.received() >= expected)).await;
    viewers.abort_all();
    Ok(Report::new(
        args.viewers,
        args.rate,
        published,
        expected,
        &tally,
    ))
}
