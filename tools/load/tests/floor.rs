//! `load fanout` over `load floor`: real processes and sockets.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

struct Floor(Child, String);

impl Floor {
    fn start() -> Self {
        let mut child = load(&["floor"]).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let url = line
            .trim()
            .strip_prefix("listening on ")
            .unwrap()
            .to_owned();
        Self(child, url)
    }
}

impl Drop for Floor {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

fn load(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_load"));
    command.args(args).stdin(Stdio::null());
    command
}

#[test]
fn two_processes_of_viewers_get_every_message_once() {
    let floor = Floor::start();
    let pid = floor.0.id().to_string();
    let output = load(&["fanout", "--subject", "floor", "--url", &floor.1])
        .args(["--viewers", "200", "--processes", "2", "--rate", "50"])
        .args([
            "--seconds",
            "1",
            "--warmup-seconds",
            "0.5",
            "--payload-bytes",
            "300",
        ])
        .args(["--server-pid", &pid, "--json"])
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}");
    let line: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    let published = line["published"].as_u64().unwrap();
    assert!((1..=75).contains(&published), "{line}");
    assert_eq!(line["expected"], published * 200);
    for (name, value) in [
        ("delivered", published * 200),
        ("frames", published * 200),
        ("repeated", 0),
        ("ended", 0),
    ] {
        assert_eq!(line[name], value, "{name}: {line}");
    }
    assert_eq!(line["frame_bytes_mean"], 304.0);
    assert!(line["memory"]["pss_open"].as_u64() > Some(0), "{line}");
    assert!(line["last_max_ms"].as_f64() >= line["last_p50_ms"].as_f64());
}

#[test]
fn a_floor_forgets_the_sockets_of_the_run_before() {
    let floor = Floor::start();
    let pid = floor.0.id();
    for viewers in ["40", "10"] {
        // It is asked for no delivery, so that only the next publisher can tell it.
        let status = load(&["fanout", "--subject", "floor", "--url", &floor.1])
            .args(["--viewers", viewers, "--rate", "1", "--seconds", "0"])
            .args(["--warmup-seconds", "0"])
            .stdout(Stdio::null())
            .status()
            .unwrap();
        assert!(status.success());
    }
    let sockets = open_sockets(pid);
    assert!((1..=15).contains(&sockets), "{sockets}");
}

#[test]
fn a_viewer_that_is_lost_makes_the_run_fail() {
    // As many as it takes are published; the floor is ended meanwhile.
    let floor = Floor::start();
    let child = load(&["fanout", "--subject", "floor", "--url", &floor.1])
        .args([
            "--viewers",
            "20",
            "--rate",
            "20",
            "--seconds",
            "60",
            "--warmup-seconds",
            "0",
            "--json",
        ])
        .stderr(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let pid = child.id();
    let viewers = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while open_sockets_of_children(pid) < 20 {
        assert!(std::time::Instant::now() < viewers, "viewers never came");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    drop(floor);
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("does not take") || said.contains("has ended"),
        "{said}"
    );
}

#[test]
fn nobody_there_is_said() {
    let output = load(&[
        "fanout",
        "--subject",
        "ws",
        "--url",
        "ws://127.0.0.1:9",
        "--rate",
        "0",
    ])
    .args(["--viewers", "3"])
    .output()
    .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    for told in ["after 0 of 3 sockets", "a viewer at 127.0.0.1:9", "refused"] {
        assert!(said.contains(told), "{said}");
    }
}

/// Sockets of the processes whose parent this is.
fn open_sockets_of_children(parent: u32) -> usize {
    let mut sockets = 0;
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let stat = std::fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        let of = stat
            .rsplit_once(')')
            .and_then(|(_, after)| after.split_whitespace().nth(1));
        if of != Some(&parent.to_string()) {
            continue;
        }
        let pid = entry.file_name().into_string().unwrap();
        sockets += open_sockets(pid.parse().unwrap());
    }
    sockets
}

fn open_sockets(pid: u32) -> usize {
    let files = std::fs::read_dir(format!("/proc/{pid}/fd"));
    let files = files.into_iter().flatten().flatten();
    files
        .filter(|file| {
            std::fs::read_link(file.path())
                .is_ok_and(|to| to.to_string_lossy().starts_with("socket:"))
        })
        .count()
}
