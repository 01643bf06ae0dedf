//! Terraform for Route 53: a health check for each address, and records that stand on them.
//!
//! A region's addresses are equally weighted records of its fixed name, each with its health check. Moving names are
//! aliases that ask for the health of what they lead to: a chain of fail-over pairs for one order of regions, chosen by
//! place or by weight.

use std::fmt::Write as _;
use std::net::IpAddr;

use crate::File;
use crate::description::{Description, Policy, Scheme, Tier};
use crate::member::Member;

/// Route 53 checks every 10 or every 30 s.
const FAST_S: u32 = 10;
const SLOW_S: u32 = 30;
/// Its greatest weight.
const MOST_WEIGHT: u32 = 255;

/// The one file, `gslb.tf`.
pub fn render(description: &Description) -> Vec<File> {
    let mut out = Out {
        text: head(description),
        description,
    };
    for tier in Tier::ALL {
        for region in &description.regions {
            out.fixed(tier, region);
        }
        for kind in ["A", "AAAA"] {
            out.moving(tier, kind);
        }
    }
    vec![File {
        path: "gslb.tf".to_owned(),
        text: out.text,
    }]
}

fn head(description: &Description) -> String {
    let zone = &description.zone;
    format!(
        r#"# Made by `cargo xtask gslb render --to terraform`. Change the description and render again.

terraform {{
  required_providers {{
    aws = {{
      source = "hashicorp/aws"
    }}
  }}
}}

variable "zone_id" {{
  type        = string
  description = "The hosted zone of {zone}"
}}
"#
    )
}

struct Out<'a> {
    text: String,
    description: &'a Description,
}

/// A name of Terraform's own for something.
fn id(parts: &[&str]) -> String {
    parts.join("_").replace(['-', '.', ':'], "_")
}

fn kind(address: &IpAddr) -> &'static str {
    match address {
        IpAddr::V4(_) => "A",
        IpAddr::V6(_) => "AAAA",
    }
}

/// A weight as Route 53 takes it, 255 at most; never 0, which is a last resort there.
fn scaled(weight: u32, heaviest: u32) -> u32 {
    if heaviest <= MOST_WEIGHT {
        return weight;
    }
    (weight * MOST_WEIGHT / heaviest).max(1)
}

/// Whether a region has addresses of a record's kind.
fn has(region: &Member, tier: Tier, wanted: &str) -> bool {
    region
        .addresses(tier)
        .iter()
        .any(|address| kind(address) == wanted)
}

impl Out<'_> {
    fn add(&mut self, text: &str) {
        let _ = write!(self.text, "\n{text}");
    }

    fn full(&self, label: &str) -> String {
        format!("{label}.{}", self.description.zone)
    }

    /// A region's own name, with a health check for each address.
    fn fixed(&mut self, tier: Tier, region: &Member) {
        let label = format!("{}-{}", tier.label(), region.name);
        for (index, address) in region.addresses(tier).iter().enumerate() {
            let number = (index + 1).to_string();
            let id = id(&[&label, &number]);
            let check = self.health_check(tier, address, &id, &label);
            self.add(&check);
            let name = self.full(&label);
            let (kind, ttl_s) = (kind(address), self.description.fixed_ttl_s);
            // A name that others stand on is answered with the least time to live of all.
            let ttl_s = ttl_s.min(self.description.moving_ttl_s);
            self.add(&format!(
                r#"resource "aws_route53_record" "{id}" {{
  zone_id         = var.zone_id
  name            = "{name}"
  type            = "{kind}"
  ttl             = {ttl_s}
  records         = ["{address}"]
  set_identifier  = "{number}"
  health_check_id = aws_route53_health_check.{id}.id

  weighted_routing_policy {{
    weight = 1
  }}
}}
"#
            ));
        }
    }

    fn health_check(&self, tier: Tier, address: &IpAddr, id: &str, label: &str) -> String {
        let (probe, checks) = (self.description.probe(tier), self.description.checks);
        let interval_s = if checks.interval_s <= FAST_S {
            FAST_S
        } else {
            SLOW_S
        };
        let scheme = match probe.scheme {
            Scheme::Http => "HTTP",
            Scheme::Https => "HTTPS",
        };
        let (host, port, failures) = (self.full(tier.label()), probe.port, checks.down_after);
        format!(
            r#"resource "aws_route53_health_check" "{id}" {{
  ip_address        = "{address}"
  fqdn              = "{host}"
  port              = {port}
  type              = "{scheme}"
  resource_path     = "/readyz"
  request_interval  = {interval_s}
  failure_threshold = {failures}

  tags = {{
    Name = "{label} {address}"
  }}
}}
"#
        )
    }

    fn moving(&mut self, tier: Tier, kind: &str) {
        let description = self.description;
        let able = |region: &&Member| has(region, tier, kind);
        let order: Vec<&Member> = description.moving().filter(able).collect();
        if order.is_empty() {
            return;
        }
        let label = tier.label();
        match description.policy {
            Policy::Failover => self.chain(label, label, tier, kind, &order),
            Policy::Weighted => {
                let heaviest = order.iter().map(|region| region.weight).max().unwrap_or(0);
                for region in order {
                    let target = format!("{label}-{}", region.name);
                    let weight = scaled(region.weight, heaviest);
                    let routing =
                        format!("  weighted_routing_policy {{\n    weight = {weight}\n  }}\n");
                    self.alias(label, kind, &target, region.name.as_str(), &routing);
                }
            }
            Policy::Geo => self.geo(tier, kind, &order),
        }
    }

    /// Places lead to orders of regions, each of which is a chain; everywhere else is the first region's.
    fn geo(&mut self, tier: Tier, kind: &str, order: &[&Member]) {
        let label = tier.label();
        let mut first = true;
        for region in order {
            if !first && region.places.is_empty() {
                continue;
            }
            let from = format!("{label}-from-{}", region.name);
            let beginning: Vec<&Member> = std::iter::once(*region)
                .chain(
                    order
                        .iter()
                        .filter(|other| other.name != region.name)
                        .copied(),
                )
                .collect();
            self.chain(&from, &from, tier, kind, &beginning);
            for place in &region.places {
                let (field, value) = match &place.country {
                    Some(country) => ("country  ", country),
                    None => ("continent", &place.continent),
                };
                let routing =
                    format!("  geolocation_routing_policy {{\n    {field} = \"{value}\"\n  }}\n");
                let set = place.to_string().replace('/', "-");
                self.alias(label, kind, &from, &set, &routing);
            }
            if first {
                let routing = "  geolocation_routing_policy {\n    country = \"*\"\n  }\n";
                self.alias(label, kind, &from, "elsewhere", routing);
                first = false;
            }
        }
    }

    /// The first region, else the rest of the order, which is a chain again.
    fn chain(&mut self, name: &str, base: &str, tier: Tier, kind: &str, order: &[&Member]) {
        let Some((first, rest)) = order.split_first() else {
            return;
        };
        let target = |region: &Member| format!("{}-{}", tier.label(), region.name);
        let routing =
            |role: &str| format!("  failover_routing_policy {{\n    type = \"{role}\"\n  }}\n");
        self.alias(name, kind, &target(first), "first", &routing("PRIMARY"));
        match rest {
            [] => {}
            [last] => self.alias(name, kind, &target(last), "else", &routing("SECONDARY")),
            more => {
                let next = format!("{base}-else-{}", more.len());
                self.alias(name, kind, &next, "else", &routing("SECONDARY"));
                self.chain(&next, base, tier, kind, more);
            }
        }
    }

    fn alias(&mut self, label: &str, kind: &str, target: &str, set: &str, routing: &str) {
        let id = id(&[label, &kind.to_ascii_lowercase(), set]);
        let (name, target) = (self.full(label), self.full(target));
        self.add(&format!(
            r#"resource "aws_route53_record" "{id}" {{
  zone_id        = var.zone_id
  name           = "{name}"
  type           = "{kind}"
  set_identifier = "{set}"

  alias {{
    zone_id                = var.zone_id
    name                   = "{target}"
    evaluate_target_health = true
  }}

{routing}}}
"#
        ));
    }
}
