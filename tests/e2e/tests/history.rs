//! What a returning viewer gets when history was trimmed, or only looks as if it were.

use e2e::token::token;
use e2e::viewer::{self, Viewer};
use e2e::{Options, System, soon};
use serde_json::{Value, json};

fn keeping(chat_max: u32, keep_max: u32, retention_ms: u32) -> Options {
    Options {
        variables: vec![
            ("chat_max", chat_max.to_string()),
            ("keep_max", keep_max.to_string()),
            ("retention_ms", retention_ms.to_string()),
        ],
        ..Options::default()
    }
}

fn chat(system: &System, room: &str, count: usize) -> Vec<String> {
    let token = token("alice", "publish");
    let text = "x".repeat(200);
    (0..count)
        .map(|number| {
            let body = json!({"kind":"chat","data":{"text":format!("{number} {text}")}});
            system
                .edge
                .publish(room, &token, "", &body)
                .expect(202)
                .str("id")
        })
        .collect()
}

fn gift(system: &System, room: &str, number: usize) -> String {
    let body = json!({"kind":"gift","data":{"gift":"rose","count":number},"as":{"sub":"alice"}});
    system
        .edge
        .publish(
            room,
            &token("shop", "service"),
            &format!("gift-{number}"),
            &body,
        )
        .expect(202)
        .str("id")
}

fn ids(messages: &[Value], kind: &str) -> Vec<String> {
    messages
        .iter()
        .filter(|message| message["kind"] == kind)
        .map(|message| message["id"].as_str().expect("an id").to_owned())
        .collect()
}

#[test]
fn gifts_trimmed_under_a_returning_viewer_are_a_reset_and_live_goes_on() {
    let system = System::with(1, keeping(50, 20, 900_000));
    system.room("e2e.trimmed");
    let ticket = system.ticket("e2e.trimmed", "bob");
    let before = system
        .viewer(0, "e2e.trimmed", "bob")
        .cursor("e2e.trimmed")
        .to_owned();
    for number in 0..200 {
        gift(&system, "e2e.trimmed", number);
    }
    let mut back = Viewer::connect(&system.socket(0)).expect("the node takes sockets");
    let first = back
        .subscribe("e2e.trimmed", &ticket, Some(&before))
        .expect("an answer");
    assert_eq!(first["type"], "reset", "{first}");
    let id = gift(&system, "e2e.trimmed", 1_000);
    assert_eq!(
        ids(&back.messages("e2e.trimmed", &Value::Null, 1), "gift"),
        [id]
    );
}

#[test]
fn chat_trimmed_but_gifts_kept_is_every_gift_and_a_word_that_chat_was_left_out() {
    let system = System::with(1, keeping(20, 2_000, 900_000));
    system.room("e2e.kept");
    let ticket = system.ticket("e2e.kept", "bob");
    let before = system
        .viewer(0, "e2e.kept", "bob")
        .cursor("e2e.kept")
        .to_owned();
    let mut gifts = Vec::new();
    for number in 0..15 {
        chat(&system, "e2e.kept", 20);
        gifts.push(gift(&system, "e2e.kept", number));
    }
    let mut back = Viewer::connect(&system.socket(0)).expect("the node takes sockets");
    let mut frame = back
        .subscribe("e2e.kept", &ticket, Some(&before))
        .expect("an answer");
    let mut messages = Vec::new();
    let mut told = false;
    while ids(&messages, "gift").len() < gifts.len() {
        assert_eq!(frame["type"], "batch", "{frame}");
        told |= frame.get("left_out").is_some_and(Value::is_null);
        messages.extend(viewer::taken(&frame));
        if ids(&messages, "gift").len() < gifts.len() {
            frame = back.frame().expect("the rest");
        }
    }
    assert_eq!(ids(&messages, "gift"), gifts);
    assert!(
        told,
        "`left_out` is null: chat is missing and its number unknown"
    );
    assert!(ids(&messages, "chat").len() < 300);
}

#[test]
fn a_quiet_rooms_viewer_comes_back_after_its_streams_have_expired_without_a_reset() {
    let system = System::with(1, keeping(50, 50, 1_500));
    system.room("e2e.quiet");
    let seen = chat(&system, "e2e.quiet", 3);
    let ticket = system.ticket("e2e.quiet", "bob");
    let viewer = system.viewer(0, "e2e.quiet", "bob");
    let before = viewer.cursor("e2e.quiet").to_owned();
    drop(viewer);
    // Nothing is written there until the room's streams are gone and its shard's log has moved on without it.
    let mut redis = system.redis();
    soon("the room's streams expire", || {
        let left: Vec<String> = redis::cmd("KEYS")
            .arg("tg:*:room:e2e.quiet:*:local")
            .query(&mut redis)
            .expect("keys");
        left.iter()
            .all(|key| !key.contains(":chat:") && !key.contains(":keep:"))
            .then_some(())
    });
    let mut back = Viewer::connect(&system.socket(0)).expect("the node takes sockets");
    let first = back
        .subscribe("e2e.quiet", &ticket, Some(&before))
        .expect("an answer");
    assert_eq!(first["type"], "batch", "{first}");
    assert_eq!(first["messages"], json!([]), "nothing was missed");
    assert!(first.get("left_out").is_none(), "{first}");
    let id = chat(&system, "e2e.quiet", 1);
    assert_eq!(ids(&back.messages("e2e.quiet", &first, 1), "chat"), id);

    // But whoever had not seen all of it is told so.
    let stale: tidegate_stream::MessageId = seen[0].parse().expect("an id");
    let stale = tidegate_stream::Cursor::from_iter([(stale.origin, stale.id)]).to_string();
    let mut late = Viewer::connect(&system.socket(0)).expect("the node takes sockets");
    let first = late
        .subscribe("e2e.quiet", &ticket, Some(&stale))
        .expect("an answer");
    let told = first["type"] == "reset" || first.get("left_out").is_some_and(Value::is_null);
    assert!(told, "two lines of chat are gone, silently: {first}");
}

#[test]
fn history_over_http_has_pages_a_cursor_and_no_hidden_text() {
    let system = System::start(1);
    system.room("e2e.history");
    let sent = chat(&system, "e2e.history", 12);
    let read = |query: &str| {
        system
            .edge
            .call(
                "GET",
                &format!("/v1/rooms/e2e.history/messages{query}"),
                "",
                &Value::Null,
            )
            .expect(200)
            .json()
    };
    let of = |page: &Value| ids(page["messages"].as_array().expect("messages"), "chat");

    let newest = read("?limit=5");
    assert_eq!(of(&newest), sent[7..]);
    let all = read("?limit=200");
    assert_eq!(of(&all), sent);

    let id: tidegate_stream::MessageId = sent[3].parse().expect("an id");
    let from = tidegate_stream::Cursor::from_iter([(id.origin, id.id)]).to_string();
    let page = read(&format!("?after={from}&limit=4"));
    assert_eq!(of(&page), sent[4..8]);
    let next = page["cursor"].as_str().expect("a cursor");
    assert_eq!(of(&read(&format!("?after={next}&limit=100"))), sent[8..]);

    // A moderator hides one, live and in history.
    let mut watching = system.viewer(0, "e2e.history", "bob");
    let path = format!("/v1/rooms/e2e.history/messages/{}", sent[5]);
    system
        .edge
        .call("DELETE", &path, &token("mod", "moderate"), &Value::Null)
        .expect(204);
    let hide = &watching.messages("e2e.history", &Value::Null, 1)[0];
    assert_eq!(
        (&hide["kind"], &hide["data"]["id"]),
        (&json!("hide"), &json!(sent[5])),
        "{hide}"
    );
    let page = read("?limit=200");
    let hidden = page["messages"]
        .as_array()
        .expect("messages")
        .iter()
        .find(|message| message["id"] == json!(sent[5]))
        .expect("it stays in its place");
    assert_eq!(hidden["hidden"], true);
    assert!(hidden.get("data").is_none_or(Value::is_null), "{hidden}");

    system
        .edge
        .call(
            "GET",
            "/v1/rooms/e2e.history/messages?limit=0",
            "",
            &Value::Null,
        )
        .problem(400);
    system
        .edge
        .call(
            "GET",
            "/v1/rooms/e2e.history/messages?after=nonsense",
            "",
            &Value::Null,
        )
        .problem(400);
}
