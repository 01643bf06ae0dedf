//! Bad input over HTTP: each has its status, and a problem that says what to do.

use e2e::System;
use e2e::token::{AUTH_SECRETS, claims, header, now_ms, sign, signed, token};
use serde_json::{Value, json};

fn chat(text: &str) -> Value {
    json!({"kind":"chat","data":{"text":text}})
}

#[test]
fn tokens_that_are_not_good_are_401_and_rights_that_are_missing_403() {
    let system = System::start(1);
    system.room("e2e.bad");
    let publish = |token: &str| system.edge.publish("e2e.bad", token, "", &chat("hi"));
    publish(&token("alice", "publish")).expect(202);

    let with = |change: &dyn Fn(&mut Value)| {
        let mut claims = claims("alice", "publish");
        change(&mut claims);
        signed(&claims)
    };
    let good = claims("alice", "publish");
    let secret = AUTH_SECRETS[0].1;
    let headed = |head: Value| sign(&head.to_string(), &good.to_string(), secret);
    let mut unauthorised = vec![
        ("none", String::new()),
        ("not a token", "abc".to_owned()),
        (
            "a bad signature",
            sign(
                &header().to_string(),
                &good.to_string(),
                b"another key that nobody here has ever seen",
            ),
        ),
        (
            "expired",
            with(&|claims| claims["exp"] = json!(now_ms() / 1000 - 120)),
        ),
        (
            "not yet valid",
            with(&|claims| claims["nbf"] = json!(now_ms() / 1000 + 600)),
        ),
        (
            "without expiry",
            with(&|claims| drop(claims.as_object_mut().expect("claims").remove("exp"))),
        ),
        (
            "another audience",
            with(&|claims| claims["aud"] = json!("somebody-else")),
        ),
        (
            "another issuer",
            with(&|claims| claims["iss"] = json!("https://evil.example")),
        ),
        (
            "a guest",
            with(&|claims| claims["sub"] = json!("guest-0123456789abcdef")),
        ),
        (
            "a subject outside the grammar",
            with(&|claims| claims["sub"] = json!("al ice")),
        ),
        (
            "info too large",
            with(&|claims| claims["info"] = json!({"name":"x".repeat(600)})),
        ),
        (
            "alg none",
            headed(json!({"alg":"none","typ":"JWT","kid":"e2e-1"})),
        ),
        (
            "another alg",
            headed(json!({"alg":"HS512","typ":"JWT","kid":"e2e-1"})),
        ),
        ("no kid", headed(json!({"alg":"HS256","typ":"JWT"}))),
        (
            "an unknown kid",
            headed(json!({"alg":"HS256","typ":"JWT","kid":"other"})),
        ),
        (
            "an embedded key",
            sign(
                r#"{"alg":"HS256","jwk":{"kty":"oct","k":"YQ"}}"#,
                &good.to_string(),
                b"a",
            ),
        ),
        (
            "a critical extension",
            headed(json!({"alg":"HS256","typ":"JWT","kid":"e2e-1","crit":["b64"],"b64":false})),
        ),
        (
            "oversized",
            with(&|claims| claims["padding"] = json!("x".repeat(9_000))),
        ),
    ];
    let repeated = format!(
        r#"{{"sub":"mallory",{}"#,
        good.to_string().trim_start_matches('{')
    );
    unauthorised.push((
        "a claim twice",
        sign(&header().to_string(), &repeated, secret),
    ));
    for (what, token) in unauthorised {
        let reply = publish(&token);
        assert_eq!(reply.status, 401, "{what}: {reply:?}");
        let reply = reply.problem(401);
        assert!(
            reply
                .header("www-authenticate")
                .is_some_and(|scheme| scheme.starts_with("Bearer")),
            "{what}: {reply:?}"
        );
        assert!(
            !reply.text.contains("e2e-1"),
            "{what}: says too much: {reply:?}"
        );
    }

    publish(&token("alice", "")).problem(403);
    publish(&token("alice", "moderate")).problem(403);
    publish(&with(&|claims| {
        claims["rooms"] = json!(["e2e.other", "demo.*"])
    }))
    .problem(403);
    publish(&with(&|claims| claims["rooms"] = json!(["e2e.*"]))).expect(202);
    for kind in ["gift", "control"] {
        system
            .edge
            .publish(
                "e2e.bad",
                &token("alice", "publish"),
                "",
                &json!({"kind":kind,"data":{}}),
            )
            .problem(403);
    }
    system
        .edge
        .call(
            "POST",
            "/v1/rooms",
            &token("alice", "publish"),
            &json!({"id":"e2e.mine"}),
        )
        .problem(403);
    system
        .edge
        .call(
            "DELETE",
            "/v1/rooms/e2e.bad",
            &token("alice", "publish"),
            &Value::Null,
        )
        .problem(403);
    system
        .edge
        .call(
            "PUT",
            "/v1/rooms/e2e.bad/bans/bob",
            &token("alice", "publish"),
            &Value::Null,
        )
        .problem(403);
}

#[test]
fn rooms_that_are_not_there_or_not_names() {
    let system = System::start(1);
    let token = token("alice", "publish rooms:write");
    system
        .edge
        .publish("e2e.unknown", &token, "", &chat("hi"))
        .problem(404);
    system.edge.join("e2e.unknown", &token).problem(404);
    system
        .edge
        .call("GET", "/v1/rooms/e2e.unknown", "", &Value::Null)
        .problem(404);
    system
        .edge
        .call("GET", "/v1/nothing/here", "", &Value::Null)
        .problem(404);
    for bad in [
        "%20",
        "a%2Fb",
        "%C3%A9",
        "a%00",
        "%FF",
        &"x".repeat(65),
        "!else",
        "a~b",
    ] {
        let reply = system.edge.publish(bad, &token, "", &chat("hi"));
        assert!(matches!(reply.status, 400 | 404), "{bad}: {reply:?}");
        let status = reply.status;
        reply.problem(status);
        let reply = system
            .edge
            .call("POST", "/v1/rooms", &token, &json!({ "id": bad }));
        assert!(matches!(reply.status, 400 | 422), "{bad}: {reply:?}");
    }
    for reserved in ["~alice", "!all"] {
        system
            .edge
            .publish(reserved, &token, "", &chat("hi"))
            .problem(403);
    }
    let reply = system
        .edge
        .call("PUT", "/v1/rooms", &token, &Value::Null)
        .problem(405);
    assert!(
        reply
            .header("allow")
            .is_some_and(|methods| methods.contains("POST")),
        "{reply:?}"
    );
    system
        .edge
        .call("POST", "/v1/rooms", &token, &json!({"id":"e2e.twice"}))
        .expect(201);
    system
        .edge
        .call("POST", "/v1/rooms", &token, &json!({"id":"e2e.twice"}))
        .problem(409);
    system
        .edge
        .call("DELETE", "/v1/rooms/e2e.twice", &token, &Value::Null)
        .expect(204);
    system
        .edge
        .call("POST", "/v1/rooms", &token, &json!({"id":"e2e.twice"}))
        .problem(409);
}

#[test]
fn bodies_that_are_not_messages() {
    let system = System::start(1);
    system.room("e2e.bodies");
    let bearer = format!("Bearer {}", token("alice", "publish"));
    let post = |body: &[u8]| {
        let headers = [
            ("authorization", bearer.as_str()),
            ("content-type", "application/json"),
        ];
        system
            .edge
            .send("POST", "/v1/rooms/e2e.bodies/messages", &headers, body)
    };
    let deep = format!(
        r#"{{"kind":"chat","data":{}1{}}}"#,
        "[".repeat(500),
        "]".repeat(500)
    );
    let deeper = format!(
        r#"{{"kind":"chat","data":{}1{}}}"#,
        "[".repeat(7_000),
        "]".repeat(7_000)
    );
    let big = format!(
        r#"{{"kind":"chat","data":{{"text":"{}"}}}}"#,
        "x".repeat(5_000)
    );
    let bigger = format!(
        r#"{{"kind":"chat","data":{{"text":"{}"}}}}"#,
        "x".repeat(100_000)
    );
    let cases: [(&str, &[u8], &[u16]); 18] = [
        ("nothing", b"", &[400]),
        ("not JSON", b"hello", &[400]),
        ("half", br#"{"kind":"chat""#, &[400]),
        ("not an object", b"[]", &[400, 422]),
        ("deep", deep.as_bytes(), &[400, 422]),
        ("deeper", deeper.as_bytes(), &[400, 422]),
        ("no kind", br#"{"data":{}}"#, &[400, 422]),
        ("no data", br#"{"kind":"chat"}"#, &[400, 422]),
        (
            "kind of another type",
            br#"{"kind":1,"data":{}}"#,
            &[400, 422],
        ),
        ("an unknown kind", br#"{"kind":"shout","data":{}}"#, &[422]),
        (
            "a kind that only functions write",
            br#"{"kind":"ban","data":{}}"#,
            &[422],
        ),
        ("presence", br#"{"kind":"presence","data":{}}"#, &[422]),
        (
            "a control character",
            br#"{"kind":"chat","data":{"text":"a\u0000b"}}"#,
            &[422],
        ),
        (
            "another",
            b"{\"kind\":\"chat\",\"data\":{\"text\":\"a\x1bb\"}}",
            &[400, 422],
        ),
        (
            "invalid UTF-8",
            b"{\"kind\":\"chat\",\"data\":{\"text\":\"\xff\xfe\"}}",
            &[400],
        ),
        ("data over the limit", big.as_bytes(), &[413, 422]),
        ("a body over the limit", bigger.as_bytes(), &[413]),
        (
            "in another's name",
            br#"{"kind":"chat","data":{},"as":{"sub":"bob"}}"#,
            &[403],
        ),
    ];
    for (what, body, statuses) in cases {
        let reply = post(body);
        assert!(statuses.contains(&reply.status), "{what}: {reply:?}");
        let status = reply.status;
        reply.problem(status);
    }
    let reply = system.edge.send(
        "POST",
        "/v1/rooms/e2e.bodies/messages",
        &[
            ("authorization", bearer.as_str()),
            ("content-type", "text/plain"),
        ],
        br#"{"kind":"chat","data":{}}"#,
    );
    reply.problem(415);
    post(r#"{"kind":"chat","data":{"text":"日本語 ok\n\t"},"later":"is skipped"}"#.as_bytes())
        .expect(202);
}

#[test]
fn an_idempotency_key_is_answered_once_and_not_taken_for_another_body() {
    let system = System::start(1);
    system.room("e2e.once");
    let mut viewer = system.viewer(0, "e2e.once", "bob");
    let alice = token("alice", "publish");
    let first = system
        .edge
        .publish("e2e.once", &alice, "k-1", &chat("hi"))
        .expect(202)
        .json();
    let again = system
        .edge
        .publish("e2e.once", &alice, "k-1", &chat("hi"))
        .expect(202)
        .json();
    assert_eq!(first, again);
    system
        .edge
        .publish("e2e.once", &alice, "k-1", &chat("something else"))
        .problem(422);
    let other = system
        .edge
        .publish("e2e.once", &token("carol", "publish"), "k-1", &chat("hi"))
        .expect(202)
        .json();
    assert_ne!(first["id"], other["id"], "keys are the subject's own");
    let messages = viewer.messages("e2e.once", &Value::Null, 2);
    assert_eq!(
        (&messages[0]["id"], &messages[1]["id"]),
        (&first["id"], &other["id"])
    );
    system
        .edge
        .publish("e2e.once", &alice, &"k".repeat(65), &chat("hi"))
        .problem(400);
}
