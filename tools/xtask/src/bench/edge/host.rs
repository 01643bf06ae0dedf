//! What runs the edge, as a command that can be given again.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::build::Profile;
use crate::up::Edge;
use crate::workspace::Workspace;

/// A host of the app, with the bench's own manifest.
pub struct Host {
    edge: Edge,
    program: PathBuf,
    manifest: PathBuf,
}

impl Host {
    /// The host that was chosen.
    pub fn new(workspace: &Workspace, profile: Profile, edge: Edge, manifest: PathBuf) -> Self {
        let program = match edge {
            Edge::Embedded => workspace.binary_of(profile, "edge-host"),
            Edge::Spin => "spin".into(),
        };
        Self {
            edge,
            program,
            manifest,
        }
    }

    /// Its manifest.
    pub fn manifest(&self) -> &Path {
        &self.manifest
    }

    /// Serves the app at an address.
    pub fn command(&self, listen: &str) -> Command {
        let mut command = Command::new(&self.program);
        match self.edge {
            Edge::Embedded => command.arg("--manifest"),
            Edge::Spin => command.args(["up", "--from"]),
        };
        command.arg(&self.manifest).args(["--listen", listen]);
        command
    }

    /// The same, with compiled components kept in a folder that is named; none for Spin, which keeps them where it likes.
    pub fn command_with_cache(&self, listen: &str, folder: &Path) -> Option<Command> {
        let mut command = match self.edge {
            Edge::Embedded => self.command(listen),
            Edge::Spin => return None,
        };
        command.arg("--cache-dir").arg(folder);
        Some(command)
    }
}
