//! What back ends do with many rooms, messages and users at once.

use std::time::{Duration, Instant};

use e2e::token::{claims, signed, token};
use e2e::viewer::{End, Viewer};
use e2e::{Options, System, soon};
use serde_json::{Value, json};

fn chat(text: &str) -> Value {
    json!({"kind":"chat","data":{"text":text}})
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
        variables: vec![("limit_service", "250/86400".to_owned())],
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
