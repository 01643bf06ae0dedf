//! One child process: started, waited for, ended.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use crate::guard::Guard;
use crate::wait::{soon, within};

/// How long a start may take: a first one compiles the components, on a machine that others use too.
const START: Duration = Duration::from_secs(90);

/// A running process, or a group of them. Dropping it kills it.
pub struct Process {
    name: String,
    child: Child,
    group: Option<Guard>,
    lines: Receiver<String>,
    log: PathBuf,
}

/// A binary of this workspace, as `cargo xtask test` builds it.
pub fn binary(name: &str) -> PathBuf {
    root().join("target/debug").join(name)
}

/// The folder of the checkout in which the tests run. The one in which they were built may be another, where checkouts share
/// a target folder.
pub fn root() -> PathBuf {
    let here = std::env::var_os("CARGO_MANIFEST_DIR");
    let here = here.unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    Path::new(&here)
        .join("../..")
        .canonicalize()
        .expect("the checkout is there")
}

impl Process {
    /// Starts a command that starts others. They get its signals, and end with it or with this test, however that ends.
    pub fn start_group(name: &str, mut command: Command, dir: &Path) -> Self {
        command.process_group(0);
        let mut process = Self::start(name, command, dir);
        process.group = Some(Guard::watch(&process.child));
        process
    }

    /// Starts a command. Standard output is read for ready lines, standard error goes to a file in `dir`.
    pub fn start(name: &str, mut command: Command, dir: &Path) -> Self {
        let log = dir.join(format!("{name}.log"));
        let errors = File::options()
            .create(true)
            .append(true)
            .open(&log)
            .expect("a log file");
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(errors)
            .spawn()
            .unwrap_or_else(|error| {
                panic!(
                    "{name} does not start ({error}): build it first, `cargo xtask test e2e` does"
                )
            });
        let output = child.stdout.take().expect("it is piped");
        let (send, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if send.send(line).is_err() {
                    break;
                }
            }
        });
        Self {
            name: name.to_owned(),
            child,
            group: None,
            lines,
            log,
        }
    }

    /// Waits for the line that begins so, and gives what follows.
    pub fn ready(&mut self, beginning: &str) -> String {
        self.ready_within(START, beginning)
    }

    /// The same, with more patience.
    pub fn ready_within(&mut self, most: Duration, beginning: &str) -> String {
        within(most, &format!("{}: `{beginning}`", self.name), || {
            if let Some(status) = self.child.try_wait().expect("it can be waited for") {
                panic!("{} ended ({status}):\n{}", self.name, self.last_lines());
            }
            let line = self.lines.try_recv().ok()?;
            line.strip_prefix(beginning)
                .map(|rest| rest.trim().to_owned())
        })
    }

    /// The end of its log.
    pub fn last_lines(&self) -> String {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        let mut last = VecDeque::new();
        for line in text.lines() {
            if last.len() == 40 {
                last.pop_front();
            }
            last.push_back(line);
        }
        last.into_iter().collect::<Vec<_>>().join("\n")
    }

    /// All that it logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        self.send(signal).expect("it runs");
    }

    fn send(&self, signal: Signal) -> rustix::io::Result<()> {
        let pid = Pid::from_child(&self.child);
        match self.group {
            Some(_) => kill_process_group(pid, signal),
            None => kill_process(pid, signal),
        }
    }

    /// SIGKILL, and waits for the end.
    pub fn kill(&mut self) {
        // One that has ended and was waited for needs no signal; of a group, some may still run.
        if self.group.is_some() || matches!(self.child.try_wait(), Ok(None)) {
            let _ = self.send(Signal::KILL);
        }
        let _ = self.child.wait();
        self.group = None;
    }

    /// Waits for the end.
    pub fn wait(&mut self) -> ExitStatus {
        let name = self.name.clone();
        soon(&format!("{name} ends"), || {
            self.child.try_wait().expect("it can be waited for")
        })
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- {} ---\n{}", self.name, self.last_lines());
        }
        self.kill();
    }
}
