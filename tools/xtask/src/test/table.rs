//! The final table.

use std::fmt::Write;
use std::time::Duration;

use super::steps::Step;
use crate::progress::{Progress, Tone};

/// How a step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Passed,
    Failed,
    /// It could not be done; why was said where it would have run.
    LeftOut,
}

/// One step.
pub struct Row {
    pub step: Step,
    pub outcome: Outcome,
    pub took: Duration,
    pub closing: Vec<String>,
}

/// All steps so far.
#[derive(Default)]
pub struct Table(Vec<Row>);

impl Table {
    pub fn push(&mut self, row: Row) {
        self.0.push(row);
    }

    /// Whether a step was run and failed, or was left out.
    pub fn has_failed(&self, step: Step) -> bool {
        self.0
            .iter()
            .any(|row| row.step == step && row.outcome != Outcome::Passed)
    }

    /// Whether nothing failed.
    pub fn all_good(&self) -> bool {
        self.0.iter().all(|row| row.outcome != Outcome::Failed)
    }

    /// The table, with the runners' own closing lines under their steps.
    pub fn text(&self, progress: &Progress) -> String {
        let mut text = String::new();
        for row in &self.0 {
            let (word, tone) = match row.outcome {
                Outcome::Passed => ("passed", Tone::Good),
                Outcome::Failed => ("FAILED", Tone::Bad),
                Outcome::LeftOut => ("left out", Tone::Strong),
            };
            let word = progress.paint(tone, &format!("{word:<8}"));
            // Writing to a String cannot fail.
            let _ = writeln!(
                text,
                "{:<26}{word}{:>9.1} s",
                row.step.title(),
                row.took.as_secs_f64()
            );
            for line in &row.closing {
                let _ = writeln!(text, "    {line}");
            }
        }
        let took: Duration = self.0.iter().map(|row| row.took).sum();
        let failed = self
            .0
            .iter()
            .filter(|row| row.outcome == Outcome::Failed)
            .count();
        let word = match failed {
            0 => progress.paint(Tone::Good, "passed  "),
            _ => progress.paint(Tone::Bad, &format!("{failed:>2} FAILED")),
        };
        let _ = write!(text, "{:<26}{word:<8}{:>9.1} s", "all", took.as_secs_f64());
        text
    }
}
