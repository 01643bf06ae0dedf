//! A node that stops sends its viewers away and ends in good order; one that is set up wrongly does not start.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};

use crate::bench::{Bench, End, Node, Viewer, get, post, soon};

#[test]
fn viewers_are_sent_away_and_the_node_ends() {
    let bench = Bench::new();
    let mut node = bench.node("n1", &[]);
    bench.room("a");
    let nodes = || format!("{:?}", bench.command(&["HGETALL", "tg:nodes:local"]));
    assert!(nodes().contains("ws://127.0.0.1"));
    let mut viewer = Viewer::connect(&node);
    viewer.subscribe("a", "bob", None);
    let room = "a".parse().unwrap();
    let shown = |count: &str| {
        format!(
            "{:?}",
            bench.command(&["HGETALL", &bench.keys.online(&room)])
        )
        .contains(count)
    };
    soon("presence is told", || shown("1 ").then_some(()));
    node.terminate();
    let moved = viewer.next_of("move");
    assert!(moved["within_ms"].as_u64().unwrap() <= 300);
    assert!(!nodes().contains("ws://"));
    assert_eq!(viewer.end(), End::Closed(1012));
    drop(viewer);
    assert!(node.wait().success());
    assert!(!shown("1 "), "its viewers are not counted any more");
}

#[test]
fn drain_can_be_asked_for() {
    let bench = Bench::new();
    let mut node = bench.node("n1", &["--grace-ms", "0"]);
    let mut viewer = Viewer::connect(&node);
    assert_eq!(post(&node.admin, "/drain", &[], "").status, 202);
    assert_eq!(viewer.end(), End::Closed(1012));
    drop(viewer);
    assert!(node.wait().success());
}

#[test]
fn a_connection_that_closes_behind_its_last_word_is_let_go() {
    let bench = Bench::new();
    let node = bench.node("n1", &[]);
    for _ in 0..20 {
        let mut stream = TcpStream::connect(&node.viewers).unwrap();
        stream.write_all(b"GET /v1/conn").unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert_eq!(answer, "", "nobody waits for the rest of the request");
    }
}

#[test]
fn wrong_settings_end_with_64_and_a_reason() {
    let run = |flag: &str, value: &str| {
        let output = Node::command("redis://127.0.0.1:1")
            .args([flag, value])
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(64));
        String::from_utf8(output.stderr).unwrap()
    };
    assert!(run("--node", "N!").contains("--node"));
    assert!(run("--tick-ms", "soon").contains("--tick-ms"));
    assert!(run("--what", "x").contains("--what"));
    assert!(run("--demo", "0.0.0.0:1").contains("loopback"));
    let mut far = std::process::Command::new(env!("CARGO_BIN_EXE_fanout"));
    far.env_clear().current_dir(std::env::temp_dir()).args([
        "--region",
        "local",
        "--redis-url",
        "redis://10.0.0.1:6379",
        "--ticket-keys",
        crate::bench::TICKET_KEYS,
    ]);
    let output = far.output().unwrap();
    assert_eq!(output.status.code(), Some(64));
    assert!(
        String::from_utf8(output.stderr)
            .unwrap()
            .contains("published example")
    );
}

#[test]
fn a_redis_of_another_layout_is_refused() {
    let bench = Bench::new();
    bench.command(&["HSET", "tg:layout", "version", "9", "shards", "64"]);
    let output = Node::command(&bench.redis.url()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        String::from_utf8(output.stderr)
            .unwrap()
            .contains("layout version 9")
    );
}

#[test]
fn a_busy_port_is_named() {
    let bench = Bench::new();
    let node = bench.node("n1", &[]);
    let mut second = std::process::Command::new(env!("CARGO_BIN_EXE_fanout"));
    second.env_clear().current_dir(std::env::temp_dir()).args([
        "--region",
        "local",
        "--redis-url",
        &bench.redis.url(),
        "--ticket-keys",
        crate::bench::TICKET_KEYS,
        "--listen",
        &node.viewers,
        "--admin",
        "127.0.0.1:0",
    ]);
    let output = second.output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        String::from_utf8(output.stderr)
            .unwrap()
            .contains(&node.viewers)
    );
    assert_eq!(get(&node.admin, "/healthz", &[]).status, 200);
}

#[test]
fn a_full_node_says_when_to_come_back() {
    let bench = Bench::new();
    let mut shell = std::process::Command::new("sh");
    let given = Node::command(&bench.redis.url());
    shell
        .args(["-c", "ulimit -n 266; exec \"$0\" \"$@\""])
        .arg(given.get_program())
        .args(given.get_args());
    shell
        .args(["--node", "n1", "--cores", "1"])
        .env_clear()
        .current_dir(std::env::temp_dir());
    let node = Node::run(shell, false);
    let viewers: Vec<_> = (0..10).map(|_| Viewer::connect(&node)).collect();
    let answer = get(&node.viewers, "/v1/connect", &[]);
    assert_eq!(answer.status, 503);
    assert!(answer.head.contains("retry-after: "));
    drop(viewers);
    soon("there is room again", || {
        (get(&node.viewers, "/v1/connect", &[]).status == 426).then_some(())
    });
}

#[test]
fn keys_are_read_again_on_sighup() {
    let bench = Bench::new();
    let folder = tempfile::tempdir().unwrap();
    let file = |keys: &str| {
        let text = format!("SPIN_VARIABLE_TICKET_KEYS='{keys}'\nTIDEGATE_NODE=from-file\n");
        std::fs::write(folder.path().join(".env"), text).unwrap();
    };
    file(&crate::bench::TICKET_KEYS.replace("example-t", "older"));
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_fanout"));
    command.env_clear().current_dir(folder.path()).args([
        "--region",
        "local",
        "--redis-url",
        &bench.redis.url(),
        "--listen",
        "127.0.0.1:0",
        "--admin",
        "127.0.0.1:0",
        "--cores",
        "1",
    ]);
    let node = Node::run(command, false);
    bench.room("a");
    let mut viewer = Viewer::connect(&node);
    assert_eq!(viewer.welcome["node"], "from-file");
    assert_eq!(viewer.subscribe("a", "bob", None)["code"], "bad_ticket");
    file(crate::bench::TICKET_KEYS);
    node.signal("-HUP");
    soon("the new keys are taken", || {
        (viewer.subscribe("a", "bob", None)["type"] == "batch").then_some(())
    });
    // What cannot be read changes nothing.
    file("nonsense");
    node.signal("-HUP");
    assert_eq!(viewer.subscribe("a", "bob", None)["type"], "batch");
}
