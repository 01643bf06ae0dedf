//! Redis, an edge and fan-out nodes, on free ports, in a folder of their own.

use std::path::{Path, PathBuf};
use std::process::Command;

use redis_tests::RedisServer;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::host::{App, Host};
use crate::http::Edge;
use crate::names::{self, Names};
use crate::process::{Process, binary, root};
use crate::token::{AUDIENCE, AUTH_SECRETS, ISSUER, TICKET_SECRET, key_set, token};
use crate::viewer::Viewer;
use crate::wait::soon;

/// The one browser origin that is let in.
pub const ORIGIN: &str = "http://app.example";

/// What a test wants otherwise than usual.
#[derive(Clone, Default)]
pub struct Options {
    /// Another name of the region than `local`.
    pub region: Option<&'static str>,
    /// Further variables of the edge: name in lower case, value.
    pub variables: Vec<(&'static str, String)>,
    /// Further flags of every node.
    pub node_flags: Vec<&'static str>,
    /// Further settings of Redis.
    pub redis: Vec<(&'static str, String)>,
    /// Another manifest than the checkout's own.
    pub manifest: Option<PathBuf>,
    /// Another program than this checkout's own for nodes.
    pub fanout: Option<PathBuf>,
    /// Another folder than the user's for compiled components, on edge-host.
    pub cache: Option<PathBuf>,
    /// Where the edge and the nodes find Redis, if not at its own address.
    pub redis_url: Option<String>,
    /// Names that the edge and the nodes know beside.
    pub names: Option<Names>,
    /// A certificate authority that the edge trusts when it calls upstreams and Redis.
    pub ca_file: Option<PathBuf>,
    /// Where the edge's host reads which providers of variables there are.
    pub runtime_config: Option<PathBuf>,
    /// The edge is not told who calls.
    pub hides_callers: bool,
}

/// A node and how to start it again.
pub struct Node {
    process: Process,
    name: String,
    /// `ws://host:port`, without path.
    pub url: String,
    /// `http://host:port` of the admin listener.
    pub admin: String,
}

/// The whole.
pub struct System {
    /// Redis of this region.
    pub redis: RedisServer,
    /// The edge, as a client sees it.
    pub edge: Edge,
    /// The nodes.
    pub nodes: Vec<Node>,
    edge_process: Process,
    options: Options,
    dir: TempDir,
}

impl System {
    /// Starts Redis, the edge and so many nodes, and waits until each is ready.
    pub fn start(nodes: usize) -> Self {
        Self::with(nodes, Options::default())
    }

    /// The same, otherwise than usual.
    pub fn with(nodes: usize, options: Options) -> Self {
        let settings = options.redis.iter();
        let settings: Vec<_> = settings
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        Self::on(RedisServer::with(&settings), nodes, options)
    }

    /// The same, on a Redis that was started already.
    pub fn on(redis: RedisServer, nodes: usize, options: Options) -> Self {
        let dir = TempDir::new().expect("a folder");
        let (edge_process, url) = start_edge(&redis_url(&redis, &options), &options, dir.path());
        let mut system = Self {
            redis,
            edge: Edge::new(url),
            nodes: Vec::new(),
            edge_process,
            options,
            dir,
        };
        for index in 0..nodes {
            let node = system.start_node(&format!("n{}", index + 1), "127.0.0.1:0", "127.0.0.1:0");
            system.nodes.push(node);
        }
        if nodes > 0 {
            soon("the region is ready", || {
                (system.edge.call("GET", "/readyz", "", &Value::Null).status == 200).then_some(())
            });
        }
        system
    }

    /// One more node, with further flags, which hold for later ones too.
    pub fn add_node(&mut self, flags: &[&'static str]) {
        self.options.node_flags.extend(flags);
        let name = format!("n{}", self.nodes.len() + 1);
        let node = self.start_node(&name, "127.0.0.1:0", "127.0.0.1:0");
        self.nodes.push(node);
    }

    /// A node's process of this name, which may or may not come to be ready.
    pub fn node_named(&self, name: &str) -> Process {
        self.spawn_node(name, "127.0.0.1:0", "127.0.0.1:0")
    }

    fn spawn_node(&self, name: &str, listen: &str, admin: &str) -> Process {
        let fanout = self.options.fanout.clone();
        let mut command = names::command(
            self.options.names.as_ref(),
            &fanout.unwrap_or_else(|| binary("fanout")),
        );
        command
            .current_dir(self.dir.path())
            .args([
                "--listen", listen, "--admin", admin, "--node", name, "--cores", "1",
            ])
            .args(&self.options.node_flags);
        let redis_url = redis_url(&self.redis, &self.options);
        environment(&mut command, region(&self.options), &redis_url, &[]);
        Process::start(name, command, self.dir.path())
    }

    fn start_node(&self, name: &str, listen: &str, admin: &str) -> Node {
        let mut process = self.spawn_node(name, listen, admin);
        let url = process.ready("listening on ");
        let admin = process.ready("admin on ");
        soon("the node is ready", || {
            (Edge::new(&admin)
                .call("GET", "/readyz", "", &Value::Null)
                .status
                == 200)
                .then_some(())
        });
        Node {
            process,
            name: name.to_owned(),
            url,
            admin,
        }
    }

    /// From now on nodes that start are of this program; none is the checkout's own.
    pub fn set_fanout(&mut self, fanout: Option<PathBuf>) {
        self.options.fanout = fanout;
    }

    /// Starts the edge anew by this manifest; none is the checkout's own.
    pub fn change_edge(&mut self, manifest: Option<PathBuf>) {
        self.options.manifest = manifest;
        self.restart_edge();
    }

    /// SIGKILL for a node, then it is started again at the same addresses.
    pub fn crash_node(&mut self, index: usize) {
        self.kill_node(index);
        self.revive_node(index);
    }

    /// SIGKILL for a node.
    pub fn kill_node(&mut self, index: usize) {
        self.nodes[index].process.kill();
    }

    /// Starts a killed node again, at the same addresses.
    pub fn revive_node(&mut self, index: usize) {
        let node = &self.nodes[index];
        let listen = node.url.trim_start_matches("ws://").to_owned();
        let admin = node.admin.trim_start_matches("http://").to_owned();
        let name = node.name.clone();
        self.nodes[index] = self.start_node(&name, &listen, &admin);
    }

    /// The WebSocket address of a node.
    pub fn socket(&self, index: usize) -> String {
        format!("{}/v1/connect", self.nodes[index].url)
    }

    /// A node's process.
    pub fn node_process(&mut self, index: usize) -> &mut Process {
        &mut self.nodes[index].process
    }

    /// The edge's process.
    pub fn edge_process(&mut self) -> &mut Process {
        &mut self.edge_process
    }

    /// Ends the edge and starts another, which remembers nothing.
    pub fn restart_edge(&mut self) {
        self.edge_process.kill();
        let redis_url = redis_url(&self.redis, &self.options);
        let (process, url) = start_edge(&redis_url, &self.options, self.dir.path());
        self.edge_process = process;
        self.edge = Edge::new(url);
    }

    /// One number of a node's metrics.
    pub fn metric(&self, index: usize, name: &str) -> f64 {
        let text = Edge::new(&self.nodes[index].admin)
            .call("GET", "/metrics", "", &Value::Null)
            .text;
        text.lines()
            .find_map(|line| line.strip_prefix(name)?.trim().parse().ok())
            .unwrap_or_else(|| panic!("no metric {name}"))
    }

    /// Creates a room as a back end would.
    pub fn room(&self, room: &str) {
        self.room_with(room, json!({}));
    }

    /// Creates a room with settings.
    pub fn room_with(&self, room: &str, mut settings: Value) {
        settings["id"] = room.into();
        self.edge
            .call(
                "POST",
                "/v1/rooms",
                &token("backend", "service rooms:write"),
                &settings,
            )
            .expect(201);
    }

    /// A ticket for a room.
    pub fn ticket(&self, room: &str, subject: &str) -> String {
        self.edge
            .join(room, &token(subject, ""))
            .expect(200)
            .str("ticket")
    }

    /// A viewer of a room on one node, from now on.
    pub fn viewer(&self, index: usize, room: &str, subject: &str) -> Viewer {
        let ticket = self.ticket(room, subject);
        let mut viewer = Viewer::connect(&self.socket(index)).expect("the node takes sockets");
        let first = viewer.subscribe(room, &ticket, None).expect("an answer");
        assert_eq!(first["type"], "batch", "{first}");
        viewer
    }

    /// A connection to Redis.
    pub fn redis(&self) -> redis::Connection {
        redis::Client::open(self.redis.url())
            .and_then(|client| client.get_connection())
            .expect("Redis answers")
    }
}

fn region(options: &Options) -> &'static str {
    options.region.unwrap_or("local")
}

fn environment(
    command: &mut Command,
    region: &str,
    redis_url: &str,
    further: &[(&'static str, String)],
) {
    for (name, _) in std::env::vars() {
        if name.starts_with("SPIN_VARIABLE_") || name.starts_with("TIDEGATE_") {
            command.env_remove(name);
        }
    }
    let regions = json!([
        {"name": region, "edge": "http://127.0.0.1:3000", "socket": "ws://127.0.0.1:7001"}
    ])
    .to_string();
    let auth_keys = key_set(&AUTH_SECRETS);
    let ticket_keys = key_set(&[TICKET_SECRET]);
    for (name, value) in [
        ("REGION", region),
        ("REGIONS", regions.as_str()),
        ("REDIS_URL", redis_url),
        ("AUTH_KEYS", auth_keys.as_str()),
        ("TICKET_KEYS", ticket_keys.as_str()),
        ("AUTH_ISSUER", ISSUER),
        ("AUTH_AUDIENCE", AUDIENCE),
        ("CORS_ORIGINS", ORIGIN),
    ] {
        command.env(format!("SPIN_VARIABLE_{name}"), value);
    }
    for (name, value) in further {
        command.env(format!("SPIN_VARIABLE_{}", name.to_uppercase()), value);
    }
}

fn redis_url(redis: &RedisServer, options: &Options) -> String {
    options.redis_url.clone().unwrap_or_else(|| redis.url())
}

fn start_edge(redis_url: &str, options: &Options, dir: &Path) -> (Process, String) {
    let manifest = options.manifest.clone();
    let app = App {
        manifest: &manifest.unwrap_or_else(|| root().join("spin.toml")),
        names: options.names.as_ref(),
        ca_file: options.ca_file.as_deref(),
        runtime_config: options.runtime_config.as_deref(),
        hides_callers: options.hides_callers,
        cache: options.cache.as_deref(),
        dir,
    };
    let host = Host::chosen();
    let mut command = host.command(&app);
    let mut variables = vec![
        ("limit_ip", "1000000/1".to_owned()),
        ("limit_user", "1000000/1".to_owned()),
        ("limit_room", "1000000/1".to_owned()),
    ];
    variables.extend(options.variables.iter().cloned());
    environment(&mut command, region(options), redis_url, &variables);
    host.start(command, dir)
}
