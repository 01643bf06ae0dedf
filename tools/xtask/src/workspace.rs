//! Where things lie in the checkout.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::build::Profile;

/// The triple that components are built for.
pub const WASM_TARGET: &str = "wasm32-wasip2";

/// The checkout that this command belongs to.
pub struct Workspace {
    root: PathBuf,
}

impl Workspace {
    /// Finds the checkout: from cargo's environment, else upwards from the current folder.
    ///
    /// # Errors
    /// When neither leads to a folder with `Cargo.toml` and `tools/xtask`.
    pub fn find() -> Result<Self> {
        let from_cargo = env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
        let start = match from_cargo {
            Some(folder) => folder,
            None => env::current_dir().context("the current folder cannot be read")?,
        };
        let root = start
            .ancestors()
            .find(|folder| folder.join("tools/xtask/Cargo.toml").is_file())
            .with_context(|| format!("{} lies outside a Tidegate checkout", start.display()))?;
        Ok(Self {
            root: root.to_path_buf(),
        })
    }

    /// The checkout's top folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// A path below the top folder.
    pub fn path(&self, relative: &str) -> PathBuf {
        self.root.join(relative)
    }

    /// What running systems write; not under version control.
    pub fn data(&self, relative: &str) -> PathBuf {
        self.root.join(".tidegate").join(relative)
    }

    /// Cargo's target folder. Always the one below the top folder, because `spin.toml` names components there.
    pub fn target(&self) -> PathBuf {
        self.root.join("target")
    }

    /// A native binary of the dev profile.
    pub fn binary(&self, name: &str) -> PathBuf {
        self.binary_of(Profile::Dev, name)
    }

    /// A native binary.
    pub fn binary_of(&self, profile: Profile, name: &str) -> PathBuf {
        self.target().join(profile.folder()).join(name)
    }

    /// The cargo that runs this, in the top folder.
    pub fn cargo(&self) -> Command {
        let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command
            .current_dir(&self.root)
            .env("CARGO_TARGET_DIR", self.target());
        command
    }
}
