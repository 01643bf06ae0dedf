//! Building what runs: components for wasm, services for this machine.

use std::fs;
use std::process::{Command, Stdio};
use std::sync::Mutex;

use anyhow::{Result, bail};
use serde::Deserialize;

use crate::process::Family;
use crate::progress::Progress;
use crate::workspace::{WASM_TARGET, Workspace};

/// The components that `spin.toml` names.
pub const COMPONENTS: [&str; 5] = [
    "component-router",
    "component-auth",
    "component-limits",
    "component-moderation",
    "component-rooms",
];

/// The components of `examples/`, which tests run.
pub const EXAMPLES: [&str; 1] = ["example-own-handler"];

/// How native binaries are built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// For everything but figures.
    Dev,
    /// For figures.
    Release,
}

impl Profile {
    /// Its folder below the target folder.
    pub fn folder(self) -> &'static str {
        match self {
            Self::Dev => "debug",
            Self::Release => "release",
        }
    }
}

/// Builds components, in the release profile, where `spin.toml` expects them.
///
/// # Errors
/// Names the one that does not build.
pub fn components(
    workspace: &Workspace,
    family: &Family,
    progress: &Progress,
    names: &[&str],
) -> Result<()> {
    progress.say("build", "components");
    let mut command = workspace.cargo();
    command.args(["build", "--release", "--target", WASM_TARGET]);
    for name in names {
        command.args(["-p", name]);
    }
    run(
        command,
        family,
        progress,
        &format!("cargo build --release --target {WASM_TARGET} -p"),
    )
}

/// Builds native binaries in the dev profile: see [`binaries_of`].
///
/// # Errors
/// Names the one that does not build.
pub fn binaries(
    workspace: &Workspace,
    family: &Family,
    progress: &Progress,
    names: &[&str],
) -> Result<()> {
    binaries_of(Profile::Dev, workspace, family, progress, names)
}

/// Builds native binaries.
///
/// They are chosen by `--bin` and not by `-p`: then features are those of all default members, as in every other command,
/// and nothing is built twice.
///
/// # Errors
/// Names the one that does not build.
pub fn binaries_of(
    profile: Profile,
    workspace: &Workspace,
    family: &Family,
    progress: &Progress,
    names: &[&str],
) -> Result<()> {
    progress.say("build", &names.join(", "));
    if names.contains(&"edge-host") && !wasmtime_is_built(workspace, profile) {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let minutes = match profile {
            Profile::Dev => "about 10 minutes",
            Profile::Release => "10 to 18 minutes",
        };
        progress.say(
            "build",
            &format!("edge-host stands on wasmtime: from cold {minutes} on 2 cores (here: {cores}), once."),
        );
        progress.say("build", "With Spin 4.1 or newer on the PATH (https://spinframework.dev/install) it is not needed.");
    }
    let mut command = workspace.cargo();
    command.arg("build");
    if profile == Profile::Release {
        command.arg("--release");
    }
    for name in names {
        command.args(["--bin", name]);
    }
    run(command, family, progress, "cargo build -p")
}

fn wasmtime_is_built(workspace: &Workspace, profile: Profile) -> bool {
    let folder = workspace.target().join(profile.folder()).join("deps");
    let Ok(files) = fs::read_dir(folder) else {
        return false;
    };
    files.flatten().any(|file| {
        let name = file.file_name();
        let name = name.to_string_lossy();
        name.starts_with("libwasmtime-") && name.ends_with(".rlib")
    })
}

fn run(mut command: Command, family: &Family, progress: &Progress, alone: &str) -> Result<()> {
    let format = if progress.colour() {
        "json-diagnostic-rendered-ansi"
    } else {
        "json"
    };
    // Cargo's bar needs its stderr to be the terminal; the compiler's messages come as JSON on stdout.
    command
        .args(["--message-format", format])
        .stdout(Stdio::piped());
    let failures = Mutex::new(Failures::default());
    let status = family.run_stdout(&mut command, |line| {
        if let Ok(mut failures) = failures.lock() {
            failures.read(line);
        }
    })?;
    let failures = failures.into_inner().unwrap_or_default();
    if status.success() {
        return Ok(());
    }
    eprint!("{}", failures.rendered);
    match failures.packages.as_slice() {
        [] => bail!("cargo build failed; what it said stands above"),
        [package, ..] => bail!(
            "{package} does not build; the compiler's messages stand above. Alone: {alone} {package}"
        ),
    }
}

/// What cargo's JSON says of packages that do not compile.
#[derive(Default)]
struct Failures {
    packages: Vec<String>,
    rendered: String,
}

#[derive(Deserialize)]
struct Line {
    reason: String,
    package_id: Option<String>,
    message: Option<Message>,
}

#[derive(Deserialize)]
struct Message {
    level: String,
    rendered: Option<String>,
}

impl Failures {
    fn read(&mut self, line: &str) {
        let Ok(Line {
            reason,
            package_id: Some(package),
            message: Some(message),
        }) = serde_json::from_str(line)
        else {
            return;
        };
        if reason != "compiler-message" || !message.level.starts_with("error") {
            return;
        }
        self.rendered
            .push_str(message.rendered.as_deref().unwrap_or_default());
        let name = package_name(&package).to_owned();
        if !self.packages.contains(&name) {
            self.packages.push(name);
        }
    }
}

/// The name in a package id: `path+file:///x/tools/load#0.1.0` or `registry+…#name@1.0.0`.
fn package_name(id: &str) -> &str {
    let (before, after) = id.rsplit_once('#').unwrap_or((id, ""));
    match after.split_once('@') {
        Some((name, _)) => name,
        None => before.rsplit('/').next().unwrap_or(before),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_that_fails_is_named_once_with_all_it_said() {
        let mut failures = Failures::default();
        let id = "path+file:///code/components/rooms#component-rooms@0.1.0";
        for (level, text) in [("warning", "w\n"), ("error", "one\n"), ("error", "two\n")] {
            failures.read(
                &serde_json::json!({"reason":"compiler-message","package_id":id,"message":{"level":level,"rendered":text}})
                    .to_string(),
            );
        }
        failures.read(r#"{"reason":"build-finished","success":false}"#);
        failures.read("not json");
        assert_eq!(failures.packages, ["component-rooms"]);
        assert_eq!(failures.rendered, "one\ntwo\n");
    }

    #[test]
    fn package_ids_come_in_two_shapes() {
        assert_eq!(package_name("path+file:///code/tools/load#0.1.0"), "load");
        assert_eq!(
            package_name("registry+https://example.org/index#serde@1.0.0"),
            "serde"
        );
    }
}
