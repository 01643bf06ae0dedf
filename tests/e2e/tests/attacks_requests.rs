//! Requests that attack, over the running edge, beside their tokens: all of them fail closed.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use e2e::System;
use e2e::token::token;
use serde_json::{Value, json};

fn chat() -> Value {
    json!({"kind":"chat","data":{"text":"hi"}})
}

fn start() -> System {
    let system = System::start(0);
    system.room("e2e.attack");
    system
}

#[test]
fn no_header_makes_somebody_of_nobody() {
    let system = start();
    let path = "/v1/rooms/e2e.attack/messages";
    let body = chat().to_string();
    let json_type = ("content-type", "application/json");
    for name in [
        "x-user",
        "x-user-id",
        "x-forwarded-user",
        "x-remote-user",
        "x-authenticated-user",
        "x-tidegate-subject",
        "x-tidegate-scopes",
        "tidegate-identity",
        "spin-identity",
        "proxy-authorization",
        "x-authorization",
        "cookie",
    ] {
        let good = format!("Bearer {}", token("backend", "service"));
        for value in [
            "backend",
            r#"{"subject":"backend","scopes":["service"]}"#,
            good.as_str(),
        ] {
            let reply =
                system
                    .edge
                    .send("POST", path, &[json_type, (name, value)], body.as_bytes());
            assert_eq!(
                reply.problem(401).str("code"),
                "no_token",
                "{name}: {value}"
            );
        }
    }
    let alice = format!("Bearer {}", token("alice", "publish"));
    let service = format!("Bearer {}", token("backend", "service"));
    let twice = [
        json_type,
        ("authorization", &alice),
        ("authorization", &service),
    ];
    system
        .edge
        .send("POST", path, &twice, body.as_bytes())
        .problem(400);
    for value in [
        "Basic YTpi",
        "Bearer",
        "Bearer ",
        &format!("{alice} {alice}"),
        &format!("{alice},{service}"),
        "bearer\u{9}x",
    ] {
        let reply = system.edge.send(
            "POST",
            path,
            &[json_type, ("authorization", value)],
            body.as_bytes(),
        );
        assert_eq!(reply.status, 401, "{value}: {reply:?}");
    }
    // In query and body it is nobody's token either.
    let query = format!(
        "{path}?access_token={}&token={}",
        token("alice", "publish"),
        token("alice", "publish")
    );
    let reply = system
        .edge
        .send("POST", &query, &[json_type], body.as_bytes());
    assert!(matches!(reply.status, 400 | 401), "{reply:?}");
}

/// Sends bytes as they are, and reads the status line.
fn raw_status(system: &System, request: &[u8]) -> Option<u16> {
    let authority = system.edge.base().trim_start_matches("http://");
    let mut stream = TcpStream::connect(authority).expect("the edge listens");
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .expect("it can be set");
    // The edge may answer and close before it has read everything.
    let _ = stream.write_all(request);
    let mut answer = Vec::new();
    let mut chunk = [0; 1_024];
    while !answer.ends_with(b"\r\n") {
        match stream.read(&mut chunk) {
            Ok(read) if read > 0 => answer.extend(&chunk[..read]),
            _ => break,
        }
        if answer.len() > 12 {
            break;
        }
    }
    std::str::from_utf8(answer.get(9..12)?).ok()?.parse().ok()
}

#[test]
fn paths_that_could_mean_two_things_are_refused() {
    let system = start();
    let bearer = token("alice", "publish service rooms:write moderate");
    for path in [
        "/v1/rooms/e2e.attack/../../readyz",
        "/v1/rooms/../rooms/e2e.attack",
        "/v1/rooms/%2e%2e/rooms/e2e.attack",
        "/v1/./rooms/e2e.attack",
        "/v1/rooms/e2e.attack%2Fmessages",
        "/v1/rooms%2Fe2e.attack",
        "/v1/rooms/e2e.attack%5Cmessages",
        "/v1//rooms/e2e.attack",
        "//v1/rooms/e2e.attack",
        "/v1/rooms/e2e.attack/",
        "/v1/rooms/e2e.attack%00",
        "/v1/rooms/e2e.attack%0d%0a",
        "/v1/rooms/e2e.attack%3Fx",
        "/v1/rooms/e2e.attack;x=1",
        "/v1/rooms/%65%32%65.attack%",
        "/v1/rooms/%c0%ae%c0%ae",
        "/V1/rooms/e2e.attack",
        "/%76%31/../v1/rooms",
    ] {
        let request = format!(
            "GET {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {bearer}\r\nconnection: close\r\n\r\n"
        );
        let status = raw_status(&system, request.as_bytes());
        assert!(matches!(status, Some(400 | 404)), "{path}: {status:?}");
    }
    system
        .edge
        .call("GET", "/v1/rooms/e2e.attack", &bearer, &Value::Null)
        .expect(200);
}

#[test]
fn requests_that_are_too_much_are_refused_and_others_served_meanwhile() {
    let system = start();
    let mut many = String::from("GET /v1/rooms/e2e.attack HTTP/1.1\r\nhost: x\r\n");
    for number in 0..10_000 {
        many += &format!("x-{number}: 1\r\n");
    }
    many += "\r\n";
    let long = format!(
        "GET /healthz HTTP/1.1\r\nhost: x\r\nx: {}\r\n\r\n",
        "x".repeat(1_000_000)
    );
    for (what, request) in [("10,000 headers", &many), ("a header of 1 MB", &long)] {
        let status = raw_status(&system, request.as_bytes());
        // An end without an answer is as closed as a refusal.
        assert!(
            matches!(status, None | Some(400 | 431)),
            "{what}: {status:?}"
        );
    }
    let bearer = token("alice", "publish");
    let head = |length: &str| {
        format!(
            "POST /v1/rooms/e2e.attack/messages HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {bearer}\r\n\
             content-type: application/json\r\nconnection: close\r\n{length}\r\n\r\n"
        )
    };
    for (what, lines, body) in [
        (
            "two lengths",
            "content-length: 2\r\ncontent-length: 40",
            "{}",
        ),
        (
            "a length and chunks",
            "content-length: 2\r\ntransfer-encoding: chunked",
            "0\r\n\r\n",
        ),
        ("a negative length", "content-length: -1", ""),
        (
            "chunks of no length",
            "transfer-encoding: chunked",
            "zz\r\n{}\r\n0\r\n\r\n",
        ),
    ] {
        let status = raw_status(&system, format!("{}{body}", head(lines)).as_bytes());
        assert!(!matches!(status, Some(200..300)), "{what}: {status:?}");
    }

    // Bodies that never end hold nobody up but themselves.
    let authority = system.edge.base().trim_start_matches("http://");
    let since = Instant::now();
    let mut slow: Vec<TcpStream> = (0..20)
        .map(|_| {
            let mut stream = TcpStream::connect(authority).expect("the edge listens");
            stream
                .write_all(head("content-length: 1000").as_bytes())
                .expect("it is sent");
            stream.write_all(b"{").expect("it is sent");
            stream
        })
        .collect();
    for _ in 0..20 {
        system
            .edge
            .publish("e2e.attack", &token("bob", "publish"), "", &chat())
            .expect(202);
    }
    for stream in &mut slow {
        stream
            .set_read_timeout(Some(Duration::from_secs(30)))
            .expect("it can be set");
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer);
        // The edge gives up after as long as the host does: whichever is first, it is refused.
        let refused = ["HTTP/1.1 408", "HTTP/1.1 400"];
        assert!(
            answer.is_empty() || refused.iter().any(|head| answer.starts_with(head)),
            "{answer}"
        );
    }
    assert!(
        since.elapsed() < Duration::from_secs(25),
        "{:?}",
        since.elapsed()
    );
}
