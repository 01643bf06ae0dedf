//! The zone: names, and which resource answers each.

use std::fmt::Write as _;
use std::net::IpAddr;

use super::plugin;
use crate::description::{Description, Tier};

/// How long a resolver may remember that a name is not there, seconds.
const NEGATIVE_TTL_S: u32 = 60;

pub fn text(description: &Description) -> String {
    let gdnsd = &description.gdnsd;
    let (moving, fixed) = (description.moving_ttl_s, description.fixed_ttl_s);
    let mut zone = format!(
        "; Made by `cargo xtask gslb render`. Change the description and render again.\n$TTL {fixed}\n"
    );
    let first = gdnsd
        .name_servers
        .first()
        .map_or("ns1", |server| server.name.as_str());
    // Nobody transfers this zone, so its serial never has to grow.
    let contact = &gdnsd.contact;
    let _ = writeln!(
        zone,
        "@ {NEGATIVE_TTL_S} SOA {first} {contact} ( 1 7200 1800 604800 {NEGATIVE_TTL_S} )"
    );
    for server in &gdnsd.name_servers {
        let _ = writeln!(zone, "@ NS {}", server.name);
    }
    for server in &gdnsd.name_servers {
        for address in &server.addresses {
            let kind = match address {
                IpAddr::V4(_) => "A",
                IpAddr::V6(_) => "AAAA",
            };
            let _ = writeln!(zone, "{} {kind} {address}", server.name);
        }
    }
    let plugin = plugin(description.policy);
    for tier in Tier::ALL {
        let label = tier.label();
        let _ = writeln!(zone, "\n{label} {moving} DYNA {plugin}!{label}");
        for region in &description.regions {
            let name = format!("{label}-{}", region.name);
            let _ = writeln!(zone, "{name} {fixed} DYNA multifo!{name}");
        }
    }
    zone
}
