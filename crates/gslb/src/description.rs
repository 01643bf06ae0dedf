//! The regions as an operator describes them, checked as a whole.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

use tidegate_stream::Region;

use crate::limits;
use crate::member::Member;
use crate::raw::{self, Raw};

/// How the moving names, `api.` and `live.`, choose a region.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// The first region, in the order of the description, that is up.
    Failover,
    /// The region of the viewer's place, then the others in the order of the description.
    Geo,
    /// By chance, in proportion to weights, among those that are up.
    Weighted,
}

/// How `/readyz` is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// Plain.
    Http,
    /// Over TLS, for the moving name.
    Https,
}

/// Who answers a name: the edge, or the fan-out nodes. Each has a health check of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tier {
    /// `api.`
    Api,
    /// `live.`
    Live,
}

impl Tier {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Api, Self::Live];

    /// The first label of its names.
    pub fn label(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Live => "live",
        }
    }
}

/// When an address counts as down, and as up again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checks {
    /// Seconds between two.
    pub interval_s: u32,
    /// Seconds that one may take; less than the interval.
    pub timeout_s: u32,
    /// Failures until it is down.
    pub down_after: u32,
    /// Successes in a row until it is up.
    pub up_after: u32,
}

/// Where a tier's `/readyz` is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Probe {
    /// How.
    pub scheme: Scheme,
    /// At which port of each address.
    pub port: u16,
}

/// A name server of the zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameServer {
    /// A name within the zone, or an absolute one, which ends with a dot.
    pub name: String,
    /// Where it is; for a name within the zone.
    pub addresses: Vec<IpAddr>,
}

/// What only gdnsd needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gdnsd {
    /// Where it answers; none: every address, port 53.
    pub listen: Vec<SocketAddr>,
    /// One or more, or gdnsd is not rendered.
    pub name_servers: Vec<NameServer>,
    /// Who is responsible for the zone, as its SOA record writes it.
    pub contact: String,
    /// A GeoIP2 database with countries, for [`Member::places`].
    pub geoip_database: Option<String>,
    /// Where its control socket lies.
    pub run_dir: String,
    /// Where `admin_state` lies.
    pub state_dir: String,
}

/// All of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// The zone, without a dot at the end.
    pub zone: String,
    /// How a region is chosen.
    pub policy: Policy,
    /// Time to live of `api.` and `live.`, seconds.
    pub moving_ttl_s: u32,
    /// Time to live of `api-REGION.` and `live-REGION.`, seconds.
    pub fixed_ttl_s: u32,
    /// Health checks.
    pub checks: Checks,
    /// gdnsd's own.
    pub gdnsd: Gdnsd,
    /// In the order of preference.
    pub regions: Vec<Member>,
    probes: [Probe; 2],
}

/// Why a description was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DescriptionError {
    /// Not TOML, or a field is missing, unknown or of another kind.
    #[error("{0}")]
    Form(String),
    /// What it says cannot be.
    #[error("{0}")]
    Content(String),
}

pub(crate) fn content<T>(text: impl Into<String>) -> Result<T, DescriptionError> {
    Err(DescriptionError::Content(text.into()))
}

impl Description {
    /// Reads and checks a description.
    ///
    /// # Errors
    /// Says what is wrong and what would be right.
    pub fn parse(text: &str) -> Result<Self, DescriptionError> {
        if text.len() > limits::DESCRIPTION_BYTES {
            return content(format!("more than {} bytes", limits::DESCRIPTION_BYTES));
        }
        let raw: Raw = toml::from_str(text)
            .map_err(|error| DescriptionError::Form(error.to_string().trim_end().to_owned()))?;
        Self::check(raw)
    }

    /// How a tier's `/readyz` is asked.
    pub fn probe(&self, tier: Tier) -> Probe {
        match tier {
            Tier::Api => self.probes[0],
            Tier::Live => self.probes[1],
        }
    }

    /// The regions that moving names may lead to, in order; one or more.
    pub fn moving(&self) -> impl Iterator<Item = &Member> + Clone {
        self.regions.iter().filter(|region| region.weight > 0)
    }

    /// The regions that moving names may lead to, that one first.
    pub fn beginning_with<'a>(&'a self, first: &'a Member) -> Vec<&'a Member> {
        let others = self.moving().filter(|other| other.name != first.name);
        std::iter::once(first).chain(others).collect()
    }

    fn check(raw: Raw) -> Result<Self, DescriptionError> {
        let policy = match raw.policy {
            raw::Policy::Failover => Policy::Failover,
            raw::Policy::Geo => Policy::Geo,
            raw::Policy::Weighted => Policy::Weighted,
        };
        let zone = raw.zone.trim_end_matches('.').to_ascii_lowercase();
        if !is_host_name(&zone) || !zone.contains('.') {
            return content(format!(
                "zone {:?} is no domain name, `tg.example.org` for one",
                raw.zone
            ));
        }
        for (name, ttl_s) in [
            ("ttl.moving_s", raw.ttl.moving_s),
            ("ttl.fixed_s", raw.ttl.fixed_s),
        ] {
            in_range(name, ttl_s, &limits::TTL_S)?;
        }
        let description = Self {
            zone,
            policy,
            moving_ttl_s: raw.ttl.moving_s,
            fixed_ttl_s: raw.ttl.fixed_s,
            checks: checks(&raw.checks)?,
            gdnsd: gdnsd(raw.gdnsd)?,
            regions: raw
                .regions
                .into_iter()
                .map(Member::read)
                .collect::<Result<_, _>>()?,
            probes: [probe("api", &raw.api)?, probe("live", &raw.live)?],
        };
        description.check_regions()?;
        Ok(description)
    }

    fn check_regions(&self) -> Result<(), DescriptionError> {
        if !(1..=limits::REGIONS).contains(&self.regions.len()) {
            return content(format!(
                "there are {} [[regions]]; 1 to {} are needed",
                self.regions.len(),
                limits::REGIONS
            ));
        }
        if self.moving().next().is_none() {
            return content(
                "every region has weight 0, so api. and live. would lead nowhere: give one a weight",
            );
        }
        let mut names = BTreeSet::new();
        let mut owners: BTreeMap<(&str, IpAddr), &Region> = BTreeMap::new();
        let mut places: BTreeMap<String, &Region> = BTreeMap::new();
        for region in &self.regions {
            if !names.insert(&region.name) {
                return content(format!("two regions are called {}", region.name));
            }
            for tier in Tier::ALL {
                for address in region.addresses(tier) {
                    if let Some(other) = owners.insert((tier.label(), *address), &region.name) {
                        return content(format!(
                            "{address} is an address of {} twice: in {other} and in {}",
                            tier.label(),
                            region.name
                        ));
                    }
                }
            }
            let here = region.places.iter().map(ToString::to_string);
            for place in here.chain(region.nets.iter().map(ToString::to_string)) {
                if let Some(other) = places.insert(place.clone(), &region.name) {
                    return content(format!(
                        "{place} is said to be near {other} and near {}: only one comes first",
                        region.name
                    ));
                }
            }
            if self.policy != Policy::Geo && !(region.places.is_empty() && region.nets.is_empty()) {
                return content(format!(
                    "{} has places or nets, which count with policy = \"geo\" only",
                    region.name
                ));
            }
        }
        Ok(())
    }
}

fn in_range(
    name: &str,
    value: u32,
    range: &std::ops::RangeInclusive<u32>,
) -> Result<(), DescriptionError> {
    if range.contains(&value) {
        return Ok(());
    }
    content(format!(
        "{name} = {value} must be {} to {}",
        range.start(),
        range.end()
    ))
}

fn checks(raw: &raw::Checks) -> Result<Checks, DescriptionError> {
    in_range("checks.interval_s", raw.interval_s, &limits::INTERVAL_S)?;
    in_range("checks.down_after", raw.down_after, &limits::THRESHOLD)?;
    in_range("checks.up_after", raw.up_after, &limits::THRESHOLD)?;
    if !(1..raw.interval_s).contains(&raw.timeout_s) {
        return content("checks.timeout_s must be 1 or more and less than checks.interval_s");
    }
    Ok(Checks {
        interval_s: raw.interval_s,
        timeout_s: raw.timeout_s,
        down_after: raw.down_after,
        up_after: raw.up_after,
    })
}

fn probe(name: &str, raw: &raw::Tier) -> Result<Probe, DescriptionError> {
    if raw.port == 0 {
        return content(format!("{name}.port must be 1 to 65535"));
    }
    let scheme = match raw.scheme {
        raw::Scheme::Http => Scheme::Http,
        raw::Scheme::Https => Scheme::Https,
    };
    Ok(Probe {
        scheme,
        port: raw.port,
    })
}

fn gdnsd(raw: raw::Gdnsd) -> Result<Gdnsd, DescriptionError> {
    if raw.name_servers.len() > limits::NAME_SERVERS {
        return content(format!(
            "more than {} gdnsd.name_servers",
            limits::NAME_SERVERS
        ));
    }
    let mut name_servers = Vec::new();
    for server in raw.name_servers {
        let absolute = server.name.ends_with('.');
        if !is_host_name(server.name.trim_end_matches('.')) {
            return content(format!("name server {:?} is no name", server.name));
        }
        match (absolute, server.addresses.is_empty()) {
            (true, false) => {
                return content(format!(
                    "name server {} lies outside the zone: its addresses are said there",
                    server.name
                ));
            }
            (false, true) => {
                return content(format!(
                    "name server {} lies within the zone and needs `addresses`; one outside ends with a dot",
                    server.name
                ));
            }
            _ => name_servers.push(NameServer {
                name: server.name,
                addresses: server.addresses,
            }),
        }
    }
    if !is_host_name(raw.contact.trim_end_matches('.')) {
        return content(format!(
            "gdnsd.contact {:?}: write it as a name, `hostmaster` or `dns.example.org.`",
            raw.contact
        ));
    }
    for (name, text) in [
        ("run_dir", Some(&raw.run_dir)),
        ("state_dir", Some(&raw.state_dir)),
        ("geoip_database", raw.geoip_database.as_ref()),
    ] {
        // They stand between quotes in gdnsd's configuration.
        let bad = |text: &String| {
            text.is_empty()
                || text
                    .chars()
                    .any(|sign| sign.is_control() || matches!(sign, '"' | '\\'))
        };
        if text.is_some_and(bad) {
            return content(format!("gdnsd.{name} is no path that can be used"));
        }
    }
    Ok(Gdnsd {
        listen: raw.listen,
        name_servers,
        contact: raw.contact,
        geoip_database: raw.geoip_database,
        run_dir: raw.run_dir,
        state_dir: raw.state_dir,
    })
}

/// Labels of letters, digits and hyphens (RFC 1123, section 2.1).
fn is_host_name(name: &str) -> bool {
    name.len() <= 200
        && name.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        })
}
