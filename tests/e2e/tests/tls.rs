//! TLS outwards: upstreams by https, and Redis by rediss, with a certificate authority of one's own.

use std::net::TcpListener;

use e2e::host::Host;
use e2e::routed::{config, get, put};
use e2e::tls::{Authority, Front};
use e2e::token::token;
use e2e::upstream::{Does, Upstream};
use e2e::viewer::taken;
use e2e::{Options, System, soon};
use serde_json::json;
use tempfile::TempDir;

fn flag(name: &str, value: &std::path::Path) -> Vec<&'static str> {
    let text = |text: &str| -> &'static str { text.to_owned().leak() };
    vec![text(name), text(&value.display().to_string())]
}

/// An edge before an https upstream, which trusts this authority or none but the system's, asked once.
fn asked(
    upstream: &Upstream,
    front: &Front,
    trusts: Option<&Authority>,
    host: &str,
) -> (e2e::Reply, String) {
    let url = format!("https://{host}:{}", front.address.port());
    let mut system = System::with(
        0,
        Options {
            variables: vec![("upstream_a", url.clone())],
            ca_file: trusts.map(|one| one.file.clone()),
            ..Options::default()
        },
    );
    let mut routes = config(&[upstream], json!({"connect_ms": 5000}), json!({}));
    routes["pools"]["p"]["upstreams"][0]["url"] = url.into();
    put(&system, "1", &routes);
    let reply = get(&system, "/x/y?z");
    let log = system.edge_process().log();
    (reply, log)
}

#[test]
fn an_upstream_is_asked_by_https_when_its_authority_is_trusted_and_not_else() {
    let folder = TempDir::new().expect("a folder");
    let ours = Authority::new(folder.path(), "ours");
    let other = Authority::new(folder.path(), "other");
    let upstream = Upstream::start(Does::ok("over TLS"));
    let behind = upstream.url.trim_start_matches("http://");
    let front = Front::start(&ours.certify("127.0.0.1"), behind);

    let (reply, _) = asked(&upstream, &front, Some(&ours), "127.0.0.1");
    assert_eq!(reply.expect(200).text, "over TLS");
    let seen = upstream.last();
    assert_eq!(seen.line, "GET /x/y?z");
    assert_eq!(seen.all("host"), [front.address.to_string()]);

    let calls = upstream.calls();
    for (trusts, host, why) in [
        (Some(&other), "127.0.0.1", "invalid peer certificate"),
        (None, "127.0.0.1", "UnknownIssuer"),
        (Some(&ours), "localhost", "not valid for"),
    ] {
        let (reply, log) = asked(&upstream, &front, trusts, host);
        let reply = reply.problem(503);
        assert_eq!(reply.str("code"), "no_upstream");
        assert!(reply.header("retry-after").is_some());
        // Why, Spin says at RUST_LOG=warn only.
        let said = match Host::chosen() {
            Host::EdgeHost => vec!["no TLS with this host", why],
            Host::Spin => vec!["TlsProtocolError"],
        };
        assert!(said.iter().all(|part| log.contains(part)), "{log}");
        assert!(
            !reply.text.contains(why),
            "callers are not told how upstreams are reached"
        );
    }
    assert_eq!(
        upstream.calls(),
        calls,
        "nothing was said over such a connection"
    );
}

#[test]
fn a_region_works_with_a_redis_that_speaks_tls() {
    let folder = TempDir::new().expect("a folder");
    let ours = Authority::new(folder.path(), "ours");
    let certified = ours.certify("127.0.0.1");
    let path = |path: &std::path::Path| path.display().to_string();
    let port = TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .expect("a free port")
        .port();
    let url = format!("rediss://127.0.0.1:{port}");
    let system = System::with(
        1,
        Options {
            redis: vec![
                ("tls-port", port.to_string()),
                ("tls-cert-file", path(&certified.certificate)),
                ("tls-key-file", path(&certified.key)),
                ("tls-ca-cert-file", path(&ours.file)),
                ("tls-auth-clients", "no".to_owned()),
            ],
            variables: vec![("redis_url", url.clone())],
            ca_file: Some(ours.file.clone()),
            node_flags: [
                vec!["--redis-url", url.leak()],
                flag("--redis-ca-file", &ours.file),
            ]
            .concat(),
            ..Options::default()
        },
    );
    system.room("demo.tls");
    let mut viewer = system.viewer(0, "demo.tls", "bob");
    let sent = system
        .edge
        .publish(
            "demo.tls",
            &token("alice", "publish"),
            "k1",
            &json!({"kind": "chat", "data": {"text": "hi"}}),
        )
        .expect(202)
        .str("id");
    let frame = viewer.frame().expect("the message");
    assert_eq!(taken(&frame)[0]["id"], sent);
    // Every connection to Redis but the test's own is by TLS.
    let clients: String = redis::cmd("CLIENT")
        .arg("LIST")
        .query(&mut system.redis())
        .expect("a list");
    let plain: Vec<&str> = clients
        .lines()
        .filter(|line| !line.contains(&format!("laddr=127.0.0.1:{port} ")))
        .filter(|line| !line.contains("cmd=client"))
        .collect();
    assert!(plain.is_empty(), "{plain:?}");
}

#[test]
fn a_redis_whose_authority_is_not_trusted_is_out_of_reach() {
    let folder = TempDir::new().expect("a folder");
    let ours = Authority::new(folder.path(), "ours");
    let redis = redis_tests::RedisServer::start();
    let front = Front::start(
        &ours.certify("127.0.0.1"),
        redis.url().trim_start_matches("redis://"),
    );
    let mut system = System::with(
        0,
        Options {
            variables: vec![("redis_url", format!("rediss://{}", front.address))],
            ..Options::default()
        },
    );
    let reply = system
        .edge
        .call("GET", "/v1/rooms/a", &token("alice", ""), &json!(null))
        .problem(503);
    assert!(reply.header("retry-after").is_some());
    let why = match Host::chosen() {
        Host::EdgeHost => "UnknownIssuer",
        Host::Spin => "certificate verify failed",
    };
    let log = soon("the log says why", || {
        let log = system.edge_process().log();
        log.contains(why).then_some(log)
    });
    assert!(!reply.text.contains(why), "{log}");
}
