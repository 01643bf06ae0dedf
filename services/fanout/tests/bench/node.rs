//! One process of the node.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, ExitStatus, Stdio};

use super::{TICKET_KEYS, get, soon};

pub struct Node {
    child: Child,
    has_demo: bool,
    /// `host:port` of the viewers' listener.
    pub viewers: String,
    /// `host:port` of the admin listener.
    pub admin: String,
    /// `host:port` of the demo, if it serves one.
    pub demo: String,
}

impl Node {
    pub fn start(redis_url: &str, name: &str, flags: &[&str]) -> Self {
        let mut node = Self::launch(redis_url, name, flags);
        node.read_addresses();
        soon("the node is ready", || (get(&node.admin, "/readyz", &[]).status == 200).then_some(()));
        node
    }

    pub fn launch(redis_url: &str, name: &str, flags: &[&str]) -> Self {
        let child = Self::command(redis_url)
            .args(["--node", name, "--cores", "1"])
            .args(flags)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        Self {
            child,
            has_demo: flags.contains(&"--demo"),
            viewers: String::new(),
            admin: String::new(),
            demo: String::new(),
        }
    }

    /// With the settings that every node needs.
    pub fn command(redis_url: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fanout"));
        command
            .env_clear()
            .env("TIDEGATE_LOG", std::env::var("TIDEGATE_LOG").unwrap_or("warn".to_owned()))
            .current_dir(std::env::temp_dir())
            .args(["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--region", "local"])
            .args(["--redis-url", redis_url, "--ticket-keys", TICKET_KEYS])
            .args(["--cors-origins", "http://app.example", "--grace-ms", "300"]);
        command
    }

    pub fn read_addresses(&mut self) {
        let stdout = self.child.stdout.take().unwrap();
        let mut lines = BufReader::new(stdout).lines();
        let mut address = |head: &str| {
            let line = lines.next().unwrap().unwrap();
            line.strip_prefix(head).unwrap_or_else(|| panic!("{line}")).to_owned()
        };
        self.viewers = address("listening on ws://");
        self.admin = address("admin on http://");
        if self.has_demo {
            self.demo = address("demo on http://");
        }
    }

    pub fn url(&self) -> String {
        format!("ws://{}/v1/connect", self.viewers)
    }

    pub fn metric(&self, series: &str) -> u64 {
        let text = get(&self.admin, "/metrics", &[]).body;
        text.lines()
            .find_map(|line| line.strip_prefix(series)?.strip_prefix(' ')?.parse().ok())
            .unwrap_or_else(|| panic!("no {series} in {text}"))
    }

    pub fn terminate(&self) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
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
