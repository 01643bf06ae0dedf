//! Which ports and folders a system uses.

use std::fs::{self, File, TryLockError};
use std::net::TcpListener;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::{Args, ports};
use crate::workspace::Workspace;

/// Everything listens here and nowhere else.
pub const HOST: &str = "127.0.0.1";
/// The room that the demo page shows, made by its back end.
const DEMO_ROOM: &str = "demo.lobby";
/// How far a node's admin port is above its port for sockets.
const ADMIN_ABOVE: u16 = 100;

/// The ports of one fan-out node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NodePorts {
    /// Viewers' sockets.
    pub socket: u16,
    /// Health and metrics.
    pub admin: u16,
}

/// Where one system listens and writes.
#[derive(Debug)]
pub struct Plan {
    /// Its Redis.
    pub redis: u16,
    /// Its edge.
    pub edge: u16,
    /// Its fan-out nodes, one or more.
    pub nodes: Vec<NodePorts>,
    /// Its demo page, served by the first node.
    pub demo: u16,
    data: PathBuf,
}

impl Plan {
    /// What the command line says.
    ///
    /// # Errors
    /// When two things would take one port, or one does not exist.
    pub fn from_args(workspace: &Workspace, args: &Args) -> Result<Self> {
        let nodes = (0..args.nodes)
            .map(|node| {
                let socket = args.socket_port.checked_add(node)?;
                Some(NodePorts { socket, admin: socket.checked_add(ADMIN_ABOVE)? })
            })
            .collect::<Option<Vec<_>>>()
            .with_context(|| {
                format!("--socket-port {}: the admin ports, {ADMIN_ABOVE} above, would end beyond 65535", args.socket_port)
            })?;
        let plan = Self {
            redis: args.redis_port,
            edge: args.edge_port,
            nodes,
            demo: args.demo_port,
            data: workspace.data(""),
        };
        plan.check_distinct()?;
        Ok(plan)
    }

    /// Ports that are free now, and a folder of its own under the given name, which begins empty.
    ///
    /// # Errors
    /// When there are no free ports, or the folder cannot be emptied.
    pub fn on_free_ports(workspace: &Workspace, name: &str, nodes: usize) -> Result<Self> {
        let data = workspace.data(name);
        if data.exists() {
            fs::remove_dir_all(&data)
                .with_context(|| format!("{} cannot be emptied", data.display()))?;
        }
        // All are held at once, so that no number is given twice.
        let held = (0..3 + 2 * nodes)
            .map(|_| TcpListener::bind((HOST, 0)))
            .collect::<Result<Vec<_>, _>>()
            .context("there are no free ports")?;
        let free = held
            .iter()
            .map(|one| Ok(one.local_addr()?.port()))
            .collect::<Result<Vec<u16>>>()?;
        let nodes = free[3..]
            .chunks_exact(2)
            .map(|pair| NodePorts {
                socket: pair[0],
                admin: pair[1],
            })
            .collect();
        Ok(Self {
            redis: free[0],
            edge: free[1],
            demo: free[2],
            nodes,
            data,
        })
    }

    /// Where the edge is called.
    pub fn edge_url(&self) -> String {
        format!("http://{HOST}:{}", self.edge)
    }

    /// Where sockets of a node are opened.
    pub fn socket_url(&self, node: usize) -> String {
        format!("ws://{HOST}:{}", self.nodes[node].socket)
    }

    /// The demo page.
    pub fn demo_url(&self) -> String {
        format!("http://{HOST}:{}", self.demo)
    }

    /// What the edge knows of the demo page's room.
    pub fn demo_room_url(&self) -> String {
        format!("{}/v1/rooms/{DEMO_ROOM}", self.edge_url())
    }

    /// Redis' files.
    pub fn redis_folder(&self) -> PathBuf {
        self.data.join("redis")
    }

    /// One file for each process.
    pub fn logs(&self) -> PathBuf {
        self.data.join("logs")
    }

    /// Holds the data folder.
    ///
    /// # Errors
    /// As [`lock`].
    pub fn lock(&self) -> Result<File> {
        lock(&self.data)
    }

    /// Looks whether all ports are free.
    ///
    /// # Errors
    /// Names the first that is not, what it is for, and the flag that changes it.
    pub fn check_ports(&self) -> Result<()> {
        self.uses()
            .into_iter()
            .try_for_each(|(port, what, flag)| ports::check(port, what, flag))
    }

    fn check_distinct(&self) -> Result<()> {
        let uses = self.uses();
        for (index, (port, what, flag)) in uses.iter().enumerate() {
            if let Some((_, other, _)) = uses[..index].iter().find(|(before, _, _)| before == port)
            {
                bail!(
                    "port {port} is meant for {other} and for {what}: give another one with {flag}"
                );
            }
        }
        Ok(())
    }

    fn uses(&self) -> Vec<(u16, &'static str, &'static str)> {
        let mut uses = vec![
            (self.redis, "Redis", "--redis-port"),
            (self.edge, "the edge", "--edge-port"),
            (self.demo, "the demo page", "--demo-port"),
        ];
        for node in &self.nodes {
            uses.push((node.socket, "a node's sockets", "--socket-port"));
            uses.push((node.admin, "a node's admin listener", "--socket-port"));
        }
        uses
    }
}

/// Holds a data folder, so that two systems never write one append-only file.
///
/// # Errors
/// When another one runs.
pub fn lock(data: &Path) -> Result<File> {
    let path = data.join("lock");
    let cannot = || format!("{} cannot be written", path.display());
    fs::create_dir_all(data).with_context(cannot)?;
    let file = File::create(&path).with_context(cannot)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            bail!(
                "another `cargo xtask up` of this checkout is running (it holds {}); stop it first",
                path.display()
            )
        }
        Err(TryLockError::Error(error)) => Err(error).with_context(cannot),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args() -> Args {
        Args {
            edge: None,
            nodes: 2,
            redis_port: 6390,
            edge_port: 3000,
            socket_port: 7001,
            demo_port: 8080,
            regions: 1,
            delay_ms: 30,
            dns_port: 8053,
        }
    }

    fn plan(args: &Args) -> Result<Plan> {
        Plan::from_args(&Workspace::find().unwrap(), args)
    }

    #[test]
    fn nodes_take_ports_one_after_the_other() {
        assert_eq!(
            plan(&args()).unwrap().nodes,
            [
                NodePorts {
                    socket: 7001,
                    admin: 7101
                },
                NodePorts {
                    socket: 7002,
                    admin: 7102
                }
            ]
        );
    }

    #[test]
    fn two_uses_of_one_port_are_refused_by_name() {
        let error = plan(&Args {
            demo_port: 7002,
            ..args()
        })
        .unwrap_err()
        .to_string();
        assert_eq!(
            error,
            "port 7002 is meant for the demo page and for a node's sockets: give another one with --socket-port"
        );
    }

    #[test]
    fn ports_beyond_the_last_are_refused() {
        let error = plan(&Args {
            socket_port: 65_500,
            ..args()
        })
        .unwrap_err()
        .to_string();
        assert!(error.starts_with("--socket-port 65500:"), "{error}");
    }

    #[test]
    fn free_ports_are_all_different() {
        let workspace = Workspace::find().unwrap();
        let plan = Plan::on_free_ports(&workspace, "unit-test", 3).unwrap();
        assert_eq!(plan.nodes.len(), 3);
        plan.check_distinct().unwrap();
    }
}
