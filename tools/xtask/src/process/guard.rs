//! A small process of its own that ends what is left when this one is killed and can no longer do it.
//!
//! It reads `+GROUP` and `-GROUP` lines. Its stdin closes with the process that started it, however that one ends.

use std::collections::BTreeSet;
use std::io::{BufRead, Write};
use std::os::unix::process::CommandExt;
use std::process::{ChildStdin, Command, Stdio};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};

const GRACE: Duration = Duration::from_secs(10);
const LOOK: Duration = Duration::from_millis(50);

/// The guard, as seen from the process that it watches.
pub struct Guard {
    lines: Mutex<Option<ChildStdin>>,
}

impl Guard {
    /// Starts this same program as guard, in a group of its own, out of the reach of Ctrl-C.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start() -> Result<Self> {
        let mut child = Command::new(super::this_program()?)
            .arg("guard")
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("the guard process does not start")?;
        Ok(Self {
            lines: Mutex::new(child.stdin.take()),
        })
    }

    /// No guard at all.
    #[cfg(test)]
    pub fn none() -> Self {
        Self {
            lines: Mutex::new(None),
        }
    }

    /// The group is to end when this process does.
    pub fn watch(&self, group: Pid) {
        self.say('+', group);
    }

    /// The group has ended; its number may belong to somebody else soon.
    pub fn forget(&self, group: Pid) {
        self.say('-', group);
    }

    fn say(&self, sign: char, group: Pid) {
        if let Ok(mut lines) = self.lines.lock()
            && let Some(lines) = lines.as_mut()
        {
            // A guard that somebody killed is no reason to fail: groups are ended here, it is only the second line.
            let _ = writeln!(lines, "{sign}{}", group.as_raw_pid());
        }
    }
}

/// The guard's own life.
///
/// # Errors
/// When stdin cannot be read.
pub fn run(lines: impl BufRead) -> Result<()> {
    let mut groups = BTreeSet::new();
    for line in lines.lines() {
        apply(&mut groups, &line?);
    }
    let groups: Vec<Pid> = groups.into_iter().filter_map(Pid::from_raw).collect();
    for group in &groups {
        let _ = kill_process_group(*group, Signal::TERM);
    }
    let deadline = Instant::now() + GRACE;
    while Instant::now() < deadline
        && groups
            .iter()
            .any(|group| test_kill_process_group(*group).is_ok())
    {
        thread::sleep(LOOK);
    }
    for group in &groups {
        let _ = kill_process_group(*group, Signal::KILL);
    }
    Ok(())
}

fn apply(groups: &mut BTreeSet<i32>, line: &str) {
    // Groups 0 and 1 would be the guard's own and everybody's.
    if let Some(group) = line
        .get(1..)
        .and_then(|text| text.parse().ok())
        .filter(|group| *group > 1)
    {
        match line.as_bytes()[0] {
            b'+' => drop(groups.insert(group)),
            b'-' => drop(groups.remove(&group)),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_groups_that_were_named_and_not_taken_back_are_kept() {
        let mut groups = BTreeSet::new();
        for line in ["+12", "+13", "-12", "+1", "+0", "+-1", "nonsense", "", "é"] {
            apply(&mut groups, line);
        }
        assert_eq!(groups.into_iter().collect::<Vec<_>>(), [13]);
    }

    #[test]
    fn what_is_left_is_ended_when_stdin_closes() {
        let mut child = Command::new("sleep")
            .arg("600")
            .process_group(0)
            .spawn()
            .unwrap();
        let line = format!("+{}\n", child.id());
        let waiting = thread::spawn(move || child.wait().unwrap());
        run(line.as_bytes()).unwrap();
        assert!(!waiting.join().unwrap().success());
    }
}
