//! What a room's own rules do, and what back ends do with many rooms and users at once.

use std::time::{Duration, Instant};

use e2e::token::{claims, signed, token};
use e2e::viewer::{End, Viewer};
use e2e::{Options, System, soon};
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

#[test]
fn a_back_end_ends_all_sockets_of_a_user() {
    let system = System::start(2);
    system.room("more.out");
    let mut here = system.viewer(0, "more.out", "bob");
    let mut there = system.viewer(1, "more.out", "bob");
    let mut other = system.viewer(1, "more.out", "carol");
    let path = "/v1/users/bob/disconnect";
    let edge = &system.edge;
    edge.call(
        "POST",
        path,
        &token("bob", "publish moderate rooms:write"),
        &Value::Null,
    )
    .problem(403);
    edge.call("POST", path, "", &Value::Null).problem(401);
    let service = token("backend", "service");
    let asked = Instant::now();
    edge.call("POST", path, &service, &Value::Null).expect(204);
    for viewer in [&mut here, &mut there] {
        assert_eq!(viewer.end(), End::Closed(4403, "disconnected".to_owned()));
    }
    let took = asked.elapsed();
    assert!(took < Duration::from_secs(1), "it took {took:?}");
    edge.publish(
        "more.out",
        &token("dan", "publish"),
        "",
        &chat("still here"),
    )
    .expect(202);
    assert_eq!(other.messages("more.out", &Value::Null, 1)[0]["sub"], "dan");
    // It ends sockets and forbids nothing: that is what a ban in `!all` is for.
    system.viewer(0, "more.out", "bob");
}

#[test]
fn a_batch_is_answered_message_by_message() {
    let system = System::start(1);
    system.room("more.a");
    system.room("more.b");
    let service = token("backend", "service");
    let ticket = system.ticket("~bob", "bob");
    let mut bob = Viewer::connect(&system.socket(0)).expect("it opens");
    let first = bob.subscribe("~bob", &ticket, None).expect("an answer");
    let mut viewer = system.viewer(0, "more.a", "carol");
    let body = json!({"messages":[
        {"room":"more.a","key":"k1","kind":"gift","data":{"gift":"rose"},"as":{"sub":"bob","info":{"level":7}}},
        {"room":"more.none","kind":"chat","data":{}},
        {"room":"more.b","kind":"like"},
        {"room":"more.b","kind":"state","data":{}},
        {"room":"~bob","key":"k2","kind":"control","data":{"coins":5}},
        {"room":"more.a","key":"k3","kind":"chat","data":{"text":"thanks"}}
    ]});
    let send = |body: &Value| {
        system
            .edge
            .call("POST", "/v1/messages", &service, body)
            .expect(200)
            .json()["results"]
            .clone()
    };
    let results = send(&body);
    let statuses: Vec<u64> = results
        .as_array()
        .expect("results")
        .iter()
        .map(|result| result["status"].as_u64().expect("a status"))
        .collect();
    assert_eq!(statuses, [202, 404, 202, 422, 202, 202], "{results}");
    assert_eq!(results[1]["code"], "no_room");
    assert_eq!(results[2]["likes"], 1);
    let got = viewer.messages("more.a", &Value::Null, 2);
    assert_eq!(
        [
            &got[0]["id"],
            &got[0]["sub"],
            &got[0]["info"]["level"],
            &got[1]["id"]
        ],
        [
            &results[0]["id"],
            &json!("bob"),
            &json!(7),
            &results[5]["id"]
        ],
        "in the order in which they were posted"
    );
    assert_eq!(bob.messages("~bob", &first, 1)[0]["data"]["coins"], 5);

    let again = send(&body);
    for i in [0, 4, 5] {
        assert_eq!(again[i], results[i], "a repeat gets the first answer");
    }
    let mut other = body.clone();
    other["messages"][0]["data"] = json!({"gift":"car"});
    assert_eq!(send(&other)[0]["code"], "key_reused");

    let edge = &system.edge;
    let post = |token: &str, body: &Value| edge.call("POST", "/v1/messages", token, body);
    post(&token("bob", "publish publish:gift"), &body).problem(403);
    post("", &body).problem(401);
    post(&service, &json!({"messages":[]})).problem(422);
    let like = json!({"room":"more.b","kind":"like"});
    post(&service, &json!({"messages":vec![like; 101]})).problem(422);
    let full = json!({"room":"more.b","kind":"chat","data":{"text":"x".repeat(4_000)}});
    let results = send(&json!({"messages":vec![full.clone(); 100]}));
    assert_eq!(results.as_array().expect("results").len(), 100);
    assert!(
        results
            .as_array()
            .into_iter()
            .flatten()
            .all(|result| result["status"] == 202)
    );
    let large = json!({"messages":vec![full; 100]});
    post(&token("bob", "publish"), &large).problem(413);
}

#[test]
fn a_batch_costs_as_much_as_its_messages() {
    let options = Options {
        variables: vec![("limit_service", "250/60".to_owned())],
        ..Options::default()
    };
    let system = System::with(1, options);
    let service = token("backend", "service");
    let like = json!({"room":"!all","kind":"like"});
    let batch = json!({"messages":vec![like; 100]});
    let send = || system.edge.call("POST", "/v1/messages", &service, &batch);
    for left in [150, 50] {
        let reply = send().expect(200);
        let told = reply.header("ratelimit").expect("RateLimit");
        assert!(told.contains(&format!("r={left}")), "{told}");
    }
    send().problem(429);
}

#[test]
fn rooms_are_listed_by_viewers_page_by_page() {
    let system = System::start(1);
    for i in 0..7 {
        system.room(&format!("list.r{i}"));
    }
    system.room_with("list.door", json!({"access":"token","title":"Door"}));
    system.room("elsewhere.x");
    let _three = ["a", "b", "c"].map(|who| system.viewer(0, "list.r5", who));
    let _one = system.viewer(0, "list.r2", "d");
    let page = |query: &str, token: &str| {
        let path = format!("/v1/rooms?{query}");
        system.edge.call("GET", &path, token, &Value::Null)
    };
    let all = |query: &str, token: &str| -> Vec<Value> {
        let (mut rooms, mut after) = (Vec::new(), String::new());
        loop {
            let found = page(&format!("{query}{after}"), token).expect(200).json();
            rooms.extend(found["rooms"].as_array().expect("rooms").clone());
            match found["after"].as_str() {
                Some(cursor) => after = format!("&after={cursor}"),
                None => return rooms,
            }
        }
    };
    let listed = soon("the counts have come", || {
        let rooms = all("namespace=list&limit=3", "");
        (rooms[0]["online"] == 3 && rooms[1]["online"] == 1).then_some(rooms)
    });
    let ids: Vec<&str> = listed
        .iter()
        .map(|room| room["id"].as_str().expect("an id"))
        .collect();
    assert_eq!(
        ids,
        [
            "list.r5", "list.r2", "list.r6", "list.r4", "list.r3", "list.r1", "list.r0"
        ],
        "a guest sees open rooms"
    );
    assert_eq!(all("namespace=list", &token("bob", "")).len(), 8);
    let mut narrow = claims("bob", "");
    narrow["rooms"] = json!(["list.door", "elsewhere.*"]);
    let seen = all("limit=2", &signed(&narrow));
    assert_eq!(seen.len(), 2, "{seen:?}");
    let path = "/v1/rooms/list.r6";
    let owner = token("owner", "rooms:write");
    system
        .edge
        .call("DELETE", path, &owner, &Value::Null)
        .expect(204);
    assert_eq!(all("namespace=list", "").len(), 6);
    for bad in [
        "limit=0",
        "limit=101",
        "after=1x",
        "namespace=a.b",
        "limit=1&limit=2",
    ] {
        page(bad, "").problem(400);
    }
}

#[test]
fn a_namespace_says_how_its_rooms_begin_and_how_many_there_may_be() {
    let system = System::start(1);
    let mut redis = system.redis();
    let mut put = |namespace: &str, version: &str, body: &str| {
        let () = redis::cmd("HSET")
            .arg(format!("tg:ns:{namespace}"))
            .arg(&["version", version, "body", body])
            .query(&mut redis)
            .expect("HSET");
    };
    put(
        "small",
        "1",
        r#"{"access":"token","slow_ms":700,"rooms_max":2,"later":true}"#,
    );
    put("broken", "1", r#"{"access":"ajar"}"#);
    let owner = token("owner", "rooms:write");
    let create = |body: Value| system.edge.call("POST", "/v1/rooms", &owner, &body);
    let first = create(json!({"id":"small.a"})).expect(201).json();
    assert_eq!(
        (&first["access"], &first["slow_ms"]),
        (&json!("token"), &json!(700))
    );
    let second = create(json!({"id":"small.b","access":"open","slow_ms":0}))
        .expect(201)
        .json();
    assert_eq!(
        (&second["access"], &second["slow_ms"]),
        (&json!("open"), &json!(0))
    );
    let reply = create(json!({"namespace":"small"})).problem(403);
    assert_eq!(reply.json()["code"], "too_many_rooms");
    let path = "/v1/rooms/small.a";
    system
        .edge
        .call("DELETE", path, &owner, &Value::Null)
        .expect(204);
    create(json!({"id":"small.c"})).expect(201);
    create(json!({"id":"other.a"})).expect(201);
    create(json!({"id":"broken.a"})).problem(500);
    // Settings are kept for a moment only, and bad ones leave the last good ones in force.
    put("small", "2", r#"{"rooms_max":1000}"#);
    soon("the new settings hold", || {
        let reply = create(json!({"namespace":"small"}));
        (reply.status == 201).then_some(())
    });
    put("broken", "2", "{}");
    create(json!({"id":"broken.a"})).expect(201);
}
