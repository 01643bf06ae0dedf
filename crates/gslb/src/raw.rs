//! The TOML as it is written. What is not known is refused: a mistyped name must not be silence.

use std::net::{IpAddr, SocketAddr};

use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Raw {
    pub zone: String,
    pub policy: Policy,
    #[serde(default)]
    pub ttl: Ttl,
    #[serde(default)]
    pub checks: Checks,
    pub api: Tier,
    pub live: Tier,
    #[serde(default)]
    pub gdnsd: Gdnsd,
    #[serde(default)]
    pub regions: Vec<Region>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Policy {
    Failover,
    Geo,
    Weighted,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Ttl {
    pub moving_s: u32,
    pub fixed_s: u32,
}

impl Default for Ttl {
    fn default() -> Self {
        Self {
            moving_s: 15,
            fixed_s: 300,
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Checks {
    pub interval_s: u32,
    pub timeout_s: u32,
    pub down_after: u32,
    pub up_after: u32,
}

impl Default for Checks {
    fn default() -> Self {
        Self {
            interval_s: 5,
            timeout_s: 2,
            down_after: 2,
            up_after: 3,
        }
    }
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scheme {
    Http,
    Https,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tier {
    pub scheme: Scheme,
    pub port: u16,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Gdnsd {
    pub listen: Vec<SocketAddr>,
    pub name_servers: Vec<NameServer>,
    pub contact: String,
    pub geoip_database: Option<String>,
    pub run_dir: String,
    pub state_dir: String,
}

impl Default for Gdnsd {
    fn default() -> Self {
        Self {
            listen: Vec::new(),
            name_servers: Vec::new(),
            contact: "hostmaster".to_owned(),
            geoip_database: None,
            run_dir: "/run/gdnsd".to_owned(),
            state_dir: "/var/lib/gdnsd".to_owned(),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NameServer {
    pub name: String,
    #[serde(default)]
    pub addresses: Vec<IpAddr>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Region {
    pub name: String,
    #[serde(default = "weight")]
    pub weight: u32,
    pub api: Vec<IpAddr>,
    pub live: Vec<IpAddr>,
    #[serde(default)]
    pub places: Vec<String>,
    #[serde(default)]
    pub nets: Vec<String>,
}

fn weight() -> u32 {
    100
}
