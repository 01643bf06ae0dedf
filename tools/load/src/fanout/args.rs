//! What `load fanout` may be told, and what is made of it.

use std::net::Ipv4Addr;

use anyhow::{Context, Result, ensure};

use super::control::Job;
use super::dialect::Subject;
use super::marker;
use super::rooms::Spread;
use super::target::Target;
use super::{limits, publish};
use crate::edge::{now_us, variable};

/// Opens viewers, publishes at a fixed rate, and counts what reaches whom and when.
///
/// Exit code 0 only if each message reached each viewer of its room once and in order. With tidegate, region, prefix and keys
/// are the edge's variables: from the environment, `.env` or `.env.example`; rooms of its own are created and stay behind.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// What is spoken to.
    #[arg(long, value_enum)]
    pub subject: Subject,
    /// Where viewers connect, such as ws://127.0.0.1:7001/v1/connect; again for more servers, over which they are spread.
    #[arg(long = "url", required = true, value_name = "URL")]
    pub urls: Vec<String>,
    /// Where to publish: for tidegate redis://HOST:PORT or the edge, http://HOST:PORT; for nchan, centrifuge and sockudo
    /// http://…; for others a ws:// address [default there: the first --url, for all but socketio with the path /publish].
    #[arg(long, value_name = "URL")]
    pub publish: Option<String>,
    /// Sockets, over all servers.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=i64::from(limits::VIEWERS)))]
    pub viewers: u32,
    /// Processes that hold them [default: one for each 15,000].
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=i64::from(limits::PROCESSES)))]
    pub processes: Option<u32>,
    /// How viewers are spread over rooms: one, many:K, zipf:K. Rooms have messages in proportion to their viewers.
    #[arg(long, default_value = "one")]
    pub rooms: Spread,
    /// Messages a second over all rooms; 0 publishes nothing.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(..=i64::from(limits::RATE)))]
    pub rate: u32,
    /// How long to publish and count.
    #[arg(long, default_value_t = 10.0, value_parser = seconds)]
    pub seconds: f64,
    /// How long to publish before that.
    #[arg(long, default_value_t = 2.0, value_parser = seconds)]
    pub warmup_seconds: f64,
    /// Bytes of a message's text.
    #[arg(long, default_value_t = 128)]
    pub payload_bytes: usize,
    /// As how many messages one counts, where it stands for a frame that has several.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub messages_per_frame: u32,
    /// Viewers ask for compression (permessage-deflate, no context takeover), and inflate what they are sent.
    #[arg(long)]
    pub deflate: bool,
    /// Sockets a second that are opened; 0: as fast as they are answered, 64 at once in each process.
    #[arg(long, default_value_t = 0.0, value_parser = rate)]
    pub open_rate: f64,
    /// A server's process, whose CPU and memory are read with those of its children; may be given again.
    #[arg(long = "server-pid", value_name = "PID")]
    pub server_pids: Vec<u32>,
    /// How long to leave sockets idle before anything is published; memory is read at the end of it.
    #[arg(long, default_value_t = 0.0, value_parser = seconds)]
    pub hold_seconds: f64,
    /// Print one line of JSON instead of a table.
    #[arg(long)]
    pub json: bool,
}

fn seconds(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(seconds) if (0.0..=limits::SECONDS).contains(&seconds) => Ok(seconds),
        _ => Err(format!(
            "a number of seconds from 0 to {} is meant",
            limits::SECONDS
        )),
    }
}

fn rate(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(rate) if (0.0..=1e6).contains(&rate) => Ok(rate),
        _ => Err("a number from 0 to 1000000 is meant".to_owned()),
    }
}

impl Args {
    /// Checks all that can be checked before anything is opened.
    ///
    /// # Errors
    /// What to change.
    pub fn check(&self) -> Result<()> {
        let rooms = self.rooms.rooms();
        self.subject
            .check(rooms, self.payload_bytes, self.messages_per_frame)?;
        ensure!(
            self.payload_bytes >= marker::BYTES,
            "--payload-bytes: at least {}, which number and time take",
            marker::BYTES
        );
        ensure!(
            rooms <= self.viewers,
            "--rooms: {rooms} rooms need as many --viewers at least"
        );
        ensure!(
            self.messages() <= limits::MESSAGES,
            "--rate for --seconds: {} messages at most",
            limits::MESSAGES
        );
        let each = self.viewers.div_ceil(self.processes());
        ensure!(
            each <= limits::SOCKETS_A_PROCESS,
            "--processes: {} at least, for {} sockets in each at most",
            self.viewers.div_ceil(limits::SOCKETS_A_PROCESS),
            limits::SOCKETS_A_PROCESS
        );
        ensure!(
            self.processes() <= self.viewers,
            "--processes: not more than --viewers"
        );
        Ok(())
    }

    /// Processes of viewers.
    pub fn processes(&self) -> u32 {
        self.processes
            .unwrap_or_else(|| self.viewers.div_ceil(limits::SOCKETS_A_PROCESS))
    }

    /// Messages, those of the warm-up included.
    pub fn messages(&self) -> u64 {
        whole(f64::from(self.rate) * (self.seconds + self.warmup_seconds))
    }

    /// Messages of the warm-up.
    pub fn warmup_messages(&self) -> u64 {
        whole(f64::from(self.rate) * self.warmup_seconds)
    }

    /// The job of a process.
    ///
    /// # Errors
    /// When an address or a variable is wrong.
    pub fn job(&self) -> Result<Job> {
        let urls = self.urls.iter();
        let targets: Vec<Target> = urls
            .map(|url| Target::new(url, self.subject.path()).context("--url"))
            .collect::<Result<_>>()?;
        let ticket_keys = match self.subject {
            Subject::Tidegate => Some(variable("TICKET_KEYS")?),
            _ => None,
        };
        Ok(Job {
            subject: self.subject,
            targets,
            sources: Vec::new(),
            viewers: self.viewers,
            processes: self.processes(),
            first: 0,
            spread: self.rooms,
            prefix: format!("load.r{:x}-", now_us()),
            ticket_keys,
            deflate: self.deflate,
            open_rate: self.open_rate,
        })
    }

    /// The publisher; none when nothing is to be published and no room to be created.
    ///
    /// # Errors
    /// When nobody answers where it is to publish.
    pub fn publisher(&self, job: &Job) -> Result<Option<Box<dyn publish::Publisher>>> {
        let url = match (&self.publish, self.subject) {
            (Some(url), _) => url.clone(),
            (None, _) if self.rate == 0 && self.subject != Subject::Tidegate => return Ok(None),
            (None, Subject::Floor | Subject::Uwebsockets | Subject::Ws) => {
                format!("ws://{}/publish", job.targets[0].host)
            }
            (None, Subject::Socketio) => format!("ws://{}", job.targets[0].host),
            (None, _) => {
                return Err(anyhow::anyhow!(
                    "--publish: say where to publish (see --help)"
                ));
            }
        };
        publish::to(self.subject, &url, &job.prefix, self.rooms.rooms() as usize).map(Some)
    }
}

/// Two source addresses for each process, so that each has ports enough: half of the 28,000 of an address.
pub fn sources(job: &Job, process: u32) -> Vec<Ipv4Addr> {
    if !job
        .targets
        .iter()
        .all(|target| target.addr.ip().is_loopback())
    {
        return Vec::new();
    }
    // Runs at the same time should not meet: each begins elsewhere.
    let begin = std::process::id().wrapping_mul(16);
    (0..2)
        .map(|index| {
            let number = begin.wrapping_add(process * 2 + index) % 2_000;
            Ipv4Addr::from(0x7f00_0100 + number / 250 * 256 + number % 250 + 1)
        })
        .collect()
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "neither negative nor above 10^9"
)]
fn whole(messages: f64) -> u64 {
    messages as u64
}

#[cfg(test)]
#[path = "args_tests.rs"]
mod tests;
