//! The running edge, held to its own description: `docs/openapi.yaml`, as it is served, by schemathesis.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use tidegate_auth::Scope;

use super::closing::Closing;
use super::table::Outcome;
use super::{Bench, tools};
use crate::settings::Settings;
use crate::token::{self, Args};
use crate::up::{Plan, System};

/// Below the top folder.
const FOLDER: &str = "tests/contract";
const DESCRIPTION: &str = "docs/openapi.yaml";
/// Longer than the step takes.
const TOKEN_LIFE: Duration = Duration::from_secs(30 * 60);
/// What a token may that may everything.
const SCOPES: [Scope; 6] = [
    Scope::Publish,
    Scope::PublishGift,
    Scope::PublishControl,
    Scope::RoomsWrite,
    Scope::Moderate,
    Scope::Service,
];

/// Checks the description's examples, then calls the edge in every way that the description allows, and in many that it
/// does not.
///
/// # Errors
/// When an example is wrong, an answer is not as described, or the system does not outlive it.
pub fn run(bench: &Bench<'_>, closing: &Closing) -> Result<Outcome> {
    let Some(packages) = packages(bench)? else {
        return Ok(Outcome::LeftOut);
    };
    let python = |arguments: &[&str]| {
        let mut command = Command::new("python3");
        command
            .args(arguments)
            .current_dir(bench.workspace.root())
            .env("PYTHONPATH", &packages)
            .env("PYTHONDONTWRITEBYTECODE", "1");
        command
    };
    let examples = format!("{FOLDER}/examples.py");
    bench.all(vec![python(&[&examples, DESCRIPTION])], closing)?;

    let plan = Plan::on_free_ports(bench.workspace, "contract", 1)?;
    let mut settings = Settings::load(bench.workspace)?;
    // What is held here is the contract, not the quota.
    for limit in ["limit_ip", "limit_user", "limit_room", "limit_service"] {
        settings.set(limit, "1000000/1");
    }
    let token = token::sign(&settings, &Args::new("contract", &SCOPES, TOKEN_LIFE))?;
    let mut system = System::start(
        bench.workspace,
        bench.family,
        bench.progress,
        &plan,
        bench.edge,
        settings,
    )?;
    let config = format!("{FOLDER}/schemathesis.toml");
    let served = format!("{}/v1/openapi.yaml", plan.edge_url());
    let mut schemathesis = python(&["-m", "schemathesis.cli", "--config-file", &config]);
    schemathesis
        .args(["run", &served, "--url", &plan.edge_url()])
        .env("CONTRACT_TOKEN", token);
    bench.all(vec![schemathesis], closing)?;
    system
        .check()
        .context("the system did not outlive its callers")?;
    Ok(Outcome::Passed)
}

/// The folder with what `requirements.txt` names, fetched if that is not what was fetched last. None: it cannot be had,
/// which has been said.
fn packages(bench: &Bench<'_>) -> Result<Option<PathBuf>> {
    let wanted = bench.workspace.path(FOLDER).join("requirements.txt");
    let list = fs::read(&wanted).with_context(|| format!("{} cannot be read", wanted.display()))?;
    let folder = bench.workspace.data("tools").join("contract");
    let fetched = folder.join("requirements.txt");
    if fs::read(&fetched).is_ok_and(|before| before == list) {
        return Ok(Some(folder));
    }
    let by_hand = format!("pip install -r {FOLDER}/requirements.txt");
    let Some(mut command) = tools::pip_install(&folder) else {
        bench.progress.say(
            "tools",
            &format!("no pip to fetch schemathesis: this step is left out (by hand: {by_hand})"),
        );
        return Ok(None);
    };
    bench.progress.say(
        "tools",
        &format!(
            "fetching schemathesis into {} (by hand: {by_hand})",
            folder.display()
        ),
    );
    if folder.exists() {
        fs::remove_dir_all(&folder)
            .with_context(|| format!("{} cannot be emptied", folder.display()))?;
    }
    let status = bench.family.run(command.arg("-r").arg(&wanted))?;
    if !status.success() {
        bench.progress.say(
            "tools",
            "schemathesis could not be fetched: this step is left out",
        );
        return Ok(None);
    }
    fs::write(&fetched, list)
        .with_context(|| format!("{} cannot be written", fetched.display()))?;
    Ok(Some(folder))
}
