//! The processes of viewers, as the coordinator sees them.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};

use super::control::{Order, Word};
use super::tally::Figures;

/// All of them. Dropping it ends them.
pub struct Children {
    children: Vec<(Child, Option<ChildStdin>)>,
    words: Receiver<(usize, Option<Word>)>,
    open: Vec<u32>,
    delivered: Vec<u64>,
    figures: Vec<Option<Figures>>,
}

impl Children {
    /// Starts so many, by the hidden subcommand `viewers` of this program.
    ///
    /// # Errors
    /// When one does not start.
    pub fn start(count: u32) -> Result<Self> {
        let program = std::env::current_exe().context("this program's own file is not known")?;
        let (send, words) = channel();
        let mut children = Vec::new();
        for index in 0..count as usize {
            let mut child = Command::new(&program)
                .arg("viewers")
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()
                .with_context(|| format!("{} does not start", program.display()))?;
            let input = child.stdin.take();
            let output = child.stdout.take().context("its output is piped")?;
            children.push((child, input));
            let send = send.clone();
            std::thread::spawn(move || {
                for line in BufReader::new(output).lines().map_while(Result::ok) {
                    let word = serde_json::from_str(&line).ok();
                    let is_last = word.is_none();
                    if send.send((index, word)).is_err() || is_last {
                        return;
                    }
                }
                let _ = send.send((index, None));
            });
        }
        let count = children.len();
        Ok(Self {
            children,
            words,
            open: vec![0; count],
            delivered: vec![0; count],
            figures: vec![None; count],
        })
    }

    /// Their process ids.
    pub fn pids(&self) -> impl Iterator<Item = u32> + '_ {
        self.children.iter().map(|(child, _)| child.id())
    }

    /// Says something to each.
    ///
    /// # Errors
    /// When one is gone.
    pub fn order(&mut self, order: impl Fn(u32) -> Order) -> Result<()> {
        for (index, (_, input)) in (0..).zip(&mut self.children) {
            let mut line = serde_json::to_string(&order(index))?;
            line.push('\n');
            let input = input.as_mut().context("it has ended")?;
            input
                .write_all(line.as_bytes())
                .context("a process of viewers has ended")?;
        }
        Ok(())
    }

    /// Hears what they say until `end`, or until one says something.
    ///
    /// # Errors
    /// When one cannot go on, or is gone.
    pub fn hear(&mut self, end: Instant) -> Result<bool> {
        let wait = end.saturating_duration_since(Instant::now());
        match self
            .words
            .recv_timeout(wait.min(Duration::from_millis(200)))
        {
            Ok((index, Some(word))) => self.take(index, word).map(|()| true),
            Ok((_, None)) => bail!("a process of viewers has ended"),
            Err(RecvTimeoutError::Timeout) => Ok(false),
            Err(RecvTimeoutError::Disconnected) => bail!("all processes of viewers have ended"),
        }
    }

    fn take(&mut self, index: usize, word: Word) -> Result<()> {
        match word {
            Word::Open(open) => self.open[index] = open,
            Word::Delivered(delivered) => self.delivered[index] = delivered,
            Word::Figures(figures) => self.figures[index] = Some(*figures),
            Word::Failed(why) => return Err(anyhow!(why)),
        }
        Ok(())
    }

    /// Viewers in their rooms.
    pub fn open(&self) -> u32 {
        self.open.iter().sum()
    }

    /// Messages delivered, as far as was told.
    pub fn delivered(&self) -> u64 {
        self.delivered.iter().sum()
    }

    /// Asks all for their figures and adds them up.
    ///
    /// # Errors
    /// When one does not answer within `patience`.
    pub fn figures(&mut self, patience: Duration) -> Result<Figures> {
        self.order(|_| Order::Tell)?;
        let end = Instant::now() + patience;
        while self.figures.iter().any(Option::is_none) {
            self.hear(end)?;
            if Instant::now() >= end {
                bail!("a process of viewers does not say its figures");
            }
        }
        let mut all = Figures::default();
        for figures in self.figures.iter_mut().filter_map(Option::take) {
            all.merge(figures);
        }
        Ok(all)
    }
}

impl Drop for Children {
    fn drop(&mut self) {
        for (child, input) in &mut self.children {
            drop(input.take());
            let _ = child.kill();
        }
        for (child, _) in &mut self.children {
            let _ = child.wait();
        }
    }
}
