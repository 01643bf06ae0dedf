//! How fast a relay copies one region into another, over a way that takes its time.
//!
//! `cargo build --release -p relay && cargo run --release -p relay --example relay_rate -- [--rtt-ms 30] [--backlog 1000000]
//! [--rate 5000] [--seconds 20] [--json]`
//!
//! Two Redis servers of its own, and a proxy before the one that is copied from, which holds every byte back for half of the
//! round trip. First a backlog, made by plain XADD, is caught up with; then entries come at a rate, and their lag is what the
//! relay's own histogram says. Every entry must have arrived.

mod delay;
mod source;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use redis_tests::RedisServer;
use source::Source;

struct Args {
    rtt_ms: u64,
    backlog: usize,
    rate: usize,
    seconds: u64,
    json: bool,
}

fn args() -> Args {
    let mut args = Args {
        rtt_ms: 30,
        backlog: 1_000_000,
        rate: 5_000,
        seconds: 20,
        json: false,
    };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut number = || {
            words
                .next()
                .and_then(|text| text.parse().ok())
                .unwrap_or_else(|| usage())
        };
        match word.as_str() {
            "--rtt-ms" => args.rtt_ms = number(),
            "--backlog" => args.backlog = number() as usize,
            "--rate" => args.rate = number() as usize,
            "--seconds" => args.seconds = number(),
            "--json" => args.json = true,
            _ => usage(),
        }
    }
    args
}

fn usage() -> ! {
    eprintln!("usage: relay_rate [--rtt-ms N] [--backlog N] [--rate N] [--seconds N] [--json]");
    std::process::exit(64)
}

/// The relay that was built beside this, killed at the end.
struct Relay {
    child: Child,
    admin: String,
}

impl Drop for Relay {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Relay {
    fn start(home: &RedisServer, from: &str) -> Self {
        let here = std::env::current_exe().expect("this program lies somewhere");
        let binary: PathBuf = here
            .parent()
            .and_then(|folder| folder.parent())
            .expect("in a target folder")
            .join("relay");
        let mut child = Command::new(&binary)
            .args(["--region", "us", "--redis-url", &home.url(), "--from", from])
            .args([
                "--admin",
                "127.0.0.1:0",
                "--log-max",
                "10000000",
                "--retention-ms",
                "7200000",
            ])
            .env("TIDEGATE_LOG", "info")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}: build it first", binary.display()));
        let mut lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        let line = lines.next().and_then(Result::ok).unwrap_or_default();
        let admin = line
            .strip_prefix("admin on http://")
            .expect("its first line")
            .to_owned();
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, admin }
    }

    fn metrics(&self) -> String {
        let mut stream = TcpStream::connect(&self.admin).expect("the relay runs");
        stream
            .write_all(b"GET /metrics HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
            .expect("it takes requests");
        let mut text = String::new();
        stream.read_to_string(&mut text).expect("it answers");
        text
    }

    fn metric(&self, name: &str) -> u64 {
        number(
            &self.metrics(),
            &format!("tidegate_relay_{name}{{origin=\"eu\"}} "),
        )
    }

    /// Entries by the upper bound of their lag in ms, cumulative.
    fn lags(&self) -> Vec<(u64, u64)> {
        let text = self.metrics();
        let bucket = |line: &str| {
            let rest = line.strip_prefix("tidegate_relay_lag_ms_bucket{origin=\"eu\",le=\"")?;
            let (bound, count) = rest.split_once("\"} ")?;
            Some((bound.parse().unwrap_or(u64::MAX), count.parse().ok()?))
        };
        text.lines().filter_map(bucket).collect()
    }
}

fn number(text: &str, beginning: &str) -> u64 {
    text.lines()
        .find_map(|line| line.strip_prefix(beginning)?.trim().parse().ok())
        .unwrap_or_default()
}

/// User and system time of a process so far, seconds.
fn cpu_s(pid: u32) -> f64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let after = text.rsplit_once(") ").map_or("", |(_, rest)| rest);
    let ticks: f64 = after
        .split(' ')
        .skip(11)
        .take(2)
        .filter_map(|word| word.parse::<f64>().ok())
        .sum();
    ticks / 100.0
}

/// The bound below which so much of the entries lie, from two looks at the histogram.
fn quantile(before: &[(u64, u64)], after: &[(u64, u64)], part: f64) -> u64 {
    let counts: Vec<(u64, u64)> = after
        .iter()
        .zip(before)
        .map(|(now, then)| (now.0, now.1 - then.1))
        .collect();
    let all = counts.last().map_or(0, |one| one.1);
    let wanted = (all as f64 * part).ceil() as u64;
    counts
        .iter()
        .find(|one| one.1 >= wanted)
        .map_or(u64::MAX, |one| one.0)
}

fn main() {
    let args = args();
    let (there, here) = (RedisServer::start(), RedisServer::start());
    let mut source = Source::open(&there);
    source::prepare(&here);
    eprintln!("writing a backlog of {} entries", args.backlog);
    source.fill(args.backlog);

    let way = delay::proxy(there.port(), Duration::from_millis(args.rtt_ms) / 2);
    let cpu = |relay: &Relay| {
        [
            cpu_s(source::pid(&here)),
            cpu_s(source::pid(&there)),
            cpu_s(relay.child.id()),
        ]
    };
    let started = Instant::now();
    let relay = Relay::start(&here, &format!("eu=redis://127.0.0.1:{way}"));
    let before = cpu(&relay);
    let mut shown = Instant::now();
    loop {
        let copied = relay.metric("entries_total") as usize;
        if copied >= args.backlog {
            break;
        }
        if shown.elapsed() > Duration::from_secs(2) {
            shown = Instant::now();
            eprintln!("{copied} of {}", args.backlog);
        }
        assert!(
            started.elapsed() < Duration::from_secs(600),
            "it does not catch up"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
    let took_s = started.elapsed().as_secs_f64();
    let after = cpu(&relay);
    let caught_up = args.backlog as f64 / took_s;
    let each_us = |index: usize| (after[index] - before[index]) / args.backlog as f64 * 1e6;

    eprintln!("{} entries/s for {} s", args.rate, args.seconds);
    while relay.metric("bulk_shards") > 0 {
        std::thread::sleep(Duration::from_millis(20));
    }
    let lags = relay.lags();
    let live_before = cpu(&relay);
    let sent = source.live(args.rate, Duration::from_secs(args.seconds));
    let end = Instant::now() + Duration::from_secs(30);
    while (relay.metric("entries_total") as usize) < args.backlog + sent {
        assert!(Instant::now() < end, "entries are missing");
        std::thread::sleep(Duration::from_millis(5));
    }
    let live_after = cpu(&relay);
    let now = relay.lags();
    let (p50, p99) = (quantile(&lags, &now, 0.5), quantile(&lags, &now, 0.99));
    let share = |index: usize| (live_after[index] - live_before[index]) / args.seconds as f64;
    let again = ["gaps_total", "holes_total", "breaks_total"].map(|name| relay.metric(name));
    assert_eq!(again, [0; 3], "gaps, holes, broken connections");

    if args.json {
        println!(
            "{{\"bench\":\"relay\",\"rows\":[{{\"case\":\"catch_up\",\"subject\":\"tidegate\",\"value\":{caught_up:.0},\"unit\":\"entries/s\",\
             \"rtt_ms\":{},\"expected\":{},\"delivered\":{},\"here_us\":{:.1},\"there_us\":{:.1},\"relay_us\":{:.1}}},\
             {{\"case\":\"live\",\"subject\":\"tidegate\",\"value\":{},\"unit\":\"entries/s\",\"rtt_ms\":{},\"p50_ms\":{p50},\"p99_ms\":{p99},\
             \"expected\":{sent},\"delivered\":{sent}}}]}}",
            args.rtt_ms,
            args.backlog,
            args.backlog,
            each_us(0),
            each_us(1),
            each_us(2),
            args.rate,
            args.rtt_ms,
        );
        return;
    }
    println!("round trip {} ms", args.rtt_ms);
    println!(
        "catching up  {:>9.0} entries/s ({} in {took_s:.1} s)",
        caught_up, args.backlog
    );
    println!(
        "  CPU an entry: Redis here {:.1} us, there {:.1} us, relay {:.1} us",
        each_us(0),
        each_us(1),
        each_us(2)
    );
    println!(
        "live         {:>9} entries/s, lag p50 <= {p50} ms, p99 <= {p99} ms",
        args.rate
    );
    println!(
        "  cores in use: Redis here {:.2}, there {:.2}, relay {:.2}",
        share(0),
        share(1),
        share(2)
    );
}
