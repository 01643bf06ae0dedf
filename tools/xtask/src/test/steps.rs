//! The steps, and the commands that each one is.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use super::left_out::{self, LeftOut};
use super::{Bench, Part};
use crate::build::{COMPONENTS, EXAMPLES};
use crate::doctor::{GDNSD, REDIS, SENTINEL, Tool};
use crate::up::EdgeChoice;
use crate::workspace::WASM_TARGET;

const FAKETIME: Tool = Tool {
    program: "faketime",
    apt: "faketime",
    brew: "libfaketime",
    what_for: "tests that set clocks back",
};
const HAPROXY: Tool = Tool {
    program: "haproxy",
    apt: "haproxy",
    brew: "haproxy",
    what_for: "tests through a balancer",
};
const NGINX: Tool = Tool {
    program: "nginx",
    apt: "nginx",
    brew: "nginx",
    what_for: "tests through a balancer",
};
const NODE: Tool = Tool {
    program: "node",
    apt: "nodejs",
    brew: "node",
    what_for: "the JavaScript client",
};
const NPM: Tool = Tool {
    program: "npm",
    apt: "npm",
    brew: "node",
    what_for: "the JavaScript client",
};
const PYTHON: Tool = Tool {
    program: "python3",
    apt: "python3-venv",
    brew: "python",
    what_for: "the judge in Python",
};
const CURL: Tool = Tool {
    program: "curl",
    apt: "curl",
    brew: "curl",
    what_for: "the README's lines",
};
const CHROMIUM: Tool = Tool {
    program: "chromium",
    apt: "chromium",
    brew: "chromium",
    what_for: "the demo page's tests",
};

/// By this variable the end-to-end tests learn what runs the edge (`tests/e2e/src/host.rs`).
const TEST_EDGE: &str = "TIDEGATE_TEST_EDGE";

/// One line of the final table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    Format,
    Dependencies,
    Clippy,
    ClippyComponents,
    Unit,
    DocTests,
    Docs,
    Build,
    EndToEnd,
    Contract,
    Readme,
    Js,
    Web,
}

/// The steps of a part, in the order in which they run: what is quick to fail comes first.
///
/// With Spin, the README's lines are one of the end-to-end steps: `spin build && spin up` is what they promise.
pub fn of(part: Part, edge: EdgeChoice) -> Vec<Step> {
    use Step::*;
    match part {
        Part::All => vec![
            Format,
            Dependencies,
            Clippy,
            ClippyComponents,
            Unit,
            DocTests,
            Docs,
            Build,
            EndToEnd,
            Contract,
            Readme,
            Js,
            Web,
        ],
        Part::Lint => vec![Format, Dependencies, Clippy, ClippyComponents],
        Part::Unit => vec![Unit],
        Part::Doc => vec![DocTests, Docs],
        Part::E2e if edge == EdgeChoice::Spin => vec![Build, EndToEnd, Readme],
        Part::E2e => vec![Build, EndToEnd],
        Part::Contract => vec![Build, Contract],
        Part::Readme => vec![Build, Readme],
        Part::Js => vec![Js],
        Part::Web => vec![Build, Web],
    }
}

impl Step {
    /// How it is called in the table.
    pub fn title(self) -> &'static str {
        match self {
            Self::Format => "format",
            Self::Dependencies => "licences, bans, sources",
            Self::Clippy => "clippy",
            Self::ClippyComponents => "clippy of components",
            Self::Unit => "unit, property, snapshot",
            Self::DocTests => "doc tests",
            Self::Docs => "documentation",
            Self::Build => "build what runs",
            Self::EndToEnd => "end to end",
            Self::Contract => "contract",
            Self::Readme => "the README's lines",
            Self::Js => "JavaScript client",
            Self::Web => "demo page",
        }
    }

    /// Programs that it needs.
    pub fn needs(self) -> &'static [Tool] {
        match self {
            Self::Unit => &[REDIS, GDNSD, HAPROXY, NGINX, FAKETIME],
            Self::EndToEnd => &[REDIS, SENTINEL, GDNSD, FAKETIME, PYTHON, HAPROXY],
            Self::Contract => &[REDIS, PYTHON],
            Self::Readme => &[REDIS, CURL],
            Self::Js => &[NODE, NPM],
            Self::Web => &[REDIS, NODE, NPM, CHROMIUM],
            _ => &[],
        }
    }

    /// Whether it starts an edge.
    pub fn starts_an_edge(self) -> bool {
        matches!(
            self,
            Self::EndToEnd | Self::Contract | Self::Readme | Self::Web
        )
    }

    /// The step without which it makes no sense.
    pub fn stands_on(self) -> Option<Self> {
        self.starts_an_edge().then_some(Self::Build)
    }
}

impl Bench<'_> {
    /// The commands of a step. None: it cannot be done on this machine, which has been said.
    pub(super) fn commands(&self, step: Step) -> Result<Vec<Command>> {
        Ok(match step {
            Step::Format => vec![self.cargo(&["fmt", "--all", "--check"])],
            Step::Dependencies => self.tools.deny(self.workspace).into_iter().collect(),
            Step::Clippy => vec![self.cargo(&["clippy", "--all-targets", "--", "-D", "warnings"])],
            Step::ClippyComponents => {
                // The release profile, so that macros and build scripts are those of the components that run.
                let mut command = self.cargo(&["clippy", "--release", "--target", WASM_TARGET]);
                for component in COMPONENTS.iter().chain(&EXAMPLES) {
                    command.args(["-p", component]);
                }
                command.args(["--", "-D", "warnings"]);
                vec![command]
            }
            Step::Unit => vec![self.tools.tests(self.workspace, &Members::AllBut("e2e"))?],
            Step::EndToEnd => {
                let members = Members::Only("e2e", left_out::with(self.edge));
                let mut command = self.tools.tests(self.workspace, &members)?;
                command.env(TEST_EDGE, self.edge.name());
                vec![command]
            }
            Step::DocTests => vec![self.cargo(&["test", "--doc"])],
            Step::Docs => {
                let mut command = self.cargo(&["doc", "--no-deps", "--keep-going"]);
                command.env("RUSTDOCFLAGS", "-D warnings");
                vec![command]
            }
            Step::Js => {
                crate::doctor::node()?;
                let folder = self.workspace.path("clients/js");
                let mut commands: Vec<_> = self.npm_ci(folder.clone()).into_iter().collect();
                commands.push(in_folder(
                    "npm",
                    &["run", "--silent", "check"],
                    folder.clone(),
                ));
                commands.push(in_folder("npm", &["test", "--silent"], folder));
                commands
            }
            Step::Build | Step::Contract | Step::Readme | Step::Web => Vec::new(),
        })
    }

    fn cargo(&self, arguments: &[&str]) -> Command {
        let mut command = self.workspace.cargo();
        command.args(arguments);
        command
    }

    /// `npm ci`, unless the last one was for this very lock file, or there is none.
    pub(super) fn npm_ci(&self, folder: PathBuf) -> Option<Command> {
        let lock = folder
            .join("package-lock.json")
            .metadata()
            .and_then(|file| file.modified())
            .ok()?;
        let installed = folder
            .join("node_modules/.package-lock.json")
            .metadata()
            .and_then(|file| file.modified());
        match installed {
            Ok(installed) if installed >= lock => None,
            _ => Some(in_folder("npm", &["ci", "--no-audit", "--no-fund"], folder)),
        }
    }
}

/// Which members' tests run. All are built in either case, so that features stay the same.
pub enum Members<'a> {
    /// The default members without one.
    AllBut(&'static str),
    /// One, without some of its tests.
    Only(&'static str, &'a [LeftOut]),
}

/// A command to be run in a folder.
pub fn in_folder(program: &str, arguments: &[&str], folder: PathBuf) -> Command {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .current_dir(folder)
        .env("NODE_OPTIONS", "--test-reporter=spec");
    command
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum;

    use super::*;

    fn every_part() -> impl Iterator<Item = (Part, EdgeChoice)> {
        let parts = Part::value_variants().iter();
        parts.flat_map(|part| {
            EdgeChoice::value_variants()
                .iter()
                .map(|edge| (*part, *edge))
        })
    }

    #[test]
    fn every_part_is_a_part_of_all_in_the_same_order() {
        for (part, edge) in every_part() {
            let all = of(Part::All, edge);
            let places: Vec<_> = of(part, edge)
                .iter()
                .map(|step| all.iter().position(|one| one == step).unwrap())
                .collect();
            assert!(places.is_sorted() && !places.is_empty(), "{part:?}");
        }
    }

    #[test]
    fn what_a_step_stands_on_runs_before_it_in_every_part() {
        for (part, edge) in every_part() {
            let steps = of(part, edge);
            for (place, step) in steps.iter().enumerate() {
                assert!(
                    step.stands_on()
                        .is_none_or(|base| steps[..place].contains(&base)),
                    "{part:?} {step:?}"
                );
            }
        }
    }
}
