//! gdnsd's `config`: options, health checks, and the resources that answer.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::IpAddr;

use super::plugin;
use crate::description::{Description, Policy, Scheme, Tier};
use crate::limits::WEIGHT_PARTS;
use crate::member::Member;

/// An address is answered if and only if it is up, and a region counts as up while one of its addresses is. gdnsd's own
/// default, one half, would answer dead addresses once most of them are.
const UP_THRESH: &str = "0.001";
/// The one map of places.
const MAP: &str = "places";

pub fn text(description: &Description) -> String {
    let mut out = Text::default();
    out.line("# Made by `cargo xtask gslb render`. Change the description and render again.");
    options(&mut out, description);
    out.open("service_types");
    for tier in Tier::ALL {
        service_type(&mut out, description, tier);
    }
    out.close();
    out.open("plugins");
    fixed(&mut out, description);
    match description.policy {
        Policy::Failover => failover(&mut out, description),
        Policy::Geo => geo(&mut out, description),
        Policy::Weighted => weighted(&mut out, description),
    }
    out.close();
    out.text
}

/// Indented lines.
#[derive(Default)]
struct Text {
    text: String,
    depth: usize,
}

impl Text {
    fn line(&mut self, line: impl AsRef<str>) {
        let _ = writeln!(self.text, "{}{}", "  ".repeat(self.depth), line.as_ref());
    }

    fn open(&mut self, name: impl AsRef<str>) {
        self.line(format!("{} => {{", name.as_ref()));
        self.depth += 1;
    }

    fn close(&mut self) {
        self.depth -= 1;
        self.line("}");
    }
}

fn options(out: &mut Text, description: &Description) {
    let gdnsd = &description.gdnsd;
    out.open("options");
    if !gdnsd.listen.is_empty() {
        let listen: Vec<String> = gdnsd
            .listen
            .iter()
            .map(|address| format!("\"{address}\""))
            .collect();
        out.line(format!("listen => [ {} ]", listen.join(", ")));
    }
    out.line(format!("run_dir => \"{}\"", gdnsd.run_dir));
    out.line(format!("state_dir => \"{}\"", gdnsd.state_dir));
    out.close();
}

fn service_type(out: &mut Text, description: &Description, tier: Tier) {
    let (probe, checks) = (description.probe(tier), description.checks);
    let host = format!("{}.{}", tier.label(), description.zone);
    out.open(tier.label());
    match probe.scheme {
        Scheme::Http => {
            out.line("plugin => http_status");
            out.line(format!("port => {}", probe.port));
            out.line("url_path => /readyz");
            out.line(format!("vhost => {host}"));
        }
        // gdnsd speaks no TLS itself.
        Scheme::Https => {
            let port = probe.port;
            let seconds = checks.timeout_s.to_string();
            let resolve = format!("{host}:{port}:%%ITEM%%");
            let url = format!("https://{host}:{port}/readyz");
            let words = [
                "/usr/bin/curl",
                "--silent",
                "--fail",
                "--output",
                "/dev/null",
                "--max-time",
                &seconds,
                "--resolve",
                &resolve,
                &url,
            ];
            let words: Vec<String> = words.iter().map(|word| format!("\"{word}\"")).collect();
            out.line("plugin => extmon");
            out.line(format!("cmd => [ {} ]", words.join(", ")));
        }
    }
    out.line(format!("interval => {}", checks.interval_s));
    out.line(format!("timeout => {}", checks.timeout_s));
    out.line(format!("down_thresh => {}", checks.down_after));
    out.line(format!("ok_thresh => {}", checks.up_after));
    out.line(format!("up_thresh => {}", checks.up_after));
    out.close();
}

fn families(addresses: &[IpAddr]) -> [(&'static str, Vec<IpAddr>); 2] {
    let (v4, v6) = addresses.iter().partition(|address| address.is_ipv4());
    [("addrs_v4", v4), ("addrs_v6", v6)]
}

/// The names that stay with their region.
fn fixed(out: &mut Text, description: &Description) {
    out.open("multifo");
    out.line(format!("up_thresh => {UP_THRESH}"));
    for tier in Tier::ALL {
        for region in &description.regions {
            out.open(format!("{}-{}", tier.label(), region.name));
            out.line(format!("service_types => {}", tier.label()));
            for (family, addresses) in families(region.addresses(tier)) {
                if addresses.is_empty() {
                    continue;
                }
                out.open(family);
                for (index, address) in addresses.iter().enumerate() {
                    out.line(format!("a{} => {address}", index + 1));
                }
                out.close();
            }
            out.close();
        }
    }
    out.close();
}

fn list<'a>(regions: impl IntoIterator<Item = &'a Member>) -> String {
    let names: Vec<&str> = regions
        .into_iter()
        .map(|region| region.name.as_str())
        .collect();
    format!("[ {} ]", names.join(", "))
}

fn dcmap(out: &mut Text, description: &Description, tier: Tier) {
    out.open("dcmap");
    for region in description.moving() {
        out.line(format!(
            "{} => %multifo!{}-{}",
            region.name,
            tier.label(),
            region.name
        ));
    }
    out.close();
}

fn failover(out: &mut Text, description: &Description) {
    out.open(plugin(Policy::Failover));
    out.open("resources");
    for tier in Tier::ALL {
        out.open(tier.label());
        out.line(format!("datacenters => {}", list(description.moving())));
        dcmap(out, description, tier);
        out.close();
    }
    out.close();
    out.close();
}

fn geo(out: &mut Text, description: &Description) {
    out.open(plugin(Policy::Geo));
    out.open("maps");
    out.open(MAP);
    if let Some(database) = &description.gdnsd.geoip_database {
        out.line(format!("geoip2_db => \"{database}\""));
    }
    out.line(format!("datacenters => {}", list(description.moving())));
    places(out, description);
    if description.moving().any(|region| !region.nets.is_empty()) {
        out.open("nets");
        for region in description.moving() {
            for net in &region.nets {
                out.line(format!(
                    "{net} => {}",
                    list(description.beginning_with(region))
                ));
            }
        }
        out.close();
    }
    out.close();
    out.close();
    out.open("resources");
    for tier in Tier::ALL {
        out.open(tier.label());
        out.line(format!("map => {MAP}"));
        dcmap(out, description, tier);
        out.close();
    }
    out.close();
    out.close();
}

/// Continents, and within them countries that differ.
fn places(out: &mut Text, description: &Description) {
    let mut continents: BTreeMap<&str, BTreeMap<&str, String>> = BTreeMap::new();
    for region in description.moving() {
        for place in &region.places {
            let country = place.country.as_deref().unwrap_or("default");
            let order = list(description.beginning_with(region));
            continents
                .entry(&place.continent)
                .or_default()
                .insert(country, order);
        }
    }
    if continents.is_empty() {
        return;
    }
    out.open("map");
    for (continent, countries) in continents {
        out.open(continent);
        for (country, order) in countries {
            out.line(format!("{country} => {order}"));
        }
        out.close();
    }
    out.close();
}

fn weighted(out: &mut Text, description: &Description) {
    out.open(plugin(Policy::Weighted));
    out.line(format!("up_thresh => {UP_THRESH}"));
    for tier in Tier::ALL {
        out.open(tier.label());
        out.line(format!("service_types => {}", tier.label()));
        for family in 0..2 {
            let of = |region: &Member| families(region.addresses(tier))[family].clone();
            if description.moving().all(|region| of(region).1.is_empty()) {
                continue;
            }
            out.open(["addrs_v4", "addrs_v6"][family]);
            for region in description.moving() {
                group(out, region, &of(region).1);
            }
            out.close();
        }
        out.close();
    }
    out.close();
}

/// gdnsd chooses a region by the sum of its addresses' weights, then answers all of its addresses that are up.
fn group(out: &mut Text, region: &Member, addresses: &[IpAddr]) {
    let Some(count) = u32::try_from(addresses.len())
        .ok()
        .filter(|count| *count > 0)
    else {
        return;
    };
    let weight = region.weight * (WEIGHT_PARTS / count);
    out.open(region.name.as_str());
    for (index, address) in addresses.iter().enumerate() {
        out.line(format!("a{} => [ {address}, {weight} ]", index + 1));
    }
    out.close();
}
