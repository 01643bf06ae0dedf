//! How calls are spread over a pool: by weights, and by what fan-out nodes say of their load.

use e2e::routed::{config, get, put, system};
use e2e::token::now_ms;
use e2e::upstream::{Does, Upstream};
use e2e::{System, soon};
use redis::Commands;
use serde_json::json;

#[test]
fn an_upstream_is_asked_as_often_as_its_weight_says() {
    let upstreams = ["a", "b", "c"].map(|name| Upstream::start(Does::ok(name)));
    let all: Vec<&Upstream> = upstreams.iter().collect();
    let system = system(&all);
    let mut routes = config(&all, json!({"balance": "weighted"}), json!({}));
    for (index, weight) in [5, 1, 2].into_iter().enumerate() {
        routes["pools"]["p"]["upstreams"][index]["weight"] = weight.into();
    }
    put(&system, "1", &routes);
    let answers: Vec<String> = (0..64)
        .map(|_| get(&system, "/x/y").expect(200).text)
        .collect();
    let calls: Vec<usize> = upstreams.iter().map(Upstream::calls).collect();
    assert_eq!(calls.iter().sum::<usize>(), 64);
    // A fresh instance of the edge begins its turns anywhere, so a few may be off.
    for (calls, right) in calls.iter().zip([40_usize, 8, 16]) {
        assert!(
            calls.abs_diff(right) <= 4,
            "{calls} calls, {right} by weight"
        );
    }
    let runs = answers.chunk_by(|one, next| one == next);
    let longest = runs.map(<[_]>::len).max();
    assert!(longest < Some(6), "turns are not spread out: {answers:?}");
    // What is down is stepped over, and the weights of the others hold.
    let before = (upstreams[1].calls(), upstreams[2].calls());
    upstreams[0].set(Does::Close);
    for _ in 0..24 {
        get(&system, "/x/y").expect(200);
    }
    let after = (
        upstreams[1].calls() - before.0,
        upstreams[2].calls() - before.1,
    );
    assert_eq!(after.0 + after.1, 24);
    assert!(after.1 > after.0, "{after:?}");
}

/// A record as a node writes it (docs/redis.md).
fn say(system: &System, upstream: &Upstream, name: &str, load: f64, lasting_ms: i64) {
    let until_ms = now_ms().cast_signed() + lasting_ms;
    let record = json!({
        "url": upstream.url.replace("http://", "ws://"),
        "connections": 7,
        "load": load,
        "until_ms": until_ms,
        "of_a_later_version": [1],
    });
    let () = system
        .redis()
        .hset("tg:nodes:local", name, record.to_string())
        .expect("Redis takes it");
}

#[test]
fn nodes_are_asked_by_the_load_that_they_report() {
    let (one, other) = (
        Upstream::start(Does::ok("one")),
        Upstream::start(Does::ok("other")),
    );
    let system = system(&[&one, &other]);
    say(&system, &one, "n1", 0.9, 600_000);
    say(&system, &other, "n2", 0.2, 600_000);
    let pool = json!({"balance": "least-loaded", "load": "nodes"});
    put(&system, "1", &config(&[&one, &other], pool, json!({})));
    let told = |count| -> Vec<String> {
        (0..count)
            .map(|_| get(&system, "/x/y").expect(200).text)
            .collect()
    };
    assert_eq!(told(12), vec!["other"; 12]);
    // The tables are turned; edges read it within a second.
    say(&system, &other, "n2", 1.0, 600_000);
    soon("the other node is asked", || {
        (told(1) == ["one"]).then_some(())
    });
    assert_eq!(told(12), vec!["one"; 12]);
    // A node that no longer reports counts as the mean of the others, and both are asked.
    say(&system, &one, "n1", 0.0, -1);
    soon("both are asked", || {
        let told = told(12);
        let asked = |name: &str| told.iter().any(|one| one == name);
        (asked("one") && asked("other")).then_some(())
    });
}

#[test]
fn a_fresh_edge_with_5_000_routes_answers_all_who_come_at_once() {
    const ROUTES: usize = 5_000;
    const AT_ONCE: usize = 64;
    let upstream = Upstream::start(Does::ok("here"));
    let system = system(&[&upstream]);
    let mut routes = config(&[&upstream], json!({}), json!({}));
    let paths = (0..ROUTES).map(|n| json!({"path": format!("/places/{n}/{{id}}"), "pool": "p"}));
    routes["routes"] = paths.collect();
    put(&system, "1", &routes);
    let answers: Vec<u16> = std::thread::scope(|scope| {
        let callers: Vec<_> = (0..AT_ONCE)
            .map(|n| {
                let path = format!("/places/{}/x", n * ROUTES / AT_ONCE);
                let edge = &system.edge;
                scope.spawn(move || edge.send("GET", &path, &[], b"").status)
            })
            .collect();
        let answers = callers.into_iter().map(|caller| caller.join());
        answers.map(|status| status.expect("an answer")).collect()
    });
    assert_eq!(answers, [200; AT_ONCE]);
    assert_eq!(upstream.calls(), AT_ONCE);
}
