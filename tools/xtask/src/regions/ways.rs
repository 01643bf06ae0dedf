//! Ways between regions that take their time where the kernel cannot delay packets: `drill forward` beside each relay.

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::process::{ChildStdin, ChildStdout, Command};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::net::Link;
use crate::process::{Family, Running};

/// The running forwarder of one region. It ends with this.
pub struct Ways<'a> {
    running: Running<'a>,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl<'a> Ways<'a> {
    /// Starts it with what `spec` names, and waits until it listens.
    ///
    /// # Errors
    /// When it does not come to that; it says why itself.
    pub fn start(family: &'a Family, command: &mut Command, spec: &Value) -> Result<Self> {
        let (running, orders, output) = family.converse(command)?;
        let mut ways = Self {
            running,
            orders,
            answers: BufReader::new(output),
        };
        ways.tell(spec)?;
        Ok(ways)
    }

    /// Makes the ways so from now on.
    ///
    /// # Errors
    /// When it is gone.
    pub fn link(&mut self, link: Link) -> Result<()> {
        match quality(link) {
            Some(quality) => self.tell(&quality),
            None => Ok(()),
        }
    }

    /// Whoever comes from now on to where a way begins is led there; connections that stand stay where they are.
    ///
    /// # Errors
    /// When it is gone.
    pub fn lead(&mut self, at: SocketAddr, to: SocketAddr) -> Result<()> {
        self.tell(&json!({"at": at, "to": to}))
    }

    fn tell(&mut self, order: &Value) -> Result<()> {
        writeln!(self.orders, "{order}").context("the way between regions is gone")?;
        let mut answer = String::new();
        self.answers.read_line(&mut answer)?;
        ensure!(
            answer.contains("done"),
            "the way between regions did not take {order}"
        );
        Ok(())
    }

    /// An error when it has died.
    ///
    /// # Errors
    /// As said.
    pub fn check(&mut self) -> Result<()> {
        match self.running.ended() {
            None => Ok(()),
            Some(status) => anyhow::bail!("the way between regions has ended ({status})"),
        }
    }
}

/// What `drill forward` is told of a link. A cut is the network's to make.
pub fn quality(link: Link) -> Option<Value> {
    match link {
        Link::Delay { round_trip_ms } => Some(json!({"round_trip_ms": round_trip_ms})),
        Link::Slow {
            round_trip_ms,
            loss_percent,
        } => Some(json!({
            "round_trip_ms": round_trip_ms,
            "jitter_ms": round_trip_ms / 10,
            "stall_percent": loss_percent,
        })),
        Link::Cut => None,
    }
}
