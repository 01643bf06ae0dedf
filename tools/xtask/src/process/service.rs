//! A process that is meant to stay, with its output in a file.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

use anyhow::{Context, Result, bail};

use super::{Family, Running};

/// How many lines of a log are shown when its process has died.
const LAST_LINES: usize = 15;
/// How much of a log's end is read for them.
const LAST_BYTES: usize = 16 * 1024;

/// A running part of the system.
pub struct Service<'a> {
    name: String,
    log: PathBuf,
    running: Running<'a>,
}

impl<'a> Service<'a> {
    /// Starts `command`; stdout and stderr go to `LOGS/NAME.log`, which begins anew.
    ///
    /// # Errors
    /// When the log cannot be written, or the process does not start.
    pub fn start(
        family: &'a Family,
        name: &str,
        logs: &Path,
        command: &mut Command,
    ) -> Result<Self> {
        let log = logs.join(format!("{name}.log"));
        let file = fs::create_dir_all(logs)
            .and_then(|()| File::create(&log))
            .with_context(|| format!("{} cannot be written", log.display()))?;
        let second = file
            .try_clone()
            .with_context(|| format!("{} cannot be written", log.display()))?;
        let running = family.spawn(command.stdout(file).stderr(second))?;
        Ok(Self {
            name: name.to_owned(),
            log,
            running,
        })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// An error with its last lines, when it has died.
    ///
    /// # Errors
    /// As said.
    pub fn check(&mut self) -> Result<()> {
        match self.running.ended() {
            None => Ok(()),
            Some(status) => bail!("{} {}\n{}", self.name, how(status), self.last_lines()),
        }
    }

    /// The end of its log, and where the whole of it lies.
    pub fn last_lines(&self) -> String {
        let text = fs::read(&self.log).unwrap_or_default();
        let lines = tail(&text);
        if lines.is_empty() {
            return format!("It wrote nothing to {}.", self.log.display());
        }
        format!("The last lines of {}:\n{lines}", self.log.display())
    }

    /// Its processes: the one that was started, and those that this one has started in its group.
    pub fn processes(&self) -> Vec<u32> {
        self.running.processes()
    }

    /// The process that was started.
    pub fn leader(&self) -> u32 {
        self.running.leader()
    }

    /// Asks it to end.
    pub fn ask_to_end(&mut self) {
        self.running.ask_to_end();
    }

    /// Ends it as a crash does.
    pub fn kill(&mut self) {
        self.running.kill();
    }

    /// Ends it and waits until it has.
    pub fn end(&mut self) {
        self.running.end();
    }
}

fn how(status: ExitStatus) -> String {
    match status.code() {
        Some(code) => format!("has ended with exit code {code}."),
        None => format!("was ended by a signal ({status})."),
    }
}

/// The last lines of a log, indented.
fn tail(log: &[u8]) -> String {
    let end = &log[log.len().saturating_sub(LAST_BYTES)..];
    let text = String::from_utf8_lossy(end);
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .collect();
    let shown = &lines[lines.len().saturating_sub(LAST_LINES)..];
    shown
        .iter()
        .map(|line| format!("    {line}"))
        .collect::<Vec<_>>()
        .join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_has_the_last_lines_in_order() {
        let log: String = (1..=40).map(|line| format!("line {line}\n\n")).collect();
        let lines = tail(log.as_bytes());
        assert_eq!(lines.lines().count(), LAST_LINES);
        assert!(
            lines.starts_with("    line 26\n") && lines.ends_with("    line 40"),
            "{lines}"
        );
    }

    #[test]
    fn a_huge_log_is_cut_and_broken_utf_8_does_no_harm() {
        let mut log = vec![0xff; 1 << 20];
        log.extend_from_slice(b"\nend");
        assert!(tail(&log).ends_with("    end"));
        assert_eq!(tail(b""), "");
    }

    #[test]
    fn a_death_is_told_with_the_last_words() {
        let family = Family::without_guard();
        let logs = std::env::temp_dir().join(format!("tidegate-service-{}", std::process::id()));
        let mut command = Command::new("sh");
        command.args(["-c", "echo the port is busy >&2; exit 64"]);
        let mut service = Service::start(&family, "edge", &logs, &mut command).unwrap();
        service.running.wait().unwrap();
        let error = service.check().unwrap_err().to_string();
        assert!(
            error.starts_with("edge has ended with exit code 64.\n"),
            "{error}"
        );
        assert!(
            error.ends_with("edge.log:\n    the port is busy"),
            "{error}"
        );
        fs::remove_dir_all(&logs).unwrap();
    }
}
