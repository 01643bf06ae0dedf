//! What is said while a run lasts: a bar on a terminal, a line every two seconds elsewhere.

use std::io::{IsTerminal, stderr};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

const LINES: Duration = Duration::from_secs(2);

/// A count on its way.
pub struct Progress {
    what: &'static str,
    total: u64,
    bar: Option<ProgressBar>,
    said_at: Instant,
}

impl Progress {
    /// Of so many.
    pub fn new(what: &'static str, total: u64) -> Self {
        let is_terminal =
            stderr().is_terminal() && std::env::var("TERM").map_or(true, |term| term != "dumb");
        let bar = is_terminal.then(|| {
            let bar =
                ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr_with_hz(5));
            let style =
                ProgressStyle::with_template("{prefix:>10} [{bar:30}] {pos}/{len} ({elapsed})");
            if let Ok(style) = style {
                bar.set_style(style.progress_chars("=> "));
            }
            bar.set_prefix(what);
            bar
        });
        Self {
            what,
            total,
            bar,
            said_at: Instant::now(),
        }
    }

    /// So far.
    pub fn at(&mut self, count: u64) {
        if let Some(bar) = &self.bar {
            bar.set_position(count);
        } else if self.said_at.elapsed() >= LINES {
            self.said_at = Instant::now();
            eprintln!("{:>10} {count} of {}", self.what, self.total);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
