//! The example of a handler of one's own: by itself, and beside the router in one app.

use std::path::PathBuf;

use e2e::issuer::Issuer;
use e2e::process::root;
use e2e::signer::Signer;
use e2e::token::{claims, signed, token};
use e2e::{Options, Reply, System, soon};
use redis::Commands;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

fn run(manifest: PathBuf, variables: Vec<(&'static str, String)>) -> System {
    let options = Options {
        manifest: Some(manifest),
        variables,
        ..Options::default()
    };
    System::with(0, options)
}

fn alone() -> System {
    alone_with(Vec::new())
}

fn alone_with(variables: Vec<(&'static str, String)>) -> System {
    run(root().join("examples/own-handler/spin.toml"), variables)
}

/// Tidegate's manifest with the lines that the example says can be copied into it.
fn beside_the_router(folder: &TempDir) -> System {
    let read = |name: &str| std::fs::read_to_string(root().join(name)).unwrap();
    let example = read("examples/own-handler/spin.toml");
    let own = example.split("# ---\n").nth(1).expect("lines of dashes");
    let both = format!(
        "{}\n{}",
        read("spin.toml"),
        own.replace("../../target/", "target/")
    );
    let target = format!("\"{}/target/", root().display());
    let manifest = folder.path().join("spin.toml");
    std::fs::write(&manifest, both.replace("\"target/", &target)).unwrap();
    run(manifest, Vec::new())
}

fn vote(app: &System, token: &str, choice: &str) -> Reply {
    let body = json!({ "choice": choice });
    app.edge.call("PUT", "/polls/p1/vote", token, &body)
}

fn counts(app: &System) -> Value {
    let reply = app.edge.call("GET", "/polls/p1", "", &Value::Null);
    reply.expect(200).json()["votes"].clone()
}

#[test]
fn votes_are_counted_once_for_each_subject() {
    let app = alone();
    assert_eq!(counts(&app), json!({}));
    let said = vote(&app, &token("ann", ""), "red").expect(200).json();
    assert_eq!(said, json!({"poll": "p1", "choice": "red"}));
    vote(&app, &token("ann", ""), "red").expect(200);
    vote(&app, &token("ben", ""), "red").expect(200);
    vote(&app, &token("ann", ""), "blue").expect(200);
    assert_eq!(counts(&app), json!({"red": 1, "blue": 1}));
}

#[test]
fn whoever_votes_too_often_waits() {
    let app = alone();
    let ann = token("ann", "");
    let refused = soon("a refusal", || {
        let reply = vote(&app, &ann, "red");
        (reply.status != 200).then_some(reply)
    });
    let refused = refused.problem(429);
    assert_eq!(refused.header("retry-after"), Some("1"));
    vote(&app, &token("ben", ""), "red").expect(200);
    soon("ann may vote again", || {
        (vote(&app, &ann, "red").status == 200).then_some(())
    });
}

#[test]
fn who_is_not_known_and_what_is_no_vote_is_refused() {
    let app = alone();
    vote(&app, "", "red").problem(401);
    vote(&app, "not.a.token", "red").problem(401);
    let mut expired = claims("ann", "");
    expired["exp"] = 1.into();
    vote(&app, &signed(&expired), "red").problem(401);
    vote(&app, &token("ann", ""), "not a name").problem(400);
    vote(&app, &token("ben", ""), &"x".repeat(2_000)).problem(413);
    let get = |path: &str| app.edge.call("GET", path, "", &Value::Null);
    get("/polls/no%20name").problem(404);
    assert_eq!(
        get("/polls/p1/vote").problem(405).header("allow"),
        Some("PUT")
    );
    assert_eq!(counts(&app), json!({}), "nothing was counted");
}

#[test]
fn whoever_was_revoked_votes_no_more() {
    let folder = TempDir::new().unwrap();
    let app = beside_the_router(&folder);
    let (ann, ben) = (token("ann", ""), signed(&named("ben", "stolen")));
    vote(&app, &ann, "red").expect(200);
    vote(&app, &ben, "red").expect(200);
    let service = token("backend", "service");
    let stolen: String = Sha256::digest("stolen")[..16]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    for user in ["ann", &format!("jti:{stolen}")] {
        let path = format!("/v1/rooms/!all/bans/{user}");
        app.edge
            .call("PUT", &path, &service, &json!({}))
            .expect(204);
    }
    for token in [&ann, &ben] {
        let refused = soon("the revocation is seen", || {
            let reply = vote(&app, token, "blue");
            (reply.status == 401).then_some(reply)
        });
        refused.problem(401);
    }
    // Another token of the same subject is good; he has voted often enough for now.
    soon("ben votes by another", || {
        (vote(&app, &token("ben", ""), "blue").status == 200).then_some(())
    });
}

/// Claims of a token that can be named.
fn named(subject: &str, jti: &str) -> Value {
    let mut claims = claims(subject, "");
    claims["jti"] = jti.into();
    claims
}

#[test]
fn published_keys_are_taken_and_fetched_once_for_all_instances() {
    let (ours, theirs) = (Signer::es256("ec", 1), Signer::es256("ec", 9));
    let issuer = Issuer::start(&[ours.public()]);
    let app = alone_with(issuer.variables());
    vote(&app, &token("ann", ""), "red").expect(200);
    assert_eq!(issuer.asked(), 0, "the configured keys need no other");
    vote(&app, &ours.token("ben", ""), "red").expect(200);
    vote(&app, &theirs.token("eve", ""), "red").problem(401);
    let unknown = Signer::es256("unknown", 9).token("eve", "");
    // More than an instance serves.
    for _ in 0..150 {
        vote(&app, &unknown, "red").problem(401);
    }
    assert_eq!(issuer.asked(), 1);
    assert_eq!(counts(&app), json!({"red": 2}));
}

#[test]
fn without_published_keys_nobody_can_say_whether_a_token_is_good() {
    let key = Signer::es256("ec", 1);
    let issuer = Issuer::start(&[key.public()]);
    issuer.is_up(false);
    let app = alone_with(issuer.variables());
    let refused = vote(&app, &key.token("ann", ""), "red").problem(503);
    assert!(refused.header("retry-after").is_some());
    issuer.is_up(true);
    soon("it is asked again", || {
        (vote(&app, &key.token("ann", ""), "red").status == 200).then_some(())
    });
}

#[test]
fn a_poll_that_nobody_votes_in_any_more_goes() {
    let app = alone();
    let mut redis = app.redis();
    for choice in ["red", "red", "blue"] {
        vote(&app, &token("ann", ""), choice).expect(200);
        for key in ["poll:{p1}:votes", "poll:{p1}:counts"] {
            let left_s: i64 = redis.ttl(key).unwrap();
            assert!((1..=30 * 86_400).contains(&left_s), "{key}: {left_s}");
            // The next vote keeps it anew.
            let () = redis.persist(key).unwrap();
        }
    }
    let lasting: Vec<String> = redis.keys("*").unwrap();
    let lasting = lasting.iter().filter(|key| !key.starts_with("poll:"));
    for key in lasting.filter(|key| *key != "tg:layout") {
        let left_s: i64 = redis.ttl(key).unwrap();
        assert!(left_s > 0, "{key} is kept for ever");
    }
}

#[test]
fn without_redis_it_says_so() {
    let mut app = alone();
    vote(&app, &token("ann", ""), "red").expect(200);
    app.redis.kill();
    let refused = vote(&app, &token("ben", ""), "red").problem(503);
    assert_eq!(refused.header("retry-after"), Some("1"));
}

#[test]
fn it_serves_beside_the_router_in_one_app() {
    let folder = TempDir::new().unwrap();
    let app = beside_the_router(&folder);
    vote(&app, &token("ann", ""), "red").expect(200);
    assert_eq!(counts(&app), json!({"red": 1}));
    let healthy = app.edge.call("GET", "/healthz", "", &Value::Null);
    assert_eq!(healthy.status, 200);
    let made = app.edge.call(
        "POST",
        "/v1/rooms",
        &token("owner", "rooms:write"),
        &json!({"id": "r1"}),
    );
    made.expect(201);
}
