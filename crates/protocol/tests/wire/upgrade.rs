//! The one request of a connection: what is taken, what is refused, and the answers byte by byte.

use insta::assert_snapshot;
use proptest::prelude::*;
use tidegate_protocol::limits;
use tidegate_protocol::upgrade::{Origins, Parsed, Readiness, Refusal, Refused, Request, parse};

const PAGE: &str = "https://live.example";

fn origins() -> Origins {
    Origins::parse(PAGE).unwrap()
}

fn judged(head: &str) -> Result<Request, Refusal> {
    match parse(head.as_bytes(), &origins()) {
        Ok(Parsed::Request(request, bytes)) => {
            assert_eq!(bytes, head.len());
            Ok(request)
        }
        Ok(Parsed::Incomplete) => panic!("incomplete: {head}"),
        Err(refused) => Err(refused.refusal),
    }
}

/// An upgrade in which one header is replaced, or left out.
fn connect(header: &str, value: Option<&str>) -> String {
    let mut head = "GET /v1/connect HTTP/1.1\r\n".to_owned();
    let usual = [
        ("Host", "node:7001"),
        ("Upgrade", "websocket"),
        ("Connection", "keep-alive, Upgrade"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("Sec-WebSocket-Protocol", "other, tidegate.v1.json"),
        ("Origin", PAGE),
    ];
    for (name, usual) in usual {
        let value = if name == header { value } else { Some(usual) };
        if let Some(value) = value {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
    }
    head + "\r\n"
}

fn get(target: &str, headers: &[&str]) -> String {
    let headers: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
    format!("GET {target} HTTP/1.1\r\nHost: node\r\n{headers}\r\n")
}

fn answer(write: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut out = Vec::new();
    write(&mut out);
    String::from_utf8(out).unwrap().replace("\r\n", "\n")
}

#[test]
fn an_upgrade_is_answered_as_rfc_6455_says() {
    let Ok(Request::Connect(request)) = judged(&connect("", None)) else {
        panic!("refused");
    };
    let text = answer(|out| request.answer(out));
    // Section 1.3: the accept value of this very key.
    assert!(text.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
    assert_snapshot!(text);
}

#[test]
fn an_upgrade_needs_each_of_its_headers() {
    let malformed = |result| matches!(result, Err(Refusal::Malformed(_)));
    for (header, value) in [
        ("Upgrade", None),
        ("Upgrade", Some("h2c")),
        ("Connection", None),
        ("Connection", Some("keep-alive")),
        ("Sec-WebSocket-Version", None),
        ("Sec-WebSocket-Version", Some("8")),
    ] {
        assert_eq!(
            judged(&connect(header, value)),
            Err(Refusal::UpgradeRequired),
            "{header}"
        );
    }
    for (header, value) in [
        ("Host", None),
        ("Sec-WebSocket-Key", None),
        ("Sec-WebSocket-Key", Some("dGhlIHNhbXBsZQ==")),
        ("Sec-WebSocket-Key", Some("dGhlIHNhbXBsZSBub25jZS==")),
        ("Sec-WebSocket-Key", Some("!!!!!!!!!!!!!!!!!!!!!!==")),
        ("Sec-WebSocket-Protocol", None),
        ("Sec-WebSocket-Protocol", Some("tidegate.v2")),
        (
            "Origin",
            Some("https://live.example\r\nOrigin: https://live.example"),
        ),
        ("Host", Some("a\r\nContent-Length: 3")),
        ("Host", Some("a\r\nTransfer-Encoding: chunked")),
    ] {
        assert!(
            malformed(judged(&connect(header, value))),
            "{header} {value:?}"
        );
    }
}

#[test]
fn an_origin_must_be_on_the_list_when_there_is_one() {
    assert!(judged(&connect("Origin", None)).is_ok());
    for foreign in [
        "https://evil.example",
        "null",
        "http://live.example",
        "https://live.example:8443",
    ] {
        assert_eq!(
            judged(&connect("Origin", Some(foreign))),
            Err(Refusal::Origin)
        );
        let events = get(
            "/v1/rooms/a/events?ticket=t",
            &[&format!("Origin: {foreign}")],
        );
        assert_eq!(judged(&events), Err(Refusal::Origin));
    }
}

#[test]
fn headers_in_any_case_and_the_absolute_form() {
    let head = connect("", None).to_lowercase();
    let head = head
        .replace(
            "get /v1/connect http/1.1",
            "GET http://node:7001/v1/connect HTTP/1.1",
        )
        .replace("dghlihnhbxbszsbub25jzq==", "dGhlIHNhbXBsZSBub25jZQ==");
    assert!(judged(&head).is_ok());
}

#[test]
fn events_take_ticket_and_cursor() {
    let head = get(
        "/v1/rooms/demo.lobby/events?cursor=1bG9jYWw9Ny0x&ticket=t1.k%2Dx.p.m&later=1",
        &["Accept: text/event-stream", &format!("Origin: {PAGE}")],
    );
    let Ok(Request::Events(events)) = judged(&head) else {
        panic!("refused");
    };
    assert_eq!(events.room.as_str(), "demo.lobby");
    assert_eq!(events.ticket, "t1.k-x.p.m");
    assert_eq!(events.cursor.as_ref().unwrap().to_string(), "1bG9jYWw9Ny0x");
    assert_snapshot!(answer(|out| events.answer(out)));
}

#[test]
fn the_last_event_wins() {
    let with = |last: &str| {
        let head = get(
            "/v1/rooms/a/events?ticket=t&cursor=1bG9jYWw9Ny0x",
            &[&format!("Last-Event-ID: {last}")],
        );
        match judged(&head) {
            Ok(Request::Events(events)) => events.cursor.map(|c| c.to_string()),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(with("1").as_deref(), Some("1"));
    assert_eq!(with("").as_deref(), Some("1bG9jYWw9Ny0x"));
}

#[test]
fn bad_requests_for_events() {
    let refused = |target: &str, headers: &[&str]| judged(&get(target, headers)).unwrap_err();
    let long = format!("/v1/rooms/a/events?ticket={}", "t".repeat(769));
    for (target, status) in [
        ("/v1/rooms/a/events", 401),
        ("/v1/rooms/a/events?ticket=", 401),
        (&long, 401),
        ("/v1/rooms/a/events?ticket=t&cursor=x", 400),
        ("/v1/rooms/a/events?ticket=t&ticket=t", 400),
        ("/v1/rooms/a/events?ticket=%f", 400),
        ("/v1/rooms/a%20b/events?ticket=t", 400),
        ("/v1/rooms/a/b/events?ticket=t", 404),
        ("/v1/rooms//events?ticket=t", 400),
        ("/v1/rooms/a", 404),
        ("/", 404),
    ] {
        assert_eq!(refused(target, &[]).status(), status, "{target}");
    }
    let good = "/v1/rooms/a/events?ticket=t";
    assert_eq!(refused(good, &["Accept: text/html"]).status(), 406);
    assert_eq!(refused(good, &["Last-Event-ID: x"]).status(), 400);
    assert_eq!(
        refused(good, &["Last-Event-ID: 1", "Last-Event-ID: 1"]).status(),
        400
    );
}

/// What `/healthz` or `/readyz` is answered by a node that is as ready as this.
fn probed(head: &str, readiness: Readiness) -> String {
    match judged(head) {
        Ok(Request::Probe(probe)) => answer(|out| probe.answer(readiness, out)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn probes() {
    let whole = |readiness| probed(&get("/readyz", &[]), readiness);
    let answers = [
        probed(&get("/healthz", &[]), Readiness::RedisAway),
        whole(Readiness::Ready),
        whole(Readiness::Starting),
        whole(Readiness::Draining),
        whole(Readiness::RedisAway),
    ];
    assert_snapshot!(answers.join("\n"));
}

#[test]
fn checkers_ask_in_their_own_ways() {
    let ready = probed(&get("/readyz", &[]), Readiness::Ready);
    for head in [
        // gdnsd, and HAProxy's `option httpchk GET /readyz`.
        "GET /readyz HTTP/1.0\r\n\r\n",
        "GET /readyz HTTP/1.0\r\nUser-Agent: gdnsd-monitor\r\nHost: live.example\r\n\r\n",
        // Route 53 sends a header of its own; a page may ask, and may not read the answer.
        "GET /readyz?from=route53 HTTP/1.1\r\nHost: 192.0.2.1:7001\r\nConnection: keep-alive\r\n\r\n",
        "GET /readyz HTTP/1.1\r\nHost: a\r\nOrigin: https://evil.example\r\n\r\n",
        "GET http://node:7001/readyz HTTP/1.1\r\nHost: node:7001\r\n\r\n",
    ] {
        assert_eq!(probed(head, Readiness::Ready), ready, "{head}");
    }
    let (head, _) = ready.split_once("\n\n").unwrap();
    let asked = "HEAD /readyz HTTP/1.1\r\nHost: a\r\n\r\n";
    assert_eq!(probed(asked, Readiness::Ready), format!("{head}\n\n"));
    for (bad, status) in [
        ("POST /readyz HTTP/1.1\r\nHost: a\r\n\r\n", 405),
        ("OPTIONS /healthz HTTP/1.0\r\n\r\n", 405),
        ("GET /readyz HTTP/1.1\r\n\r\n", 400),
        (
            "GET /readyz HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n",
            400,
        ),
        ("HEAD /v1/connect HTTP/1.1\r\nHost: a\r\n\r\n", 405),
        ("GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n", 404),
    ] {
        assert_eq!(judged(bad).unwrap_err().status(), status, "{bad}");
    }
}

#[test]
fn methods_versions_and_noise() {
    let status = |head: &str| judged(head).unwrap_err().status();
    assert_eq!(status("POST /v1/connect HTTP/1.1\r\nHost: a\r\n\r\n"), 405);
    assert_eq!(
        status("OPTIONS /v1/rooms/a/events HTTP/1.1\r\nHost: a\r\n\r\n"),
        405
    );
    assert_eq!(status("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), 505);
    assert_eq!(status("GET /v1/connect HTTP/1.0\r\nHost: a\r\n\r\n"), 505);
    for noise in [
        "\x16\x03\x01\x02\x00\x01\x00",
        "hello\r\n\r\n",
        "GET /v1/connect HTTP/1.1\r\nHost : a\r\n\r\n",
        "GET /v1/connect HTTP/1.1\r\nHost: a\r\n b\r\n\r\n",
        "GET  /v1/connect HTTP/1.1\r\n\r\n",
    ] {
        assert_eq!(status(noise), 400, "{noise:?}");
    }
}

#[test]
fn a_head_has_bounds() {
    let fill = |length: usize| connect("Host", Some(&"h".repeat(length)));
    let usual = fill(1).len() - 1;
    let most = fill(limits::HEAD_BYTES - usual);
    assert_eq!(most.len(), limits::HEAD_BYTES);
    assert!(judged(&most).is_ok());
    let over = fill(limits::HEAD_BYTES - usual + 1);
    assert_eq!(judged(&over), Err(Refusal::HeadTooLarge));
    // Not yet complete, and already too much.
    assert_eq!(
        judged(&over[..limits::HEAD_BYTES]),
        Err(Refusal::HeadTooLarge)
    );
    let target = format!("GET /{}", "x".repeat(limits::HEAD_BYTES));
    assert_eq!(judged(&target), Err(Refusal::TargetTooLong));

    let headers = |count: usize| {
        let lines: String = (7..count).map(|n| format!("x-{n}: 1\r\n")).collect();
        connect("Host", Some(&format!("a\r\n{}", lines.trim_end())))
    };
    assert!(judged(&headers(limits::HEADERS)).is_ok());
    assert_eq!(
        judged(&headers(limits::HEADERS + 1)),
        Err(Refusal::HeadTooLarge)
    );
}

#[test]
fn what_follows_the_head_is_left() {
    let head = connect("", None);
    let both = format!("{head}frames");
    match parse(both.as_bytes(), &origins()) {
        Ok(Parsed::Request(_, bytes)) => assert_eq!(bytes, head.len()),
        other => panic!("{other:?}"),
    }
}

const REFUSALS: [Refusal; 16] = [
    Refusal::Malformed("the Host header is missing"),
    Refusal::BadCursor,
    Refusal::BadTicket,
    Refusal::Origin,
    Refusal::Banned,
    Refusal::NotFound,
    Refusal::NoRoom,
    Refusal::Method,
    Refusal::NotAcceptable,
    Refusal::Timeout,
    Refusal::RoomClosed,
    Refusal::TargetTooLong,
    Refusal::UpgradeRequired,
    Refusal::HeadTooLarge,
    Refusal::Unavailable { retry_s: 2 },
    Refusal::Version,
];

#[test]
fn refusals() {
    assert_snapshot!(
        REFUSALS
            .map(|refusal| answer(|out| Refused::from(refusal).write(out)))
            .join("\n\n")
    );
}

#[test]
fn refusals_are_whole_answers() {
    for refusal in REFUSALS {
        let mut out = Vec::new();
        refusal.write(&mut out, None);
        let mut storage = [httparse::EMPTY_HEADER; 16];
        let mut response = httparse::Response::new(&mut storage);
        let head = response.parse(&out).unwrap().unwrap();
        assert_eq!(response.code, Some(refusal.status()));
        let length = response
            .headers
            .iter()
            .find(|header| header.name == "content-length")
            .unwrap();
        let body = &out[head..];
        assert_eq!(length.value, body.len().to_string().as_bytes());
        let problem: serde_json::Value = serde_json::from_slice(body).unwrap();
        assert_eq!(problem["status"], refusal.status());
        assert_eq!(problem["detail"], refusal.detail());
    }
}

#[test]
fn a_page_can_read_its_refusal() {
    let head = get("/v1/rooms/a/events", &[&format!("Origin: {PAGE}")]);
    let refused = parse(head.as_bytes(), &origins()).unwrap_err();
    let text = answer(|out| refused.write(out));
    assert!(text.contains("\naccess-control-allow-origin: https://live.example\n"));

    let head = get("/v1/rooms/a/events?ticket=t", &[&format!("Origin: {PAGE}")]);
    let Ok(Request::Events(events)) = judged(&head) else {
        panic!("refused");
    };
    let text = answer(|out| events.refuse(Refusal::Banned).write(out));
    assert!(text.contains("\naccess-control-allow-origin: https://live.example\n"));
}

proptest! {
    #[test]
    fn a_head_that_comes_in_parts_is_incomplete_until_it_is_whole(cut: prop::sample::Index) {
        let head = connect("", None);
        let cut = cut.index(head.len());
        prop_assert_eq!(parse(&head.as_bytes()[..cut], &origins()), Ok(Parsed::Incomplete));
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), target in "[ -~]{0,80}", value in "[ -~\t]{0,80}", name in "(accept|connection|host|origin|sec-websocket-key|last-event-id)") {
        let _ = parse(&bytes, &origins());
        let head = get(&format!("/v1/rooms/{target}"), &[&format!("{name}: {value}")]);
        let _ = parse(head.as_bytes(), &origins());
    }
}
