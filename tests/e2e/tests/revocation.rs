//! A subject or a token is revoked: at the edge and on open sockets, at once, everywhere.

use std::time::{Duration, Instant};

use e2e::token::{claims, signed, token};
use e2e::{End, Reply, System, Viewer, within};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// The edge may see it a second late; the rest is for a loaded machine.
const LATE: Duration = Duration::from_secs(3);

fn hash(jti: &str) -> String {
    let digest = Sha256::digest(jti.as_bytes());
    digest[..16]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn ban(system: &System, method: &str, user: &str, token: &str) -> Reply {
    let path = format!("/v1/rooms/!all/bans/{user}");
    let body = match method {
        "PUT" => json!({}),
        _ => Value::Null,
    };
    system.edge.call(method, &path, token, &body)
}

/// What a caller does that needs a token which is not revoked.
fn acts(system: &System, token: &str) -> Vec<(&'static str, Reply)> {
    let call = |method, path: &str, body| system.edge.call(method, path, token, &body);
    let chat = json!({"kind":"chat","data":{"text":"hi"}});
    vec![
        ("publish", system.edge.publish("e2e.rev", token, "", &chat)),
        ("join", system.edge.join("e2e.rev", token)),
        ("read", call("GET", "/v1/rooms/e2e.rev", Value::Null)),
        (
            "history",
            call("GET", "/v1/rooms/e2e.rev/messages", Value::Null),
        ),
        ("ban", call("PUT", "/v1/rooms/e2e.rev/bans/eve", json!({}))),
        (
            "mute",
            call("PUT", "/v1/rooms/e2e.rev/mutes/eve", json!({})),
        ),
        (
            "kick",
            call("POST", "/v1/rooms/e2e.rev/kick", json!({"user":"eve"})),
        ),
        (
            "change",
            call("PATCH", "/v1/rooms/e2e.rev", json!({"title":"mine"})),
        ),
    ]
}

fn assert_all(system: &System, token: &str, what: &str, is_good: impl Fn(&Reply) -> bool) {
    for (act, reply) in acts(system, token) {
        assert!(is_good(&reply), "{what}: {act}: {reply:?}");
    }
}

fn until_revoked(system: &System, token: &str) {
    within(LATE, "the edge has seen it", || {
        (system.edge.join("e2e.rev", token).status == 401).then_some(())
    });
    assert_all(system, token, "revoked", |reply| {
        reply.status == 401 && reply.str("code") == "revoked"
    });
}

/// The node ends the socket, and in time.
fn is_out(viewer: &mut Viewer) {
    let since = Instant::now();
    assert_eq!(viewer.end(), End::Closed(4403, "disconnected".to_owned()));
    assert!(since.elapsed() < LATE, "{:?}", since.elapsed());
}

#[test]
fn a_revoked_subject_is_out_everywhere_until_it_is_lifted() {
    let system = System::start(2);
    system.room("e2e.rev");
    let service = token("backend", "service");
    let bob = token("bob", "publish moderate rooms:write");
    let mut viewers = [
        system.viewer(0, "e2e.rev", "bob"),
        system.viewer(1, "e2e.rev", "bob"),
    ];
    let mut other = system.viewer(0, "e2e.rev", "carol");
    let ticket = system.ticket("e2e.rev", "bob");
    assert_all(&system, &bob, "before", |reply| reply.status < 300);

    ban(&system, "PUT", "bob", &bob).problem(403);
    ban(&system, "PUT", "bob", &service).expect(204);
    for viewer in &mut viewers {
        is_out(viewer);
    }
    until_revoked(&system, &bob);
    // Another token of the same subject is no way round, nor is a ticket from before.
    until_revoked(&system, &token("bob", "publish moderate rooms:write"));
    for node in 0..2 {
        let mut again = Viewer::connect(&system.socket(node)).expect("sockets are open to all");
        let answer = again
            .subscribe("e2e.rev", &ticket, None)
            .expect("an answer");
        assert_eq!(answer["code"], "banned", "{answer}");
    }

    let carol = token("carol", "publish");
    let chat = json!({"kind":"chat","data":{"text":"still here"}});
    let id = system
        .edge
        .publish("e2e.rev", &carol, "", &chat)
        .expect(202)
        .str("id");
    let seen = within(LATE, "others see on", || {
        let frame = other.frame().expect("her socket stays");
        let messages = frame["messages"].as_array()?.clone();
        messages
            .into_iter()
            .find(|message| message["id"] == id.as_str())
    });
    assert_eq!(seen["sub"], "carol");

    ban(&system, "DELETE", "bob", &service).expect(204);
    within(LATE, "it is lifted", || {
        (system.edge.join("e2e.rev", &bob).status == 200).then_some(())
    });
    assert_all(&system, &bob, "lifted", |reply| reply.status < 300);
}

#[test]
fn a_revoked_token_is_out_and_another_of_the_same_subject_is_not() {
    let system = System::start(1);
    system.room("e2e.rev");
    let mut lost = claims("bob", "publish moderate rooms:write");
    lost["jti"] = json!("stolen");
    let lost = signed(&lost);
    let kept = token("bob", "publish moderate rooms:write");
    let watch = |token: &str| {
        let ticket = system.edge.join("e2e.rev", token).expect(200).str("ticket");
        let mut viewer = Viewer::connect(&system.socket(0)).expect("a socket");
        let first = viewer
            .subscribe("e2e.rev", &ticket, None)
            .expect("an answer");
        assert_eq!(first["type"], "batch", "{first}");
        (viewer, ticket)
    };
    let (mut out, ticket) = watch(&lost);
    let (mut stays, _) = watch(&kept);
    assert_all(&system, &lost, "before", |reply| reply.status < 300);

    let service = token("backend", "service");
    ban(&system, "PUT", &format!("jti:{}", hash("stolen")), &service).expect(204);
    is_out(&mut out);
    until_revoked(&system, &lost);
    let mut again = Viewer::connect(&system.socket(0)).expect("a socket");
    let answer = again
        .subscribe("e2e.rev", &ticket, None)
        .expect("an answer");
    assert_eq!(answer["code"], "banned", "{answer}");

    let chat = json!({"kind":"chat","data":{"text":"by the other token"}});
    let id = system
        .edge
        .publish("e2e.rev", &kept, "", &chat)
        .expect(202)
        .str("id");
    within(LATE, "the other token's socket stays", || {
        let frame = stays.frame().expect("it stays open");
        assert_ne!(frame["type"], "error", "{frame}");
        let messages = frame["messages"].as_array()?.clone();
        messages
            .into_iter()
            .find(|message| message["id"] == id.as_str())
    });
    assert_all(&system, &kept, "the other token", |reply| {
        reply.status < 300
    });
}
