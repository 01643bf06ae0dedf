//! Programs that the system's package manager has.

use std::process::{Command, Stdio};

use anyhow::{Result, bail};

use super::on_path;
use crate::process::Family;
use crate::progress::Progress;

/// A program, and what it is called by package managers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tool {
    /// What must be on the PATH.
    pub program: &'static str,
    /// Its package in Debian and Ubuntu.
    pub apt: &'static str,
    /// Its formula in Homebrew.
    pub brew: &'static str,
    /// What needs it.
    pub what_for: &'static str,
}

/// Sees to programs: installs what is missing where this user may, and else says how.
///
/// # Errors
/// Names what is missing, and the exact command.
pub fn need(family: &Family, progress: &Progress, tools: &[Tool]) -> Result<()> {
    let missing = missing(tools, |program| on_path(program).is_some());
    if missing.is_empty() {
        return Ok(());
    }
    let names = describe(&missing);
    let Some(manager) = Manager::of_this_machine() else {
        bail!("missing: {names}. Install them and put them on the PATH");
    };
    let by_hand = manager.by_hand(&missing);
    let Some(prefix) = manager.without_asking() else {
        bail!("missing: {names}. Install them, then start this again:\n    {by_hand}");
    };
    progress.say(
        "packages",
        &format!("installing {names} (by hand: {by_hand})"),
    );
    if missing.contains(&super::REDIS) {
        progress.say("packages", "where systemd runs, the package starts a Redis of its own on port 6379; it is left alone");
    }
    if missing.contains(&super::SENTINEL) {
        progress.say("packages", "where systemd runs, the package starts a Sentinel of its own on port 26379; it is left alone");
    }
    if missing.contains(&super::GDNSD) {
        progress.say("packages", "where systemd runs, the package starts a name server of its own on port 53; it is left alone");
    }
    if missing.iter().any(|tool| tool.program == "nginx") {
        progress.say("packages", "where systemd runs, the package starts a web server of its own on port 80; it is left alone");
    }
    for arguments in [vec!["update", "-qq"], install(&missing)] {
        let status = family.run(&mut apt(prefix, &arguments))?;
        if !status.success() {
            bail!(
                "apt-get could not install {names}. See what it said above, then:\n    {by_hand}"
            );
        }
    }
    match self::missing(tools, |program| on_path(program).is_some()) {
        left if left.is_empty() => Ok(()),
        left => bail!(
            "apt-get is done, but still missing on the PATH: {}",
            describe(&left)
        ),
    }
}

fn missing(tools: &[Tool], is_there: impl Fn(&str) -> bool) -> Vec<Tool> {
    tools
        .iter()
        .filter(|tool| !is_there(tool.program))
        .copied()
        .collect()
}

fn describe(tools: &[Tool]) -> String {
    tools
        .iter()
        .map(|tool| format!("{} (for {})", tool.program, tool.what_for))
        .collect::<Vec<_>>()
        .join(", ")
}

fn install(tools: &[Tool]) -> Vec<&'static str> {
    let mut arguments = vec!["install", "-qq", "-y", "--no-install-recommends"];
    arguments.extend(tools.iter().map(|tool| tool.apt));
    arguments
}

fn apt(prefix: &[&str], arguments: &[&str]) -> Command {
    let words: Vec<&str> = prefix
        .iter()
        .chain(&["env", "DEBIAN_FRONTEND=noninteractive", "apt-get"])
        .copied()
        .collect();
    let mut command = Command::new(words[0]);
    // Stdout is left to what the task itself answers.
    command
        .args(&words[1..])
        .args(arguments)
        .stdout(Stdio::null());
    command
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manager {
    Apt,
    Brew,
}

impl Manager {
    fn of_this_machine() -> Option<Self> {
        match () {
            () if on_path("apt-get").is_some() => Some(Self::Apt),
            () if on_path("brew").is_some() => Some(Self::Brew),
            () => None,
        }
    }

    fn by_hand(self, tools: &[Tool]) -> String {
        let names =
            |name: fn(&Tool) -> &'static str| tools.iter().map(name).collect::<Vec<_>>().join(" ");
        match self {
            Self::Apt => format!(
                "sudo apt-get update && sudo apt-get install {}",
                names(|tool| tool.apt)
            ),
            Self::Brew => format!("brew install {}", names(|tool| tool.brew)),
        }
    }

    /// What stands in front of the command, when it may be run without asking anybody.
    fn without_asking(self) -> Option<&'static [&'static str]> {
        match self {
            Self::Brew => None,
            Self::Apt if rustix::process::geteuid().is_root() => Some(&[]),
            Self::Apt => may_sudo().then_some(&["sudo", "-n"]),
        }
    }
}

fn may_sudo() -> bool {
    let mut command = Command::new("sudo");
    command
        .args(["-n", "true"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

#[cfg(test)]
mod tests {
    use super::super::REDIS;
    use super::*;

    const NODE: Tool = Tool {
        program: "node",
        apt: "nodejs",
        brew: "node",
        what_for: "the JS client's tests",
    };

    #[test]
    fn only_what_is_missing_is_asked_for() {
        assert_eq!(
            missing(&[REDIS, NODE], |program| program == "node"),
            [REDIS]
        );
        assert_eq!(missing(&[REDIS, NODE], |_| true), []);
    }

    #[test]
    fn the_command_by_hand_uses_each_managers_own_names() {
        assert_eq!(
            Manager::Apt.by_hand(&[REDIS, NODE]),
            "sudo apt-get update && sudo apt-get install redis-server nodejs"
        );
        assert_eq!(
            Manager::Brew.by_hand(&[REDIS, NODE]),
            "brew install redis node"
        );
    }

    #[test]
    fn homebrew_is_never_run_unasked() {
        assert_eq!(Manager::Brew.without_asking(), None);
    }
}
