//! The demo page in headless Chromium, against a whole system on ports of its own.

use anyhow::{Context, Result};

use super::Bench;
use super::closing::Closing;
use super::steps::in_folder;
use crate::doctor;
use crate::settings::Settings;
use crate::up::{Plan, System};

/// Two, so that a message passes from one to the other.
const NODES: usize = 2;

/// Starts the system, runs the browser's tests, ends the system.
pub fn run(bench: &Bench<'_>, closing: &Closing) -> Result<()> {
    doctor::node()?;
    let folder = bench.workspace.path("tests/web");
    let plan = Plan::on_free_ports(bench.workspace, "web", NODES)?;
    let screenshots = bench.workspace.data("web/screenshots");
    std::fs::create_dir_all(&screenshots)
        .with_context(|| format!("{} cannot be made", screenshots.display()))?;
    let settings = Settings::load(bench.workspace)?;
    let mut commands: Vec<_> = bench.npm_ci(folder.clone()).into_iter().collect();
    let mut system = System::start(
        bench.workspace,
        bench.family,
        bench.progress,
        &plan,
        bench.edge,
        settings,
    )?;
    let mut test = in_folder("node", &["--test"], folder);
    test.env("DEMO_URL", plan.demo_url())
        .env("EDGE_URL", plan.edge_url())
        .env("SCREENSHOTS", &screenshots);
    if let Some(chromium) = doctor::on_path("chromium") {
        test.env("CHROMIUM", chromium);
    }
    commands.push(test);
    bench.all(commands, closing)?;
    system
        .check()
        .context("the system did not outlive its tests")
}
