//! `cargo metadata`, as far as it is needed here.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::process::Command;

use serde::Deserialize;

use crate::root;

/// The workspace, as cargo resolves it, with all features on.
#[derive(Debug, Deserialize)]
pub struct Metadata {
    packages: Vec<Package>,
    workspace_members: BTreeSet<String>,
    workspace_default_members: BTreeSet<String>,
    workspace_root: String,
    resolve: Resolve,
}

#[derive(Debug, Deserialize)]
struct Package {
    id: String,
    name: String,
    manifest_path: String,
    dependencies: Vec<Dependency>,
}

/// One line of a manifest's dependencies, of any kind.
#[derive(Debug, Clone, Deserialize)]
pub struct Dependency {
    /// Of the package.
    pub name: String,
    /// The folder, for a member.
    pub path: Option<String>,
    /// `dev`, `build`, or none for a normal one.
    pub kind: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Debug, Deserialize)]
struct Node {
    id: String,
    deps: Vec<Edge>,
}

#[derive(Debug, Deserialize)]
struct Edge {
    pkg: String,
    dep_kinds: Vec<Kind>,
}

#[derive(Debug, Deserialize)]
struct Kind {
    kind: Option<String>,
}

/// A member of the workspace.
#[derive(Debug, Clone)]
pub struct Member {
    /// Its package's name.
    pub name: String,
    /// Its folder below the root, such as `crates/auth`.
    pub folder: String,
    /// What its manifest names.
    pub dependencies: Vec<Dependency>,
    /// Whether commands without `-p` include it.
    pub is_default: bool,
    id: String,
}

impl Member {
    /// The top-level folder that it lies in.
    pub fn layer(&self) -> &str {
        self.folder.split('/').next().unwrap_or_default()
    }
}

impl Metadata {
    /// Asks the cargo that runs these tests.
    pub fn read() -> Self {
        let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let output = Command::new(cargo)
            .args(["metadata", "--format-version", "1"])
            .current_dir(root())
            .output()
            .expect("cargo starts, as it has built this");
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        serde_json::from_slice(&output.stdout).expect("format version 1 has these fields")
    }

    /// All members.
    pub fn members(&self) -> Vec<Member> {
        let members = self
            .packages
            .iter()
            .filter(|package| self.workspace_members.contains(&package.id));
        members
            .map(|package| Member {
                name: package.name.clone(),
                folder: self.below_root(package.manifest_path.trim_end_matches("/Cargo.toml")),
                dependencies: package.dependencies.clone(),
                is_default: self.workspace_default_members.contains(&package.id),
                id: package.id.clone(),
            })
            .collect()
    }

    /// A path below the root, or as it is when it lies elsewhere.
    pub fn below_root(&self, path: &str) -> String {
        let below = path.strip_prefix(&self.workspace_root).unwrap_or(path);
        below.trim_start_matches('/').to_owned()
    }

    /// Names of everything that is built for a member, at any depth, without what only its tests need.
    pub fn everything_below(&self, member: &Member) -> BTreeSet<&str> {
        let names: BTreeMap<&str, &str> = self
            .packages
            .iter()
            .map(|p| (p.id.as_str(), p.name.as_str()))
            .collect();
        let nodes: BTreeMap<&str, &Node> = self
            .resolve
            .nodes
            .iter()
            .map(|node| (node.id.as_str(), node))
            .collect();
        let mut seen = BTreeSet::new();
        let mut open = vec![member.id.as_str()];
        while let Some(id) = open.pop() {
            for edge in nodes.get(id).map_or(&[][..], |node| &node.deps) {
                let only_tests = edge
                    .dep_kinds
                    .iter()
                    .all(|kind| kind.kind.as_deref() == Some("dev"));
                if !only_tests && seen.insert(edge.pkg.as_str()) {
                    open.push(&edge.pkg);
                }
            }
        }
        seen.into_iter()
            .filter_map(|id| names.get(id).copied())
            .collect()
    }
}
