//! One process of the node.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, ExitStatus, Stdio};

use super::{TICKET_KEYS, get, soon};

pub struct Node {
    child: Child,
    has_demo: bool,
    /// `ws`, or `wss`.
    pub scheme: String,
    /// `host:port` of the viewers' listener.
    pub viewers: String,
    /// `host:port` of the admin listener.
    pub admin: String,
    /// `host:port` of the demo, if it serves one.
    pub demo: String,
}

impl Node {
    pub fn start(redis_url: &str, name: &str, flags: &[&str]) -> Self {
        let mut command = Self::named(redis_url, name);
        command.args(flags);
        Self::run(command, flags.contains(&"--demo"))
    }

    /// Starts a command and waits until the node is ready.
    pub fn run(command: Command, has_demo: bool) -> Self {
        let mut node = Self::launch(command, has_demo);
        node.read_addresses();
        soon("the node is ready", || {
            (get(&node.admin, "/readyz", &[]).status == 200).then_some(())
        });
        node
    }

    pub fn launch(mut command: Command, has_demo: bool) -> Self {
        Self {
            child: command.stdout(Stdio::piped()).spawn().unwrap(),
            has_demo,
            scheme: String::new(),
            viewers: String::new(),
            admin: String::new(),
            demo: String::new(),
        }
    }

    pub fn named(redis_url: &str, name: &str) -> Command {
        let mut command = Self::command(redis_url);
        command.args(["--node", name, "--cores", "2"]);
        command
    }

    /// With the settings that every node needs.
    pub fn command(redis_url: &str) -> Command {
        Self::command_of("local", redis_url)
    }

    /// The same, of another region.
    pub fn command_of(region: &str, redis_url: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fanout"));
        command
            .env_clear()
            .env(
                "TIDEGATE_LOG",
                std::env::var("TIDEGATE_LOG").unwrap_or("warn".to_owned()),
            )
            .current_dir(std::env::temp_dir())
            .env("TIDEGATE_LISTEN", "127.0.0.1:0")
            .args(["--admin", "127.0.0.1:0", "--region", region])
            .args(["--redis-url", redis_url, "--ticket-keys", TICKET_KEYS])
            .env("TIDEGATE_GRACE_MS", "300")
            // No balancer has to notice first, unless a test says so.
            .env("TIDEGATE_DRAIN_WAIT_MS", "0")
            .args(["--cors-origins", "http://app.example"]);
        command
    }

    pub fn read_addresses(&mut self) {
        let stdout = self.child.stdout.take().unwrap();
        let mut lines = BufReader::new(stdout).lines();
        let mut address = |head: &str| {
            let line = lines.next().unwrap().unwrap();
            let found = line
                .strip_prefix(head)
                .and_then(|rest| rest.split_once("://"));
            let (scheme, address) = found.unwrap_or_else(|| panic!("{line}"));
            (scheme.to_owned(), address.to_owned())
        };
        (self.scheme, self.viewers) = address("listening on ");
        self.admin = address("admin on ").1;
        if self.has_demo {
            self.demo = address("demo on ").1;
        }
    }

    pub fn url(&self) -> String {
        format!("{}://{}/v1/connect", self.scheme, self.viewers)
    }

    /// A number of the metrics, summed over cores.
    pub fn metric(&self, name: &str) -> u64 {
        let text = get(&self.admin, "/metrics", &[]).body;
        let series = format!("tidegate_fanout_{name}");
        let found: Vec<u64> = text
            .lines()
            .filter_map(|line| line.strip_prefix(&series)?.strip_prefix([' ', '{']))
            .filter_map(|rest| rest.rsplit(' ').next()?.parse().ok())
            .collect();
        assert!(!found.is_empty(), "no {series} in {text}");
        found.iter().sum()
    }

    pub fn terminate(&self) {
        self.signal("-TERM");
    }

    pub fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args([name, &pid])
                .status()
                .unwrap()
                .success()
        );
    }

    pub fn wait(&mut self) -> ExitStatus {
        soon("the node ends", || self.child.try_wait().unwrap())
    }

    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.kill();
    }
}
