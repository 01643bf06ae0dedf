//! What owners, moderators, guests and back ends do with rooms, and what open sockets see of it.

use e2e::token::{claims, signed, token};
use e2e::viewer::Viewer;
use e2e::{System, soon};
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
