//! What an upstream is told of a caller, and what it is not.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use e2e::routed::{config, put, system};
use e2e::token::token;
use e2e::upstream::{Does, Upstream};
use e2e::{System, within};
use redis_tests::RedisServer;
use serde_json::{Value, json};

/// Sends a request with these header lines as they are, and gives the whole answer.
fn raw(system: &System, lines: &[&str]) -> String {
    let authority = system.edge.base().trim_start_matches("http://");
    let mut stream = TcpStream::connect(authority).expect("the edge listens");
    let lines = lines.join("\r\n");
    write!(
        stream,
        "GET /x/y HTTP/1.1\r\nhost: {authority}\r\n{lines}\r\n\r\n"
    )
    .expect("it takes it");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer
}

#[test]
fn fields_that_connection_names_end_at_the_edge() {
    let upstream = Upstream::start(Does::ok("in"));
    let system = system(&[&upstream]);
    put(&system, "1", &config(&[&upstream], json!({}), json!({})));
    let answer = raw(
        &system,
        &[
            "connection: close, X-Named",
            "connection: x-also-named",
            "x-named: 1",
            "X-Also-Named: 2",
            "x-kept: 3",
        ],
    );
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let seen = upstream.last();
    assert_eq!(seen.all("x-kept"), ["3"]);
    for gone in ["connection", "x-named", "x-also-named"] {
        assert!(seen.all(gone).is_empty(), "{gone}: {seen:?}");
    }
}

#[test]
fn a_trace_goes_on_to_the_upstream_as_the_edges_own_step() {
    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
    const SPAN: &str = "b7ad6b7169203331";
    let upstream = Upstream::start(Does::ok("in"));
    let system = system(&[&upstream]);
    put(&system, "1", &config(&[&upstream], json!({}), json!({})));
    let begun = format!("00-{TRACE}-{SPAN}-01");
    let send = |traceparent: &str| {
        let headers = [("traceparent", traceparent), ("tracestate", "vendor=1")];
        system.edge.send("GET", "/x/y", &headers, b"").expect(200)
    };
    let told = send(&begun)
        .header("traceresponse")
        .expect("a step")
        .to_owned();
    let seen = upstream.last();
    assert_eq!(
        seen.all("traceparent"),
        [told.as_str()],
        "the step that the caller is told of"
    );
    assert!(
        told.starts_with(&format!("00-{TRACE}-")) && !told.contains(SPAN),
        "{told}"
    );
    assert_eq!(seen.all("tracestate"), ["vendor=1"]);
    // What is malformed goes no further, and its state with it.
    assert_eq!(send("00-nonsense-01").header("traceresponse"), None);
    let seen = upstream.last();
    assert!(
        seen.all("traceparent").is_empty() && seen.all("tracestate").is_empty(),
        "{seen:?}"
    );
}

#[test]
fn a_revoked_caller_reaches_no_upstream() {
    let upstream = Upstream::start(Does::ok("in"));
    let system = system(&[&upstream]);
    let mut routes = config(&[&upstream], json!({}), json!({"identity": "required"}));
    let mut open = routes["routes"][0].clone();
    (open["path"], open["identity"]) = ("/open".into(), "none".into());
    routes["routes"].as_array_mut().expect("a list").push(open);
    put(&system, "1", &routes);
    let (bob, carol) = (token("bob", "publish"), token("carol", "publish"));
    let get = |path: &str, token: &str| system.edge.call("GET", path, token, &Value::Null);
    get("/x/y", &bob).expect(200);
    let service = token("backend", "service");
    let ban = |method, body| {
        system
            .edge
            .call(method, "/v1/rooms/!all/bans/bob", &service, &body)
    };
    ban("PUT", json!({})).expect(204);
    let told = within(Duration::from_secs(3), "it is seen", || {
        let reply = get("/x/y", &bob);
        (reply.status == 401).then_some(reply)
    });
    assert_eq!(told.str("code"), "revoked");
    let calls = upstream.calls();
    get("/x/y", &bob).problem(401);
    assert_eq!(upstream.calls(), calls);
    get("/x/y", &carol).expect(200);
    get("/open", &bob).expect(200);
    ban("DELETE", Value::Null).expect(204);
    within(Duration::from_secs(3), "it is lifted", || {
        (get("/x/y", &bob).status == 200).then_some(())
    });
}

#[test]
fn while_nobody_can_say_who_was_revoked_only_routes_without_identity_go_on() {
    let upstream = Upstream::start(Does::ok("in"));
    let limits = RedisServer::start();
    let options = e2e::Options {
        variables: vec![
            ("upstream_a", upstream.url.clone()),
            ("limit_redis_url", limits.url()),
        ],
        ..e2e::Options::default()
    };
    let mut system = System::with(0, options);
    let mut routes = config(&[&upstream], json!({}), json!({"identity": "optional"}));
    let mut open = routes["routes"][0].clone();
    (open["path"], open["identity"]) = ("/open".into(), "none".into());
    routes["routes"].as_array_mut().expect("a list").push(open);
    put(&system, "1", &routes);
    let bob = token("bob", "publish");
    let get = |system: &System, path: &str, token: &str| {
        system.edge.call("GET", path, token, &Value::Null)
    };
    get(&system, "/x/y", &bob).expect(200);
    system.redis.kill();
    let told = within(
        Duration::from_secs(3),
        "the revocations are out of reach",
        || {
            let reply = get(&system, "/x/y", &bob);
            (reply.status == 503).then_some(reply)
        },
    );
    assert!(told.header("retry-after").is_some());
    get(&system, "/x/y", "").expect(200);
    get(&system, "/open", &bob).expect(200);
}
