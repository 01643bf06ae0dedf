//! Runs seeds of the simulation, or one with its log.

use std::process::ExitCode;
use std::thread;

use clap::Parser;
use sim::{Plan, Report, Tally};

/// Seeds of the simulation: regions, nodes and viewers in virtual time.
#[derive(Parser)]
struct Args {
    /// One seed alone.
    #[arg(long)]
    seed: Option<u64>,
    /// Its log, line by line.
    #[arg(long, requires = "seed")]
    log: bool,
    /// The first of many.
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// How many.
    #[arg(long, default_value_t = 2_000)]
    count: u64,
    /// On so many threads; none of them knows of another.
    #[arg(long, default_value_t = 2)]
    threads: u64,
}

fn main() -> ExitCode {
    let args = Args::parse();
    if let Some(seed) = args.seed {
        let plan = Plan::of(seed);
        println!("{plan:?}");
        let report = sim::run(plan, args.log);
        for line in &report.log {
            println!("{line}");
        }
        println!("{report}\nhash {:016x}", report.hash);
        return done(&report.tally, std::slice::from_ref(&report));
    }
    let threads: Vec<_> = (0..args.threads)
        .map(|first| {
            let (from, count, step) = (args.from, args.count, args.threads);
            thread::spawn(move || {
                let seeds = (from + first..from + count).step_by(step as usize);
                let mut tally = Tally::default();
                let mut broken = Vec::new();
                for seed in seeds {
                    let report = sim::run(Plan::of(seed), false);
                    tally.add(&report.tally);
                    if report.broken.is_some() {
                        eprintln!("{report}");
                        broken.push(report);
                    }
                }
                (tally, broken)
            })
        })
        .collect();
    let mut tally = Tally::default();
    let mut broken = Vec::new();
    for thread in threads {
        let (some, more) = thread.join().expect("a world's panic is a report");
        tally.add(&some);
        broken.extend(more);
    }
    done(&tally, &broken)
}

fn done(tally: &Tally, reports: &[Report]) -> ExitCode {
    for (name, count) in tally.fields() {
        println!("{name:>14} {count}");
    }
    let broken = reports
        .iter()
        .filter(|report| report.broken.is_some())
        .count();
    println!("{broken:>14} seeds violate what always holds");
    if broken > 0 {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}
