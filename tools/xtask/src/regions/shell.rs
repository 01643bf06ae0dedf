//! `ip` and `tc`.

use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// Runs a line of words and gives what it prints.
///
/// # Errors
/// With what it said.
pub fn run(line: &str) -> Result<String> {
    let mut words = line.split_whitespace();
    let program = words.next().unwrap_or_default();
    let output = Command::new(program)
        .args(words)
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("{program} does not start: is iproute2 installed?"))?;
    if !output.status.success() {
        bail!(
            "`{line}`: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
