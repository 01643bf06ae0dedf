//! The demo's back end, with an edge that only notes what it is asked.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use serde_json::{Value, json};

use crate::bench::{Bench, Node, SOON, get, post};

const KEYS: &str = r#"{"keys":[{"kty":"oct","alg":"HS256","kid":"example-auth","k":"tj3K_SSnYyLyxsPzLOttPet71J5XnkzmTMz7VXe3uHQ"}]}"#;

struct Asked {
    line: String,
    head: String,
    body: Value,
}

/// Answers each request with a status, and notes it.
fn edge(statuses: &'static [u16]) -> (String, Receiver<Asked>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (noted, asked) = channel();
    thread::spawn(move || {
        for status in statuses {
            let (stream, _) = listener.accept().unwrap();
            let mut reader = BufReader::new(stream);
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            let mut head = String::new();
            while !head.ends_with("\r\n\r\n") {
                reader.read_line(&mut head).unwrap();
            }
            let head = head.to_ascii_lowercase();
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: ")?.parse().ok())
                .unwrap_or(0);
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            let answer = r#"{"id":"local-1-0","detail":"not now"}"#;
            let text = format!(
                "HTTP/1.1 {status} X\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{answer}",
                answer.len()
            );
            reader.get_mut().write_all(text.as_bytes()).unwrap();
            let body = serde_json::from_slice(&body).unwrap();
            noted.send(Asked { line, head, body }).unwrap();
        }
    });
    (url, asked)
}

fn node(bench: &Bench, edge: &str) -> Node {
    let flags = [
        "--demo",
        "127.0.0.1:0",
        "--edge-url",
        edge,
        "--auth-keys",
        KEYS,
    ];
    let more = ["--auth-issuer", "issuer", "--auth-audience", "audience"];
    bench.node("n1", &[&flags[..], &more].concat())
}

fn claims(token: &str) -> Value {
    use base64::Engine;
    let payload = token.split('.').nth(1).unwrap();
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD
        .decode(payload)
        .unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

#[test]
fn it_makes_the_room_gives_tokens_and_sells_gifts() {
    let bench = Bench::new();
    let (edge, asked) = edge(&[503, 201, 202, 429]);
    let node = node(&bench, &edge);
    assert_eq!(
        asked.recv_timeout(SOON).unwrap().line,
        "POST /v1/rooms HTTP/1.1\r\n"
    );
    assert_eq!(asked.recv_timeout(SOON).unwrap().body["id"], "demo.lobby");

    let config: Value = serde_json::from_str(&get(&node.demo, "/demo/config", &[]).body).unwrap();
    assert_eq!(config, json!({"edges": [edge], "room": "demo.lobby"}));
    let page = get(&node.demo, "/", &[]);
    assert!(page.status == 200 && page.head.contains("text/html"));
    assert_eq!(get(&node.demo, "/tidegate/index.js", &[]).status, 200);
    assert_eq!(get(&node.demo, "/../Cargo.toml", &[]).status, 404);

    let kind = "content-type: application/json";
    let answer = post(&node.demo, "/demo/token", &[kind], r#"{"name":" 小明 "}"#);
    let given: Value = serde_json::from_str(&answer.body).unwrap();
    let token = given["token"].as_str().unwrap();
    let claims = claims(token);
    assert_eq!(claims["info"]["name"], "小明");
    assert_eq!(
        (&claims["sub"], &claims["scope"]),
        (&given["sub"], &json!("publish"))
    );
    assert_eq!(claims["rooms"], json!(["demo.*"]));

    let bearer = format!("authorization: Bearer {token}");
    let rose = r#"{"gift":"rose","count":3}"#;
    assert_eq!(
        post(&node.demo, "/demo/gift", &[kind, &bearer], rose).status,
        202
    );
    let gift = asked.recv_timeout(SOON).unwrap();
    assert_eq!(gift.line, "POST /v1/rooms/demo.lobby/messages HTTP/1.1\r\n");
    assert!(gift.head.contains("idempotency-key: demo-"));
    assert_eq!(
        gift.body,
        json!({"kind": "gift", "data": {"gift": "rose", "count": 3}, "as": {"sub": given["sub"], "info": {"name": "小明"}}})
    );
    // What the edge refuses is passed on.
    let refused = post(&node.demo, "/demo/gift", &[kind, &bearer], rose);
    assert_eq!(refused.status, 429);
    assert!(refused.body.contains("not now"));
}

#[test]
fn bad_requests_are_problems() {
    let bench = Bench::new();
    let (edge, _asked) = edge(&[409]);
    let node = node(&bench, &edge);
    let kind = "content-type: application/json";
    let long = format!(r#"{{"name":"{}"}}"#, "x".repeat(2_000));
    for (path, body, status) in [
        ("/demo/token", r#"{"name":""}"#, 400),
        ("/demo/token", "{", 400),
        ("/demo/token", &long, 400),
        ("/demo/gift", r#"{"gift":"rose","count":1}"#, 401),
    ] {
        let answer = post(&node.demo, path, &[kind], body);
        assert_eq!(answer.status, status, "{body}");
        assert!(answer.head.contains("application/problem+json"));
    }
}
