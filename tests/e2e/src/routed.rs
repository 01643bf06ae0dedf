//! An edge with routes to upstreams.

use redis::Commands;
use serde_json::{Value, json};

use crate::upstream::Upstream;
use crate::{Options, Reply, System};

/// A system whose edge may connect to these upstreams.
pub fn system(upstreams: &[&Upstream]) -> System {
    const NAMES: [&str; 3] = ["upstream_a", "upstream_b", "upstream_c"];
    let variables = NAMES
        .into_iter()
        .zip(upstreams.iter().map(|one| one.url.clone()))
        .collect();
    System::with(
        0,
        Options {
            variables,
            ..Options::default()
        },
    )
}

/// Writes a configuration of routes, as `xtask routes put` does.
pub fn put(system: &System, version: &str, config: &Value) {
    let fields = [
        ("version", version.to_owned()),
        ("body", config.to_string()),
    ];
    let _: () = system
        .redis()
        .hset_multiple("tg:routes", &fields)
        .expect("Redis takes it");
}

/// One pool of these upstreams, with further members, and one route to it.
pub fn config(upstreams: &[&Upstream], pool: Value, route: Value) -> Value {
    let mut config = json!({
        "pools": {"p": {"upstreams": upstreams.iter().map(|one| json!({"url": one.url})).collect::<Vec<_>>()}},
        "routes": [{"path": "/x/{*rest}", "pool": "p"}],
    });
    for (name, value) in pool.as_object().expect("an object") {
        config["pools"]["p"][name] = value.clone();
    }
    for (name, value) in route.as_object().expect("an object") {
        config["routes"][0][name] = value.clone();
    }
    config
}

/// Reads a path through the edge.
pub fn get(system: &System, path: &str) -> Reply {
    system.edge.send("GET", path, &[], b"")
}
