//! What descriptions become, and which are refused.

mod drained;
mod refused;
mod rendered;

use tidegate_gslb::Description;

/// The example that stands in the repository.
const EXAMPLE: &str = include_str!("../../../../infra/gslb/regions.toml");

/// Two regions, without places.
const SMALL: &str = r#"
zone = "tg.test"
policy = "failover"
api = { scheme = "http", port = 3000 }
live = { scheme = "http", port = 7001 }
[gdnsd]
name_servers = [{ name = "ns1", addresses = ["127.0.0.1"] }]
[[regions]]
name = "east"
api = ["127.0.1.1"]
live = ["127.0.1.11", "127.0.1.12"]
[[regions]]
name = "west"
weight = 300
api = ["127.0.2.1", "::1"]
live = ["127.0.2.11", "127.0.2.12", "127.0.2.13"]
"#;

fn small(policy: &str) -> Description {
    Description::parse(&SMALL.replace("failover", policy)).unwrap()
}
