//! Child processes: each leads a process group of its own, so that what it started ends with it.

pub mod guard;
mod service;
mod stop;

use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};

use self::guard::Guard;
pub use self::service::Service;
pub use self::stop::{Interrupted, Stop};

/// How often a child or a condition is looked at while waiting for it.
pub const LOOK: Duration = Duration::from_millis(25);
/// How long a group may take to end after SIGTERM, before SIGKILL.
const GRACE: Duration = Duration::from_secs(10);

/// This very program, to be started again. A build that it started may have replaced its file; then the kernel still knows
/// the one that runs.
///
/// # Errors
/// When the system does not say.
pub fn this_program() -> Result<PathBuf> {
    let path = std::env::current_exe().context("this program cannot be found")?;
    if path.exists() {
        return Ok(path);
    }
    Ok(PathBuf::from(format!("/proc/{}/exe", std::process::id())))
}

/// Starts processes, and knows when the person at the keyboard has had enough.
pub struct Family {
    stop: Stop,
    guard: Guard,
}

impl Family {
    /// Begins with the guard, which outlives this process and ends what it could not.
    ///
    /// # Errors
    /// When the guard does not start.
    pub fn start(stop: Stop) -> Result<Self> {
        Ok(Self {
            stop,
            guard: Guard::start()?,
        })
    }

    /// For tests: nothing outlives them that they do not end themselves.
    #[cfg(test)]
    pub fn without_guard() -> Self {
        Self {
            stop: Stop::never(),
            guard: Guard::none(),
        }
    }

    /// When to stop.
    pub fn stop(&self) -> &Stop {
        &self.stop
    }

    /// Starts `command` in a group of its own, without stdin.
    ///
    /// # Errors
    /// Names the program that does not start.
    pub fn spawn(&self, command: &mut Command) -> Result<Running<'_>> {
        let program = command.get_program().to_string_lossy().into_owned();
        let child = command
            .process_group(0)
            .stdin(Stdio::null())
            .spawn()
            .with_context(|| format!("{program} does not start"))?;
        let group = Pid::from_child(&child);
        self.guard.watch(group);
        Ok(Running {
            family: self,
            child,
            group,
            status: None,
        })
    }

    /// Starts `command` to talk with it over its stdin and stdout.
    ///
    /// # Errors
    /// When it does not start.
    pub fn converse(
        &self,
        command: &mut Command,
    ) -> Result<(Running<'_>, ChildStdin, ChildStdout)> {
        let program = command.get_program().to_string_lossy().into_owned();
        let mut child = command
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("{program} does not start"))?;
        let (Some(stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
            anyhow::bail!("{program} has no pipes");
        };
        let group = Pid::from_child(&child);
        self.guard.watch(group);
        let running = Running {
            family: self,
            child,
            group,
            status: None,
        };
        Ok((running, stdin, stdout))
    }

    /// Runs `command` to its end.
    ///
    /// # Errors
    /// When it does not start, or [`Interrupted`]; then it has been ended.
    pub fn run(&self, command: &mut Command) -> Result<ExitStatus> {
        self.spawn(command)?.wait()
    }

    /// Runs `command` to its end and hands each line of its stdout and stderr to `line`.
    ///
    /// # Errors
    /// As [`Family::run`].
    pub fn run_reading(
        &self,
        command: &mut Command,
        line: impl Fn(Stream, &str) + Sync,
    ) -> Result<ExitStatus> {
        let mut running = self.spawn(command.stdout(Stdio::piped()).stderr(Stdio::piped()))?;
        let (stdout, stderr) = running.pipes();
        let line = &line;
        thread::scope(|scope| {
            scope.spawn(move || each_line(stdout, |text| line(Stream::Stdout, text)));
            scope.spawn(move || each_line(stderr, |text| line(Stream::Stderr, text)));
            running.wait()
        })
    }

    /// Runs `command` to its end and hands each line of its stdout to `line`; stderr stays what it is.
    ///
    /// # Errors
    /// As [`Family::run`].
    pub fn run_stdout(
        &self,
        command: &mut Command,
        line: impl Fn(&str) + Sync,
    ) -> Result<ExitStatus> {
        let mut running = self.spawn(command.stdout(Stdio::piped()))?;
        let (stdout, _) = running.pipes();
        thread::scope(|scope| {
            scope.spawn(|| each_line(stdout, &line));
            running.wait()
        })
    }
}

/// Where a line came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

fn each_line(stream: Option<impl Read>, mut line: impl FnMut(&str)) {
    let Some(stream) = stream else { return };
    let mut reader = BufReader::new(stream);
    let mut bytes = Vec::new();
    while reader
        .read_until(b'\n', &mut bytes)
        .is_ok_and(|read| read > 0)
    {
        line(String::from_utf8_lossy(&bytes).trim_end_matches(['\n', '\r']));
        bytes.clear();
    }
}

/// A process group that was started here. Ended when dropped.
pub struct Running<'a> {
    family: &'a Family,
    child: Child,
    group: Pid,
    status: Option<ExitStatus>,
}

impl Running<'_> {
    fn pipes(&mut self) -> (Option<ChildStdout>, Option<ChildStderr>) {
        (self.child.stdout.take(), self.child.stderr.take())
    }

    /// How the leader ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        if self.status.is_none() {
            self.status = self.child.try_wait().ok().flatten();
        }
        self.status
    }

    /// Waits for the leader's end.
    ///
    /// # Errors
    /// [`Interrupted`]; then the group has been ended.
    pub fn wait(&mut self) -> Result<ExitStatus> {
        loop {
            if let Some(status) = self.ended() {
                return Ok(status);
            }
            if self.family.stop.requested() {
                self.end();
                return Err(Interrupted.into());
            }
            thread::sleep(LOOK);
        }
    }

    /// The process that was started.
    pub fn leader(&self) -> u32 {
        self.child.id()
    }

    /// The processes of the group, as Linux lists them.
    pub fn processes(&self) -> Vec<u32> {
        let group = self.group.as_raw_pid().to_string();
        // The fifth field is the group (`proc(5)`); the second may hold spaces and ends with the last `)`.
        let is_member = |pid: &u32| {
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            stat.rsplit_once(')')
                .and_then(|(_, after)| after.split_whitespace().nth(2))
                .is_some_and(|found| found == group)
        };
        let Ok(entries) = std::fs::read_dir("/proc") else {
            return Vec::new();
        };
        let pids = entries
            .flatten()
            .filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        pids.filter(is_member).collect()
    }

    /// Asks the group to end.
    pub fn ask_to_end(&mut self) {
        // A group that is gone needs no signal.
        let _ = kill_process_group(self.group, Signal::TERM);
    }

    /// Ends the group as a crash does: at once, without asking.
    pub fn kill(&mut self) {
        let _ = kill_process_group(self.group, Signal::KILL);
        self.status = self.status.or_else(|| self.child.wait().ok());
        self.family.guard.forget(self.group);
    }

    /// Asks the group to end and waits for it; kills what is left after ten seconds.
    pub fn end(&mut self) {
        self.ask_to_end();
        let deadline = Instant::now() + GRACE;
        // The leader is reaped first: as a zombie it would count as a member of its group.
        while self.ended().is_none() || test_kill_process_group(self.group).is_ok() {
            if Instant::now() >= deadline {
                let _ = kill_process_group(self.group, Signal::KILL);
                self.status = self.status.or_else(|| self.child.wait().ok());
                break;
            }
            thread::sleep(LOOK);
        }
        self.family.guard.forget(self.group);
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.end();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[test]
    fn what_a_child_started_ends_with_it() {
        let family = Family::without_guard();
        let mut running = family
            .spawn(Command::new("sh").args(["-c", "sleep 600 & sleep 600"]))
            .unwrap();
        let group = running.group;
        assert!(test_kill_process_group(group).is_ok());
        if cfg!(target_os = "linux") {
            assert!(running.processes().contains(&running.child.id()));
        }
        running.end();
        assert!(test_kill_process_group(group).is_err());
    }

    #[test]
    fn a_stop_ends_what_is_being_waited_for() {
        let family = Family::without_guard();
        let mut running = family.spawn(Command::new("sleep").arg("600")).unwrap();
        family.stop.request();
        assert!(running.wait().unwrap_err().is::<Interrupted>());
        assert!(running.ended().is_some());
    }

    #[test]
    fn lines_of_both_streams_arrive_also_the_last_without_an_end() {
        let seen = Mutex::new(Vec::new());
        let status = Family::without_guard()
            .run_reading(
                Command::new("sh").args(["-c", "echo one; printf two >&2; exit 3"]),
                |stream, line| {
                    seen.lock().unwrap().push((stream, line.to_owned()));
                },
            )
            .unwrap();
        assert_eq!(status.code(), Some(3));
        let mut seen = seen.into_inner().unwrap();
        seen.sort_by_key(|(stream, _)| *stream == Stream::Stderr);
        assert_eq!(
            seen,
            [
                (Stream::Stdout, "one".to_owned()),
                (Stream::Stderr, "two".to_owned())
            ]
        );
    }

    #[test]
    fn a_missing_program_is_named() {
        let family = Family::without_guard();
        let error = family
            .spawn(&mut Command::new("tidegate-no-such-program"))
            .err()
            .unwrap();
        assert_eq!(error.to_string(), "tidegate-no-such-program does not start");
    }
}
