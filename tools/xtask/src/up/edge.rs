//! What runs the edge: Spin, or the wasmtime host of this workspace.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};
use semver::Version;

use super::plan::{HOST, Plan};
use crate::doctor;
use crate::progress::Progress;
use crate::workspace::Workspace;

/// What the command line may force.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum EdgeChoice {
    /// `spin up`.
    Spin,
    /// `tools/edge-host`.
    Embedded,
}

/// What runs the edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edge {
    /// `spin up`.
    Spin,
    /// `tools/edge-host`.
    Embedded,
}

impl Edge {
    /// Takes Spin where it is new enough, unless told otherwise, and says what is taken and why.
    ///
    /// # Errors
    /// When Spin is asked for and not there.
    pub fn choose(progress: &Progress, choice: Option<EdgeChoice>) -> Result<Self> {
        let (edge, said) = match choice {
            Some(EdgeChoice::Embedded) => (Self::Embedded, "edge-host of this checkout".to_owned()),
            _ => decide(doctor::spin(), choice)?,
        };
        progress.say("edge", &said);
        Ok(edge)
    }

    /// How the command line calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Spin => "spin",
            Self::Embedded => "embedded",
        }
    }

    /// Which native binaries a system with this edge runs.
    pub fn binaries(self) -> &'static [&'static str] {
        match self {
            Self::Spin => &["fanout"],
            Self::Embedded => &["fanout", "edge-host"],
        }
    }

    /// The process that serves `spin.toml` with the variables of the `.env` in a folder.
    pub fn command_with_env(self, workspace: &Workspace, plan: &Plan, folder: &Path) -> Command {
        let mut command = self.command(workspace, plan);
        match self {
            Self::Embedded => drop(command.arg("--env-file").arg(folder.join(".env"))),
            // Spin reads the one where it is started.
            Self::Spin => drop(command.current_dir(folder)),
        }
        command
    }

    /// The process that serves `spin.toml`.
    pub fn command(self, workspace: &Workspace, plan: &Plan) -> Command {
        self.command_at(workspace, &format!("{HOST}:{}", plan.edge))
    }

    /// The process that serves `spin.toml` at an address.
    pub fn command_at(self, workspace: &Workspace, listen: &str) -> Command {
        let mut command = match self {
            Self::Spin => {
                let mut command = Command::new("spin");
                command.args(["up", "--from"]);
                command
            }
            Self::Embedded => {
                let mut command = Command::new(workspace.binary("edge-host"));
                command.arg("--manifest");
                command
            }
        };
        command.arg(workspace.path("spin.toml"));
        command.args(["--listen", listen]);
        command.current_dir(workspace.root());
        command
    }
}

/// What to take by what was found of Spin, and what to say about it.
fn decide(found: Result<Version>, choice: Option<EdgeChoice>) -> Result<(Edge, String)> {
    match (found, choice) {
        (Ok(version), _) if version.pre.is_empty() => Ok((Edge::Spin, format!("spin {version}"))),
        (Ok(version), _) => Ok((
            Edge::Spin,
            format!("spin {version}, a pre-release; `--edge embedded` takes edge-host instead"),
        )),
        (Err(why), None) => Ok((
            Edge::Embedded,
            format!("edge-host of this checkout: {why:#}"),
        )),
        (Err(why), Some(_)) => bail!(
            "--edge spin needs Spin 4.1 or newer: {why:#}. Install it as https://spinframework.dev/install says, or leave \
             --edge out and edge-host is built instead"
        ),
    }
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;

    use super::*;

    #[test]
    fn what_is_taken_is_said_with_the_reason() {
        let choose = |found, choice| decide(found, choice).unwrap();
        assert_eq!(
            choose(Ok(Version::new(4, 1, 0)), None),
            (Edge::Spin, "spin 4.1.0".to_owned())
        );
        let early = Version::parse("4.1.0-pre0").unwrap();
        let (edge, said) = choose(Ok(early), Some(EdgeChoice::Spin));
        assert!(
            edge == Edge::Spin && said.starts_with("spin 4.1.0-pre0, a pre-release"),
            "{said}"
        );
        assert_eq!(
            choose(Err(anyhow!("there is no `spin` on the PATH")), None),
            (
                Edge::Embedded,
                "edge-host of this checkout: there is no `spin` on the PATH".to_owned()
            )
        );
        let error = decide(Err(anyhow!("it is old")), Some(EdgeChoice::Spin)).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("--edge spin needs Spin 4.1 or newer: it is old."),
            "{error}"
        );
    }

    #[test]
    fn the_embedded_edge_needs_no_spin() {
        assert_eq!(
            Edge::choose(&Progress::new(), Some(EdgeChoice::Embedded)).unwrap(),
            Edge::Embedded
        );
        assert_eq!(Edge::Spin.binaries(), ["fanout"]);
    }
}
