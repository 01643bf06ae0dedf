//! What is rendered, in the real gdnsd, with health checks that ask real servers.

mod checkconf;
mod moves;

/// Two regions whose tiers are asked at ports of the test's own, every two seconds.
fn description(policy: &str, api: u16, live: u16) -> String {
    format!(
        r#"
zone = "tg.test"
policy = "{policy}"
api = {{ scheme = "http", port = {api} }}
live = {{ scheme = "http", port = {live} }}
[checks]
interval_s = 2
timeout_s = 1
down_after = 2
up_after = 2
[gdnsd]
name_servers = [{{ name = "ns1", addresses = ["127.0.0.1"] }}, {{ name = "ns2.example.net." }}]
[[regions]]
name = "east"
api = ["127.0.1.1"]
live = ["127.0.1.11", "127.0.1.12"]
[[regions]]
name = "west"
weight = 300
api = ["127.0.2.1"]
live = ["127.0.2.11", "127.0.2.12", "127.0.2.13"]
"#
    )
}
