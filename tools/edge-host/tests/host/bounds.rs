//! Limits: memory, time, places, and what a client may send.

use std::fmt::Write;
use std::thread;
use std::time::{Duration, Instant};

use crate::support::{Start, until};

#[test]
fn memory_is_limited() {
    let host = Start::new()
        .flags(&["--max-memory-bytes", "20000000"])
        .run();
    assert_eq!(host.text("/memory?1000000"), "1000000");
    assert_eq!(host.get("/memory?20000000").status, 503);
    until("the reason is logged", || {
        host.log().contains("more memory than it may have")
    });
    assert_eq!(
        host.text("/memory?1000000"),
        "1000000",
        "the next instance is fine"
    );
}

#[test]
fn time_is_limited_also_for_a_guest_that_never_yields() {
    let host = Start::new().flags(&["--request-timeout-ms", "400"]).run();
    for path in ["/wait?60000", "/spin"] {
        let started = Instant::now();
        let answer = host.get(path);
        assert_eq!(answer.status, 504, "{path}: {answer:?}");
        assert!(
            answer.head.contains("application/problem+json"),
            "{answer:?}"
        );
        assert!(
            started.elapsed() >= Duration::from_millis(400),
            "{path} was cut off early"
        );
        assert_eq!(host.text("/add"), "42");
    }
}

#[test]
fn a_guest_that_computes_without_an_end_is_ended_long_before_its_request_is_over() {
    let host = Start::new().run();
    let started = Instant::now();
    let answer = host.get("/spin");
    assert_eq!(answer.status, 503, "{answer:?}");
    assert!(answer.head.contains("retry-after: 1"), "{answer:?}");
    let took = started.elapsed();
    let right = Duration::from_secs(3)..Duration::from_secs(20);
    assert!(right.contains(&took), "cut off after {took:?}");
    until("the reason is logged", || {
        host.log().contains("computed for 3s without asking")
    });
    assert_eq!(host.text("/wait?3500"), "1", "waiting is no computing");
}

#[test]
fn one_request_too_many_is_a_503_until_there_is_a_place_again() {
    let host = Start::new().flags(&["--max-concurrent", "1"]).run();
    thread::scope(|scope| {
        let first = scope.spawn(|| host.text("/wait?1000"));
        until("the only place is taken", || {
            host.log().contains("request at the component")
        });
        let busy = host.get("/add");
        assert_eq!(busy.status, 503, "{busy:?}");
        assert!(busy.head.contains("retry-after: 1"), "{busy:?}");
        assert_eq!(
            host.text("/.well-known/spin/health"),
            "OK",
            "the host itself answers"
        );
        assert_eq!(first.join().unwrap(), "1");
    });
    until("there is a place again", || host.get("/add").status == 200);
}

#[test]
fn requests_wait_side_by_side_in_one_instance() {
    let host = Start::new().run();
    until("two requests wait in the same instance", || {
        thread::scope(|scope| {
            let asked: Vec<_> = (0..20)
                .map(|_| scope.spawn(|| host.text("/wait?100")))
                .collect();
            let most = asked
                .into_iter()
                .map(|asked| asked.join().unwrap().parse::<u32>().unwrap())
                .max()
                .unwrap();
            assert!(most <= 16, "{most} at once");
            most > 1
        })
    });
}

#[test]
fn a_body_is_taken_up_to_its_limit() {
    let host = Start::new().run();
    let post = |length: usize, announced: bool| {
        let (header, body) = if announced {
            (format!("Content-Length: {length}"), vec![b'x'; length])
        } else {
            let chunk =
                |part: &[u8]| [format!("{:x}\r\n", part.len()).as_bytes(), part, b"\r\n"].concat();
            let body: Vec<u8> = vec![b'x'; length]
                .chunks(60_000)
                .flat_map(chunk)
                .chain(*b"0\r\n\r\n")
                .collect();
            ("Transfer-Encoding: chunked".into(), body)
        };
        let head =
            format!("POST /body HTTP/1.1\r\nHost: h\r\nConnection: close\r\n{header}\r\n\r\n");
        host.send(&[head.into_bytes(), body].concat())
    };
    for announced in [true, false] {
        let full = post(1 << 20, announced);
        assert_eq!(
            (full.status, full.body.as_str()),
            (200, "1048576"),
            "announced {announced}"
        );
        assert_eq!(
            post((1 << 20) + 1, announced).status,
            413,
            "announced {announced}"
        );
    }
}

#[test]
fn heads_are_limited() {
    let host = Start::new().run();
    let mut many = String::new();
    for number in 0..65 {
        write!(many, "X-{number}: y\r\n").unwrap();
    }
    for headers in [format!("X-Long: {}\r\n", "y".repeat(20_000)), many] {
        let answer = host.send(format!("GET /add HTTP/1.1\r\nHost: h\r\n{headers}\r\n").as_bytes());
        assert_eq!(answer.status, 431, "{answer:?}");
    }
    for head in [
        "GET /add HTTP/1.1\r\n",
        "GET /add HTTP/1.1\r\nHost: a\r\nHost: b\r\n",
        "GET http://a/add HTTP/1.1\r\nHost: b\r\n",
    ] {
        assert_eq!(
            host.send(format!("{head}Connection: close\r\n\r\n").as_bytes())
                .status,
            400,
            "{head}"
        );
    }
    assert_eq!(
        host.send(b"OPTIONS * HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
            .status,
        404
    );
}
