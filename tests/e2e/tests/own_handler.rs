//! The example of a handler of one's own: by itself, and beside the router in one app.

use std::path::PathBuf;

use e2e::process::root;
use e2e::token::{claims, signed, token};
use e2e::{Options, Reply, System, soon};
use serde_json::{Value, json};
use tempfile::TempDir;

fn run(manifest: PathBuf) -> System {
    let options = Options {
        manifest: Some(manifest),
        ..Options::default()
    };
    System::with(0, options)
}

fn alone() -> System {
    run(root().join("examples/own-handler/spin.toml"))
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
    run(manifest)
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
