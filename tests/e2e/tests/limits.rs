//! Rate limits: what calls cost, whom they count, what is told, and what holds while nobody can count.

use e2e::token::token;
use e2e::{Options, Reply, System, soon};
use redis::Commands;
use redis_tests::RedisServer;
use serde_json::{Value, json};

const ROOM: &str = "demo.limited";
const QUOTA_EXCEEDED: &str = "https://iana.org/assignments/http-problem-types#quota-exceeded";

fn start(variables: &[(&'static str, &str)]) -> System {
    let variables = variables
        .iter()
        .map(|(name, value)| (*name, (*value).to_owned()))
        .collect();
    let system = System::with(
        0,
        Options {
            variables,
            ..Options::default()
        },
    );
    system.room(ROOM);
    system
}

fn chat(text: &str) -> Value {
    json!({"kind":"chat","data":{"text":text}})
}

fn say(system: &System, subject: &str, kind: &str) -> Reply {
    let body = json!({"kind":kind,"data":{"text":"hi"}});
    system
        .edge
        .publish(ROOM, &token(subject, "publish"), "", &body)
}

/// `NAME;r=…` of a `RateLimit` header.
fn left(reply: &Reply, name: &str) -> Option<u32> {
    reply
        .header("ratelimit")?
        .split(", ")
        .find_map(|item| item.strip_prefix(&format!("\"{name}\";r=")))
        .and_then(|rest| rest.split(';').next()?.parse().ok())
}

/// A refusal under these policies.
fn refused_by(reply: Reply, policies: &[&str]) {
    let reply = reply.problem(429);
    assert_eq!(reply.str("type"), QUOTA_EXCEEDED);
    assert_eq!(reply.json()["violated-policies"], json!(policies));
    let wait: u64 = reply
        .header("retry-after")
        .and_then(|wait| wait.parse().ok())
        .unwrap_or_else(|| panic!("{reply:?}"));
    assert!(wait > 0 && reply.json()["retry_after_s"] == wait);
    for policy in policies {
        assert_eq!(left(&reply, policy), Some(0), "{reply:?}");
    }
}

#[test]
fn each_call_costs_what_is_configured_under_every_policy_that_counts_it() {
    let system = start(&[
        ("limit_user", "5/3600"),
        ("limit_room", "8/3600"),
        ("limit_costs", "custom=3"),
        ("limit_routes", "join=2/3600"),
    ]);
    let first = say(&system, "alice", "custom").expect(202);
    assert_eq!(
        (left(&first, "user"), left(&first, "room")),
        (Some(2), Some(5))
    );
    let policy = first.header("ratelimit-policy").unwrap_or_default();
    assert!(
        policy.contains(r#""user";q=5;w=3600, "room";q=8;w=3600"#),
        "{policy}"
    );
    let refused = say(&system, "alice", "custom");
    assert_eq!(refused.status, 429);
    assert_eq!(refused.json()["violated-policies"], json!(["user"]));
    assert_eq!(
        (left(&refused, "user"), left(&refused, "room")),
        (Some(2), Some(5)),
        "a refused call takes nothing"
    );
    say(&system, "alice", "chat").expect(202);
    say(&system, "alice", "chat").expect(202);
    refused_by(say(&system, "alice", "chat"), &["user"]);
    // Somebody else has a quota of their own, and shares the room's.
    say(&system, "bob", "custom").expect(202);
    refused_by(say(&system, "bob", "chat"), &["room"]);
    // A service is counted by its own limit only.
    system
        .edge
        .publish(
            ROOM,
            &token("shop", "service"),
            "",
            &json!({"kind":"gift","data":{"n":1}}),
        )
        .expect(202);

    for _ in 0..2 {
        let joined = system.edge.join(ROOM, &token("alice", "")).expect(200);
        assert!(left(&joined, "route").is_some(), "{joined:?}");
    }
    refused_by(system.edge.join(ROOM, &token("alice", "")), &["route"]);
    system.edge.join(ROOM, &token("bob", "")).expect(200);
    system.edge.join(ROOM, "").expect(200);
}

fn look(system: &System, forwarded_for: &str) -> Reply {
    let headers: &[(&str, &str)] = match forwarded_for {
        "" => &[],
        text => &[("x-forwarded-for", text)],
    };
    let path = format!("/v1/rooms/{ROOM}");
    system.edge.send("GET", &path, headers, b"")
}

#[test]
fn without_proxies_of_ones_own_no_header_makes_another_address() {
    let system = start(&[("limit_ip", "2/3600")]);
    look(&system, "").expect(200);
    look(&system, "198.51.100.1").expect(200);
    refused_by(look(&system, "198.51.100.2"), &["ip"]);
    for header in [
        "forwarded",
        "x-real-ip",
        "spin-client-addr",
        "true-client-ip",
    ] {
        let path = format!("/v1/rooms/{ROOM}");
        let reply = system
            .edge
            .send("GET", &path, &[(header, "198.51.100.3")], b"");
        refused_by(reply, &["ip"]);
    }
}

#[test]
fn behind_proxies_of_ones_own_what_they_wrote_counts_and_ipv6_by_its_first_half() {
    let system = start(&[("limit_ip", "2/3600"), ("trusted_proxies", "1")]);
    // What stands left of the trusted proxy's entry was written by the client.
    for forged in ["1.1.1.1, 198.51.100.1", "2.2.2.2,198.51.100.1"] {
        look(&system, forged).expect(200);
    }
    refused_by(look(&system, "3.3.3.3, 198.51.100.1"), &["ip"]);
    look(&system, "198.51.100.2").expect(200);
    look(&system, "2001:db8:1:2::1").expect(200);
    look(&system, "2001:db8:1:2:ffff::9").expect(200);
    refused_by(look(&system, "2001:db8:1:2:3:4:5:6"), &["ip"]);
    look(&system, "2001:db8:1:3::1").expect(200);
}

/// An edge whose host does not say who connects.
fn untold(trusted_proxies: &str) -> System {
    let variables = [("limit_ip", "2/3600"), ("trusted_proxies", trusted_proxies)];
    let system = System::with(
        0,
        Options {
            variables: variables
                .map(|(name, value)| (name, value.to_owned()))
                .into(),
            hides_callers: true,
            ..Options::default()
        },
    );
    system.room(ROOM);
    system
}

#[test]
fn where_the_host_does_not_say_who_connects_the_proxies_of_ones_own_do() {
    let system = untold("1");
    for forged in ["1.1.1.1, 198.51.100.1", "2.2.2.2,198.51.100.1"] {
        look(&system, forged).expect(200);
    }
    refused_by(look(&system, "3.3.3.3, 198.51.100.1"), &["ip"]);
    look(&system, "198.51.100.2").expect(200);
    // Who comes past the proxies shares what is left for all whom nobody tells.
    look(&system, "").expect(200);
    look(&system, "not an address").expect(200);
    refused_by(look(&system, ""), &["ip"]);
}

#[test]
fn where_nobody_who_is_trusted_says_who_connects_all_share_one_limit() {
    let system = untold("0");
    look(&system, "198.51.100.1").expect(200);
    look(&system, "198.51.100.2").expect(200);
    refused_by(look(&system, "198.51.100.3"), &["ip"]);
}

#[test]
fn limits_may_have_a_redis_of_their_own_and_a_tenth_passes_while_it_is_away() {
    let mut own = RedisServer::start();
    let url = own.url();
    let system = start(&[
        ("limit_redis_url", &url),
        ("limit_when_away", "open"),
        ("limit_user", "20/3600"),
    ]);
    say(&system, "alice", "chat").expect(202);
    let counted: Vec<String> = redis::Client::open(own.url())
        .and_then(|client| client.get_connection())
        .and_then(|mut redis| redis.keys("tg:limit:user:*"))
        .expect("KEYS");
    assert_eq!(counted, [format!("tg:limit:user:{ROOM}/alice")]);
    let here: Vec<String> = system.redis().keys("tg:limit:*").expect("KEYS");
    assert!(here.is_empty(), "{here:?}");

    own.stop();
    // One at least, twenty by no means: the count is each instance's own, and there may be several.
    let passed = (0..12)
        .take_while(|_| match say(&system, "bob", "chat") {
            reply if reply.status == 202 => true,
            reply => {
                refused_by(reply, &["user"]);
                false
            }
        })
        .count();
    assert!((2..12).contains(&passed), "{passed} passed");

    own.restart();
    soon("Redis counts again", || {
        let reply = say(&system, "carol", "chat");
        (left(&reply, "user")? > 10).then_some(())
    });
}

#[test]
fn unless_it_is_configured_otherwise_what_cannot_be_counted_is_refused() {
    let mut own = RedisServer::start();
    let url = own.url();
    let system = start(&[("limit_redis_url", &url)]);
    say(&system, "alice", "chat").expect(202);
    own.stop();
    let told = say(&system, "alice", "chat").problem(503);
    assert!(told.header("retry-after").is_some());
    let path = format!("/v1/rooms/{ROOM}");
    system
        .edge
        .call("GET", &path, "", &Value::Null)
        .problem(503);
    own.restart();
    soon("Redis counts again", || {
        (say(&system, "alice", "chat").status == 202).then_some(())
    });
}

#[test]
fn a_namespace_has_a_quota_for_all_of_its_rooms_together() {
    let system = start(&[]);
    system.room("demo.other");
    system.room("free.room");
    let put = |version: &str, body: &str| {
        let fields = [("version", version), ("body", body)];
        let () = system
            .redis()
            .hset_multiple("tg:ns:demo", &fields)
            .expect("Redis takes it");
    };
    put("1", r#"{"limit_messages":"3/3600"}"#);
    let say_in = |room: &str, subject: &str| {
        let body = json!({"kind":"chat","data":{"text":"hi"}});
        system
            .edge
            .publish(room, &token(subject, "publish"), "", &body)
    };
    // Edges read settings anew after five seconds at the latest; the quota is whole until they have.
    let first = soon("the quota is in force", || {
        let reply = say_in(ROOM, "alice").expect(202);
        left(&reply, "namespace").map(|left| (left, reply))
    });
    assert_eq!(first.0, 2);
    assert!(
        first
            .1
            .header("ratelimit-policy")
            .is_some_and(|told| told.contains(r#""namespace";q=3;w=3600"#))
    );
    say_in("demo.other", "bob").expect(202);
    say_in("demo.other", "carol").expect(202);
    refused_by(say_in(ROOM, "dave"), &["namespace"]);
    refused_by(say_in("demo.other", "alice"), &["namespace"]);
    say_in("free.room", "alice").expect(202);
    // Reading, and what services publish, is not counted.
    let path = format!("/v1/rooms/{ROOM}");
    system
        .edge
        .call("GET", &path, &token("dave", ""), &Value::Null)
        .expect(200);
    let gift = json!({"kind":"gift","data":{"text":"for you"},"as":{"sub":"dave"}});
    system
        .edge
        .publish(ROOM, &token("backend", "service"), "", &gift)
        .expect(202);
    put("2", "{}");
    soon("there is no quota any more", || {
        (say_in(ROOM, "dave").status == 202).then_some(())
    });
}

#[test]
fn whoever_asks_too_often_is_told_when_to_come_back() {
    let options = Options {
        variables: vec![("limit_user", "3/60".to_owned())],
        ..Options::default()
    };
    let system = System::with(1, options);
    system.room("e2e.quota");
    let alice = token("alice", "publish");
    for left in (0..3).rev() {
        let reply = system
            .edge
            .publish("e2e.quota", &alice, "", &chat("hi"))
            .expect(202);
        let user = reply.header("ratelimit").expect("RateLimit").to_owned();
        assert!(user.contains(&format!("\"user\";r={left}")), "{user}");
        assert!(
            reply
                .header("ratelimit-policy")
                .is_some_and(|policy| policy.contains("\"user\";q=3;w=60")),
            "{reply:?}"
        );
    }
    let reply = system
        .edge
        .publish("e2e.quota", &alice, "", &chat("hi"))
        .problem(429);
    let wait: u64 = reply
        .header("retry-after")
        .expect("Retry-After")
        .parse()
        .expect("seconds");
    assert!((1..=20).contains(&wait), "{wait}");
    system
        .edge
        .publish("e2e.quota", &token("carol", "publish"), "", &chat("hi"))
        .expect(202);

    system.room_with("e2e.slow", json!({"slow_ms":30000}));
    system
        .edge
        .publish("e2e.slow", &token("dan", "publish"), "", &chat("one"))
        .expect(202);
    let reply = system
        .edge
        .publish("e2e.slow", &token("dan", "publish"), "", &chat("two"))
        .problem(429);
    assert!(reply.header("retry-after").is_some(), "{reply:?}");
}
