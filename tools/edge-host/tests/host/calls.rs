//! Calls that go well, and guests that fail.

use std::thread;

use crate::support::{Start, until};

#[test]
fn an_instance_serves_many_requests_and_not_too_many() {
    let host = Start::new().run();
    let counts: Vec<u32> = (0..300)
        .map(|_| host.text("/count").parse().unwrap())
        .collect();
    let most = counts.into_iter().max().unwrap();
    assert!(
        (2..=128).contains(&most),
        "an instance served {most} requests"
    );
}

#[test]
fn a_typed_dependency_answers() {
    assert_eq!(Start::new().run().text("/add"), "42");
}

#[test]
fn the_guest_sees_the_headers_of_spin() {
    let host = Start::new().run();
    let answer = host.send(
        b"GET /headers/a/b/c/?q=1 HTTP/1.1\r\nHost: app.example:8\r\nConnection: close\r\nX-Twice: 1\r\nX-Twice: 2\r\n\
          Spin-Client-Addr: 1.2.3.4:5\r\nSpin-Path-Match-Other: forged\r\n\
          X-Secret: 1\r\nConnection: x-secret, Spin-Client-Addr\r\n\r\n",
    );
    let mut lines: Vec<&str> = answer.body.lines().collect();
    let client = lines
        .iter()
        .position(|line| line.starts_with("spin-client-addr: 127.0.0.1:"))
        .unwrap();
    lines.remove(client);
    assert_eq!(
        lines,
        [
            "spin-base-path: /",
            "spin-component-route: /headers/:first_part",
            "spin-full-url: http://app.example:8/headers/a/b/c/?q=1",
            "spin-matched-route: /headers/:first_part/...",
            "spin-path-info: /b/c/",
            "spin-path-match-first-part: a",
            "spin-raw-component-route: /headers/:first_part/...",
            "x-twice: 1",
            "x-twice: 2",
        ]
    );
}

#[test]
fn variables_are_filled_and_secrets_are_not_logged() {
    let host = Start::new().run();
    assert_eq!(host.text("/variable/greeting"), "hello world");
    assert_eq!(host.text("/variable/key"), "s3cret");
    assert!(host.text("/variable/other").starts_with("Error::Undefined"));
    assert!(
        host.text("/variable/word").starts_with("Error::Undefined"),
        "application variables are not the component's"
    );
    assert!(
        host.text("/variable/NOT-a-name")
            .starts_with("Error::InvalidName")
    );
    assert!(!host.log().contains("s3cret"), "{}", host.log());
}

#[test]
fn health_is_the_hosts_and_every_other_path_the_apps() {
    let host = Start::new().run();
    assert_eq!(host.text("/.well-known/spin/health"), "OK");
    assert_eq!(host.get("/.well-known/spin/other").status, 404);
    let other = host.get("/healthz");
    assert_eq!(
        (other.status, other.body.as_str()),
        (404, "/healthz"),
        "the guest's own 404"
    );
}

#[test]
fn what_a_guest_prints_is_logged_line_by_line() {
    let host = Start::new().run();
    host.text("/say?hello");
    until("both lines are logged", || {
        let log = host.log();
        let line = |text: &str, stream: &str| {
            log.lines()
                .any(|line| line.contains(text) && line.contains("front") && line.contains(stream))
        };
        line("said hello", "stdout") && line("muttered hello", "stderr")
    });
}

#[test]
fn a_trap_is_a_503_and_the_host_goes_on() {
    let host = Start::new().run();
    for _ in 0..3 {
        let answer = host.get("/trap");
        assert_eq!(answer.status, 503);
        assert!(answer.head.contains("retry-after: 1"), "{answer:?}");
        assert!(
            answer
                .head
                .contains("content-type: application/problem+json"),
            "{answer:?}"
        );
        assert!(answer.body.contains("\"status\":503"), "{answer:?}");
        assert_eq!(host.text("/add"), "42");
    }
    until("the reason is logged", || {
        host.log().contains("unreachable")
    });
}

#[test]
fn a_stop_waits_for_requests_in_flight() {
    let mut host = Start::new().run();
    thread::scope(|scope| {
        let waiting = scope.spawn(|| host.text("/wait?700"));
        until("the request is at the guest", || {
            host.log().contains("request at the component")
        });
        host.signal("-TERM");
        until("nothing is accepted any more", || {
            std::net::TcpStream::connect(&host.address).is_err()
        });
        assert_eq!(waiting.join().unwrap(), "1");
    });
    assert_eq!(host.ended().code(), Some(0));
}
