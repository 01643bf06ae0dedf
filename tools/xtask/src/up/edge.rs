//! What runs the edge: Spin, or the wasmtime host of this workspace.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};

use super::plan::{HOST, Plan};
use crate::doctor;
use crate::progress::Progress;
use crate::settings;
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
    /// Takes Spin where it is new enough, unless told otherwise.
    ///
    /// # Errors
    /// When Spin is asked for and not there.
    pub fn choose(progress: &Progress, choice: Option<EdgeChoice>) -> Result<Self> {
        if choice == Some(EdgeChoice::Embedded) {
            return Ok(Self::Embedded);
        }
        match (doctor::spin(progress), choice) {
            (Some(version), _) => {
                progress.say("edge", &format!("spin {version}"));
                Ok(Self::Spin)
            }
            (None, Some(_)) => bail!(
                "--edge spin needs Spin 4.1 or newer on the PATH: install it as https://spinframework.dev/install says, \
                 or leave --edge out and edge-host is built instead"
            ),
            (None, None) => Ok(Self::Embedded),
        }
    }

    /// Which native binaries a system with this edge runs.
    pub fn binaries(self) -> &'static [&'static str] {
        match self {
            Self::Spin => &["fanout"],
            Self::Embedded => &["fanout", "edge-host"],
        }
    }

    /// The process that serves `spin.toml` with the variables of a file.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn command_with_file(
        self,
        workspace: &Workspace,
        plan: &Plan,
        file: &Path,
    ) -> Result<Command> {
        let mut command = self.command(workspace, plan);
        match self {
            Self::Embedded => drop(command.arg("--env-file").arg(file)),
            // Spin reads `.env` beside the manifest only, and that one is not ours to write.
            Self::Spin => drop(command.envs(settings::read(file)?)),
        }
        Ok(command)
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
                command.args(["up", "--from", "spin.toml", "--listen", listen]);
                command
            }
            Self::Embedded => {
                let mut command = Command::new(workspace.binary("edge-host"));
                command.args(["--manifest", "spin.toml", "--listen", listen]);
                command
            }
        };
        command.current_dir(workspace.root());
        command
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_edge_needs_no_spin() {
        assert_eq!(
            Edge::choose(&Progress::new(), Some(EdgeChoice::Embedded)).unwrap(),
            Edge::Embedded
        );
        assert_eq!(Edge::Spin.binaries(), ["fanout"]);
    }
}
