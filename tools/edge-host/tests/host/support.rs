//! What the tests need: guests, a Redis, a host in a process of its own, and a plain HTTP client.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

const HOST: &str = env!("CARGO_BIN_EXE_edge-host");

/// The folder of the guests, built by now.
pub fn guests() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let target = Path::new(HOST).ancestors().nth(2).unwrap();
        let status = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--release", "--target", "wasm32-wasip2"])
            .args(["-p", "guest-front", "-p", "guest-gate", "--target-dir"])
            .arg(target)
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .status()
            .unwrap();
        assert!(status.success(), "the guests do not build");
        target.join("wasm32-wasip2/release")
    })
}

/// The manifest of the front guest with the gate as its dependency, which inherits `inherit`.
pub fn manifest(inherit: &str) -> String {
    let guests = guests().display();
    format!(
        r#"
        spin_manifest_version = 2
        [application]
        name = "fixture"
        [variables]
        redis = {{ required = true }}
        key = {{ required = true, secret = true }}
        word = {{ default = "world" }}
        [[trigger.http]]
        route = "/..."
        component = "front"
        [[trigger.http]]
        route = "/headers/:first_part/..."
        component = "front"
        [component.front]
        source = "{guests}/guest_front.wasm"
        allowed_outbound_hosts = ["{{{{ redis }}}}"]
        variables = {{ greeting = "hello {{{{ word }}}}", key = "{{{{ key }}}}" }}
        [component.front.dependencies]
        "fixture:gate/gate@0.1.0" = {{ component = "gate", inherit_configuration = {inherit} }}
        [component.gate]
        source = "{guests}/guest_gate.wasm"
        [component.gate.build]
        command = "cargo build"
        "#
    )
}

/// How to start a host.
pub struct Start {
    pub manifest: String,
    pub redis: String,
    pub flags: Vec<String>,
    pub cache: PathBuf,
    pub listen: String,
}

impl Start {
    pub fn new() -> Self {
        Self {
            manifest: manifest("false"),
            redis: "redis://127.0.0.1:1".into(),
            flags: Vec::new(),
            cache: Path::new(env!("CARGO_TARGET_TMPDIR")).join("components"),
            listen: "127.0.0.1:0".into(),
        }
    }

    pub fn flags(mut self, flags: &[&str]) -> Self {
        self.flags
            .extend(flags.iter().map(|flag| (*flag).to_owned()));
        self
    }

    fn command(&self, folder: &TempDir) -> Command {
        let path = folder.path().join("spin.toml");
        std::fs::write(&path, &self.manifest).unwrap();
        std::fs::write(folder.path().join(".env"), "SPIN_VARIABLE_KEY=s3cret\n").unwrap();
        let mut command = Command::new(HOST);
        command
            .args(["--listen", &self.listen, "--manifest"])
            .arg(path)
            .arg("--cache-dir")
            .arg(&self.cache)
            .args(&self.flags)
            .env("SPIN_VARIABLE_REDIS", &self.redis)
            .env("RUST_LOG", "debug")
            .stdout(Stdio::piped());
        command
    }

    /// Starts a host and waits until it says that it listens.
    pub fn run(self) -> Host {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        let file = std::fs::File::create(&log).unwrap();
        let mut child = self.command(&folder).stderr(file).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let Some(address) = line.strip_prefix("listening on http://") else {
            panic!(
                "the host did not start: {}",
                std::fs::read_to_string(&log).unwrap()
            );
        };
        Host {
            address: address.trim().to_owned(),
            child,
            log,
            _folder: folder,
        }
    }

    /// Starts a host that is to refuse, and gives its exit code and what it said.
    pub fn refused(self) -> (Option<i32>, String) {
        let folder = tempfile::tempdir().unwrap();
        let output = self
            .command(&folder)
            .stderr(Stdio::piped())
            .output()
            .unwrap();
        assert!(
            output.stdout.is_empty(),
            "a host that refuses must not say that it listens"
        );
        (
            output.status.code(),
            String::from_utf8(output.stderr).unwrap(),
        )
    }
}

/// A running host; it ends with the test.
pub struct Host {
    pub address: String,
    pub child: Child,
    log: PathBuf,
    _folder: TempDir,
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Host {
    pub fn get(&self, path: &str) -> Answer {
        self.send(
            format!("GET {path} HTTP/1.1\r\nHost: app.example\r\nConnection: close\r\n\r\n")
                .as_bytes(),
        )
    }

    /// The body of a 200.
    pub fn text(&self, path: &str) -> String {
        let answer = self.get(path);
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        answer.body
    }

    /// Sends a whole request and reads until the host closes.
    pub fn send(&self, request: &[u8]) -> Answer {
        exchange(&self.address, request)
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    pub fn signal(&self, name: &str) {
        signal(self.child.id(), name);
    }

    /// Waits until the host has ended by itself.
    pub fn ended(&mut self) -> ExitStatus {
        let mut status = None;
        until("the host has ended", || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        status.unwrap()
    }
}

/// Sends a request on a connection of its own. A write that fails is no error: the host may have answered before.
pub fn exchange(address: &str, request: &[u8]) -> Answer {
    let mut stream = TcpStream::connect(address).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(30)))
        .unwrap();
    let _ = stream.write_all(request);
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes);
    let text = String::from_utf8_lossy(&bytes);
    let (head, body) = text
        .split_once("\r\n\r\n")
        .unwrap_or_else(|| panic!("no answer: {text:?}"));
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let head = head.to_ascii_lowercase();
    let body = if head.contains("transfer-encoding: chunked") {
        unchunk(body)
    } else {
        body.to_owned()
    };
    Answer { status, head, body }
}

fn unchunk(mut rest: &str) -> String {
    let mut body = String::new();
    while let Some((length, after)) = rest.split_once("\r\n") {
        let length = usize::from_str_radix(length, 16).unwrap();
        body += &after[..length];
        rest = after[length..].trim_start_matches("\r\n");
    }
    body
}

pub fn signal(process: u32, name: &str) {
    assert!(
        Command::new("kill")
            .args([name, &process.to_string()])
            .status()
            .unwrap()
            .success()
    );
}

/// Polls a condition; panics when it does not come true within 30 s.
pub fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !condition() {
        assert!(Instant::now() < deadline, "never: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// A Redis of its own.
pub struct Redis {
    pub url: String,
    child: Child,
}

impl Redis {
    pub fn start() -> Self {
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let child = Command::new("redis-server")
            .args([
                "--port",
                &port.to_string(),
                "--bind",
                "127.0.0.1",
                "--save",
                "",
                "--loglevel",
                "warning",
            ])
            .stdout(Stdio::null())
            .spawn()
            .expect("redis-server is needed on the PATH");
        until("Redis listens", || {
            TcpStream::connect(("127.0.0.1", port)).is_ok()
        });
        Self {
            url: format!("redis://127.0.0.1:{port}"),
            child,
        }
    }

    pub fn signal(&self, name: &str) {
        signal(self.child.id(), name);
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
