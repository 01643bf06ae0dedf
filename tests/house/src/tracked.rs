//! The files under version control.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The top folder: that of the checkout in which the tests run. The one in which they were built may be another, where
/// checkouts share a target folder.
pub fn root() -> PathBuf {
    let here = std::env::var_os("CARGO_MANIFEST_DIR");
    let here = here.unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    Path::new(&here)
        .ancestors()
        .nth(2)
        .expect("tests/house lies two folders below the root")
        .to_path_buf()
}

/// Every tracked file that is there and is text, below the top folder, with its text.
pub fn files() -> Vec<(String, String)> {
    let output = Command::new("git")
        .args(["ls-files", "-z"])
        .current_dir(root())
        .output()
        .expect("git is installed");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let names = String::from_utf8(output.stdout).expect("file names are UTF-8");
    let names = names.split('\0').filter(|name| !name.is_empty());
    names
        .filter_map(|name| {
            Some((
                name.to_owned(),
                std::fs::read_to_string(root().join(name)).ok()?,
            ))
        })
        .collect()
}
