//! The process with the viewers and the publishers, and the lines that are exchanged with it.

use std::io::{BufRead, BufReader, Write};
use std::process::{ChildStdin, Command};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::process::{Family, LOOK, Running};
use crate::progress::Progress;

/// Longer than anything that it is asked for takes: opening 15,000 viewers, the end of a drill.
const PATIENCE: Duration = Duration::from_secs(300);

/// A running engine. It ends with this.
pub struct Engine<'a> {
    family: &'a Family,
    progress: &'a Progress,
    running: Running<'a>,
    orders: ChildStdin,
    events: Receiver<Value>,
}

impl<'a> Engine<'a> {
    /// Starts it.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start(
        family: &'a Family,
        progress: &'a Progress,
        command: &mut Command,
    ) -> Result<Self> {
        let (running, orders, output) = family.converse(command)?;
        let (send, events) = channel();
        thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                let event = serde_json::from_str(&line).unwrap_or(Value::Null);
                if send.send(event).is_err() {
                    break;
                }
            }
        });
        Ok(Self {
            family,
            progress,
            running,
            orders,
            events,
        })
    }

    /// Says something to it.
    ///
    /// # Errors
    /// When it is gone.
    pub fn tell(&mut self, order: &Value) -> Result<()> {
        writeln!(self.orders, "{order}").context("the drill's engine is gone")
    }

    /// Waits until it says a certain thing, and gives what it says.
    ///
    /// # Errors
    /// When it ends before or takes too long, when `check` fails, or on an interruption.
    pub fn wait_for(
        &mut self,
        wanted: &str,
        mut check: impl FnMut() -> Result<()>,
    ) -> Result<Value> {
        let end = Instant::now() + PATIENCE;
        loop {
            self.family.stop().check()?;
            check()?;
            let event = match self.events.recv_timeout(LOOK) {
                Ok(event) => event,
                Err(RecvTimeoutError::Timeout) if Instant::now() < end => continue,
                Err(RecvTimeoutError::Timeout) => bail!(
                    "the drill's engine did not come to `{wanted}` within {} s",
                    PATIENCE.as_secs()
                ),
                Err(RecvTimeoutError::Disconnected) => {
                    let status = self.running.wait()?;
                    bail!("the drill's engine ended before `{wanted}` ({status})")
                }
            };
            self.show(&event);
            if event["event"] == wanted {
                return Ok(event);
            }
        }
    }

    /// Its processes.
    pub fn processes(&self) -> Vec<u32> {
        self.running.processes()
    }

    /// Waits for the report, and gives it.
    ///
    /// # Errors
    /// As [`Engine::wait_for`].
    pub fn report(&mut self, check: impl FnMut() -> Result<()>) -> Result<Value> {
        let mut event = self.wait_for("report", check)?;
        if let Some(report) = event.as_object_mut() {
            report.remove("event");
        }
        Ok(event)
    }

    fn show(&self, event: &Value) {
        let after = || match event["after_ms"].as_u64() {
            Some(ms) => format!("after {ms} ms"),
            None => "not in time".to_owned(),
        };
        let text = match event["event"].as_str() {
            Some("progress") => event["text"].as_str().unwrap_or_default().to_owned(),
            Some("ready") => "viewers are subscribed, messages are published".to_owned(),
            Some("dns-right") => format!("newcomers are led to living regions {}", after()),
            Some("listed") => format!("nodes are listed again and ready {}", after()),
            Some("same") => format!("regions hold the same {}", after()),
            _ => return,
        };
        self.progress.say("drill", &text);
    }
}
