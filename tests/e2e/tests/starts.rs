//! Many who start at once: on an empty Redis, and under one name.

use std::sync::Barrier;
use std::thread;

use e2e::token::token;
use e2e::{System, soon};
use rustix::process::Signal;
use serde_json::{Value, json};

/// Calls that arrive together.
const CALLS: usize = 50;
/// How often Redis is emptied.
const ROUNDS: usize = 8;

fn empty(system: &System) {
    let mut redis = system.redis();
    for words in [["FLUSHALL", "SYNC"], ["FUNCTION", "FLUSH"]] {
        redis::cmd(words[0])
            .arg(words[1])
            .exec(&mut redis)
            .expect("Redis obeys");
    }
}

#[test]
fn first_calls_on_an_empty_redis_are_all_served() {
    let mut system = System::start(0);
    for round in 0..ROUNDS {
        empty(&system);
        system.restart_edge();
        // Nodes make Redis ready as well.
        let nodes = ["n1", "n2"].map(|name| system.node_named(name));
        let together = Barrier::new(CALLS);
        let token = token("backend", "service rooms:write");
        thread::scope(|scope| {
            for number in 0..CALLS {
                let (edge, token, together) = (system.edge.clone(), &token, &together);
                scope.spawn(move || {
                    let room = json!({"id": format!("e2e.first{number}")});
                    together.wait();
                    let made = edge.call("POST", "/v1/rooms", token, &room);
                    assert_eq!(made.status, 201, "round {round}: {made:?}");
                });
            }
        });
        for mut node in nodes {
            node.ready("listening on ");
        }
        let layout: Vec<String> = redis::cmd("HMGET")
            .arg(&["tg:layout", "version", "shards"])
            .query(&mut system.redis())
            .expect("Redis answers");
        assert_eq!(layout, ["1", "64"]);
    }
}

/// A node's line on the region's list.
fn line(system: &System, name: &str) -> Option<Value> {
    let line: Option<String> = redis::cmd("HGET")
        .arg(&["tg:nodes:local", name])
        .query(&mut system.redis())
        .expect("Redis answers");
    line.map(|line| serde_json::from_str(&line).expect("JSON"))
}

fn url(system: &System, name: &str) -> Option<String> {
    Some(line(system, name)?["url"].as_str()?.to_owned())
}

#[test]
fn a_second_node_of_a_name_is_refused_while_the_first_lives() {
    let system = System::start(1);
    let mut second = system.node_named("n1");
    assert!(!second.wait().success());
    let log = second.last_lines();
    assert!(
        log.contains("another node of the name n1 lives in this region") && log.contains("--node"),
        "{log}"
    );
    assert_eq!(url(&system, "n1").as_ref(), Some(&system.nodes[0].url));
}

#[test]
fn a_node_that_was_replaced_leaves_its_successor_on_the_list() {
    let mut system = System::start(1);
    system.room("e2e.names");
    let first = system.nodes[0].url.clone();
    // Paused for so long that it counts as dead, as a machine that was moved is.
    system.node_process(0).signal(Signal::STOP);
    let mut second = system.node_named("n1");
    let at = second.ready("listening on ");
    assert_ne!(at, first);
    assert_eq!(url(&system, "n1").as_ref(), Some(&at));

    system.node_process(0).signal(Signal::CONT);
    let admin = e2e::Edge::new(&system.nodes[0].admin);
    soon("the first node says that its name is taken", || {
        let ready = admin.call("GET", "/readyz", "", &Value::Null);
        (ready.status == 503 && ready.text.contains("name")).then_some(())
    });
    system.node_process(0).signal(Signal::TERM);
    assert!(system.node_process(0).wait().success());
    assert_eq!(url(&system, "n1").as_ref(), Some(&at));
    let join = system.edge.join("e2e.names", "").expect(200).json();
    assert!(join["endpoints"].to_string().contains(&at), "{join}");

    second.signal(Signal::TERM);
    assert!(second.wait().success());
    assert_eq!(line(&system, "n1"), None);
}

#[test]
fn a_killed_node_has_its_name_again_when_it_starts() {
    let mut system = System::start(1);
    system.kill_node(0);
    // Its line is fresh for some seconds more.
    assert!(line(&system, "n1").is_some());
    system.revive_node(0);
    assert_eq!(url(&system, "n1").as_ref(), Some(&system.nodes[0].url));
}
