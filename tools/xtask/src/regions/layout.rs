//! Where each region's parts listen, and where they write.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};
use tidegate_stream::Region;

use crate::workspace::Workspace;

/// What the regions are called, in this order.
const NAMES: [&str; 3] = ["east", "west", "north"];
/// Fan-out nodes of each region.
pub const NODES: u8 = 2;
/// Addresses that a region has: the edge's, then one for each node.
const BLOCK: u8 = 16;
/// The last part of the first address on which ways to other regions begin, above all of a region's own.
const WAYS: u8 = 100;
/// The last part of the address before the first Redis of a region whose Redis is replicated; after the second one, the way on
/// which that one copies the first.
const SERVERS: u8 = 50;
/// The zone that names are asked in. `.test` is nobody's (RFC 6761).
pub const ZONE: &str = "tidegate.test";

/// Ports, the same in every region: addresses tell regions apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ports {
    /// Redis.
    pub redis: u16,
    /// The edge.
    pub edge: u16,
    /// Sockets of each node.
    pub socket: u16,
    /// Each node's admin listener.
    pub admin: u16,
    /// The relay's.
    pub relay: u16,
    /// The demo page.
    pub demo: u16,
    /// The name server, on this machine's loopback.
    pub dns: u16,
}

/// One region's place.
#[derive(Debug, Clone)]
pub struct Site {
    /// Its name.
    pub name: Region,
    /// Counted from 1.
    pub number: u8,
    /// Where its edge and its Redis are reached.
    pub host: Ipv4Addr,
    /// Where its nodes are reached.
    pub nodes: Vec<Ipv4Addr>,
    /// Where its Redis is reached from within.
    pub inside: Ipv4Addr,
}

/// All of them.
#[derive(Debug, Clone)]
pub struct Layout {
    /// In the order in which names prefer them.
    pub sites: Vec<Site>,
    /// Ports.
    pub ports: Ports,
    /// Everything that is written lies below it.
    pub data: PathBuf,
}

/// Where regions are apart from each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ground {
    /// On loopback addresses, 127.0.R.x.
    Loopback,
    /// In network namespaces, 198.18.N.x (RFC 2544 keeps these for tests between devices).
    Namespaces {
        /// N.
        third: u8,
    },
}

impl Layout {
    /// So many regions, on some ground, with their data below a folder of the checkout.
    ///
    /// # Errors
    /// When there are no names for so many.
    pub fn new(
        workspace: &Workspace,
        folder: &str,
        regions: usize,
        ground: Ground,
        ports: Ports,
    ) -> Result<Self> {
        ensure!(
            (2..=NAMES.len()).contains(&regions),
            "2 to {} regions can be had",
            NAMES.len()
        );
        let sites = NAMES[..regions].iter().zip(1..).map(|(name, number)| {
            let (host, inside) = match ground {
                Ground::Loopback => {
                    let host = Ipv4Addr::new(127, 0, number, 1);
                    (host, host)
                }
                Ground::Namespaces { third } => {
                    let host = Ipv4Addr::new(198, 18, third, number * BLOCK);
                    (host, Ipv4Addr::LOCALHOST)
                }
            };
            let [a, b, c, d] = host.octets();
            Ok(Site {
                name: name.parse()?,
                number,
                host,
                nodes: (1..=NODES)
                    .map(|node| Ipv4Addr::new(a, b, c, d + node))
                    .collect(),
                inside,
            })
        });
        Ok(Self {
            sites: sites.collect::<Result<_>>()?,
            ports,
            data: workspace.data(folder),
        })
    }

    /// Where a region's edge is called.
    pub fn edge_url(&self, site: &Site) -> String {
        format!("http://{}:{}", site.host, self.ports.edge)
    }

    /// Where a node's sockets are opened.
    pub fn socket_url(&self, site: &Site, node: usize) -> String {
        format!("ws://{}:{}", site.nodes[node], self.ports.socket)
    }

    /// A node's admin listener.
    pub fn admin_url(&self, site: &Site, node: usize) -> String {
        format!("http://{}:{}", site.nodes[node], self.ports.admin)
    }

    /// A relay's admin listener.
    pub fn relay_url(&self, site: &Site) -> String {
        format!("http://{}:{}", site.host, self.ports.relay)
    }

    /// The demo page of a region.
    pub fn demo_url(&self, site: &Site) -> String {
        format!("http://{}:{}", site.host, self.ports.demo)
    }

    /// Where a region's Redis is reached from elsewhere.
    pub fn redis(&self, site: &Site) -> SocketAddr {
        SocketAddr::new(site.host.into(), self.ports.redis)
    }

    /// Where a region reaches another's Redis by a way that takes its time: on its own loopback.
    pub fn way(&self, site: &Site, other: &Site) -> SocketAddr {
        let host = Ipv4Addr::new(127, 0, site.number, WAYS + other.number);
        SocketAddr::new(host.into(), self.ports.redis)
    }

    /// Where one of the two Redis of a region listens whose Redis is replicated, 0 or 1: on loopback. The region's own address
    /// leads to one of them.
    pub fn server(&self, site: &Site, index: u8) -> SocketAddr {
        let host = Ipv4Addr::new(127, 0, site.number, SERVERS + 1 + index);
        SocketAddr::new(host.into(), self.ports.redis)
    }

    /// Where the second of them reaches the first.
    pub fn replication(&self, site: &Site) -> SocketAddr {
        self.server(site, 2)
    }

    /// The name server.
    pub fn dns(&self) -> SocketAddr {
        SocketAddr::new(Ipv4Addr::LOCALHOST.into(), self.ports.dns)
    }

    /// One file for each process.
    pub fn logs(&self) -> PathBuf {
        self.data.join("logs")
    }

    /// Looks whether the ports are free at the addresses of this machine itself.
    ///
    /// # Errors
    /// Names the address that cannot be had.
    pub fn check_ports(&self, ground: Ground) -> Result<()> {
        let ports = self.ports;
        let mut wanted = vec![(self.dns(), "--dns-port")];
        if ground == Ground::Loopback {
            for site in &self.sites {
                let at = |host: Ipv4Addr, port| SocketAddr::new(host.into(), port);
                wanted.push((at(site.host, ports.redis), "--redis-port"));
                for other in self
                    .sites
                    .iter()
                    .filter(|other| other.number != site.number)
                {
                    wanted.push((self.way(site, other), "--redis-port"));
                }
                wanted.push((at(site.host, ports.edge), "--edge-port"));
                wanted.push((at(site.host, ports.demo), "--demo-port"));
                wanted.push((at(site.host, ports.relay), "--socket-port"));
                for node in &site.nodes {
                    wanted.push((at(*node, ports.socket), "--socket-port"));
                    wanted.push((at(*node, ports.admin), "--socket-port"));
                }
            }
        }
        for (address, flag) in wanted {
            if let Err(error) = TcpListener::bind(address) {
                bail!(
                    "{address} cannot be had: {error}. Stop what listens there, or give another port with {flag}"
                );
            }
        }
        Ok(())
    }
}

impl Ports {
    /// Ports that are free now, on every loopback address that regions use.
    ///
    /// # Errors
    /// When there are none.
    pub fn free() -> Result<Self> {
        let addresses: Vec<IpAddr> = (1..=3u8)
            .flat_map(|region| {
                (1..=3u8)
                    .chain(SERVERS + 1..=SERVERS + 3)
                    .chain(WAYS + 1..=WAYS + 3)
                    .map(move |host| Ipv4Addr::new(127, 0, region, host).into())
            })
            .chain([Ipv4Addr::LOCALHOST.into()])
            .collect();
        let mut held = Vec::new();
        let mut ports = Vec::new();
        for _ in 0..1_000 {
            if ports.len() == 7 {
                break;
            }
            let first = TcpListener::bind((addresses[0], 0)).context("there are no free ports")?;
            let port = first.local_addr()?.port();
            let free = addresses[1..]
                .iter()
                .all(|address| TcpListener::bind((*address, port)).is_ok())
                && UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).is_ok();
            // Held until all are found, so that no number is found twice.
            held.push(first);
            if free {
                ports.push(port);
            }
        }
        let [redis, edge, socket, admin, relay, demo, dns] = ports[..] else {
            bail!("there are not enough free ports");
        };
        Ok(Self {
            redis,
            edge,
            socket,
            admin,
            relay,
            demo,
            dns,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn layout(ground: Ground) -> Layout {
        let workspace = Workspace::find().unwrap();
        Layout::new(
            &workspace,
            "unit-test-layout",
            3,
            ground,
            Ports::free().unwrap(),
        )
        .unwrap()
    }

    #[test]
    fn no_address_belongs_to_two_regions() {
        for ground in [Ground::Loopback, Ground::Namespaces { third: 7 }] {
            let layout = layout(ground);
            let mut all: Vec<IpAddr> = (layout.sites.iter())
                .flat_map(|site| site.nodes.iter().copied().chain([site.host]))
                .map(IpAddr::from)
                .collect();
            assert_eq!(all.len(), 9);
            for site in &layout.sites {
                let others = layout.sites.iter().filter(|other| other.name != site.name);
                all.extend(others.map(|other| layout.way(site, other).ip()));
            }
            let distinct: BTreeSet<_> = all.iter().collect();
            assert_eq!(distinct.len(), all.len(), "{all:?}");
            assert_eq!(all.len(), 15);
        }
        assert_eq!(
            layout(Ground::Namespaces { third: 7 }).sites[1].host,
            Ipv4Addr::new(198, 18, 7, 32)
        );
    }

    #[test]
    fn a_busy_port_is_named_with_its_flag() {
        let layout = layout(Ground::Loopback);
        let _busy = TcpListener::bind((layout.sites[1].host, layout.ports.edge)).unwrap();
        let error = layout
            .check_ports(Ground::Loopback)
            .unwrap_err()
            .to_string();
        assert!(
            error.starts_with("127.0.2.1:") && error.contains("--edge-port"),
            "{error}"
        );
    }
}
