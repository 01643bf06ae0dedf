//! Other judges in the place of `components/moderation`, and manifests that name them.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use crate::process::root;

const TABLE: &str = "[component.moderation]";
const EXAMPLE: &str = "examples/moderation-python";

/// The checkout's manifest with other tables in the place of moderation's, written into a folder.
pub fn manifest_with(tables: &str, folder: &Path) -> PathBuf {
    let manifest = std::fs::read_to_string(root().join("spin.toml")).expect("spin.toml");
    let start = manifest.find(TABLE).expect("the table of moderation");
    let end = manifest[start..]
        .match_indices("\n[")
        .map(|(at, _)| start + at + 1)
        .find(|at| !manifest[*at..].starts_with("[component.moderation"))
        .unwrap_or(manifest.len());
    let whole = format!("{}{tables}\n{}", &manifest[..start], &manifest[end..]);
    // Sources are named from the manifest's own folder.
    let absolute = whole
        .lines()
        .map(|line| match line.strip_prefix("source = \"") {
            Some(path) => format!("source = \"{}", root().join(path).display()),
            None => line.to_owned(),
        })
        .collect::<Vec<_>>()
        .join("\n");
    let path = folder.join("spin.toml");
    std::fs::write(&path, absolute).expect("a manifest");
    path
}

/// A judge that is broken in every way (`tests/guests/judge`), built by now: its tables for [`manifest_with`].
pub fn broken() -> String {
    let status = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--release", "--target", "wasm32-wasip2"])
        .args(["-p", "guest-judge", "--target-dir"])
        .arg(root().join("target"))
        .current_dir(root())
        .status()
        .expect("cargo");
    assert!(status.success(), "the guest does not build");
    format!("{TABLE}\nsource = \"target/wasm32-wasip2/release/guest_judge.wasm\"\n")
}

/// The example in Python, built by its own build command: its tables for [`manifest_with`].
pub fn python() -> String {
    let folder = root().join(EXAMPLE);
    let tables = std::fs::read_to_string(folder.join("component.toml")).expect("component.toml");
    let sources = [
        folder.join("app.py"),
        folder.join("component.toml"),
        folder.join("requirements.txt"),
        root().join("wit/moderation/moderation.wit"),
    ];
    let newest = sources.iter().map(|source| changed(source)).max();
    let built = changed(&folder.join("moderation.wasm"));
    if built.is_none() || built < newest.flatten() {
        let command = tables
            .lines()
            .find_map(|line| line.strip_prefix("command = \"")?.strip_suffix('"'))
            .expect("a build command");
        let status = Command::new("sh")
            .args(["-c", command])
            .current_dir(&folder)
            .env("PATH", path_with_componentize())
            .status()
            .expect("sh");
        assert!(status.success(), "the example does not build: {command}");
    }
    tables
}

fn changed(file: &Path) -> Option<SystemTime> {
    file.metadata().and_then(|about| about.modified()).ok()
}

/// `PATH`, with what the example's requirements name in front of it, fetched into the target folder once.
///
/// A virtual environment's scripts name the folder in which it was made, and several checkouts may share one target folder:
/// so it is made under the folder's real name, and made again where its tool is there but doesn't run.
fn path_with_componentize() -> OsString {
    let target = root()
        .join("target")
        .canonicalize()
        .expect("a target folder");
    let folder = target.join("tools/moderation-python");
    let tools = folder.join("bin");
    if !runs(&tools.join("componentize-py")) {
        run(Command::new("python3")
            .args(["-m", "venv", "--clear"])
            .arg(&folder));
        run(Command::new(tools.join("python"))
            .args([
                "-m",
                "pip",
                "install",
                "--quiet",
                "--disable-pip-version-check",
            ])
            .arg("--requirement")
            .arg(root().join(EXAMPLE).join("requirements.txt")));
    }
    let own = std::env::var_os("PATH").unwrap_or_default();
    std::env::join_paths(std::iter::once(tools).chain(std::env::split_paths(&own)))
        .expect("folders without colons")
}

fn runs(tool: &Path) -> bool {
    Command::new(tool)
        .arg("--version")
        .output()
        .is_ok_and(|output| output.status.success())
}

fn run(command: &mut Command) {
    let status = command
        .status()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(status.success(), "{command:?} fails");
}
