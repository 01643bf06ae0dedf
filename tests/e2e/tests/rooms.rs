//! What owners, moderators, guests and back ends do with rooms, and what open sockets see of it.

use e2e::token::{claims, signed, token};
use e2e::viewer::{self, Viewer};
use e2e::{Options, System, soon};
use serde_json::{Value, json};

fn chat(text: &str) -> Value {
    json!({"kind":"chat","data":{"text":text}})
}

/// Reads until an `error` frame for the room comes; gives its code.
fn ended(viewer: &mut Viewer, room: &str) -> String {
    soon("the subscription ends", || {
        let frame = viewer.frame().expect("the socket stays open");
        (frame["type"] == "error" && frame["room"] == room)
            .then(|| frame["code"].as_str().expect("a code").to_owned())
    })
}

#[test]
fn a_room_is_created_read_changed_and_closed_for_good() {
    let system = System::start(1);
    let owner = token("owner", "rooms:write publish");
    let body = json!({"id":"e2e.life","title":"One","access":"open"});
    let reply = system
        .edge
        .call("POST", "/v1/rooms", &owner, &body)
        .expect(201);
    assert_eq!(reply.header("location"), Some("/v1/rooms/e2e.life"));
    let room = system
        .edge
        .call("GET", "/v1/rooms/e2e.life", "", &Value::Null)
        .expect(200)
        .json();
    assert_eq!(
        (
            &room["title"],
            &room["state"],
            &room["owner"],
            &room["access"]
        ),
        (
            &json!("One"),
            &json!("open"),
            &json!("owner"),
            &json!("open")
        )
    );

    let mut viewer = system.viewer(0, "e2e.life", "bob");
    let patch = json!({"title":"Two"});
    let stranger = token("stranger", "publish");
    system
        .edge
        .call("PATCH", "/v1/rooms/e2e.life", &stranger, &patch)
        .problem(403);
    system
        .edge
        .call(
            "PATCH",
            "/v1/rooms/e2e.life",
            &token("owner", "publish"),
            &patch,
        )
        .expect(200);
    let state = &viewer.messages("e2e.life", &Value::Null, 1)[0];
    assert_eq!(
        (&state["kind"], &state["data"]["fields"]["title"]),
        (&json!("state"), &json!("Two")),
        "{state}"
    );
    system
        .edge
        .call(
            "PATCH",
            "/v1/rooms/e2e.life",
            &owner,
            &json!({"title":"x".repeat(1_000)}),
        )
        .problem(422);

    system
        .edge
        .call("DELETE", "/v1/rooms/e2e.life", &owner, &Value::Null)
        .expect(204);
    assert_eq!(ended(&mut viewer, "e2e.life"), "room_closed");
    let reply = system
        .edge
        .publish("e2e.life", &owner, "", &chat("anybody?"));
    reply.problem(410);
    let made = system
        .edge
        .call("POST", "/v1/rooms", &owner, &json!({"namespace":"e2e"}))
        .expect(201)
        .str("id");
    assert!(made.starts_with("e2e.local-"), "{made}");
}

#[test]
fn bans_mutes_and_kicks_act_on_open_sockets_at_once() {
    let system = System::start(2);
    system.room("e2e.order");
    let moderator = token("mod", "moderate");
    let mut bob = system.viewer(0, "e2e.order", "bob");
    let mut carol = system.viewer(1, "e2e.order", "carol");
    let ticket = system.ticket("e2e.order", "bob");
    let bob_speaks = token("bob", "publish");

    system
        .edge
        .call(
            "POST",
            "/v1/rooms/e2e.order/kick",
            &moderator,
            &json!({"user":"carol"}),
        )
        .expect(204);
    assert_eq!(ended(&mut carol, "e2e.order"), "kicked");

    system
        .edge
        .call(
            "PUT",
            "/v1/rooms/e2e.order/mutes/bob",
            &moderator,
            &json!({"seconds":600}),
        )
        .expect(204);
    system
        .edge
        .publish("e2e.order", &bob_speaks, "", &chat("mm"))
        .problem(403);
    system
        .edge
        .call(
            "DELETE",
            "/v1/rooms/e2e.order/mutes/bob",
            &moderator,
            &Value::Null,
        )
        .expect(204);
    system
        .edge
        .publish("e2e.order", &bob_speaks, "", &chat("hi"))
        .expect(202);

    system
        .edge
        .call(
            "PUT",
            "/v1/rooms/e2e.order/bans/bob",
            &moderator,
            &Value::Null,
        )
        .expect(204);
    assert_eq!(ended(&mut bob, "e2e.order"), "banned");
    system
        .edge
        .publish("e2e.order", &bob_speaks, "", &chat("hi"))
        .problem(403);
    system.edge.join("e2e.order", &bob_speaks).problem(403);
    let answer = bob
        .subscribe("e2e.order", &ticket, None)
        .expect("the socket stays open");
    assert_eq!(
        answer["code"], "banned",
        "an old ticket does not help: {answer}"
    );
    system
        .edge
        .call(
            "DELETE",
            "/v1/rooms/e2e.order/bans/bob",
            &moderator,
            &Value::Null,
        )
        .expect(204);
    assert_eq!(
        bob.subscribe("e2e.order", &ticket, None)
            .expect("an answer")["type"],
        "batch"
    );
    system
        .edge
        .publish("e2e.order", &bob_speaks, "", &chat("back"))
        .expect(202);
}

#[test]
fn guests_read_open_rooms_and_closed_doors_need_a_token() {
    let system = System::start(1);
    system.room("e2e.open");
    system.room_with("e2e.door", json!({"access":"token"}));
    let joined = system.edge.join("e2e.open", "").expect(200).json();
    let subject = joined["subject"].as_str().expect("a subject");
    assert!(
        subject.starts_with("guest-") && subject.len() == 22,
        "{subject}"
    );
    let mut guest = Viewer::connect(joined["endpoints"][0]["url"].as_str().expect("an endpoint"))
        .expect("it opens");
    let first = guest
        .subscribe(
            "e2e.open",
            joined["ticket"].as_str().expect("a ticket"),
            joined["cursor"].as_str(),
        )
        .expect("an answer");
    assert_eq!(first["type"], "batch", "{first}");
    system
        .edge
        .publish("e2e.open", "", "", &chat("hi"))
        .problem(401);
    system.edge.join("e2e.door", "").problem(401);
    system.edge.join("e2e.door", &token("bob", "")).expect(200);
    let mut elsewhere = claims("bob", "");
    elsewhere["rooms"] = json!(["e2e.open"]);
    system
        .edge
        .join("e2e.door", &signed(&elsewhere))
        .problem(403);
}

#[test]
fn everybody_has_a_room_of_their_own_and_the_one_that_all_share() {
    let system = System::start(1);
    let service = token("backend", "service");
    system.edge.join("~bob", &token("mallory", "")).problem(403);
    let ticket = system.ticket("~bob", "bob");
    let mut bob = Viewer::connect(&system.socket(0)).expect("it opens");
    let first = bob.subscribe("~bob", &ticket, None).expect("an answer");
    let letter = json!({"kind":"control","data":{"coins":5}});
    system
        .edge
        .publish("~bob", &token("mallory", "publish"), "", &letter)
        .problem(403);
    let id = system
        .edge
        .publish("~bob", &service, "letter-1", &letter)
        .expect(202)
        .str("id");
    assert_eq!(bob.messages("~bob", &first, 1)[0]["id"], json!(id));

    let id = system
        .edge
        .publish(
            "!all",
            &service,
            "news-1",
            &json!({"kind":"control","data":{"news":"hello"}}),
        )
        .expect(202)
        .str("id");
    assert_eq!(bob.messages("!all", &Value::Null, 1)[0]["id"], json!(id));
}

#[test]
fn likes_and_viewers_are_counted_over_nodes() {
    let system = System::start(2);
    system.room("e2e.counts");
    let mut viewers = [
        system.viewer(0, "e2e.counts", "a"),
        system.viewer(1, "e2e.counts", "b"),
        system.viewer(1, "e2e.counts", "c"),
    ];
    let alice = token("alice", "publish");
    for _ in 0..25 {
        let reply = system
            .edge
            .publish("e2e.counts", &alice, "", &json!({"kind":"like","data":{}}))
            .expect(202);
        assert!(
            reply.json()["likes"].is_u64() && reply.json().get("id").is_none(),
            "{reply:?}"
        );
    }
    for viewer in &mut viewers {
        let mut counters = json!({"online":0,"likes":0});
        soon("25 likes of 3 viewers", || {
            let frame = viewer.frame().expect("the socket is open");
            for name in ["online", "likes"] {
                if frame["room"] == "e2e.counts" && frame["counters"][name].is_u64() {
                    counters[name] = frame["counters"][name].clone();
                }
            }
            (counters == json!({"online":3,"likes":25})).then_some(())
        });
    }
    let room = soon("the edge counts the same", || {
        let room = system
            .edge
            .call("GET", "/v1/rooms/e2e.counts", "", &Value::Null)
            .expect(200)
            .json();
        (room["online"] == 3).then_some(room)
    });
    assert_eq!(room["likes"], 25);
}

#[test]
fn a_few_likes_at_once_are_told_to_all_within_the_next_flush() {
    let system = System::start(2);
    system.room("e2e.few");
    let mut viewers = [
        system.viewer(0, "e2e.few", "a"),
        system.viewer(1, "e2e.few", "b"),
    ];
    let alice = token("alice", "publish");
    for round in 1..=5 {
        let likes: Vec<_> = (0..3)
            .map(|_| {
                let (edge, alice) = (system.edge.clone(), alice.clone());
                std::thread::spawn(move || {
                    let like = json!({"kind":"like","data":{}});
                    edge.publish("e2e.few", &alice, "", &like).expect(202);
                })
            })
            .collect();
        for like in likes {
            like.join().expect("it is counted");
        }
        for viewer in &mut viewers {
            soon("three more likes", || {
                let frame = viewer.frame().expect("the socket is open");
                (frame["counters"]["likes"] == round * 3).then_some(())
            });
        }
    }
}

#[test]
fn words_on_the_list_are_rejected_masked_or_shown_to_their_sender_only() {
    let system = System::start(1);
    let rules = json!({"words":[{"word":"darn","do":"replace"},{"word":"spam","do":"shadow"},{"word":"scam","do":"reject"}]});
    let mut redis = system.redis();
    let () = redis::cmd("HSET")
        .arg("tg:rules:e2e")
        .arg("version")
        .arg("1")
        .arg("body")
        .arg(rules.to_string())
        .query(&mut redis)
        .expect("HSET");
    system.room("e2e.words");
    let mut viewer = system.viewer(0, "e2e.words", "bob");
    let alice = token("alice", "publish");
    system
        .edge
        .publish("e2e.words", &alice, "", &chat("a SCAM it is"))
        .problem(422);
    let hidden = system
        .edge
        .publish("e2e.words", &alice, "", &chat("buy spam"))
        .expect(202)
        .json();
    let shown = system
        .edge
        .publish("e2e.words", &alice, "", &chat("darn it"))
        .expect(202)
        .json();
    assert_ne!(hidden["id"], shown["id"]);
    let got = viewer.messages("e2e.words", &Value::Null, 1);
    assert_eq!(got[0]["id"], shown["id"], "{got:?}");
    let text = got[0]["data"]["text"].as_str().expect("a text");
    assert!(!text.contains("darn") && text.ends_with("it"), "{text}");
    assert_eq!(viewer::taken(&Value::Null).len(), 0);
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

#[test]
fn browsers_of_the_configured_origin_are_let_in_and_no_others() {
    let system = System::start(1);
    let ask = |origin: &str| {
        let headers = [
            ("origin", origin),
            ("access-control-request-method", "POST"),
            (
                "access-control-request-headers",
                "authorization,content-type,idempotency-key",
            ),
        ];
        system
            .edge
            .send("OPTIONS", "/v1/rooms/e2e.cors/messages", &headers, b"")
    };
    let good = ask("http://app.example");
    assert_eq!(
        good.header("access-control-allow-origin"),
        Some("http://app.example"),
        "{good:?}"
    );
    assert!(
        good.header("access-control-allow-headers")
            .is_some_and(|names| names.to_lowercase().contains("idempotency-key"))
    );
    assert!(
        good.header("vary")
            .is_some_and(|vary| vary.to_lowercase().contains("origin"))
    );
    assert_eq!(
        ask("https://evil.example").header("access-control-allow-origin"),
        None
    );
}
