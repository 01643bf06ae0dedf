//! Outbound Redis: what is allowed, what is inherited, what replies look like.

use std::time::{Duration, Instant};

use crate::support::{Redis, Start, manifest, until};

fn with(redis: &Redis, inherit: &str) -> Start {
    Start {
        redis: redis.url.clone(),
        manifest: manifest(inherit),
        ..Start::new()
    }
}

#[test]
fn replies_are_flattened_as_in_spin() {
    let redis = Redis::start();
    let host = with(&redis, "false").run();
    let script = "return%20{1,{'a',{2,false}},redis.status_reply('S'),{}}";
    let path = format!(
        "/redis?{};PING;SET+k+v;GET+k;GET+none;DEL+k+none;EVAL+{script}+0;XADD+s+1-1+f+v;XRANGE+s+-+%20+;ECHO+7",
        redis.url
    );
    let body = host.text(&path.replace("XRANGE+s+-+%20+", "XREAD+STREAMS+s+0"));
    assert_eq!(
        body.lines().collect::<Vec<_>>(),
        [
            "Ok([RedisResult::Status(\"PONG\")])",
            "Ok([RedisResult::Status(\"OK\")])",
            "Ok([RedisResult::Binary([118])])",
            "Ok([RedisResult::Nil])",
            "Ok([RedisResult::Int64(1)])",
            "Ok([RedisResult::Int64(1), RedisResult::Binary([97]), RedisResult::Int64(2), RedisResult::Nil, \
             RedisResult::Status(\"S\")])",
            "Ok([RedisResult::Binary([49, 45, 49])])",
            "Ok([RedisResult::Binary([115]), RedisResult::Binary([49, 45, 49]), RedisResult::Binary([102]), \
             RedisResult::Binary([118])])",
            "Ok([RedisResult::Binary([55])])",
        ]
    );
}

#[test]
fn the_servers_errors_are_told_and_the_connection_goes_on() {
    let redis = Redis::start();
    let host = with(&redis, "false").run();
    let body = host.text(&format!(
        "/redis?{};SET+k+v;LPUSH+k+x;FCALL+f+0;GET+k",
        redis.url
    ));
    let lines: Vec<&str> = body.lines().collect();
    assert!(
        lines[1].contains("WRONGTYPE: Operation against a key"),
        "{body}"
    );
    assert!(
        lines[2].contains("signalled by the server - ResponseError: Function not found"),
        "{body}"
    );
    assert_eq!(lines[3], "Ok([RedisResult::Binary([118])])");
}

#[test]
fn only_allowed_hosts_can_be_reached() {
    let (allowed, other) = (Redis::start(), Redis::start());
    let host = with(&allowed, "false").run();
    assert_eq!(host.text(&format!("/redis/open?{}", allowed.url)), "open");
    assert_eq!(
        host.text(&format!("/redis/open?{}/1", allowed.url)),
        "open",
        "the database is not part of it"
    );
    for address in [
        other.url.clone(),
        allowed.url.replace("127.0.0.1", "localhost"),
        allowed.url.replace("redis://", "rediss://"),
        allowed.url.replace("redis://", "valkey://"),
        allowed.url.replace("redis://", ""),
        format!("{}@{}", allowed.url, other.url.replace("redis://", "")),
        "unix:/tmp/redis.sock".into(),
        "x".into(),
    ] {
        assert_eq!(
            host.text(&format!("/redis/open?{address}")),
            "Error::InvalidAddress",
            "{address}"
        );
    }
    until("the refusal is logged", || {
        host.log().contains("allowed_outbound_hosts")
    });
}

#[test]
fn a_dependency_has_what_it_inherits_and_nothing_else() {
    let redis = Redis::start();
    for (inherit, pings, reads) in [
        ("false", false, false),
        ("true", true, true),
        ("[]", false, false),
        ("['allowed_outbound_hosts']", true, false),
        ("['variables']", false, true),
    ] {
        let host = with(&redis, inherit).run();
        let ping = host.text(&format!("/gate/ping?{}", redis.url));
        let variable = host.text("/gate/variable/greeting");
        if pings {
            assert_eq!(ping, "Ok([RedisResult::Status(\"PONG\")])", "{inherit}");
        } else {
            assert!(
                ping.contains("Error::Other(\"\\\"spin:redis/redis\\\" is not permitted"),
                "{inherit}: {ping}"
            );
        }
        let expected = if reads {
            "hello world"
        } else {
            "Error::Undefined(\"greeting\")"
        };
        assert_eq!(variable, expected, "{inherit}");
        assert_eq!(
            host.text(&format!("/redis/open?{}", redis.url)),
            "open",
            "the component itself still may"
        );
    }
}

#[test]
fn a_redis_that_is_gone_or_hangs_is_an_error_within_two_seconds() {
    let redis = Redis::start();
    let host = with(&redis, "false").run();
    let path = format!("/redis?{};PING", redis.url);
    assert!(host.text(&path).contains("PONG"));

    redis.signal("-STOP");
    let started = Instant::now();
    let said = host.text(&path);
    assert!(
        said.contains("Error::Other") && started.elapsed() < Duration::from_secs(2),
        "{said}"
    );
    redis.signal("-CONT");
    until("it answers again", || host.text(&path).contains("PONG"));

    drop(redis);
    let started = Instant::now();
    let said = host.text(&path);
    assert!(
        said.contains("Error::Other") && started.elapsed() < Duration::from_secs(2),
        "{said}"
    );
}
