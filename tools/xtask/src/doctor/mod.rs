//! What the machine must have, and how it gets there: by rustup and apt where this may be done, else by saying how.

mod packages;
mod version;

use std::env;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use semver::Version;

pub use self::packages::{Tool, need};
use crate::process::Family;
use crate::progress::Progress;
use crate::workspace::{WASM_TARGET, Workspace};

/// Redis Functions came with it.
const LEAST_REDIS: Version = Version::new(7, 0, 0);
/// The first Spin that runs components of `wasi:http@0.3.0`. Pre-releases of it do, too: only major and minor are compared,
/// since by semver 4.1.0-pre0 is older than 4.1.0.
const LEAST_SPIN: (u64, u64) = (4, 1);
/// What the JavaScript client promises to run on.
const LEAST_NODE: Version = Version::new(20, 0, 0);

/// Redis' server, which `up` and the tests start for themselves.
pub const REDIS: Tool = Tool {
    program: "redis-server",
    apt: "redis-server",
    brew: "redis",
    what_for: "Redis",
};

/// What promotes a replica of Redis when its primary has died.
pub const SENTINEL: Tool = Tool {
    program: "redis-sentinel",
    apt: "redis-sentinel",
    brew: "redis",
    what_for: "a replicated Redis",
};

/// The name server that names move by.
pub const GDNSD: Tool = Tool {
    program: "gdnsd",
    apt: "gdnsd",
    brew: "gdnsd",
    what_for: "names that move",
};

/// Where Debian puts daemons, which a user's PATH may lack.
const DAEMONS: &str = "/usr/sbin";

/// The full path of a program on the PATH, or among the system's daemons.
pub fn on_path(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path)
        .chain([PathBuf::from(DAEMONS)])
        .map(|folder| folder.join(program))
        .find(|candidate| candidate.is_file())
}

/// Sees to a `redis-server` that is new enough.
///
/// # Errors
/// Says what to install, and how.
pub fn redis(family: &Family, progress: &Progress) -> Result<Version> {
    need(family, progress, &[REDIS])?;
    let text = output(Command::new("redis-server").arg("--version"))?;
    let version = version::of_redis(&text).with_context(|| {
        format!(
            "`redis-server --version` says {:?}, which names no version",
            text.trim()
        )
    })?;
    if version < LEAST_REDIS {
        bail!(
            "redis-server {version} is too old: {LEAST_REDIS} or newer is needed. Debian 12 and Ubuntu 24.04 have it; \
             elsewhere install it as https://redis.io/docs/install says and put it first on the PATH"
        );
    }
    Ok(version)
}

/// Looks whether Node is new enough for the JavaScript client and its tests.
///
/// # Errors
/// Says which one is needed.
pub fn node() -> Result<()> {
    let text = output(Command::new("node").arg("--version"))?;
    match version::of_node(&text) {
        Some(version) if version >= LEAST_NODE => Ok(()),
        _ => bail!(
            "`node --version` says {}; {LEAST_NODE} or newer is needed. Debian 12 packages an older one: take it from \
             https://nodejs.org/en/download and put it first on the PATH",
            text.trim()
        ),
    }
}

/// The version of the Spin on the PATH, if it can run these components.
///
/// # Errors
/// Why it is not to be used, as half a sentence.
pub fn spin() -> Result<Version> {
    if on_path("spin").is_none() {
        bail!("there is no `spin` on the PATH");
    }
    usable_spin(&output(Command::new("spin").arg("--version"))?)
}

fn usable_spin(said: &str) -> Result<Version> {
    let version = version::of_spin(said).with_context(|| {
        format!(
            "`spin --version` says {:?}, which names no version",
            said.trim()
        )
    })?;
    let (major, minor) = LEAST_SPIN;
    if (version.major, version.minor) < LEAST_SPIN {
        bail!("spin {version} on the PATH is older than {major}.{minor}");
    }
    Ok(version)
}

/// Sees to the standard library for components.
///
/// # Errors
/// Says the command that adds it.
pub fn wasm_target(workspace: &Workspace, family: &Family, progress: &Progress) -> Result<()> {
    if wasm_target_is_there(workspace)? {
        return Ok(());
    }
    let by_hand = format!("rustup target add {WASM_TARGET}");
    if on_path("rustup").is_none() {
        bail!(
            "the Rust on the PATH has no target {WASM_TARGET} and there is no rustup that could add it: install rustup (https://rustup.rs), then `{by_hand}`"
        );
    }
    progress.say(
        "rust",
        &format!("adding {WASM_TARGET} (by hand: {by_hand})"),
    );
    let mut command = Command::new("rustup");
    let status = family.run(
        command
            .args(["target", "add", WASM_TARGET])
            .current_dir(workspace.root()),
    )?;
    if !status.success() || !wasm_target_is_there(workspace)? {
        bail!(
            "`{by_hand}` failed; run it in {} and see what it says",
            workspace.root().display()
        );
    }
    Ok(())
}

fn wasm_target_is_there(workspace: &Workspace) -> Result<bool> {
    let mut command = Command::new("rustc");
    command
        .args(["--print", "target-libdir", "--target", WASM_TARGET])
        .current_dir(workspace.root());
    let folder = output(&mut command)?;
    Ok(PathBuf::from(folder.trim()).is_dir())
}

/// What `command` writes to stdout.
///
/// # Errors
/// When it does not start or fails; with what it said.
pub fn output(command: &mut Command) -> Result<String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("{program} does not start"))?;
    if !output.status.success() {
        bail!(
            "{program} failed: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spin_is_used_from_the_first_pre_release_of_4_1_on() {
        for (said, used) in [
            ("spin 4.1.0 (d8f2b6a 2026-05-01)", "4.1.0"),
            ("spin 4.1.0-pre0 (94a8fc8 2026-08-21)", "4.1.0-pre0"),
            ("spin 4.2.0-rc.1 (0000000 2026-11-01)", "4.2.0-rc.1"),
            ("spin 4.10.3 (0000000 2027-01-01)", "4.10.3"),
            ("spin 5.0.0-pre0 (0000000 2027-01-01)", "5.0.0-pre0"),
        ] {
            assert_eq!(usable_spin(said).unwrap().to_string(), used);
        }
        for (said, why) in [
            (
                "spin 4.0.2 (0000000 2026-01-01)",
                "spin 4.0.2 on the PATH is older than 4.1",
            ),
            (
                "spin 3.9.9 (0000000 2025-01-01)",
                "spin 3.9.9 on the PATH is older than 4.1",
            ),
            (
                "Spin - the model checker\n",
                "`spin --version` says \"Spin - the model checker\", which names no version",
            ),
        ] {
            assert_eq!(usable_spin(said).unwrap_err().to_string(), why);
        }
    }
}
