//! A network namespace for each region, two bridges between them: one on which people and the name server reach regions, one,
//! with a delay, on which regions reach each other.
//!
//! Everything that is made here has a name that begins with this checkout's own; what a killed run left is known by it.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use super::layout::{Ground, Site};
use super::shell::run;

/// Packets that a delayed link holds: 30 ms of more than any drill sends.
const QUEUE_PACKETS: u32 = 100_000;
/// What is said where links cannot be slowed down.
pub const NO_NETEM: &str =
    "this kernel cannot delay packets (it has no sch_netem, CONFIG_NET_SCH_NETEM)";

/// What a link between regions does to what is sent over it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Link {
    /// A round trip takes so long.
    Delay {
        /// There and back, ms.
        round_trip_ms: u32,
    },
    /// Slow, and losing packets.
    Slow {
        /// There and back, ms.
        round_trip_ms: u32,
        /// Of a hundred packets.
        loss_percent: u32,
    },
    /// Nothing comes through, and nobody is told.
    Cut,
}

/// The namespaces of this checkout. Dropping it takes them away.
pub struct Net {
    prefix: String,
    third: u8,
    regions: Vec<(String, u8)>,
    /// The kernel can delay packets.
    shaped: bool,
}

impl Net {
    /// Takes away what an earlier run left, and finds a network of addresses that nothing uses.
    ///
    /// # Errors
    /// When `ip` is missing or refuses.
    pub fn plan(root: &Path) -> Result<Self> {
        let prefix = prefix(root);
        sweep(&prefix)?;
        let addresses = run("ip -4 -o addr show")?;
        let third = free_third(&addresses).context("every network below 198.18 is in use")?;
        Ok(Self {
            prefix,
            third,
            regions: Vec::new(),
            shaped: false,
        })
    }

    /// Where the regions will be.
    pub fn ground(&self) -> Ground {
        Ground::Namespaces { third: self.third }
    }

    /// Makes bridges and namespaces.
    ///
    /// # Errors
    /// When `ip` or `tc` refuses.
    pub fn make(&mut self, sites: &[Site]) -> Result<()> {
        let (prefix, third) = (self.prefix.clone(), self.third);
        for bridge in ["a", "b"] {
            run(&format!("ip link add {prefix}{bridge} type bridge"))?;
            run(&format!("ip link set dev {prefix}{bridge} up"))?;
        }
        run(&format!("ip addr add 198.18.{third}.1/24 dev {prefix}a"))?;
        for site in sites {
            self.add_region(site)?;
        }
        for site in sites {
            let space = self.space(site.name.as_str());
            for other in sites.iter().filter(|other| other.number != site.number) {
                let block = other.number * 16;
                run(&format!(
                    "ip -n {space} route add 198.18.{third}.{block}/28 via 198.19.{third}.{block}"
                ))?;
            }
        }
        self.shaped = self.shape("delay 0us").is_ok();
        Ok(())
    }

    fn add_region(&mut self, site: &Site) -> Result<()> {
        let (prefix, third, number) = (self.prefix.clone(), self.third, site.number);
        let space = self.space(site.name.as_str());
        run(&format!("ip netns add {space}"))?;
        self.regions.push((site.name.to_string(), number));
        run(&format!("ip -n {space} link set dev lo up"))?;
        for bridge in ["a", "b"] {
            let outer = format!("{prefix}{bridge}{number}");
            run(&format!(
                "ip link add {outer} type veth peer name {bridge} netns {space}"
            ))?;
            run(&format!(
                "ip link set dev {outer} master {prefix}{bridge} up"
            ))?;
            run(&format!("ip -n {space} link set dev {bridge} up"))?;
        }
        for address in [site.host].iter().chain(&site.nodes) {
            run(&format!("ip -n {space} addr add {address}/24 dev a"))?;
        }
        let block = number * 16;
        run(&format!(
            "ip -n {space} addr add 198.19.{third}.{block}/24 dev b"
        ))?;
        Ok(())
    }

    fn space(&self, region: &str) -> String {
        format!("{}-{region}", self.prefix)
    }

    /// A program that runs within a region's namespace.
    pub fn command(&self, region: &str, program: &Path) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.space(region)]);
        command.arg(program);
        command
    }

    /// Changes the links between regions, all of them, both ways. Where the kernel cannot delay packets, they are cut and
    /// healed alone.
    ///
    /// # Errors
    /// When `ip` or `tc` refuses.
    pub fn link(&self, link: Link) -> Result<()> {
        // A bridge that is down forwards nothing, and tells nobody: its ports stay up.
        let state = if link == Link::Cut { "down" } else { "up" };
        run(&format!("ip link set dev {}b {state}", self.prefix))?;
        let (round_trip_ms, loss) = match link {
            Link::Cut => return Ok(()),
            _ if !self.shaped => return Ok(()),
            Link::Delay { round_trip_ms } => (round_trip_ms, String::new()),
            Link::Slow {
                round_trip_ms,
                loss_percent,
            } => (round_trip_ms, format!("loss {loss_percent}%")),
        };
        let delay_us = round_trip_ms * 500;
        self.shape(&format!("delay {delay_us}us {loss} limit {QUEUE_PACKETS}"))
    }

    fn shape(&self, what: &str) -> Result<()> {
        for (region, _) in &self.regions {
            let space = self.space(region);
            run(&format!(
                "tc -n {space} qdisc replace dev b root netem {what}"
            ))?;
        }
        Ok(())
    }

    /// Whether the kernel can delay packets.
    pub fn is_shaped(&self) -> bool {
        self.shaped
    }

    /// Cuts a region off from people and the name server, or lets them through again.
    ///
    /// # Errors
    /// When `ip` refuses.
    pub fn reach(&self, site: &Site, reachable: bool) -> Result<()> {
        let state = if reachable { "up" } else { "down" };
        run(&format!(
            "ip link set dev {}a{} {state}",
            self.prefix, site.number
        ))
        .map(drop)
    }
}

impl Drop for Net {
    fn drop(&mut self) {
        if let Err(error) = sweep(&self.prefix) {
            eprintln!("error: namespaces {}-… are left: {error:#}", self.prefix);
        }
    }
}

/// What names of this checkout's namespaces and links begin with: short, because a link's name has 15 bytes at most.
pub fn prefix(root: &Path) -> String {
    let hash = root
        .as_os_str()
        .as_encoded_bytes()
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3)
        });
    format!("tg{:05x}", hash & 0xf_ffff)
}

/// Takes away namespaces and links of a prefix.
fn sweep(prefix: &str) -> Result<()> {
    for link in links(&run("ip -o link show")?, prefix) {
        run(&format!("ip link del {link}"))?;
    }
    for space in run("ip netns list")?.lines() {
        let name = space.split_whitespace().next().unwrap_or_default();
        if name.starts_with(&format!("{prefix}-")) {
            run(&format!("ip netns del {name}"))?;
        }
    }
    Ok(())
}

/// Bridges last: a veth goes with its bridge's port, not with its bridge.
fn links(listing: &str, prefix: &str) -> Vec<String> {
    let mut names: Vec<String> = listing
        .lines()
        .filter_map(|line| {
            let name = line.split(':').nth(1)?.trim();
            let name = name.split('@').next()?;
            name.starts_with(prefix).then(|| name.to_owned())
        })
        .collect();
    names.sort_by_key(|name| std::cmp::Reverse(name.len()));
    names
}

/// The third part of 198.18.N that no address of this machine has.
fn free_third(addresses: &str) -> Option<u8> {
    (0..=255u8).find(|third| !addresses.contains(&format!(" 198.18.{third}.")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checkouts_have_names_of_their_own_that_fit_a_link() {
        let one = prefix(Path::new("/one/tidegate"));
        let two = prefix(Path::new("/other/tidegate"));
        assert_ne!(one, two);
        assert!(format!("{one}a12").len() <= 15, "{one}");
    }

    #[test]
    fn only_links_of_the_prefix_are_taken_away_bridges_last() {
        let listing = "1: lo: <LOOPBACK>\n4: tg12345a: <UP>\n5: tg12345a1@if2: <UP>\n6: tg99999a: <UP>\n7: eth0@if3: <UP>\n";
        assert_eq!(links(listing, "tg12345"), ["tg12345a1", "tg12345a"]);
    }

    #[test]
    fn a_network_that_is_in_use_is_passed_over() {
        let addresses =
            "1: lo    inet 127.0.0.1/8\n2: x    inet 198.18.0.1/24\n3: y    inet 198.18.1.1/24\n";
        assert_eq!(free_third(addresses), Some(2));
        assert_eq!(free_third(""), Some(0));
    }
}
