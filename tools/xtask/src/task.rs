//! What can be asked for, and who does it.

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::process::{Family, Stop};
use crate::progress::Progress;
use crate::workspace::Workspace;
use crate::{
    bench, drill, gslb, keys, ns, process, region, regions, routes, rules, test, token, up,
};

/// The commands of the Tidegate workspace.
#[derive(Parser)]
#[command(
    name = "cargo xtask",
    bin_name = "cargo xtask",
    disable_help_subcommand = true
)]
pub struct Cli {
    #[command(subcommand)]
    pub task: Task,
}

#[derive(Subcommand)]
pub enum Task {
    /// Set up what is missing, build, and run the whole system on this machine until Ctrl-C.
    Up(up::Args),
    /// Print a development token, signed with the first auth key of `.env` (else `.env.example`).
    Token(token::Args),
    /// Put a namespace's settings in force, show them, or take them out of force.
    #[command(subcommand)]
    Ns(ns::Args),
    /// Check moderation rules, put them in force, or take them out of force.
    #[command(subcommand)]
    Rules(rules::Args),
    /// Check routes to upstreams, and put them into Redis.
    Routes(routes::Args),
    /// Write what a name server makes names move between regions by.
    #[command(subcommand)]
    Gslb(gslb::Args),
    /// Add or retire a region; drain one, or end that.
    #[command(subcommand)]
    Region(region::command::Args),
    /// Make and rotate the keys of an env file.
    Keys(keys::Args),
    /// Break something under load, in several regions or in one, and report which promises held.
    #[command(subcommand)]
    Drill(drill::Args),
    /// Measure, beside others who do the same.
    #[command(subcommand)]
    Bench(bench::Args),
    /// Run every check, or a part of them.
    Test(test::Args),
    /// Ends the process groups named on stdin once stdin closes; `up` and `test` start it for the case that they are killed.
    #[command(hide = true)]
    Guard,
    /// Hands connections on, within a region's namespace.
    #[command(hide = true)]
    Forward(regions::forward::Args),
}

/// Does it.
pub fn run(task: Task) -> Result<ExitCode> {
    let workspace = Workspace::find()?;
    let family = || Family::start(Stop::on_signals()?);
    let progress = Progress::new();
    match task {
        Task::Up(args) => return up::run(&workspace, &family()?, &progress, &args),
        Task::Drill(args) => return drill::run(&workspace, &family()?, &progress, &args),
        Task::Bench(args) => return bench::run(&workspace, &family()?, &progress, &args),
        Task::Test(args) => return test::run(&workspace, &family()?, &progress, &args),
        Task::Guard => process::guard::run(std::io::stdin().lock()),
        Task::Forward(args) => regions::forward::run(&args),
        Task::Token(args) => token::run(&workspace, &args),
        Task::Ns(args) => ns::run(&workspace, &args),
        Task::Rules(args) => rules::run(&workspace, &args),
        Task::Routes(args) => routes::run(&workspace, &args),
        Task::Gslb(args) => gslb::run(&workspace, &args),
        Task::Region(args) => region::command::run(&workspace, &args),
        Task::Keys(args) => keys::run(&workspace, &args),
    }?;
    Ok(ExitCode::SUCCESS)
}
