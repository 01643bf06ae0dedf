//! Starting, stopping and breaking a server.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::clock::SetClock;

/// How long a server may take to start or to stop.
const PATIENCE: Duration = Duration::from_secs(20);
/// How often one looks whether it has.
const LOOK: Duration = Duration::from_millis(5);

/// A `redis-server` with an append-only file, `noeviction`, and nothing else of note. It is killed, and its data are
/// removed, when this is dropped.
pub struct RedisServer {
    folder: TempDir,
    address: Ipv4Addr,
    port: u16,
    options: Vec<(String, String)>,
    clock: Option<SetClock>,
    child: Option<Child>,
}

impl RedisServer {
    /// Starts one and waits until it answers.
    pub fn start() -> Self {
        Self::with(&[])
    }

    /// The same, with settings of `redis.conf` beside the usual ones.
    pub fn with(options: &[(&str, &str)]) -> Self {
        Self::launch(Ipv4Addr::LOCALHOST, None, options, false)
    }

    /// The same at another loopback address and, if one is given, at that port: several behind one name differ by the address
    /// only.
    pub fn at(address: Ipv4Addr, port: Option<u16>, options: &[(&str, &str)]) -> Self {
        Self::launch(address, port, options, false)
    }

    /// The same, with a clock that [`set_clock`](Self::set_clock) sets.
    pub fn with_clock(options: &[(&str, &str)]) -> Self {
        Self::launch(Ipv4Addr::LOCALHOST, None, options, true)
    }

    fn launch(
        address: Ipv4Addr,
        port: Option<u16>,
        options: &[(&str, &str)],
        own_clock: bool,
    ) -> Self {
        let folder = TempDir::new().expect("a temporary folder can be made");
        let clock = own_clock.then(|| SetClock::new(folder.path()));
        let mut server = Self {
            folder,
            address,
            port: 0,
            options: options
                .iter()
                .map(|&(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
            clock,
            child: None,
        };
        // Between finding a port and using it, another process may take it.
        for _ in 0..5 {
            server.port = port.unwrap_or_else(|| free_port(address));
            if server.try_start() {
                return server;
            }
            server.kill();
        }
        panic!("redis-server did not start: {}", server.last_words());
    }

    fn try_start(&mut self) -> bool {
        self.spawn();
        self.await_answer("+PONG")
    }

    fn spawn(&mut self) {
        fs::create_dir_all(self.data()).expect("the data folder can be made");
        let mut command = Command::new("redis-server");
        command
            .args(["--save", "", "--appendonly", "yes"])
            .arg("--bind")
            .arg(self.address.to_string())
            // Written before it is answered, so that SIGKILL loses nothing; `everysec` puts writes off while a busy disk syncs.
            .args(["--appendfsync", "no"])
            .args(["--maxmemory-policy", "noeviction", "--loglevel", "warning"])
            .args(["--enable-debug-command", "local"])
            .arg("--port")
            .arg(self.port.to_string())
            .arg("--dir")
            .arg(self.data())
            .arg("--logfile")
            .arg(self.folder.path().join("log"));
        for (name, value) in &self.options {
            command.arg(format!("--{name}")).arg(value);
        }
        if let Some(clock) = &self.clock {
            command.envs(clock.environment());
        }
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| {
                panic!("redis-server cannot be run ({error}): apt-get install redis-server")
            });
        self.child = Some(child);
    }

    fn await_answer(&mut self, beginning: &str) -> bool {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if self.has_ended() {
                return false;
            }
            if matches!(self.ask("PING"), Ok(answer) if answer.starts_with(beginning)) {
                return true;
            }
            thread::sleep(LOOK);
        }
        false
    }

    fn has_ended(&mut self) -> bool {
        match &mut self.child {
            Some(child) => matches!(child.try_wait(), Ok(Some(_))),
            None => true,
        }
    }

    fn ask(&self, command: &str) -> std::io::Result<String> {
        let mut stream = TcpStream::connect((self.address, self.port))?;
        stream.set_read_timeout(Some(Duration::from_secs(1)))?;
        stream.write_all(format!("{command}\r\n").as_bytes())?;
        let mut answer = [0; 64];
        let length = stream.read(&mut answer)?;
        Ok(String::from_utf8_lossy(&answer[..length]).into_owned())
    }

    fn last_words(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// Where it listens: 127.0.0.1 unless it was started elsewhere.
    pub fn address(&self) -> Ipv4Addr {
        self.address
    }

    /// Its port; the same after a restart.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its address, `redis://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("redis://{}:{}", self.address, self.port)
    }

    /// Where its data lie.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Ends it in good order: everything is on disk.
    pub fn stop(&mut self) {
        // The connection ends without an answer.
        let _ = self.ask("SHUTDOWN");
        let deadline = Instant::now() + PATIENCE;
        while !self.has_ended() {
            assert!(
                Instant::now() < deadline,
                "redis-server does not stop: {}",
                self.last_words()
            );
            thread::sleep(LOOK);
        }
        self.child = None;
    }

    /// Ends it with SIGKILL.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            // It may have ended by itself, which is as good.
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Starts it again, on the same port and data, killing it first if it still runs.
    pub fn restart(&mut self) {
        self.kill();
        assert!(
            self.try_start(),
            "redis-server did not start again: {}",
            self.last_words()
        );
    }

    /// The same, and is back when it has begun to read its data. They must take it a while, and `key-load-delay` makes them.
    pub fn restart_loading(&mut self) {
        self.kill();
        self.spawn();
        assert!(
            self.await_answer("-LOADING"),
            "redis-server was not seen to load: {}",
            self.last_words()
        );
    }

    /// Whether it reads its data still.
    pub fn is_loading(&self) -> bool {
        matches!(self.ask("PING"), Ok(answer) if answer.starts_with("-LOADING"))
    }

    /// Copies its data as they lie there now.
    pub fn copy_data(&self, to: &Path) {
        copy_folder(&self.data(), to);
    }

    /// Puts a copy back, while it is not running. What was written since is lost.
    pub fn restore_data(&self, from: &Path) {
        assert!(self.child.is_none(), "the server must be stopped first");
        fs::remove_dir_all(self.data()).expect("the data folder can be removed");
        copy_folder(from, &self.data());
    }

    /// Sets its clock: `+S` or `-S` seconds from the true time, or seconds since 1970 to stand still there.
    pub fn set_clock(&self, time: &str) {
        self.clock
            .as_ref()
            .expect("the server was started with a clock of its own")
            .set(time);
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.kill();
    }
}

fn free_port(address: Ipv4Addr) -> u16 {
    TcpListener::bind((address, 0))
        .and_then(|listener| listener.local_addr())
        .expect("loopback has a free port")
        .port()
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("the copy can be made");
    for entry in fs::read_dir(from).expect("the data folder can be read") {
        let entry = entry.expect("the data folder can be read");
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), &target).expect("the copy can be made");
        }
    }
}
