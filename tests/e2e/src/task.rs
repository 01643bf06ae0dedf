//! Commands of `cargo xtask`, as a user runs them.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::process::{binary, root};

/// Runs a command that prints a report as JSON, and gives the report, however the command ended.
///
/// # Panics
/// When it is not done in time, or prints no report.
pub fn report<'a>(args: impl IntoIterator<Item = &'a str>, most: Duration) -> Value {
    let mut child = Command::new(binary("xtask"))
        .current_dir(root())
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .expect("xtask is built: `cargo xtask test e2e` runs it");
    let end = Instant::now() + most;
    while child.try_wait().expect("it can be waited for").is_none() {
        if Instant::now() >= end {
            // SIGKILL: its guard ends what it had started.
            child.kill().expect("it runs");
            panic!("not done within {most:?}");
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    let output = child.wait_with_output().expect("it has ended");
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("no report: {error}; it ended with {}", output.status))
}
