//! One turn: one work, done by one subject, seen by `load`.

use std::sync::Mutex;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use super::case::{Kind, PAYLOAD_BYTES, Work};
use super::stage::Stage;
use super::subject::Subject;
use crate::process::Stream;

/// Who has not delivered everything so long after the last message was due did not keep up, s.
const LATE_S: f64 = 0.5;

/// What `load fanout` prints.
#[derive(Debug, Clone, Deserialize)]
pub struct Figures {
    /// Deliveries that there should have been.
    pub expected: u64,
    /// Those that there were.
    pub delivered: u64,
    /// Messages that came twice.
    pub repeated: u64,
    /// Messages that came before an earlier one.
    pub reordered: u64,
    /// Frames that deliveries came in.
    pub frames: u64,
    /// Of those, compressed ones.
    pub packed_frames: u64,
    /// Bytes of a frame, with its head.
    pub frame_bytes_mean: f64,
    /// While connections were opened.
    pub open: Part,
    /// While deliveries were counted.
    pub run: Part,
    /// Before the first connection, and with all of them.
    pub memory: Memory,
    /// From publish to each viewer.
    pub p50_ms: f64,
    pub p99_ms: f64,
    pub max_ms: f64,
    /// From publish to the last viewer.
    pub last_p50_ms: f64,
    pub last_p99_ms: f64,
    pub last_max_ms: f64,
}

/// A part of a run.
#[derive(Debug, Clone, Copy, Deserialize)]
pub struct Part {
    /// By the clock.
    pub seconds: f64,
    /// Of the server.
    pub server_cpu_s: f64,
}

/// Bytes.
#[derive(Debug, Clone, Copy, Deserialize)]
pub struct Memory {
    pub pss_before: f64,
    pub pss_open: f64,
    pub slab_before: f64,
    pub slab_open: f64,
}

impl Figures {
    /// Messages that came in a frame, on average.
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    pub fn messages_per_frame(&self) -> f64 {
        self.delivered as f64 / self.frames.max(1) as f64
    }

    fn is_whole(&self) -> bool {
        self.delivered == self.expected && self.repeated == 0 && self.reordered == 0
    }

    /// Whether most frames were compressed: those that are too short for it are not.
    fn is_packed(&self) -> bool {
        self.packed_frames * 2 > self.frames
    }

    /// Whether the subject was behind at the end of so many seconds.
    pub fn is_late(&self, seconds: f64) -> bool {
        !self.is_whole() || self.run.seconds > seconds + LATE_S
    }
}

/// What one turn came to.
#[derive(Debug, Clone)]
pub struct Taken {
    /// As `load` has it.
    pub figures: Figures,
    /// Messages that each frame stands for: those that the bare loop was told to send as one.
    pub weight: f64,
    /// Whether the subject did not keep up.
    pub overloaded: bool,
    /// What each message took in Redis, us; where it passes there.
    pub redis_us: Option<f64>,
}

/// Frames that the bare loop sends in another's place: as large and as many.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Frames {
    /// Bytes of each, without its head.
    pub payload_bytes: u32,
    /// Frames a second.
    pub rate: u32,
    /// Messages in each.
    pub messages: f64,
}

impl Frames {
    /// Those of a turn.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a frame has some kilobytes"
    )]
    pub fn of(figures: &Figures, rate: u32) -> Self {
        // The head of a frame of 126 bytes or more (RFC 6455, section 5.2).
        const HEAD: f64 = 4.0;
        let messages = figures.messages_per_frame();
        Self {
            payload_bytes: (figures.frame_bytes_mean - HEAD).max(1.0).round() as u32,
            rate: (f64::from(rate) / messages).round().max(1.0) as u32,
            messages,
        }
    }
}

/// Lets a subject do a work for so many seconds. With `frames`, it sends those instead of messages.
///
/// # Errors
/// When it does not run; or, for those whom this workspace answers for, when anything was lost.
pub fn take(
    stage: &mut Stage<'_>,
    subject: Subject,
    work: Work,
    seconds: f64,
    frames: Option<Frames>,
) -> Result<Taken> {
    let mut served = stage.serve(subject, work)?;
    let process = served.process().context("nobody was started")?;
    let urls = served.urls.clone();
    let (payload, rate) = frames.map_or((PAYLOAD_BYTES, work.rate), |frames| {
        (frames.payload_bytes, frames.rate)
    });
    let deflate = work.deflate && subject != Subject::Floor;
    let warmup = seconds.min(2.0);
    let redis_before = stage.redis_us()?;
    let mut command = stage.load(|load| {
        load.args(["fanout", "--json", "--subject", subject.name()]);
        load.args(["--url", &urls.viewers, "--publish", &urls.publish]);
        let numbers = [
            ("--viewers", work.viewers.to_string()),
            ("--rate", rate.to_string()),
            ("--seconds", seconds.to_string()),
            ("--warmup-seconds", warmup.to_string()),
            ("--payload-bytes", payload.to_string()),
            ("--open-rate", work.open_rate.to_string()),
            ("--hold-seconds", work.hold_s.to_string()),
            ("--server-pid", process.to_string()),
        ];
        for (name, value) in numbers {
            load.args([name, &value]);
        }
        // The bare loop sends what others have made.
        if deflate {
            load.arg("--deflate");
        }
    });
    let (stdout, stderr) = (Mutex::new(String::new()), Mutex::new(String::new()));
    let status = stage.family.run_reading(&mut command, |stream, line| {
        let lines = match stream {
            Stream::Stdout => &stdout,
            Stream::Stderr => &stderr,
        };
        if let Ok(mut lines) = lines.lock() {
            lines.push_str(line);
            lines.push('\n');
        }
    })?;
    served.check()?;
    let redis_us = stage.redis_us()?.saturating_sub(redis_before);
    let (stdout, stderr) = (text(stdout), text(stderr));
    let told = || {
        let name = subject.name();
        format!(
            "{name}: load ended with {status}\n{stderr}{}",
            served.last_lines()
        )
    };
    let figures = read(&stdout).with_context(told)?;
    let ours = !matches!(subject, Subject::Peer(_));
    ensure!(!ours || (status.success() && figures.is_whole()), told());
    ensure!(
        !deflate || figures.is_packed(),
        "{} of {} frames of {} are compressed",
        figures.packed_frames,
        figures.frames,
        subject.name()
    );
    let messages = f64::from(work.rate) * (seconds + warmup);
    let in_redis = subject == Subject::Tidegate && messages >= 1.0;
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let redis_us = in_redis.then(|| redis_us as f64 / messages);
    Ok(Taken {
        redis_us,
        overloaded: work.kind != Kind::Open && figures.is_late(seconds),
        weight: frames.map_or(1.0, |frames| frames.messages),
        figures,
    })
}

fn text(lines: Mutex<String>) -> String {
    lines.into_inner().unwrap_or_default()
}

fn read(stdout: &str) -> Result<Figures> {
    let line = stdout.lines().last().context("load said nothing")?;
    serde_json::from_str(line).with_context(|| format!("load said {line:?}"))
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// A line as `load` prints it.
    pub const LINE: &str = r#"{"subject":"tidegate","viewers":1000,"published":1000,"expected":1000000,"delivered":1000000,
        "repeated":0,"reordered":0,"frames":100000,"packed_frames":60000,"frame_bytes_mean":2104.4,"open":{"seconds":1.0,"server_cpu_s":0.1},
        "run":{"seconds":5.02,"server_cpu_s":1.0,"load_cpu_s":1.2},
        "memory":{"pss_before":1000000,"pss_open":1400000,"slab_before":0,"slab_open":3000000},
        "p50_ms":1.5,"p99_ms":2.5,"max_ms":3.5,"last_p50_ms":4.5,"last_p99_ms":5.5,"last_max_ms":6.5}"#;

    /// Its figures.
    pub fn figures() -> Figures {
        read(&LINE.replace('\n', "")).unwrap()
    }

    #[test]
    fn the_last_line_is_read() {
        assert_eq!(
            read("progress\n{\"x\":1}").unwrap_err().to_string(),
            "load said \"{\\\"x\\\":1}\""
        );
        assert!(read("").is_err());
        assert_eq!(figures().expected, 1_000_000);
    }

    #[test]
    fn the_bare_loop_sends_as_many_bytes_in_as_many_frames() {
        let frames = Frames::of(&figures(), 200);
        assert_eq!(
            frames,
            Frames {
                payload_bytes: 2_100,
                rate: 20,
                messages: 10.0
            }
        );
    }

    #[test]
    fn most_frames_are_to_be_compressed() {
        let mut figures = figures();
        assert!(figures.is_packed());
        figures.packed_frames = 50_000;
        assert!(!figures.is_packed());
    }

    #[test]
    fn who_loses_or_lags_is_late() {
        let mut figures = figures();
        assert!(!figures.is_late(5.0));
        figures.run.seconds = 5.6;
        assert!(figures.is_late(5.0));
        figures.run.seconds = 5.0;
        figures.delivered -= 1;
        assert!(figures.is_late(5.0));
    }
}
