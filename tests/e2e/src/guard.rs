//! What ends a group of processes when the test that started it is killed and can no longer do so.

use std::io::Write;
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, Command, Stdio};

use crate::process::binary;

/// `xtask guard`: it ends the groups that it was told of when its standard input closes.
pub struct Guard {
    process: Child,
    lines: Option<ChildStdin>,
    group: u32,
}

impl Guard {
    /// Watches over the group that this process leads.
    pub fn watch(leader: &Child) -> Self {
        let mut process = Command::new(binary("xtask"))
            .arg("guard")
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("xtask is built: `cargo xtask test e2e` runs it");
        let lines = process.stdin.take();
        let mut guard = Self {
            process,
            lines,
            group: leader.id(),
        };
        guard.say('+');
        guard
    }

    fn say(&mut self, sign: char) {
        if let Some(lines) = &mut self.lines {
            writeln!(lines, "{sign}{}", self.group).expect("the guard reads");
        }
    }
}

impl Drop for Guard {
    /// The group has ended; its number may be somebody else's soon.
    fn drop(&mut self) {
        self.say('-');
        self.lines = None;
        let _ = self.process.wait();
    }
}
