//! Three Redis that replicate, three Sentinels that promote, HAProxy that leads to the primary: by the files of `infra/`, with
//! addresses of this machine put in.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use redis::FromRedisValue;
use tempfile::TempDir;

use crate::process::{Process, root};
use crate::wait::within;

/// The address that stands for one machine in the files, and their folder.
const ADDRESS: &str = "10.0.0.11";
const FOLDER: &str = "/var/lib/redis";
/// Who works with Redis there, and the password that the files have for everybody.
const USER: &str = "tidegate";
const PASSWORD: &str = "PASSWORD";
/// How long all of it may take to find each other, or to promote: some 5 s on an idle machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// Where Debian puts daemons, which a user's PATH may lack.
const DAEMONS: &str = "/usr/sbin";

/// The running whole.
pub struct Replicated {
    redis: Vec<Process>,
    _sentinels: Vec<Process>,
    _haproxy: Process,
    ports: Ports,
    dir: TempDir,
}

/// The same ports at each address.
#[derive(Debug, Clone, Copy)]
struct Ports {
    redis: u16,
    sentinel: u16,
    front: u16,
    named: u16,
}

/// Where each of the three lies: an address of its own, as HAProxy tells them apart by it.
fn host(index: usize) -> String {
    format!("127.0.77.{}", index + 1)
}

/// A port that is free at all three addresses, and at HAProxy's.
fn free_port() -> u16 {
    within(PATIENCE, "a free port", || {
        let first = TcpListener::bind("127.0.0.1:0").ok()?;
        let port = first.local_addr().ok()?.port();
        (0..3)
            .all(|index| TcpListener::bind((host(index), port)).is_ok())
            .then_some(port)
    })
}

fn file(name: &str) -> String {
    let path = root().join("infra").join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

impl Replicated {
    /// Starts all of it, and waits until each part has found the others.
    pub fn start() -> Self {
        let dir = TempDir::new().expect("a folder");
        let ports = Ports {
            redis: free_port(),
            sentinel: free_port(),
            front: free_port(),
            named: free_port(),
        };
        let redis = (0..3)
            .map(|index| start_redis(dir.path(), index, ports))
            .collect();
        within(PATIENCE, "two replicas follow", || {
            (info(0, ports, "min_slaves_good_slaves")? == "2").then_some(())
        });
        let sentinels = (0..3).map(|index| start_sentinel(dir.path(), index, ports));
        let sentinels = sentinels.collect();
        for index in 0..3 {
            within(PATIENCE, "a Sentinel knows all others", || {
                let mut connection = open(&format!("redis://{}:{}", host(index), ports.sentinel))?;
                let mut ask = |what: &str| -> Option<Vec<redis::Value>> {
                    let mut command = redis::cmd("SENTINEL");
                    command
                        .arg(what)
                        .arg("tidegate")
                        .query(&mut connection)
                        .ok()
                };
                (ask("SENTINELS")?.len() == 2 && ask("REPLICAS")?.len() == 2).then_some(())
            });
        }
        let whole = Self {
            redis,
            _sentinels: sentinels,
            _haproxy: start_haproxy(dir.path(), ports),
            ports,
            dir,
        };
        within(PATIENCE, "HAProxy leads to the primary", || {
            (whole.primary()? == host(0)).then_some(())
        });
        whole
    }

    /// HAProxy's address.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.ports.front)
    }

    /// USER:PASSWORD for it.
    pub fn auth(&self) -> String {
        format!("{USER}:{PASSWORD}")
    }

    /// Which address HAProxy leads to now, if it does, and to a primary.
    pub fn primary(&self) -> Option<String> {
        let mut connection = open(&self.with_auth("127.0.0.1", self.ports.front))?;
        let role = line(&report(&mut connection)?, "role")?;
        let asked = redis::cmd("CONFIG")
            .arg("GET")
            .arg("bind")
            .query(&mut connection);
        let (_, bind): (String, String) = asked.ok()?;
        (role == "master").then_some(bind)
    }

    /// What a Redis says of its own replication under a name.
    pub fn says(&self, host: &str, name: &str) -> Option<String> {
        line(
            &report(&mut open(&self.with_auth(host, self.ports.redis))?)?,
            name,
        )
    }

    fn with_auth(&self, host: &str, port: u16) -> String {
        format!("redis://{}@{host}:{port}", self.auth())
    }

    /// SIGKILL for the one at this address.
    pub fn kill(&mut self, host: &str) {
        let index = index_of(host);
        self.redis[index].kill();
    }

    /// Starts it again, with the configuration that it had and the data that it wrote.
    pub fn revive(&mut self, host: &str) {
        let index = index_of(host);
        self.redis[index] = run_redis(self.dir.path(), index);
    }

    /// Asks the primary that HAProxy leads to.
    pub fn ask<T: FromRedisValue>(&self, words: &[&str]) -> Option<T> {
        let mut connection = open(&self.with_auth("127.0.0.1", self.ports.front))?;
        let mut command = redis::cmd(words[0]);
        command.arg(&words[1..]).query(&mut connection).ok()
    }
}

fn index_of(of: &str) -> usize {
    (0..3)
        .find(|index| host(*index) == of)
        .expect("one of the three")
}

fn open(url: &str) -> Option<redis::Connection> {
    let client = redis::Client::open(url).expect("an address");
    let wait = Duration::from_secs(1);
    let connection = client.get_connection_with_timeout(wait).ok()?;
    connection.set_read_timeout(Some(wait)).ok()?;
    Some(connection)
}

fn report(connection: &mut redis::Connection) -> Option<String> {
    redis::cmd("INFO").arg("replication").query(connection).ok()
}

fn line(report: &str, name: &str) -> Option<String> {
    let mut lines = report.lines();
    lines.find_map(|line| {
        Some(
            line.strip_prefix(name)?
                .strip_prefix(':')?
                .trim()
                .to_owned(),
        )
    })
}

fn info(index: usize, ports: Ports, name: &str) -> Option<String> {
    let url = format!("redis://{USER}:{PASSWORD}@{}:{}", host(index), ports.redis);
    line(&report(&mut open(&url)?)?, name)
}

fn folder(dir: &Path, what: &str, index: usize) -> PathBuf {
    let folder = dir.join(format!("{what}-{}", index + 1));
    fs::create_dir_all(&folder).expect("a folder");
    folder
}

/// A configuration with what is this machine's put in.
fn put_in(text: &str, changes: &[(&str, String)]) -> String {
    changes.iter().fold(text.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "`{from}` is not in the file");
        text.replace(from, to)
    })
}

fn start_redis(dir: &Path, index: usize, ports: Ports) -> Process {
    let folder = folder(dir, "redis", index);
    let mut text = put_in(
        &file("redis/replicated.conf"),
        &[
            (ADDRESS, host(index)),
            ("\nport 6379", format!("\nport {}", ports.redis)),
            (FOLDER, folder.display().to_string()),
        ],
    );
    if index > 0 {
        text.push_str(&format!("replicaof {} {}\n", host(0), ports.redis));
    }
    fs::write(folder.join("redis.conf"), text).expect("it can be written");
    run_redis(dir, index)
}

fn run_redis(dir: &Path, index: usize) -> Process {
    let mut command = Command::new("redis-server");
    command.arg(folder(dir, "redis", index).join("redis.conf"));
    Process::start(&format!("redis-{}", index + 1), command, dir)
}

fn start_sentinel(dir: &Path, index: usize, ports: Ports) -> Process {
    let folder = folder(dir, "sentinel", index);
    let text = put_in(
        &file("redis/sentinel.conf"),
        &[
            (
                &format!("monitor tidegate {ADDRESS} 6379"),
                format!("monitor tidegate {} {}", host(0), ports.redis),
            ),
            (ADDRESS, host(index)),
            ("\nport 26379", format!("\nport {}", ports.sentinel)),
            (FOLDER, folder.display().to_string()),
        ],
    );
    let path = folder.join("sentinel.conf");
    fs::write(&path, text).expect("it can be written");
    let mut command = Command::new("redis-sentinel");
    command.arg(path);
    Process::start(&format!("sentinel-{}", index + 1), command, dir)
}

fn start_haproxy(dir: &Path, ports: Ports) -> Process {
    let program = Path::new(DAEMONS).join("haproxy");
    let mut command = match program.is_file() {
        true => Command::new(program),
        false => Command::new("haproxy"),
    };
    command
        .arg("-db")
        .arg("-f")
        .arg(root().join("infra/haproxy/redis.cfg"));
    command.env("LISTEN", format!("127.0.0.1:{}", ports.front));
    command.env("NAMED_PORT", ports.named.to_string());
    command.env("REDIS_PORT", ports.redis.to_string());
    command.env("REDIS_CHECK_PASSWORD", PASSWORD);
    for index in 0..3 {
        let (number, host) = (index + 1, host(index));
        command.env(format!("REDIS_{number}_HOST"), &host);
        command.env(
            format!("SENTINEL_{number}"),
            format!("{host}:{}", ports.sentinel),
        );
    }
    Process::start("haproxy", command, dir)
}
