//! Routes to upstreams over the running edge: where requests go, and when they stop going there.

use e2e::routed::{config, get, put, system};
use e2e::soon;
use e2e::system::ORIGIN;
use e2e::token::token;
use e2e::upstream::{Does, Upstream};
use redis::Commands;
use serde_json::{Value, json};

#[test]
fn a_request_passes_and_comes_back() {
    let upstream = Upstream::start(
        Does::ok("hello")
            .with("x-made-by", "shop")
            .with("access-control-allow-origin", "*"),
    );
    let system = system(&[&upstream]);
    put(
        &system,
        "1",
        &config(&[&upstream], json!({}), json!({"to": "/api/{*rest}"})),
    );
    let headers = [
        ("authorization", "Bearer a.b.c"),
        ("x-forwarded-for", "10.9.9.9"),
        ("tidegate-subject", "admin"),
        ("forwarded", "for=10.9.9.9"),
        ("x-custom", "kept"),
        ("te", "trailers"),
        ("origin", ORIGIN),
    ];
    let reply = system
        .edge
        .send("POST", "/x/a%20b/c?d=e&f", &headers, b"body")
        .expect(200);
    assert_eq!(reply.text, "hello");
    assert_eq!(reply.header("x-made-by"), Some("shop"));
    assert_eq!(reply.header("content-length"), Some("5"));
    assert_eq!(reply.header("via"), Some("1.1 tidegate"));
    assert_eq!(
        reply.header("access-control-allow-origin"),
        Some(ORIGIN),
        "the edge's own word"
    );
    let seen = upstream.last();
    assert_eq!(
        (seen.line.as_str(), seen.body.as_str()),
        ("POST /api/a%20b/c?d=e&f", "body")
    );
    assert_eq!(
        seen.all("host"),
        [upstream.url.trim_start_matches("http://")]
    );
    assert_eq!(seen.all("content-length"), ["4"]);
    assert_eq!(seen.all("x-custom"), ["kept"]);
    assert_eq!(seen.all("x-forwarded-for"), ["127.0.0.1"]);
    assert_eq!(seen.all("x-forwarded-proto"), ["http"]);
    assert_eq!(seen.all("via"), ["1.1 tidegate"]);
    for gone in [
        "authorization",
        "tidegate-subject",
        "forwarded",
        "te",
        "transfer-encoding",
    ] {
        assert!(seen.all(gone).is_empty(), "{gone}: {seen:?}");
    }
    // A body is framed, and none is none.
    get(&system, "/x/y").expect(200);
    let seen = upstream.last();
    assert!(
        seen.all("content-length").is_empty() && seen.all("transfer-encoding").is_empty(),
        "{seen:?}"
    );
    let head = system.edge.send("HEAD", "/x/y", &[], b"").expect(200);
    assert_eq!(
        (head.text.as_str(), upstream.last().line.as_str()),
        ("", "HEAD /api/y")
    );
}

#[test]
fn methods_paths_and_identity_are_looked_at() {
    let upstream = Upstream::start(Does::ok("in"));
    let system = system(&[&upstream]);
    let route = json!({"methods": ["GET", "PUT"], "identity": "required", "forward_authorization": true, "request_max_bytes": 4});
    put(&system, "1", &config(&[&upstream], json!({}), route));
    let reply = system.edge.send("DELETE", "/x/y", &[], b"").problem(405);
    assert_eq!(reply.header("allow"), Some("GET, HEAD, OPTIONS, PUT"));
    let reply = system.edge.send("OPTIONS", "/x/y", &[], b"").expect(204);
    assert_eq!(reply.header("allow"), Some("GET, HEAD, OPTIONS, PUT"));
    for path in ["/x", "/y", "/v1/x", "/v1/rooms/"] {
        get(&system, path).problem(404);
    }
    for path in ["/x/%2e%2e/secret", "/x/a%2fb", "/x//y", "/x/%00"] {
        get(&system, path).problem(400);
    }
    get(&system, "/x/y").problem(401);
    let bad = system.edge.call("GET", "/x/y", "a.b.c", &Value::Null);
    bad.problem(401);
    assert_eq!(upstream.calls(), 0, "nothing of this reached the upstream");
    let bearer = token("alice", "publish");
    system
        .edge
        .call("GET", "/x/y", &bearer, &Value::Null)
        .expect(200);
    assert_eq!(upstream.last().all("tidegate-subject"), ["alice"]);
    assert_eq!(
        upstream.last().all("authorization"),
        [format!("Bearer {bearer}")]
    );
    let authorization = format!("Bearer {bearer}");
    let reply = system.edge.send(
        "PUT",
        "/x/y",
        &[("authorization", &authorization)],
        b"12345",
    );
    assert_eq!(reply.problem(413).json()["code"], "too_large");
    assert_eq!(upstream.calls(), 1);
}

#[test]
fn turns_are_taken_and_a_dead_upstream_is_stepped_over() {
    let (one, other) = (
        Upstream::start(Does::ok("1")),
        Upstream::start(Does::ok("2")),
    );
    let system = system(&[&one, &other]);
    put(&system, "1", &config(&[&one, &other], json!({}), json!({})));
    for _ in 0..8 {
        get(&system, "/x/y").expect(200);
    }
    assert!(
        one.calls() >= 2 && other.calls() >= 2,
        "{} and {}",
        one.calls(),
        other.calls()
    );
    other.set(Does::Close);
    for _ in 0..8 {
        assert_eq!(
            get(&system, "/x/y").expect(200).text,
            "1",
            "the retry finds the other"
        );
    }
    // What may not be done twice is sent once.
    let before = one.calls() + other.calls();
    let statuses: Vec<u16> = (0..2)
        .map(|_| system.edge.send("POST", "/x/y", &[], b"").status)
        .collect();
    assert_eq!(one.calls() + other.calls() - before, 2, "{statuses:?}");
}

#[test]
fn the_less_loaded_upstream_is_asked() {
    let busy = Upstream::start(Does::ok("busy").with("tidegate-load", "0.9"));
    let idle = Upstream::start(Does::ok("idle").with("tidegate-load", "0.1"));
    let system = system(&[&busy, &idle]);
    put(
        &system,
        "1",
        &config(
            &[&busy, &idle],
            json!({"balance": "least-loaded"}),
            json!({}),
        ),
    );
    soon("both loads are known", || {
        let reply = get(&system, "/x/y").expect(200);
        assert_eq!(reply.header("tidegate-load"), None);
        let state: Option<String> = system.redis().get("tg:up:p").expect("Redis answers");
        (state?.matches(" load ").count() == 2).then_some(())
    });
    let before = busy.calls();
    for _ in 0..6 {
        assert_eq!(get(&system, "/x/y").expect(200).text, "idle");
    }
    assert_eq!(busy.calls(), before);
}

#[test]
fn a_breaker_opens_is_shared_and_closes_again() {
    let upstream = Upstream::start(Does::status(500, "sick"));
    let system = system(&[&upstream]);
    let breaker = json!({"breaker": {"min_calls": 4, "open_ms": 1000, "probes": 2}});
    put(&system, "1", &config(&[&upstream], breaker, json!({})));
    for _ in 0..4 {
        assert_eq!(
            get(&system, "/x/y").expect(500).text,
            "sick",
            "its own word"
        );
    }
    let reply = get(&system, "/x/y").problem(503);
    assert_eq!(reply.json()["code"], "no_upstream");
    assert_eq!(reply.header("tidegate-degraded"), Some("unavailable"));
    assert!(reply.header("retry-after").is_some());
    assert_eq!(upstream.calls(), 4, "an open breaker sends nothing");
    let state: String = system.redis().get("tg:up:p").expect("the state is shared");
    assert!(
        state.starts_with("1\n") && state.contains(" open "),
        "{state}"
    );
    let left_ms: i64 = system.redis().pttl("tg:up:p").expect("Redis answers");
    assert!(left_ms > 0, "it expires");
    upstream.set(Does::ok("well"));
    soon("it is tried again", || {
        (get(&system, "/x/y").status == 200).then_some(())
    });
    soon("it closes", || {
        get(&system, "/x/y").expect(200);
        let state: Option<String> = system.redis().get("tg:up:p").expect("Redis answers");
        state.is_none().then_some(())
    });
}

#[test]
fn what_another_edge_has_found_out_is_gone_by() {
    let upstream = Upstream::start(Does::ok("well"));
    let system = system(&[&upstream]);
    put(
        &system,
        "1",
        &config(
            &[&upstream],
            json!({"breaker": {"open_ms": 60000}}),
            json!({}),
        ),
    );
    get(&system, "/x/y").expect(200);
    let until_ms = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_millis()
        + 50_000;
    let state = format!("1\n{} open {until_ms} 1", upstream.url);
    let _: () = system
        .redis()
        .set("tg:up:p", state)
        .expect("Redis takes it");
    soon("the other's word is heard", || {
        (get(&system, "/x/y").status == 503).then_some(())
    });
    // What is not understood is forgotten.
    let _: () = system
        .redis()
        .set("tg:up:p", "nonsense")
        .expect("Redis takes it");
    soon("it is asked again", || {
        (get(&system, "/x/y").status == 200).then_some(())
    });
}
