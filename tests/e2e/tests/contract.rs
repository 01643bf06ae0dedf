//! What goes with every answer: the description of the interface, traces, the access log, headers for browsers.

use e2e::system::ORIGIN;
use e2e::token::token;
use e2e::{System, soon};
use redis::Commands;
use serde_json::{Value, json};

const DESCRIPTION: &str = include_str!("../../../docs/openapi.yaml");
const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const SPAN: &str = "b7ad6b7169203331";

#[test]
fn the_description_is_served_and_may_be_kept() {
    let system = System::start(0);
    let get = |headers: &[(&str, &str)]| system.edge.send("GET", "/v1/openapi.yaml", headers, b"");
    let whole = get(&[]).expect(200);
    assert_eq!(whole.text, DESCRIPTION);
    assert_eq!(whole.header("content-type"), Some("application/yaml"));
    assert_eq!(
        whole.header("content-length"),
        Some(DESCRIPTION.len().to_string().as_str())
    );
    assert_eq!(whole.header("cache-control"), Some("public, max-age=300"));
    // Without this, a shared cache would hand one page's answer to another origin's.
    assert_eq!(whole.header("vary"), Some("Origin"));
    let tag = whole.header("etag").expect("a tag");
    let known = get(&[("if-none-match", tag)]).expect(304);
    assert_eq!((known.text.as_str(), known.header("etag")), ("", Some(tag)));
    get(&[("if-none-match", "\"another\"")]).expect(200);
    let head = system.edge.send("HEAD", "/v1/openapi.yaml", &[], b"");
    assert_eq!((head.status, head.text.as_str()), (200, ""));
    system
        .edge
        .send("POST", "/v1/openapi.yaml", &[], b"")
        .problem(405);
}

#[test]
fn a_trace_goes_through_the_edge_into_the_entry() {
    let system = System::start(0);
    system.room("traced");
    let bearer = format!("Bearer {}", token("alice", "publish"));
    let traceparent = format!("00-{TRACE}-{SPAN}-01");
    let publish = |trace: Option<&str>| {
        let mut headers = vec![
            ("authorization", bearer.as_str()),
            ("content-type", "application/json"),
        ];
        headers.extend(trace.map(|trace| ("traceparent", trace)));
        let body = br#"{"kind":"chat","data":{"text":"hello"}}"#;
        system
            .edge
            .send("POST", "/v1/rooms/traced/messages", &headers, body)
            .expect(202)
    };
    let answer = publish(Some(&traceparent));
    let told = answer.header("traceresponse").expect("a trace").to_owned();
    let parts: Vec<&str> = told.split('-').collect();
    assert_eq!((parts[0], parts[1], parts[3]), ("00", TRACE, "01"));
    // The edge's own step hangs below the caller's.
    assert_ne!(parts[2], SPAN);
    for none in [None, Some("00-nonsense")] {
        assert_eq!(publish(none).header("traceresponse"), None);
    }

    let mut redis = system.redis();
    let streams: Vec<String> = redis.keys("tg:*:room:traced:chat:local").unwrap();
    let entries: Vec<(String, Vec<String>)> = redis::cmd("XRANGE")
        .arg(&streams)
        .arg("-")
        .arg("+")
        .query(&mut redis)
        .unwrap();
    let traces: Vec<&str> = entries
        .iter()
        .map(|(_, fields)| {
            let at = fields.iter().position(|field| field == "trace").unwrap();
            fields[at + 1].as_str()
        })
        .collect();
    assert_eq!(traces, [told.as_str(), "", ""]);
}

/// The lines of the access log, as the host's log has them.
fn access_log(log: &str) -> Vec<Value> {
    log.lines()
        .filter_map(|line| {
            let json = &line[line.find("{\"at_ms\"")?..];
            serde_json::Deserializer::from_str(json)
                .into_iter::<Value>()
                .next()?
                .ok()
        })
        .collect()
}

#[test]
fn every_request_is_one_line_that_holds_no_secret() {
    let mut system = System::start(0);
    system.room("quiet-room");
    let secret = token("secret-subject", "publish");
    let bearer = format!("Bearer {secret}");
    let headers = [
        ("authorization", bearer.as_str()),
        ("content-type", "application/json"),
        ("x-request-id", "request-1"),
        ("idempotency-key", "secret-key"),
    ];
    let body = json!({"kind":"chat","data":{"text":"secret-words"}}).to_string();
    let path = "/v1/rooms/quiet-room/messages?token=secret-query";
    system
        .edge
        .send("POST", path, &headers, body.as_bytes())
        .expect(202);
    let lost = [("x-request-id", "request-2")];
    system
        .edge
        .send("GET", "/v1/secret-path", &lost, b"")
        .problem(404);
    let health = [("x-request-id", "request-3")];
    system
        .edge
        .send("GET", "/healthz", &health, b"")
        .expect(200);
    let last = [("x-request-id", "request-4")];
    system
        .edge
        .send("DELETE", "/v1/rooms/quiet-room", &last, b"")
        .problem(401);

    let process = system.edge_process();
    let lines = soon("the last request is in the log", || {
        let lines = access_log(&process.log());
        let last = lines.iter().any(|line| line["request_id"] == "request-4");
        last.then_some(lines)
    });
    let of = |id: &str| -> Vec<&Value> {
        lines
            .iter()
            .filter(|line| line["request_id"] == id)
            .collect()
    };
    let told = |id: &str| {
        let [line] = of(id)[..] else {
            panic!("{id}: {:?}", of(id));
        };
        assert!(line["at_ms"].is_u64() && line["duration_us"].is_u64());
        (
            line["method"].clone(),
            line["route"].clone(),
            line["status"].clone(),
        )
    };
    let publish = "/v1/rooms/{room}/messages";
    assert_eq!(
        told("request-1"),
        (json!("POST"), json!(publish), json!(202))
    );
    assert_eq!(told("request-2"), (json!("GET"), Value::Null, json!(404)));
    assert_eq!(
        told("request-4"),
        (json!("DELETE"), json!("/v1/rooms/{room}"), json!(401))
    );
    assert!(of("request-3").is_empty(), "a probe that went well");
    let log = process.log();
    let signature = secret.rsplit('.').next().expect("it has three parts");
    for secret in ["secret", "quiet-room", signature] {
        assert!(!log.contains(secret), "`{secret}` is in the log:\n{log}");
    }
}

#[test]
fn browsers_are_told_what_to_read_and_what_not_to_do() {
    let system = System::start(0);
    let origin = [("origin", ORIGIN)];
    let answer = system
        .edge
        .send("GET", "/v1/rooms/none", &origin, b"")
        .problem(404);
    let exposed = answer
        .header("access-control-expose-headers")
        .expect("pages read headers");
    for name in [
        "retry-after",
        "ratelimit",
        "ratelimit-policy",
        "traceresponse",
        "x-request-id",
    ] {
        assert!(
            exposed.split(", ").any(|one| one == name),
            "{name}: {exposed}"
        );
    }
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        (
            "content-security-policy",
            "default-src 'none'; frame-ancestors 'none'",
        ),
        ("cross-origin-resource-policy", "same-origin"),
        ("referrer-policy", "no-referrer"),
        ("cache-control", "no-store"),
    ] {
        assert_eq!(answer.header(name), Some(value), "{name}");
    }
    let preflight = [
        ("origin", ORIGIN),
        ("access-control-request-method", "POST"),
        ("access-control-request-headers", "traceparent"),
    ];
    let allowed = system
        .edge
        .send("OPTIONS", "/v1/rooms/none/messages", &preflight, b"")
        .expect(204);
    let allowed = allowed
        .header("access-control-allow-headers")
        .expect("some");
    for name in [
        "authorization",
        "idempotency-key",
        "traceparent",
        "tracestate",
    ] {
        assert!(
            allowed.split(", ").any(|one| one == name),
            "{name}: {allowed}"
        );
    }
}

#[test]
fn browsers_of_the_configured_origin_are_let_in_and_no_others() {
    let system = System::start(1);
    let ask = |origin: &str| {
        let headers = [
            ("origin", origin),
            ("access-control-request-method", "POST"),
            (
                "access-control-request-headers",
                "authorization,content-type,idempotency-key",
            ),
        ];
        system
            .edge
            .send("OPTIONS", "/v1/rooms/e2e.cors/messages", &headers, b"")
    };
    let good = ask("http://app.example");
    assert_eq!(
        good.header("access-control-allow-origin"),
        Some("http://app.example"),
        "{good:?}"
    );
    assert!(
        good.header("access-control-allow-headers")
            .is_some_and(|names| names.to_lowercase().contains("idempotency-key"))
    );
    assert!(
        good.header("vary")
            .is_some_and(|vary| vary.to_lowercase().contains("origin"))
    );
    assert_eq!(
        ask("https://evil.example").header("access-control-allow-origin"),
        None
    );
}
