//! What is said while something takes long: a bar on a terminal, lines elsewhere.

use std::env;
use std::io::{IsTerminal, stderr};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Says on stderr what goes on. Colours only on a terminal, and never with `NO_COLOR`.
pub struct Progress {
    terminal: bool,
    colour: bool,
}

/// How a line is dressed where colours are allowed.
#[derive(Clone, Copy)]
pub enum Tone {
    /// Something is in order.
    Good,
    /// Something went wrong.
    Bad,
    /// A heading.
    Strong,
}

impl Progress {
    /// Looks at stderr and the environment once.
    pub fn new() -> Self {
        let terminal =
            stderr().is_terminal() && env::var("TERM").map_or(true, |term| term != "dumb");
        let colour = terminal && env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Self { terminal, colour }
    }

    /// Whether tools that are asked to colour their output should.
    pub fn colour(&self) -> bool {
        self.colour
    }

    /// A line that stays.
    pub fn say(&self, topic: &str, text: &str) {
        eprintln!(
            "{} {text}",
            self.paint(Tone::Strong, &format!("{topic:>10}"))
        );
    }

    /// `text` in a tone's colour, or as it is.
    pub fn paint(&self, tone: Tone, text: &str) -> String {
        if !self.colour {
            return text.to_owned();
        }
        let code = match tone {
            Tone::Good => "32",
            Tone::Bad => "31",
            Tone::Strong => "1",
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }

    /// A bar over `total` things to wait for. Elsewhere than on a terminal each of them is a line.
    pub fn bar(&self, topic: &'static str, total: u64) -> Bar<'_> {
        let target = if self.terminal {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        let bar = ProgressBar::with_draw_target(Some(total), target);
        if let Ok(style) =
            ProgressStyle::with_template("{prefix:>10} [{bar:30}] {pos}/{len} {msg} ({elapsed})")
        {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.set_prefix(topic);
        bar.enable_steady_tick(Duration::from_millis(200));
        Bar {
            progress: self,
            topic,
            bar,
        }
    }
}

/// See [`Progress::bar`]. Vanishes when dropped.
pub struct Bar<'a> {
    progress: &'a Progress,
    topic: &'static str,
    bar: ProgressBar,
}

impl Bar<'_> {
    /// What is being waited for.
    pub fn waiting_for(&self, what: &str) {
        self.bar.set_message(what.to_owned());
    }

    /// One more thing is done.
    pub fn done(&self, what: &str) {
        self.bar.inc(1);
        self.bar.suspend(|| self.progress.say(self.topic, what));
    }
}

impl Drop for Bar<'_> {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
