//! `load fanout` over a real Redis and real nodes.

use std::process::Command;

use e2e::process::{binary, root};
use e2e::system::System;
use e2e::token::{AUDIENCE, AUTH_SECRETS, ISSUER, TICKET_SECRET, key_set};
use serde_json::Value;

fn load(system: &System, publish: &str, more: &[&str]) -> Value {
    let urls: Vec<String> = (0..system.nodes.len())
        .map(|node| system.socket(node))
        .collect();
    let output = Command::new(binary("load"))
        .current_dir(root())
        .args([
            "fanout",
            "--subject",
            "tidegate",
            "--publish",
            publish,
            "--json",
        ])
        .args(urls.iter().flat_map(|url| ["--url", url]))
        .args(["--seconds", "1", "--warmup-seconds", "0.5"])
        .args(more)
        .env("SPIN_VARIABLE_REGION", "local")
        .env("SPIN_VARIABLE_TICKET_KEYS", key_set(&[TICKET_SECRET]))
        .env("SPIN_VARIABLE_AUTH_KEYS", key_set(&AUTH_SECRETS))
        .env("SPIN_VARIABLE_AUTH_ISSUER", ISSUER)
        .env("SPIN_VARIABLE_AUTH_AUDIENCE", AUDIENCE)
        .output()
        .expect("load is built: `cargo xtask test e2e` does it");
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}{errors}");
    serde_json::from_str(text.lines().last().expect("a line")).expect("JSON")
}

fn is_complete(line: &Value) {
    assert_eq!(line["delivered"], line["expected"], "{line}");
    assert!(line["expected"].as_u64() > Some(0), "{line}");
    assert_eq!(
        (&line["repeated"], &line["reordered"], &line["ended"]),
        (&0.into(), &0.into(), &0.into()),
        "{line}"
    );
}

#[test]
fn rooms_of_many_sizes_on_two_nodes_fed_by_redis() {
    let system = System::start(2);
    let more = [
        "--viewers",
        "200",
        "--processes",
        "2",
        "--rooms",
        "zipf:20",
        "--rate",
        "100",
    ];
    let line = load(&system, &system.redis.url(), &more);
    is_complete(&line);
    // One room with all of them would expect more.
    let all = line["published"].as_u64().unwrap() * 200;
    assert!(line["expected"].as_u64() < Some(all), "{line}");
}

#[test]
fn one_room_fed_by_the_edge() {
    let system = System::start(1);
    let line = load(
        &system,
        system.edge.base(),
        &["--viewers", "50", "--rate", "20"],
    );
    is_complete(&line);
    assert_eq!(line["expected"], line["published"].as_u64().unwrap() * 50);
}
