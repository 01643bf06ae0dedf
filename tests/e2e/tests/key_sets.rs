//! Keys that an issuer publishes: fetched, kept, renewed, and done without for a while.

use std::time::Duration;

use e2e::issuer::Issuer;
use e2e::signer::{BY_RSA, Signer, rsa};
use e2e::token::token;
use e2e::{Options, System, within};
use redis::Commands;
use serde_json::{Value, json};

/// An edge that is told of this issuer.
fn system(issuer: &Issuer) -> System {
    let system = System::with(
        0,
        Options {
            variables: issuer.variables(),
            ..Options::default()
        },
    );
    system.room("e2e.keys");
    system
}

fn publish(system: &System, token: &str) -> u16 {
    let chat = json!({"kind":"chat","data":{"text":"hi"}});
    system.edge.publish("e2e.keys", token, "", &chat).status
}

/// What makes the region's cache as old as it would be after so long.
fn age(system: &System, by_ms: u64) {
    let mut redis = system.redis();
    let text: String = redis.get("tg:jwks").expect("a kept set");
    let mut set: Value = serde_json::from_str(&text).expect("JSON");
    let at_ms = set["fetched_ms"].as_u64().expect("a time");
    set["fetched_ms"] = json!(at_ms - by_ms);
    let () = redis.set("tg:jwks", set.to_string()).expect("it is taken");
    let () = redis.del("tg:jwks:turn").expect("it is taken");
}

#[test]
fn published_keys_are_fetched_once_and_serve_beside_the_configured() {
    let (ec, ed) = (Signer::es256("ec", 1), Signer::eddsa("ed", 2));
    let mut private = ec.public();
    private["kid"] = json!("private");
    private["d"] = json!("AQ");
    let secret =
        json!({"kty":"oct","kid":"secret","k":"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY"});
    let issuer = Issuer::start(&[secret, private, ec.public(), ed.public(), rsa()]);
    let system = system(&issuer);
    assert_eq!(publish(&system, &token("alice", "publish")), 202);
    assert_eq!(issuer.asked(), 0, "the configured keys need no other");
    for token in [
        ec.token("alice", "publish"),
        ed.token("bob", "publish"),
        BY_RSA.to_owned(),
    ] {
        assert_eq!(publish(&system, &token), 202);
    }
    assert_eq!(issuer.asked(), 1);

    let mut redis = system.redis();
    let left_ms: i64 = redis.pttl("tg:jwks").expect("an answer");
    assert!((1..=86_400_000).contains(&left_ms), "it expires: {left_ms}");
    let kept: String = redis.get("tg:jwks").expect("a kept set");
    assert!(
        !kept.contains("secret") && !kept.contains("private"),
        "{kept}"
    );

    // Names that nobody knows are no way to have it asked again and again.
    let unknown = Signer::es256("unknown", 9).token("eve", "publish");
    for _ in 0..50 {
        assert_eq!(publish(&system, &unknown), 401);
    }
    assert_eq!(issuer.asked(), 1);
    let forged = Signer::es256("ec", 9).token("eve", "publish");
    assert_eq!(publish(&system, &forged), 401);
}

#[test]
fn a_new_key_is_found_by_its_name_and_a_withdrawn_one_is_refused() {
    let (old, new) = (Signer::es256("old", 1), Signer::eddsa("new", 2));
    let issuer = Issuer::start(&[old.public()]);
    let mut system = system(&issuer);
    assert_eq!(publish(&system, &old.token("alice", "publish")), 202);
    issuer.publish(&[new.public()]);
    // Within the floor nothing is fetched; past it, here by a restart and an older cache, the new name makes it.
    age(&system, 31_000);
    system.restart_edge();
    assert_eq!(
        publish(&system, &old.token("alice", "publish")),
        202,
        "the cache serves"
    );
    let () = system.redis().del("tg:jwks:turn").expect("it is taken");
    within(Duration::from_secs(5), "the new key is found", || {
        (publish(&system, &new.token("alice", "publish")) == 202).then_some(())
    });
    assert_eq!(publish(&system, &old.token("alice", "publish")), 401);
    assert_eq!(issuer.asked(), 2);
}

#[test]
fn old_keys_serve_while_the_issuer_does_not_and_without_any_it_is_503() {
    let key = Signer::es256("ec", 1);
    let issuer = Issuer::start(&[key.public()]);
    let mut system = system(&issuer);
    issuer.is_up(false);
    let chat = json!({"kind":"chat","data":{"text":"hi"}});
    let reply = system
        .edge
        .publish("e2e.keys", &key.token("alice", "publish"), "", &chat);
    assert_eq!(reply.problem(503).str("code"), "keys_unavailable");
    assert!(
        system
            .edge_process()
            .log()
            .contains("the issuer's keys were not fetched")
    );

    issuer.is_up(true);
    within(Duration::from_secs(15), "it is asked again", || {
        (publish(&system, &key.token("alice", "publish")) == 202).then_some(())
    });
    issuer.is_up(false);
    age(&system, 3_600_000);
    system.restart_edge();
    for _ in 0..3 {
        assert_eq!(
            publish(&system, &key.token("alice", "publish")),
            202,
            "stale serves"
        );
    }
    age(&system, 86_400_000);
    system.restart_edge();
    assert_ne!(
        publish(&system, &key.token("alice", "publish")),
        202,
        "not for ever"
    );
}
