//! uWebSockets: its sources come in a crate that binds it, from which nothing else is used.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::install::run;
use crate::doctor;
use crate::process::Family;
use crate::workspace::Workspace;

/// The crate.
pub const PACKAGE: &str = "libuwebsockets-sys";

/// Compiles `main.cpp` with them, in a folder that has it and the manifest that names the crate.
///
/// # Errors
/// When they cannot be fetched or do not compile.
pub fn build(workspace: &Workspace, family: &Family, folder: &Path) -> Result<()> {
    let root = sources(workspace, folder)?;
    let library = root.join("uSockets/src");
    let objects = folder.join("objects");
    fs::create_dir_all(&objects)
        .with_context(|| format!("{} cannot be made", objects.display()))?;
    let mut linked = Vec::new();
    for below in ["", "eventing"] {
        for file in with_extension(&library.join(below), "c")? {
            let object = objects.join(file.file_name().unwrap_or_default());
            let object = object.with_extension("o");
            let mut compile = Command::new("gcc");
            compile.args(["-std=c11", "-O3", "-flto=auto", "-DLIBUS_NO_SSL", "-I"]);
            compile.arg(&library).arg("-c").arg(&file);
            run(family, compile.arg("-o").arg(&object))?;
            linked.push(object);
        }
    }
    let mut link = Command::new("g++");
    link.args(["-std=c++20", "-O3", "-flto=auto"]);
    link.args(["-DUWS_NO_ZLIB", "-DLIBUS_NO_SSL", "-I"]);
    link.arg(root.join("src")).arg("-I").arg(&library);
    link.arg("main.cpp").args(linked).args(["-o", "server"]);
    run(family, link.current_dir(folder))
}

/// Where cargo has put the crate's sources.
fn sources(workspace: &Workspace, folder: &Path) -> Result<PathBuf> {
    let mut metadata = workspace.cargo();
    metadata.args(["metadata", "--locked", "--format-version", "1"]);
    metadata
        .arg("--manifest-path")
        .arg(folder.join("Cargo.toml"));
    let manifest = manifest(&doctor::output(&mut metadata)?)?;
    let package = manifest.parent().context("a manifest lies in a folder")?;
    Ok(package.join("uWebSockets"))
}

fn manifest(metadata: &str) -> Result<PathBuf> {
    let metadata: serde_json::Value = serde_json::from_str(metadata)?;
    let packages = metadata["packages"].as_array();
    let found = packages
        .into_iter()
        .flatten()
        .find(|package| package["name"] == PACKAGE)
        .and_then(|package| package["manifest_path"].as_str());
    found
        .map(PathBuf::from)
        .with_context(|| format!("cargo metadata does not name {PACKAGE}"))
}

fn with_extension(folder: &Path, extension: &str) -> Result<Vec<PathBuf>> {
    let cannot = || format!("{} cannot be read", folder.display());
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).with_context(cannot)? {
        let path = entry.with_context(cannot)?.path();
        if path.extension().is_some_and(|found| found == extension) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_crate_is_found_among_others() {
        let metadata = r#"{"packages":[{"name":"libc","manifest_path":"/a/Cargo.toml"},
            {"name":"libuwebsockets-sys","manifest_path":"/b/Cargo.toml"}]}"#;
        assert_eq!(manifest(metadata).unwrap(), Path::new("/b/Cargo.toml"));
        assert!(manifest("{}").unwrap_err().to_string().contains(PACKAGE));
    }
}
