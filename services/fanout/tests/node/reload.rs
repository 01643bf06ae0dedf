//! SIGHUP: ticket keys are rotated while the node runs.

use std::fs::File;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;
use tidegate_auth::{Grant, KeySet, TicketKeys};

use crate::bench::{Bench, Node, TICKET_KEYS, Viewer, soon};

const OLD: &str =
    r#"{"kty":"oct","alg":"HS256","kid":"old","k":"MNGqltnRuZ5_u2zQjqq4ldklIYGnMQ1wYspBrkZxG9E"}"#;
const NEW: &str =
    r#"{"kty":"oct","alg":"HS256","kid":"new","k":"tj3K_SSnYyLyxsPzLOttPet71J5XnkzmTMz7VXe3uHQ"}"#;

fn set(keys: &[&str]) -> String {
    format!(r#"{{"keys":[{}]}}"#, keys.join(","))
}

fn write(folder: &Path, keys: &[&str]) {
    let line = format!("SPIN_VARIABLE_TICKET_KEYS='{}'\n", set(keys));
    std::fs::write(folder.join(".env"), line).unwrap();
}

fn ticket(key: &str) -> String {
    let keys = TicketKeys::new(KeySet::parse(&set(&[key])).unwrap()).unwrap();
    keys.sign(&Grant {
        room: "a".parse().unwrap(),
        subject: "bob".parse().unwrap(),
        token: None,
        moderator: false,
        expires_ms: u64::MAX >> 16,
    })
}

/// A node in a folder of its own, its log in `log` there.
fn start(bench: &Bench, folder: &Path, more: &[&str]) -> Node {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fanout"));
    command
        .env_clear()
        .current_dir(folder)
        .env("TIDEGATE_LOG", "info")
        .stderr(File::create(folder.join("log")).unwrap())
        .args(["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"])
        .args(["--region", "local", "--redis-url", &bench.redis.url()])
        .args(["--node", "n1", "--cores", "1"])
        .args(more);
    Node::run(command, false)
}

fn hang_up(node: &Node, folder: &Path, expected: &str) {
    let log = || std::fs::read_to_string(folder.join("log")).unwrap();
    let before = log().matches(expected).count();
    node.signal("HUP");
    soon(expected, || {
        (log().matches(expected).count() > before).then_some(())
    });
}

/// The type of the answer to a subscription, and its code.
fn subscribe(node: &Node, key: &str) -> (String, String) {
    let mut viewer = Viewer::connect(node);
    viewer.send(serde_json::json!({"type":"subscribe","room":"a","ticket":ticket(key)}));
    let answer = viewer.next().unwrap();
    let text = |name: &str| answer[name].as_str().unwrap_or_default().to_owned();
    assert_ne!(answer, Value::Null);
    (text("type"), text("code"))
}

#[test]
fn keys_are_rotated_while_viewers_stay() {
    let bench = Bench::new();
    let folder = TempDir::new().unwrap();
    let path = folder.path();
    write(path, &[OLD]);
    let node = start(&bench, path, &[]);
    bench.room("a");
    let good = ("batch".to_owned(), String::new());
    let bad = ("error".to_owned(), "bad_ticket".to_owned());
    let mut early = Viewer::connect(&node);
    early.send(serde_json::json!({"type":"subscribe","room":"a","ticket":ticket(OLD)}));
    assert_eq!(early.next().unwrap()["type"], "batch");
    assert_eq!(subscribe(&node, NEW), bad);

    write(path, &[OLD, NEW]);
    hang_up(&node, path, "were read again");
    assert_eq!(subscribe(&node, NEW), good);
    assert_eq!(subscribe(&node, OLD), good);

    std::fs::write(path.join(".env"), "SPIN_VARIABLE_TICKET_KEYS='{}'\n").unwrap();
    hang_up(&node, path, "stay as they were");
    std::fs::write(path.join(".env"), "OTHER=1\n").unwrap();
    hang_up(&node, path, "stay as they were");
    assert_eq!(subscribe(&node, NEW), good);

    write(path, &[NEW]);
    hang_up(&node, path, "were read again");
    assert_eq!(subscribe(&node, NEW), good);
    assert_eq!(subscribe(&node, OLD), bad);
    let log = std::fs::read_to_string(path.join("log")).unwrap();
    assert!(!log.contains("tj3K"), "a secret is in the log");

    // Who was let in before stays.
    let id = bench.say("a", "still here");
    assert_eq!(early.next_of("batch")["messages"][0]["id"], id.as_str());
}

#[test]
fn keys_that_were_given_by_flag_stay() {
    let bench = Bench::new();
    let folder = TempDir::new().unwrap();
    write(folder.path(), &[NEW]);
    let node = start(&bench, folder.path(), &["--ticket-keys", TICKET_KEYS]);
    bench.room("a");
    hang_up(&node, folder.path(), "cannot change");
    assert_eq!(subscribe(&node, NEW).1, "bad_ticket");
}
