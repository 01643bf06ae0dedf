//! Routes to upstreams over the running edge: real servers that fail, hang, answer slowly, or lie.

use std::process::Command;
use std::time::{Duration, Instant};

use e2e::process::{binary, root};
use e2e::system::ORIGIN;
use e2e::token::token;
use e2e::upstream::{Does, Upstream};
use e2e::{Options, System, soon};
use redis::Commands;
use serde_json::{Value, json};

/// A system whose edge may connect to these upstreams.
fn system(upstreams: &[&Upstream]) -> System {
    const NAMES: [&str; 3] = ["upstream_1", "upstream_2", "upstream_3"];
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

fn put(system: &System, version: &str, config: &Value) {
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
fn config(upstreams: &[&Upstream], pool: Value, route: Value) -> Value {
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

fn get(system: &System, path: &str) -> e2e::Reply {
    system.edge.send("GET", path, &[], b"")
}

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

#[test]
fn who_reads_gets_the_last_answer_then_the_default() {
    let upstream = Upstream::start(Does::ok("fresh").with("cache-control", "max-age=1"));
    let system = system(&[&upstream]);
    let default =
        json!({"stale_s": 60, "default": {"content_type": "application/json", "body": "[]"}});
    put(&system, "1", &config(&[&upstream], json!({}), default));
    get(&system, "/x/kept").expect(200);
    upstream.set(Does::Close);
    let reply = get(&system, "/x/kept").expect(200);
    assert_eq!(
        (reply.text.as_str(), reply.header("tidegate-degraded")),
        ("fresh", Some("stale"))
    );
    assert!(reply.header("age").is_some() && reply.header("content-type") == Some("text/plain"));
    let other = get(&system, "/x/other").expect(200);
    assert_eq!(
        (other.text.as_str(), other.header("tidegate-degraded")),
        ("[]", Some("default"))
    );
    let query = get(&system, "/x/kept?a").expect(200);
    assert_eq!(query.text, "[]", "another target has another answer");
    let cookie = system
        .edge
        .send("GET", "/x/kept", &[("cookie", "a=b")], b"")
        .expect(200);
    assert_eq!(
        cookie.text, "[]",
        "who shows who they are gets nothing of others"
    );
    let write = system.edge.send("POST", "/x/kept", &[], b"").problem(503);
    assert_eq!(write.header("tidegate-degraded"), Some("unavailable"));
    // A private answer is not kept.
    upstream.set(Does::ok("mine").with("cache-control", "private"));
    soon("it is asked again", || {
        (get(&system, "/x/private").text == "mine").then_some(())
    });
    upstream.set(Does::status(503, "sick"));
    assert_eq!(get(&system, "/x/private").expect(200).text, "[]");
}

#[test]
fn who_hangs_or_stalls_is_given_up_in_time() {
    let upstream = Upstream::start(Does::Hang);
    let system = system(&[&upstream]);
    let times = json!({"connect_ms": 200, "first_byte_ms": 300, "total_ms": 1500});
    put(&system, "1", &config(&[&upstream], times, json!({})));
    for does in [Does::Hang, Does::Stall] {
        upstream.set(does.clone());
        let begun = Instant::now();
        let reply = get(&system, "/x/y").problem(503);
        assert_eq!(reply.json()["code"], "no_upstream");
        assert!(
            begun.elapsed() < Duration::from_secs(4),
            "{does:?}: {:?}",
            begun.elapsed()
        );
        assert!(!reply.text.contains("begun"));
    }
}

#[test]
fn who_lies_about_an_answer_is_not_believed() {
    let raw = |text: &str| Does::Raw(text.as_bytes().to_vec());
    let upstream = Upstream::start(Does::Close);
    let system = system(&[&upstream]);
    put(
        &system,
        "1",
        &config(
            &[&upstream],
            json!({"breaker": {"min_calls": 1000}}),
            json!({"response_max_bytes": 1000}),
        ),
    );
    for lie in [
        "HTTP/1.1 200 x\r\ncontent-length: 100\r\n\r\nshort",
        "HTTP/1.1 200 x\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nshort!",
        "HTTP/1.1 200 x\r\ntransfer-encoding: chunked\r\n\r\n5\r\nshort\r\n",
        "HTTP/1.1 200 x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nshort\r\n0\r\n\r\n",
        "HTTP/1.1 101 Switching\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n",
        "nonsense\r\n\r\n",
        "HTTP/1.1 200 x\r\nbad header\r\n\r\n",
    ] {
        upstream.set(raw(lie));
        let reply = get(&system, "/x/y");
        assert_eq!(reply.status, 503, "{lie:?}: {reply:?}");
    }
    // What comes after an answer is no second one.
    upstream.set(raw("HTTP/1.1 200 x\r\ncontent-length: 2\r\n\r\nokHTTP/1.1 200 x\r\ncontent-length: 4\r\n\r\nevil"));
    for _ in 0..3 {
        assert_eq!(get(&system, "/x/y").expect(200).text, "ok");
    }
    upstream.set(Does::ok(&"x".repeat(1001)));
    assert_eq!(
        get(&system, "/x/y").problem(502).json()["code"],
        "upstream_too_large"
    );
    upstream.set(raw(&format!(
        "HTTP/1.1 200 x\r\ntransfer-encoding: chunked\r\n\r\n{}0\r\n\r\n",
        format!("64\r\n{}\r\n", "x".repeat(100)).repeat(11)
    )));
    assert_eq!(
        get(&system, "/x/y").problem(502).json()["code"],
        "upstream_too_large"
    );
    upstream.set(Does::status(302, "").with("location", "http://127.0.0.1:1/"));
    let reply = get(&system, "/x/y").expect(302);
    assert_eq!(
        reply.header("location"),
        Some("http://127.0.0.1:1/"),
        "a redirect is not followed"
    );
}

#[test]
fn where_the_manifest_does_not_lead_nothing_goes() {
    let (allowed, other) = (
        Upstream::start(Does::ok("in")),
        Upstream::start(Does::ok("out")),
    );
    let system = system(&[&allowed]);
    put(&system, "1", &config(&[&other], json!({}), json!({})));
    assert_eq!(
        get(&system, "/x/y").problem(503).json()["code"],
        "no_upstream"
    );
    assert_eq!(other.calls(), 0);
}

#[test]
fn a_bad_configuration_is_refused_and_the_last_good_one_stays() {
    let upstream = Upstream::start(Does::ok("good"));
    let mut system = system(&[&upstream]);
    put(&system, "bad", &json!({"routes": [{"path": "/x"}]}));
    assert_eq!(
        get(&system, "/x/y").problem(500).json()["code"],
        "not_configured"
    );
    put(&system, "1", &config(&[&upstream], json!({}), json!({})));
    soon("a good one is taken", || {
        (get(&system, "/x/y").status == 200).then_some(())
    });
    put(
        &system,
        "2",
        &json!({"routes": [{"path": "/v1/x", "pool": "p"}]}),
    );
    soon("the bad one is seen", || {
        assert_eq!(get(&system, "/x/y").expect(200).text, "good");
        let log = system.edge_process().log();
        log.contains("paths under /v1").then_some(())
    });
    let good: String = system
        .redis()
        .hget("tg:routes", "good_version")
        .expect("it is noted");
    assert_eq!(good, "1");
    put(
        &system,
        "3",
        &config(&[&upstream], json!({}), json!({"path": "/new"})),
    );
    soon("the next good one is taken", || {
        (get(&system, "/new").status == 200).then_some(())
    });
    get(&system, "/x/y").problem(404);
}

#[test]
fn routes_outlive_redis() {
    let upstream = Upstream::start(Does::ok("good"));
    let mut system = system(&[&upstream]);
    put(
        &system,
        "1",
        &config(&[&upstream], json!({}), json!({"identity": "none"})),
    );
    get(&system, "/x/y").expect(200);
    system.redis.stop();
    // Calls are counted in Redis, so whether they go on is for limits to say; nothing hangs, and nothing is made up.
    let reply = get(&system, "/x/y");
    match reply.status {
        200 => assert_eq!(reply.text, "good"),
        _ => drop(reply.problem(503)),
    }
    system.redis.restart();
    soon("it goes on", || {
        (get(&system, "/x/y").status == 200).then_some(())
    });
}

#[test]
fn the_command_checks_and_writes() {
    let upstream = Upstream::start(Does::ok("put"));
    let system = system(&[&upstream]);
    let folder = tempfile::TempDir::new().expect("a folder");
    let xtask = |act: &str, config: &Value, allowed: &str| {
        let file = folder.path().join("routes.json");
        std::fs::write(&file, config.to_string()).expect("it can be written");
        let output = Command::new(binary("xtask"))
            .current_dir(root())
            .args(["routes", act])
            .arg(&file)
            .env("SPIN_VARIABLE_REDIS_URL", system.redis.url())
            .env("SPIN_VARIABLE_UPSTREAM_1", allowed)
            .output()
            .expect("it is built");
        let said = [output.stdout, output.stderr].concat();
        (
            output.status.success(),
            String::from_utf8_lossy(&said).into_owned(),
        )
    };
    let good = config(&[&upstream], json!({}), json!({}));
    let (done, said) = xtask("put", &good, "http://10.0.0.1");
    assert!(!done && said.contains("is not allowed"), "{said}");
    let (done, said) = xtask("put", &json!({"pools": {"p": {}}}), &upstream.url);
    assert!(!done && said.contains("pools.p"), "{said}");
    let there: bool = system.redis().exists("tg:routes").expect("Redis answers");
    assert!(!there, "what is refused is not written");
    let (done, said) = xtask("check", &good, &upstream.url);
    assert!(
        done && said.contains("1 routes to 1 pools are good"),
        "{said}"
    );
    let (done, said) = xtask("put", &good, &upstream.url);
    assert!(done && said.contains("written as version"), "{said}");
    assert_eq!(get(&system, "/x/y").expect(200).text, "put");
}
