//! Upstreams that fail, hang or lie, and configurations that are not taken.

use std::process::Command;
use std::time::{Duration, Instant};

use e2e::process::{binary, root};
use e2e::routed::{config, get, put, system};
use e2e::soon;
use e2e::upstream::{Does, Upstream};
use redis::Commands;
use serde_json::{Value, json};

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
            .env("SPIN_VARIABLE_UPSTREAM_A", allowed)
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
