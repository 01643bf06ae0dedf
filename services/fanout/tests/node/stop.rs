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
    let token = "a-token-of-the-test";
    let flags = ["--grace-ms", "0", "--admin-token", token];
    let mut node = bench.node("n1", &flags);
    let mut viewer = Viewer::connect(&node);
    for wrong in ["accept: */*", "authorization: Bearer another-token-of-it"] {
        let answer = post(&node.admin, "/drain", &[wrong], "");
        assert_eq!(answer.status, 401);
        assert!(answer.head.contains("www-authenticate: Bearer"));
        assert!(!answer.body.contains(token));
    }
    assert_eq!(get(&node.admin, "/readyz", &[]).status, 200);
    let right = format!("authorization: Bearer {token}");
    assert_eq!(post(&node.admin, "/drain", &[&right], "").status, 202);
    assert_eq!(viewer.end(), End::Closed(1012));
    drop(viewer);
    assert!(node.wait().success());
}

#[test]
fn without_a_token_nobody_may_drain_over_the_network() {
    let bench = Bench::new();
    let node = bench.node("n1", &[]);
    for header in [
        "accept: */*",
        "authorization: Bearer ",
        "authorization: Bearer x",
    ] {
        let answer = post(&node.admin, "/drain", &[header], "");
        assert_eq!(answer.status, 403);
        assert!(answer.body.contains("TIDEGATE_ADMIN_TOKEN"));
        assert!(answer.body.contains("SIGTERM"));
    }
    assert_eq!(get(&node.viewers, "/drain", &[]).status, 404);
    assert_eq!(get(&node.admin, "/readyz", &[]).status, 200);
}

/// What both listeners say of a node.
fn readiness(node: &Node) -> (u16, String) {
    let outside = get(&node.viewers, "/readyz", &[]);
    let inside = get(&node.admin, "/readyz", &[]);
    assert_eq!(
        (outside.status, &outside.body),
        (inside.status, &inside.body)
    );
    (outside.status, outside.body)
}

#[test]
fn a_node_that_is_to_stop_says_so_first_and_serves_who_comes() {
    let bench = Bench::new();
    // Longer than the test takes, which ends it by a second signal.
    let mut node = bench.node("n1", &["--drain-wait-ms", "600000"]);
    bench.room("a");
    let mut there = Viewer::connect(&node);
    there.subscribe("a", "bob", None);
    assert_eq!(readiness(&node), (200, "ready\n".to_owned()));
    node.terminate();
    soon("it says so", || (readiness(&node).0 == 503).then_some(()));
    assert_eq!(readiness(&node), (503, "draining\n".to_owned()));
    assert_eq!(get(&node.viewers, "/healthz", &[]).status, 200);
    soon("it strikes itself off the list", || {
        let nodes = format!("{:?}", bench.command(&["HGETALL", "tg:nodes:local"]));
        (!nodes.contains("ws://")).then_some(())
    });
    // As before, both who is there and who comes.
    let mut late = Viewer::connect(&node);
    assert_eq!(late.subscribe("a", "eve", None)["type"], "batch");
    let said = bench.give("a", "meanwhile");
    for viewer in [&mut there, &mut late] {
        let batch = viewer.next_of("batch");
        assert_eq!(crate::bench::batch_ids(&batch), [said.as_str()]);
    }
    let online = bench.keys.online(&"a".parse().unwrap());
    soon("who has come is counted", || {
        let counts = format!("{:?}", bench.command(&["HGETALL", &online]));
        counts.contains("2 ").then_some(())
    });
    node.terminate();
    for viewer in [&mut there, &mut late] {
        viewer.next_of("move");
    }
    drop((there, late));
    assert!(node.wait().success());
}

/// Asks for a socket at an address where a node may have been; what it is answered, if there is one.
fn knock(address: &str) -> Option<String> {
    let mut stream = match TcpStream::connect(address) {
        Ok(stream) => stream,
        Err(error) => {
            assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused);
            return None;
        }
    };
    stream.set_read_timeout(Some(crate::bench::SOON)).unwrap();
    let text = format!(
        "GET /v1/connect HTTP/1.1\r\nhost: {address}\r\nupgrade: websocket\r\nconnection: upgrade\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\
         sec-websocket-protocol: tidegate.v1.json\r\n\r\n"
    );
    stream.write_all(text.as_bytes()).unwrap();
    let mut first = [0; 16];
    stream.read_exact(&mut first).expect("an answer");
    Some(String::from_utf8(first[9..12].to_vec()).unwrap())
}

#[test]
fn nobody_who_has_connected_is_left_without_an_answer() {
    let bench = Bench::new();
    // The listener closes in the middle of them. Without the moment in which handshakes end, one that is under way would be reset.
    let mut node = bench.node("n1", &["--drain-wait-ms", "400"]);
    let address = node.viewers.clone();
    let (served, late) = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(|| {
                    let (mut served, mut late) = (0, 0);
                    while let Some(status) = knock(&address) {
                        match status.as_str() {
                            "101" => served += 1,
                            "503" => late += 1,
                            other => panic!("{other}"),
                        }
                    }
                    (served, late)
                })
            })
            .collect();
        soon("some are served", || {
            (node.metric("accepted_total") > 200).then_some(())
        });
        node.terminate();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .fold((0, 0), |sum, (served, late)| (sum.0 + served, sum.1 + late))
    });
    assert!(served > 200, "{served} served, {late} too late");
    assert!(node.wait().success());
}

#[test]
fn who_is_in_the_middle_of_asking_is_answered() {
    let bench = Bench::new();
    let mut node = bench.node("n1", &[]);
    let begun: Vec<TcpStream> = (0..4)
        .map(|_| {
            let mut stream = TcpStream::connect(&node.viewers).unwrap();
            stream.set_read_timeout(Some(crate::bench::SOON)).unwrap();
            stream.write_all(b"GET /v1/connect HTTP/1.1\r\n").unwrap();
            stream
        })
        .collect();
    soon("they are let in", || {
        (node.metric("accepted_total") >= 4).then_some(())
    });
    node.terminate();
    for mut stream in begun {
        let answer = crate::bench::read_to_end(&mut stream);
        assert!(answer.starts_with("HTTP/1.1 503 "), "{answer:?}");
        assert!(answer.contains("retry-after: "));
    }
    assert!(node.wait().success());
}

#[test]
fn a_stream_of_events_ends_between_two_events() {
    let bench = Bench::new();
    let mut node = bench.node("n1", &[]);
    bench.room("a");
    let target = format!(
        "/v1/rooms/a/events?ticket={}",
        crate::bench::ticket("a", "bob")
    );
    let mut streams: Vec<TcpStream> = (0..8)
        .map(|_| {
            let mut stream = TcpStream::connect(&node.viewers).unwrap();
            stream.set_read_timeout(Some(crate::bench::SOON)).unwrap();
            write!(stream, "GET {target} HTTP/1.1\r\nhost: node\r\n\r\n").unwrap();
            stream
        })
        .collect();
    soon("they are viewers", || {
        (node.metric("subscriptions") >= 8).then_some(())
    });
    let said: Vec<String> = (0..200)
        .map(|number| {
            if number == 100 {
                node.terminate();
            }
            bench.give("a", &"x".repeat(2_000))
        })
        .collect();
    for stream in &mut streams {
        let text = crate::bench::read_to_end(stream);
        assert!(text.ends_with("\n\n"), "{:?}", &text[text.len() - 80..]);
        assert!(text.contains("\nevent: move\ndata: "));
        assert!(text.contains(&said[0]));
    }
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
    assert!(run("--listen", "0.0.0.0:0").contains("TIDEGATE_PUBLIC_URL"));
    assert!(run("--public-url", "ws://[::]:7001").contains("--public-url"));
    assert!(run("--admin-token", "short").contains("TIDEGATE_ADMIN_TOKEN"));
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
        .args(["--node", "n1", "--cores", "1", "--listen", "127.0.0.1:0"])
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
