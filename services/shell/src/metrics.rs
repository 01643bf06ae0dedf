//! Numbers, and the text that Prometheus reads.

use std::fmt::{Display, Write};
use std::sync::atomic::{AtomicU64, Ordering};

/// A number that only one thread sets, or that is only added to.
#[derive(Debug, Default)]
pub struct Number(AtomicU64);

impl Number {
    /// Adds.
    pub fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    /// Sets.
    pub fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }

    /// Reads.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A text in Prometheus' exposition format, version 0.0.4, whose series all begin with one prefix.
#[derive(Debug)]
pub struct Text {
    prefix: &'static str,
    out: String,
}

impl Text {
    /// An empty one. `prefix` ends with an underscore.
    pub fn new(prefix: &'static str) -> Self {
        Self {
            prefix,
            out: String::new(),
        }
    }

    /// Begins a series: its name, `counter`, `gauge` or `histogram`, and what it means.
    pub fn head(&mut self, name: &str, kind: &str, help: &str) {
        let prefix = self.prefix;
        // Writing to a string does not fail.
        let _ = writeln!(
            self.out,
            "# HELP {prefix}{name} {help}.\n# TYPE {prefix}{name} {kind}"
        );
    }

    /// One value. `labels` are as between the braces, or empty.
    pub fn line(&mut self, name: &str, labels: &str, value: impl Display) {
        let prefix = self.prefix;
        let _ = if labels.is_empty() {
            writeln!(self.out, "{prefix}{name} {value}")
        } else {
            writeln!(self.out, "{prefix}{name}{{{labels}}} {value}")
        };
    }

    /// What was written.
    pub fn done(self) -> String {
        self.out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_what_prometheus_reads() {
        let mut text = Text::new("x_");
        text.head("up", "gauge", "Whether it is up");
        text.line("up", "", 1);
        text.line("up", "core=\"0\"", -1);
        assert_eq!(
            text.done(),
            "# HELP x_up Whether it is up.\n# TYPE x_up gauge\nx_up 1\nx_up{core=\"0\"} -1\n"
        );
    }
}
