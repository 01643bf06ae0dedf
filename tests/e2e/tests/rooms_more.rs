//! What a room's own rules do, and how fast.

use std::time::{Duration, Instant};

use e2e::token::{claims, signed, token};
use e2e::viewer::Viewer;
use e2e::{System, soon};
use serde_json::{Value, json};

fn chat(text: &str) -> Value {
    json!({"kind":"chat","data":{"text":text}})
}

fn follower(subject: &str, follows: &[&str]) -> String {
    let mut claims = claims(subject, "publish");
    claims["follows"] = json!(follows);
    signed(&claims)
}

/// Reads until an `error` frame for the room comes; gives its code.
fn ended(viewer: &mut Viewer, room: &str) -> String {
    soon("the subscription ends", || {
        let frame = viewer.frame().expect("the socket stays open");
        (frame["type"] == "error" && frame["room"] == room)
            .then(|| frame["code"].as_str().expect("a code").to_owned())
    })
}

fn change(system: &System, room: &str, settings: Value) -> Value {
    let owner = token("owner", "rooms:write");
    let path = format!("/v1/rooms/{room}");
    system
        .edge
        .call("PATCH", &path, &owner, &settings)
        .expect(200)
        .json()
}

#[test]
fn moderators_of_a_room_act_there_and_nowhere_else() {
    let system = System::start(1);
    system.room_with("more.one", json!({"moderators":["carol","dan"]}));
    system.room("more.two");
    let carol = token("carol", "publish");
    let mut bob = system.viewer(0, "more.one", "bob");
    let call = |method: &str, path: &str, body: Value| {
        system
            .edge
            .call(method, &format!("/v1/rooms/{path}"), &carol, &body)
    };
    let id = system
        .edge
        .publish("more.one", &token("bob", "publish"), "", &chat("rude"))
        .expect(202)
        .str("id");
    call("DELETE", &format!("more.one/messages/{id}"), Value::Null).expect(204);
    let messages = bob.messages("more.one", &Value::Null, 2);
    assert_eq!(messages[1]["kind"], "hide", "{messages:?}");
    let history = call("GET", "more.one/messages", Value::Null)
        .expect(200)
        .json();
    let hidden = history["messages"]
        .as_array()
        .expect("messages")
        .iter()
        .find(|message| message["id"] == json!(id))
        .expect("it is listed");
    assert_eq!(
        (&hidden["hidden"], hidden.get("data")),
        (&json!(true), None)
    );

    call("PUT", "more.one/mutes/bob", json!({"seconds":60})).expect(204);
    call("POST", "more.one/kick", json!({"user":"bob"})).expect(204);
    assert_eq!(ended(&mut bob, "more.one"), "kicked");
    for (method, path, body) in [
        ("PUT", "more.two/bans/bob", Value::Null),
        ("PUT", "more.one/bans/dan", Value::Null),
        ("PUT", "more.one/bans/backend", Value::Null),
        ("PATCH", "more.one", json!({"title":"mine"})),
        ("DELETE", "more.one", Value::Null),
    ] {
        let reply = call(method, path, body).problem(403);
        assert_eq!(reply.json()["code"], "not_owner", "{method} {path}");
    }
    let shown = change(&system, "more.one", json!({"moderators":[]}));
    assert_eq!(shown["moderators"], json!([]));
    call("PUT", "more.one/bans/bob", Value::Null).problem(403);
}

#[test]
fn a_ban_ends_open_subscriptions_within_a_second_on_every_node() {
    let system = System::start(2);
    system.room("more.quick");
    let mut viewers = [
        system.viewer(0, "more.quick", "bob"),
        system.viewer(1, "more.quick", "bob"),
    ];
    let moderator = token("mod", "moderate");
    let asked = Instant::now();
    system
        .edge
        .call(
            "PUT",
            "/v1/rooms/more.quick/bans/bob",
            &moderator,
            &Value::Null,
        )
        .expect(204);
    for viewer in &mut viewers {
        assert_eq!(ended(viewer, "more.quick"), "banned");
    }
    let took = asked.elapsed();
    assert!(took < Duration::from_secs(1), "it took {took:?}");
}

#[test]
fn rules_of_a_room_say_who_may_chat() {
    let system = System::start(1);
    system.room_with("more.rules", json!({"followers_only":true}));
    let say = |token: &str| system.edge.publish("more.rules", token, "", &chat("hi"));
    let code = |token: &str| say(token).problem(403).json()["code"].clone();
    let bob = token("bob", "publish");
    assert_eq!(code(&bob), "followers_only");
    assert_eq!(code(&follower("bob", &["more.other"])), "followers_only");
    say(&follower("bob", &["more.*"])).expect(202);
    say(&token("backend", "publish")).expect(202);
    say(&token("mod", "publish moderate")).expect(202);

    change(
        &system,
        "more.rules",
        json!({"followers_only":false,"gift_only":true}),
    );
    assert_eq!(code(&follower("bob", &["more.rules"])), "gift_only");
    let like = json!({"kind":"like"});
    system
        .edge
        .publish("more.rules", &bob, "", &like)
        .expect(202);
    let gift = json!({"kind":"gift","data":{"gift":"rose"}});
    let giver = token("shop", "service");
    system
        .edge
        .publish("more.rules", &giver, "", &gift)
        .expect(202);

    change(
        &system,
        "more.rules",
        json!({"gift_only":false,"history_chat":10,"chat_budget":20}),
    );
    for i in 0..15 {
        say(&token(&format!("viewer-{i}"), "publish")).expect(202);
    }
    let room = system
        .edge
        .call("GET", "/v1/rooms/more.rules", "", &Value::Null)
        .expect(200)
        .json();
    assert_eq!(
        [
            &room["history_chat"],
            &room["chat_budget"],
            &room["history_keep"]
        ],
        [&json!(10), &json!(20), &json!(0)]
    );
    let history = system
        .edge
        .call(
            "GET",
            "/v1/rooms/more.rules/messages?limit=200",
            "",
            &Value::Null,
        )
        .expect(200)
        .json();
    let lane = |name: &str| {
        let messages = history["messages"].as_array().expect("messages");
        messages
            .iter()
            .filter(|message| message["lane"] == name)
            .count()
    };
    assert_eq!((lane("chat"), lane("gift")), (10, 1));
}

#[test]
fn a_back_end_makes_rooms_for_streamers_and_they_hand_them_over() {
    let system = System::start(0);
    let create = |who: &str, scope: &str, id: &str| {
        let body = json!({"id":id,"owner":"sam"});
        let token = token(who, scope);
        system.edge.call("POST", "/v1/rooms", &token, &body)
    };
    let reply = create("alice", "rooms:write", "more.own").problem(403);
    assert_eq!(reply.json()["code"], "denied");
    create("sam", "rooms:write", "more.self").expect(201);
    let room = create("backend", "service", "more.own").expect(201).json();
    assert_eq!(room["owner"], "sam");
    let change = |who: &str, body: Value| {
        let token = token(who, "publish");
        system
            .edge
            .call("PATCH", "/v1/rooms/more.own", &token, &body)
    };
    change("backend", json!({"title":"mine"})).problem(403);
    let room = change("sam", json!({"owner":"kim"})).expect(200).json();
    assert_eq!(room["owner"], "kim");
    change("sam", json!({"owner":"sam"})).problem(403);
    change("kim", json!({"title":"Kim's"})).expect(200);
    change("kim", json!({"owner":"guest-00000000000000ab"})).problem(422);
}

#[test]
fn custom_messages_are_opaque_and_bounded() {
    let system = System::start(1);
    system.room("more.custom");
    let mut viewer = system.viewer(0, "more.custom", "bob");
    let alice = token("alice", "publish");
    let poll = json!({"kind":"custom","data":{"poll":{"q":"?","n":12.50,"a":[1,null,"x"]}}});
    system
        .edge
        .publish("more.custom", &alice, "", &poll)
        .expect(202);
    let got = viewer.messages("more.custom", &Value::Null, 1);
    assert_eq!(
        (&got[0]["kind"], &got[0]["lane"], &got[0]["data"]),
        (&json!("custom"), &json!("chat"), &poll["data"])
    );
    for data in [
        json!([1]),
        json!({"x":"y".repeat(4_096)}),
        json!({"x":"\u{7}"}),
    ] {
        let message = json!({"kind":"custom","data":data});
        system
            .edge
            .publish("more.custom", &alice, "", &message)
            .problem(422);
    }
}
