//! `cargo xtask test`: every check, in order, with a table of what was done at the end.

mod closing;
mod contract;
mod left_out;
mod readme;
mod steps;
mod table;
mod tools;
mod web;

use std::process::{Command, ExitCode};
use std::time::Instant;

use anyhow::{Result, bail};

use self::closing::Closing;
use self::steps::Step;
use self::table::{Outcome, Row, Table};
use self::tools::Tools;
use crate::build::{COMPONENTS, EXAMPLES};
use crate::process::{Family, Interrupted, Stream};
use crate::progress::Progress;
use crate::up::{Edge, EdgeChoice};
use crate::workspace::Workspace;

/// What `test` may be told.
#[derive(clap::Args)]
pub struct Args {
    /// Which part.
    #[arg(value_enum, default_value_t = Part::All)]
    part: Part,
    /// What runs the edge, for the parts that start one. With `spin`, `e2e` types the README's lines, too.
    #[arg(long, value_enum, default_value_t = EdgeChoice::Embedded)]
    edge: EdgeChoice,
}

/// A part of the checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    /// Everything.
    All,
    /// Format, clippy, licences and sources of dependencies.
    Lint,
    /// Unit, property, snapshot and house tests.
    Unit,
    /// Doc tests, and the documentation itself.
    Doc,
    /// Tests over real processes.
    E2e,
    /// The running edge against `docs/openapi.yaml`.
    Contract,
    /// What the README tells people to type.
    Readme,
    /// The JavaScript client.
    Js,
    /// The demo page in headless Chromium.
    Web,
}

/// Runs the steps of a part. A step that fails does not keep the others from running, unless they stand on it.
///
/// # Errors
/// [`Interrupted`], and what keeps all steps from running. A failed step is told by the exit code.
pub fn run(
    workspace: &Workspace,
    family: &Family,
    progress: &Progress,
    args: &Args,
) -> Result<ExitCode> {
    let steps = steps::of(args.part, args.edge);
    let starts_an_edge = steps.iter().any(|step| step.starts_an_edge());
    let edge = match args.edge {
        choice if starts_an_edge => Edge::choose(progress, Some(choice))?,
        EdgeChoice::Embedded => Edge::Embedded,
        EdgeChoice::Spin => bail!("--edge spin changes nothing there: this part starts no edge"),
    };
    let needed: Vec<_> = steps
        .iter()
        .flat_map(|step| step.needs())
        .copied()
        .collect();
    crate::doctor::need(family, progress, &needed)?;
    crate::doctor::wasm_target(workspace, family, progress)?;
    let bench = Bench {
        workspace,
        family,
        progress,
        edge,
        tools: Tools::set_up(workspace, family, progress, &steps)?,
    };
    let mut table = Table::default();
    for (index, step) in steps.iter().enumerate() {
        progress.say(
            "test",
            &format!("[{}/{}] {}", index + 1, steps.len(), step.title()),
        );
        let begun = Instant::now();
        let closing = Closing::default();
        let outcome = match bench.run(*step, &table, &closing) {
            Ok(done) => done,
            Err(error) if error.is::<Interrupted>() => return Err(error),
            Err(error) => {
                eprintln!("error: {error:#}");
                Outcome::Failed
            }
        };
        table.push(Row {
            step: *step,
            outcome,
            took: begun.elapsed(),
            closing: closing.into_lines(),
        });
    }
    println!("{}", table.text(progress));
    Ok(if table.all_good() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// What a step works with.
struct Bench<'a> {
    workspace: &'a Workspace,
    family: &'a Family,
    progress: &'a Progress,
    edge: Edge,
    tools: Tools,
}

impl Bench<'_> {
    fn run(&self, step: Step, before: &Table, closing: &Closing) -> Result<Outcome> {
        if let Some(base) = step.stands_on().filter(|base| before.has_failed(*base)) {
            eprintln!("left out: {} failed", base.title());
            return Ok(Outcome::LeftOut);
        }
        match step {
            Step::Build => {
                let components = [&COMPONENTS[..], &EXAMPLES[..]].concat();
                crate::build::components(self.workspace, self.family, self.progress, &components)?;
                let binaries = ["fanout", "relay", "edge-host", "drill", "load"];
                crate::build::binaries(self.workspace, self.family, self.progress, &binaries)?;
                Ok(Outcome::Passed)
            }
            Step::Contract => contract::run(self, closing),
            Step::Readme => readme::run(self).map(|()| Outcome::Passed),
            Step::Web => web::run(self, closing).map(|()| Outcome::Passed),
            _ => match self.commands(step)? {
                commands if commands.is_empty() => Ok(Outcome::LeftOut),
                commands => {
                    let done = self.all(commands, closing);
                    if step == Step::EndToEnd {
                        left_out::tell(self.edge, closing);
                    }
                    done.map(|()| Outcome::Passed)
                }
            },
        }
    }

    /// Runs commands one after the other, up to the first that fails.
    fn all(&self, commands: Vec<Command>, closing: &Closing) -> Result<()> {
        for mut command in commands {
            let words = words(&command);
            if self.progress.colour() {
                command.env("CARGO_TERM_COLOR", "always");
            }
            let status = self.family.run_reading(&mut command, |stream, line| {
                match stream {
                    Stream::Stdout => println!("{line}"),
                    Stream::Stderr => eprintln!("{line}"),
                }
                closing.read(line);
            })?;
            if !status.success() {
                bail!("`{words}` failed ({status})");
            }
        }
        Ok(())
    }
}

fn words(command: &Command) -> String {
    let program = command.get_program().to_string_lossy();
    let program = program.rsplit('/').next().unwrap_or_default();
    std::iter::once(program.into())
        .chain(command.get_args().map(|word| word.to_string_lossy()))
        .collect::<Vec<_>>()
        .join(" ")
}
