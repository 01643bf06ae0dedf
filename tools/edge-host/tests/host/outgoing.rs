//! Outbound HTTP: what is allowed, what is inherited, what is sent, and servers that fail, hang and lie.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};

use crate::support::{Host, Start, manifest, until};
use crate::upstream::{Act, Heard, Upstream, ok};

/// A host whose component may reach `allowed`, a list in TOML.
fn host(allowed: &str, inherit: &str) -> Host {
    let text = manifest(inherit);
    let own = "allowed_outbound_hosts = [\"{{ redis }}\"]";
    assert!(text.contains(own));
    let manifest = text.replace(own, &format!("allowed_outbound_hosts = {allowed}"));
    Start {
        manifest,
        ..Start::new()
    }
    .run()
}

fn may_reach(upstream: &Upstream) -> Host {
    host(&format!("[{:?}]", upstream.url), "false")
}

/// Lets the guest send a request with these header lines and this body, and gives what it tells of the answer.
fn ask(host: &Host, method: &str, url: &str, headers: &[&str], body: &str) -> String {
    let headers: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
    let answer = host.send(
        format!(
            "POST /ask/{method}?{url} HTTP/1.1\r\nHost: app.example\r\nConnection: close\r\n{headers}Content-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .as_bytes(),
    );
    assert_eq!(answer.status, 200, "{answer:?}\n{}", host.log());
    answer.body
}

fn path(heard: &Heard) -> &str {
    heard.line.split(' ').nth(1).unwrap()
}

#[test]
fn a_request_arrives_as_it_was_sent_and_so_does_its_answer() {
    let upstream = Upstream::start(|_| {
        Act::Say(
            b"HTTP/1.1 418 Teapot\r\nx-of-server: a\r\nconnection: keep-alive\r\n\
              transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
                .into(),
        )
    });
    let host = may_reach(&upstream);
    let told = ask(
        &host,
        "PUT",
        &format!("{}/a//b?c=%20d", upstream.url),
        &["forward-x-of-guest: 1"],
        "body",
    );
    assert_eq!(told, "418\nx-of-server: a\n5 bytes\nabcde");
    let heard = upstream.heard().remove(0);
    assert_eq!(heard.line, "PUT /a//b?c=%20d HTTP/1.1");
    assert_eq!(heard.body, b"body");
    let authority = upstream.url.strip_prefix("http://").unwrap();
    assert!(
        heard.has(&format!("host: {authority}")) && heard.has("x-of-guest: 1"),
        "{heard:?}"
    );
    assert_eq!(
        heard.headers.len(),
        3,
        "host, the guest's own and the framing: {heard:?}"
    );
}

#[test]
fn only_allowed_hosts_can_be_reached() {
    let (allowed, other) = (Upstream::start(|_| ok("")), Upstream::start(|_| ok("")));
    let host = may_reach(&allowed);
    let port = allowed.url.rsplit(':').next().unwrap();
    for url in [
        other.url.clone(),
        format!("http://localhost:{port}/"),
        format!("http://127.0.0.2:{port}/"),
        format!("https://127.0.0.1:{port}/"),
        "http://127.0.0.1/".into(),
    ] {
        assert_eq!(
            ask(&host, "GET", &url, &[], ""),
            "ErrorCode::HttpRequestDenied",
            "{url}"
        );
    }
    let with_user = format!(
        "http://{}@{}/",
        "127.0.0.1",
        other.url.replace("http://", "")
    );
    assert_eq!(
        ask(&host, "GET", &with_user, &[], ""),
        "ErrorCode::HttpRequestUriInvalid"
    );
    assert!(ask(&host, "GET", &allowed.url, &[], "").starts_with("200\n"));
    assert!(other.heard().is_empty() && allowed.heard().len() == 1);
    until("the refusal is logged", || {
        host.log().contains("allowed_outbound_hosts")
    });
}

#[test]
fn without_an_entry_nothing_can_be_reached() {
    let upstream = Upstream::start(|_| ok(""));
    let host = host("[]", "true");
    assert_eq!(
        ask(&host, "GET", &upstream.url, &[], ""),
        "ErrorCode::HttpRequestDenied"
    );
    assert!(upstream.heard().is_empty());
}

#[test]
fn a_server_that_does_not_speak_tls_is_asked_nothing() {
    let upstream = Upstream::start(|_| ok("plain"));
    let url = upstream.url.replace("http://", "https://");
    let host = host(&format!("[{url:?}]"), "false");
    let told = ask(&host, "GET", &url, &["forward-x-secret: 1"], "");
    assert!(told.contains("Tls"), "{told}");
    let heard = upstream.heard();
    assert!(
        !heard
            .iter()
            .any(|one| one.headers.iter().any(|line| line.contains("x-secret"))),
        "{heard:?}"
    );
}

#[test]
fn a_dependency_asks_only_where_it_inherits() {
    let upstream = Upstream::start(|_| ok(""));
    for (inherit, may) in [
        ("false", false),
        ("['variables']", false),
        ("true", true),
        ("['allowed_outbound_hosts']", true),
    ] {
        let host = host(&format!("[{:?}]", upstream.url), inherit);
        let said = host.text(&format!("/gate/fetch?{}/", upstream.url));
        if may {
            assert_eq!(said, "200 OK", "{inherit}");
        } else {
            assert!(
                said.contains("\\\"wasi:http/client\\\" is not permitted"),
                "{inherit}: {said}"
            );
        }
    }
    assert_eq!(upstream.heard().len(), 2);
}

#[test]
fn headers_of_the_connection_are_the_hosts_own() {
    let upstream = Upstream::start(|_| ok(""));
    let host = may_reach(&upstream);
    for header in [
        "connection: x-secret",
        "transfer-encoding: chunked",
        "upgrade: websocket",
        "proxy-authorization: x",
        "keep-alive: 5",
    ] {
        let told = ask(
            &host,
            "GET",
            &upstream.url,
            &[&format!("forward-{header}")],
            "",
        );
        assert!(told.contains("Forbidden"), "{header}: {told}");
    }
    for length in ["2", "9"] {
        // Of a body of 4 bytes.
        let told = ask(
            &host,
            "POST",
            &upstream.url,
            &[&format!("forward-content-length: {length}")],
            "body",
        );
        assert!(told.starts_with("ErrorCode::"), "{length}: {told}");
    }
    assert!(
        upstream.heard().is_empty(),
        "nothing of it was a whole request"
    );
}

#[test]
fn redirects_are_answers() {
    let upstream = Upstream::start(|_| {
        Act::Say(b"HTTP/1.1 302 Found\r\nlocation: /b\r\ncontent-length: 0\r\n\r\n".into())
    });
    let told = ask(&may_reach(&upstream), "GET", &upstream.url, &[], "");
    assert!(told.starts_with("302\n"), "{told}");
    assert_eq!(upstream.heard().len(), 1);
}

#[test]
fn connections_are_used_again_and_made_anew_when_closed() {
    let upstream = Upstream::start(|heard| match path(heard) {
        "/close" => Act::SayAndClose(
            b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok".into(),
        ),
        "/empty" => Act::Say(b"HTTP/1.1 204 No Content\r\n\r\n".into()),
        _ => ok("body"),
    });
    let host = may_reach(&upstream);
    let over = |path: &str| {
        let told = ask(&host, "GET", &format!("{}{path}", upstream.url), &[], "");
        assert!(told.starts_with('2'), "{path}: {told}");
        upstream.heard().last().unwrap().connection
    };
    // A connection is kept by a task of its own, which may come a moment later than the next request.
    until("a connection is used again", || over("/") == over("/empty"));
    let closed = over("/close");
    assert_ne!(over("/"), closed, "a closed connection was used");

    let mut unread = Vec::new();
    for _ in 0..3 {
        let answer = host.text(&format!("/leave?{}/", upstream.url));
        assert_eq!(answer, "200 OK");
        unread.push(upstream.heard().last().unwrap().connection);
    }
    let next = over("/");
    assert!(
        unread[0] != unread[1] && unread[1] != unread[2] && !unread.contains(&next),
        "a connection with an unread answer was used again: {unread:?}, {next}"
    );
}

#[test]
fn slow_servers_are_cut_off_in_time() {
    let upstream = Upstream::start(|heard| match path(heard) {
        "/head" => Act::SayAndHang(Vec::new()),
        "/half" => Act::SayAndHang(b"HTTP/1.1 200 OK\r\nx-half".into()),
        _ => Act::SayAndHang(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf".into()),
    });
    let host = may_reach(&upstream);
    for (path, wait) in [
        ("/head", "wait-first: 200"),
        ("/half", "wait-first: 200"),
        ("/body", "wait-between: 200"),
        ("/head", "wait-first: 0"),
    ] {
        let started = Instant::now();
        let told = ask(
            &host,
            "GET",
            &format!("{}{path}", upstream.url),
            &[wait],
            "",
        );
        assert!(
            told.contains("ErrorCode::ConnectionReadTimeout"),
            "{path}: {told}"
        );
        assert!(
            started.elapsed() < Duration::from_secs(8),
            "{path} took {:?}",
            started.elapsed()
        );
    }
}

#[test]
fn a_connection_that_is_not_taken_is_given_up_in_time() {
    // Its backlog is full, so that the kernel answers no further connection.
    let listener = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    listener.bind(&any.into()).unwrap();
    listener.listen(0).unwrap();
    let address = listener.local_addr().unwrap().as_socket().unwrap();
    let mut waiting = Vec::new();
    while let Ok(taken) = TcpStream::connect_timeout(&address, Duration::from_millis(300)) {
        waiting.push(taken);
    }
    let url = format!("http://{address}");
    let host = host(&format!("[{url:?}]"), "false");
    assert_eq!(
        ask(&host, "GET", &url, &["wait-connect: 200"], ""),
        "ErrorCode::ConnectionTimeout"
    );
}

#[test]
fn a_server_that_is_gone_is_an_error() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", closed.local_addr().unwrap());
    drop(closed);
    let host = host(&format!("[{url:?}, 'http://nowhere.invalid']"), "false");
    assert_eq!(
        ask(&host, "GET", &url, &[], ""),
        "ErrorCode::ConnectionRefused"
    );
    let told = ask(&host, "GET", "http://nowhere.invalid/", &[], "");
    assert!(told.starts_with("ErrorCode::DnsError"), "{told}");
}

#[test]
fn servers_that_lie_are_errors() {
    let upstream = Upstream::start(|heard| match path(heard) {
        "/nothing" => Act::SayAndClose(Vec::new()),
        "/noise" => Act::SayAndClose(b"SMTP hello\r\n\r\n".into()),
        "/short" => Act::SayAndClose(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf".into()),
        "/two" => Act::SayAndClose(
            b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\ncontent-length: 9\r\n\r\nhalf".into(),
        ),
        "/many" => Act::SayAndClose(
            format!("HTTP/1.1 200 OK\r\n{}\r\n", "x: y\r\n".repeat(200)).into_bytes(),
        ),
        "/long" => Act::SayAndClose(
            format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "y".repeat(50_000)).into_bytes(),
        ),
        "/announced" => {
            Act::SayAndHang(b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n".into())
        }
        "/huge" => {
            let mut answer = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
            answer.resize((33 << 20) + answer.len(), b'x');
            Act::SayAndClose(answer)
        }
        _ => ok("fine"),
    });
    let host = may_reach(&upstream);
    for (path, expected) in [
        ("/nothing", "ErrorCode::HttpResponseIncomplete"),
        ("/noise", "ErrorCode::HttpProtocolError"),
        ("/short", "ErrorCode::HttpResponseIncomplete"),
        ("/two", "ErrorCode::HttpProtocolError"),
        ("/many", "ErrorCode::HttpResponseHeaderSectionSize"),
        ("/long", "ErrorCode::HttpResponseHeaderSectionSize"),
        ("/announced", "ErrorCode::HttpResponseBodySize"),
        ("/huge", "ErrorCode::HttpResponseBodySize"),
    ] {
        let told = ask(&host, "GET", &format!("{}{path}", upstream.url), &[], "");
        assert!(told.contains(expected), "{path}: {told}");
        let fine = ask(&host, "GET", &upstream.url, &[], "");
        assert!(fine.ends_with("fine"), "after {path}: {fine}");
    }
}
