//! What balancers and monitors ask at the viewers' listener.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::bench::{Bench, Certificate, get, get_over, read_to_end, soon};

/// Asks as it is written, and gives all that comes.
fn ask(address: &str, text: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(crate::bench::SOON)).unwrap();
    stream.write_all(text.as_bytes()).unwrap();
    read_to_end(&mut stream)
}

#[test]
fn both_listeners_say_the_same() {
    let bench = Bench::new();
    let node = bench.node("n1", &[]);
    for path in ["/readyz", "/healthz"] {
        let (outside, inside) = (get(&node.viewers, path, &[]), get(&node.admin, path, &[]));
        assert_eq!((outside.status, inside.status), (200, 200), "{path}");
        assert_eq!(outside.body, inside.body);
        let head = ask(&node.viewers, &format!("HEAD {path} HTTP/1.0\r\n\r\n"));
        assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
        assert!(head.ends_with("\r\n\r\n"), "no body: {head}");
    }
    assert_eq!(get(&node.viewers, "/metrics", &[]).status, 404);
}

#[test]
fn with_tls_they_are_answered_over_it_and_in_plain() {
    let (bench, folder) = (Bench::new(), tempfile::tempdir().unwrap());
    let certificate = Certificate::new(folder.path());
    let node = certificate.node(&bench, &[]);
    let config = certificate.client(rustls::ALL_VERSIONS);
    for path in ["/readyz", "/healthz"] {
        assert_eq!(get_over(certificate.dial(&node, &config), path).status, 200);
        assert_eq!(get(&node.viewers, path, &[]).status, 200);
    }
    // And nothing else is.
    let plain = get(&node.viewers, "/v1/connect", &[]);
    assert_eq!(plain.status, 400);
    assert!(plain.body.contains("plain_http"));
}

/// Connections that wait to be let in, or are turned away, at a node that lets in one a second.
fn crowd(address: &str, count: usize) -> Vec<TcpStream> {
    (0..count)
        .map(|_| {
            let mut stream = TcpStream::connect(address).unwrap();
            stream
                .write_all(b"GET /v1/connect HTTP/1.1\r\nhost: node\r\n\r\n")
                .unwrap();
            stream
        })
        .collect()
}

#[test]
fn a_crowd_of_newcomers_does_not_make_a_node_unready() {
    let folder = tempfile::tempdir().unwrap();
    let certificate = Certificate::new(folder.path());
    let flags = ["--admit-per-s", "1"];
    let (plain, secure) = (Bench::new(), Bench::new());
    for node in [plain.node("n1", &flags), certificate.node(&secure, &flags)] {
        // More than may wait, so that some are turned away.
        let _crowd = crowd(&node.viewers, 20);
        soon("some are turned away", || {
            (node.metric("turned_away_total") > 0).then_some(())
        });
        for _ in 0..5 {
            let answer = get(&node.viewers, "/readyz", &[]);
            assert_eq!((answer.status, answer.body.as_str()), (200, "ready\n"));
        }
        // One that connects first and asks later, with others still waiting.
        let _crowd = crowd(&node.viewers, 20);
        let mut slow = TcpStream::connect(&node.viewers).unwrap();
        slow.set_read_timeout(Some(Duration::from_millis(50)))
            .unwrap();
        let mut nothing = [0];
        assert!(slow.read(&mut nothing).is_err(), "nothing was asked yet");
        slow.write_all(b"GET /readyz HTTP/1.0\r\n\r\n").unwrap();
        assert!(read_to_end(&mut slow).starts_with("HTTP/1.1 200 "));
    }
}
