//! A Redis that changes its role under an edge and nodes: a replica is promoted, the primary demoted or cut off, and the address
//! leads to the new one. Nobody is restarted.

use std::net::SocketAddr;

use e2e::forwarder::Forwarder;
use e2e::names::{NAME, Names};
use e2e::replicas::{
    FIRST, SECOND, ask, await_alone, fail_over, fill_and_rewrite, follow, now_ms, pair, promote,
    readers,
};
use e2e::token::token;
use e2e::viewer::Viewer;
use e2e::{Edge, Options, Reply, System, soon};
use redis_tests::RedisServer;
use serde_json::{Value, json};

const ROOM: &str = "e2e.roles";
/// A node says that it lives for so long, ms.
const NODE_LIVES_MS: u64 = 10_000;

fn say(system: &System, text: &str) -> Reply {
    let body = json!({"kind": "chat", "data": {"text": text}});
    let reply = system.edge.publish(
        ROOM,
        &token("alice", "publish"),
        &text.replace(' ', "-"),
        &body,
    );
    if reply.status != 202 {
        let wait = reply
            .clone()
            .problem(503)
            .header("retry-after")
            .map(str::to_owned);
        assert!(
            wait.is_some_and(|wait| wait.parse::<u64>().is_ok()),
            "{reply:?}"
        );
    }
    reply
}

/// Publishes until it is taken.
fn accepted(system: &System, text: &str) -> String {
    soon("publishing works", || {
        let reply = say(system, text);
        (reply.status == 202).then(|| reply.str("id"))
    })
}

fn is_ready(base: &str) -> bool {
    Edge::new(base)
        .call("GET", "/readyz", "", &Value::Null)
        .status
        == 200
}

/// A room with a viewer on each node.
fn viewers(system: &System) -> Vec<Viewer> {
    system.room(ROOM);
    let names = ["bob", "carol", "dan"];
    let nodes = 0..system.nodes.len();
    let mut viewers: Vec<Viewer> = nodes
        .map(|node| system.viewer(node, ROOM, names[node]))
        .collect();
    let before = accepted(system, "before");
    for viewer in &mut viewers {
        assert_eq!(
            viewer.messages(ROOM, &Value::Null, 1)[0]["id"],
            json!(before)
        );
    }
    viewers
}

fn ids(messages: &[Value]) -> Vec<String> {
    let id = |message: &Value| message["id"].as_str().expect("an id").to_owned();
    messages.iter().map(id).collect()
}

/// Whatever happened: publishing, nodes, newcomers and viewers go on with the Redis that the address leads to now, and every
/// viewer has what is published from now on once.
fn assert_all_follow(system: &System, viewers: &mut [Viewer], now: &RedisServer) {
    let since_ms = now_ms(now);
    let said: Vec<String> = (0..5)
        .map(|n| accepted(system, &format!("after {n}")))
        .collect();
    for viewer in viewers.iter_mut() {
        let cursor = viewer.cursor(ROOM).to_owned();
        let got = viewer.messages(ROOM, &Value::Null, said.len());
        assert_eq!(ids(&got), said);
        // By the cursor from before it is the same again, and no more.
        let ticket = system.ticket(ROOM, "eve");
        let mut late = soon("a newcomer is let in", || {
            let node = &system.nodes[0].url;
            let mut late = Viewer::connect(&format!("{node}/v1/connect")).ok()?;
            let first = late.subscribe(ROOM, &ticket, Some(&cursor)).ok()?;
            (first["type"] == "batch").then_some((late, first))
        });
        let replayed = late.0.messages(ROOM, &late.1, said.len());
        assert_eq!(ids(&replayed), said);
    }
    soon("each node is listed anew", || {
        let nodes: Vec<(String, String)> = ask(now, &["HGETALL", "tg:nodes:local"]);
        let fresh = nodes.iter().filter(|(_, line)| {
            let line: Value = serde_json::from_str(line).expect("a node's line is JSON");
            line["until_ms"].as_u64().expect("a time") > since_ms + NODE_LIVES_MS
        });
        (fresh.count() == system.nodes.len()).then_some(())
    });
    soon("the edge is ready", || {
        is_ready(system.edge.base()).then_some(())
    });
    for node in &system.nodes {
        soon("the node is ready", || is_ready(&node.admin).then_some(()));
    }
    let joined = system.edge.join(ROOM, &token("fay", "")).expect(200).json();
    let endpoints = joined["endpoints"].as_array().expect("a list");
    assert!(endpoints.len() >= system.nodes.len(), "{joined}");
    soon("every node reads there", || {
        (readers(now) >= system.nodes.len()).then_some(())
    });
    let last = accepted(system, "last");
    for viewer in viewers {
        assert_eq!(
            ids(&viewer.messages(ROOM, &Value::Null, 1)),
            [last.as_str()]
        );
    }
}

/// Edge and nodes that know the name only, which leads to the first of two.
fn named(nodes: usize) -> (System, RedisServer, Names) {
    let (first, second) = pair(&[]);
    let names = Names::new(FIRST);
    let options = Options {
        redis_url: Some(format!("redis://{NAME}:{}", first.port())),
        names: Some(names.clone()),
        ..Options::default()
    };
    (System::on(first, nodes, options), second, names)
}

/// The tails are back on the demoted primary, which disconnects those who wait, and nobody else.
fn await_readers(first: &RedisServer, count: usize) {
    soon("the nodes read on", || {
        (readers(first) >= count).then_some(())
    });
}

#[test]
fn a_promoted_replica_is_followed_and_a_demoted_primary_left() {
    let (system, second, names) = named(2);
    let mut viewers = viewers(&system);
    promote(&second, &system.redis);
    follow(&system.redis, &second);
    await_readers(&system.redis, 2);
    names.lead_to(SECOND);
    assert_all_follow(&system, &mut viewers, &second);
    soon("nobody reads from the demoted one", || {
        (readers(&system.redis) == 0).then_some(())
    });
}

#[test]
fn a_demoted_primary_that_nothing_reaches_any_more_is_left_by_the_tail_too() {
    let (system, second, names) = named(2);
    let mut viewers = viewers(&system);
    promote(&second, &system.redis);
    ask::<()>(&system.redis, &["REPLICAOF", "127.0.0.1", "1"]);
    await_readers(&system.redis, 2);
    // It answers READONLY for longer than nodes count as living.
    for node in &system.nodes {
        soon("the node is not ready", || {
            (!is_ready(&node.admin)).then_some(())
        });
    }
    names.lead_to(SECOND);
    assert_all_follow(&system, &mut viewers, &second);
}

#[test]
fn a_coordinated_failover_there_and_back_loses_nothing() {
    let (system, second, names) = named(1);
    let mut viewers = viewers(&system);
    fail_over(&system.redis, &second);
    names.lead_to(SECOND);
    assert_all_follow(&system, &mut viewers, &second);
    fail_over(&second, &system.redis);
    names.lead_to(FIRST);
    let back = accepted(&system, "back");
    for viewer in &mut viewers {
        assert_eq!(
            ids(&viewer.messages(ROOM, &Value::Null, 1)),
            [back.as_str()]
        );
    }
    let node = &system.nodes[0].admin;
    soon("the node is ready", || is_ready(node).then_some(()));
}

#[test]
fn a_primary_that_was_cut_off_and_takes_no_writes_is_left() {
    let (system, second, names) = named(2);
    let mut viewers = viewers(&system);
    ask::<()>(
        &system.redis,
        &["CONFIG", "SET", "min-replicas-to-write", "1"],
    );
    promote(&second, &system.redis);
    await_alone(&system.redis);
    assert_eq!(say(&system, "into the void").status, 503);
    names.lead_to(SECOND);
    assert_all_follow(&system, &mut viewers, &second);
    soon("nobody reads from the old one", || {
        (readers(&system.redis) == 0).then_some(())
    });
}

#[test]
fn a_way_that_forgets_its_connections_is_taken_anew() {
    let (first, second) = pair(&[]);
    let to = |server: &RedisServer| SocketAddr::from((server.address(), server.port()));
    let forwarder = Forwarder::to(to(&first));
    let options = Options {
        redis_url: Some(forwarder.url()),
        ..Options::default()
    };
    let system = System::on(first, 2, options);
    let mut viewers = viewers(&system);
    promote(&second, &system.redis);
    forwarder.move_and_forget(to(&second));
    assert_all_follow(&system, &mut viewers, &second);
}

#[test]
fn a_lost_replica_is_503_until_it_is_back() {
    let (first, mut second) = pair(&[("min-replicas-to-write", "1")]);
    let system = System::on(first, 1, Options::default());
    let mut viewers = viewers(&system);
    second.kill();
    await_alone(&system.redis);
    assert_eq!(say(&system, "too few").status, 503);
    let node = &system.nodes[0].admin;
    soon("the node is not ready", || (!is_ready(node)).then_some(()));
    // Who comes now is let in, and reads.
    let ticket = system.ticket(ROOM, "gus");
    let mut late = Viewer::connect(&system.socket(0)).expect("the node takes sockets");
    let first = late.subscribe(ROOM, &ticket, None).expect("an answer");
    assert_eq!(first["type"], "batch", "{first}");
    second.restart();
    follow(&second, &system.redis);
    viewers.push(late);
    assert_all_follow(&system, &mut viewers, &system.redis);
}

#[test]
fn a_redis_that_loads_its_data_is_waited_for() {
    let options = Options {
        redis: vec![
            // Each key takes its time, and clients are answered meanwhile.
            ("key-load-delay", "1000".to_owned()),
            ("loading-process-events-interval-bytes", "1024".to_owned()),
        ],
        ..Options::default()
    };
    let mut system = System::with(1, options);
    let mut viewers = viewers(&system);
    fill_and_rewrite(&system.redis);
    system.redis.restart_loading();
    let refused = say(&system, "while it loads");
    assert_eq!(refused.status, 503, "{refused:?}");
    for viewer in &mut viewers {
        viewer
            .send(&json!({"type": "ping"}))
            .expect("the socket is open");
        assert_eq!(viewer.frame().expect("the socket is open")["type"], "pong");
    }
    assert!(system.redis.is_loading(), "the test needs more keys");
    assert_all_follow(&system, &mut viewers, &system.redis);
}
