//! What a neighbour of a later version leaves in Redis, and what one of an earlier version has not: passed over, never a stop.

use e2e::library::Source;
use e2e::token::{now_ms, token};
use e2e::viewer::taken;
use e2e::{System, Viewer, soon};
use redis::Commands;
use serde_json::{Value, json};
use tidegate_stream::{Keys, ShardCount};

const ROOM: &str = "upgrade.unknown";

fn keys() -> Keys {
    Keys::new("tg", ShardCount::default())
}

fn say(system: &System, key: &str) -> String {
    let body = json!({"kind": "chat", "data": {"text": key}});
    let ann = token("ann", "publish");
    let reply = system.edge.publish(ROOM, &ann, key, &body);
    reply.expect(202).str("id")
}

fn ids(messages: &[Value]) -> Vec<String> {
    let id = |message: &Value| message["id"].as_str().expect("an id").to_owned();
    messages.iter().map(id).collect()
}

#[test]
fn entries_that_only_a_later_version_can_read_break_nothing() {
    let system = System::start(1);
    let mut redis = system.redis();
    system.room(ROOM);
    let mut viewer = system.viewer(0, ROOM, "ben");
    let today = Source::today();
    let next = today.version + 1;
    today.with(next).with_later_entries().load(&mut redis);
    let mut readable = vec![say(&system, "k0")];
    let start = viewer.messages(ROOM, &Value::Null, 1);
    assert_eq!(ids(&start), readable);
    let cursor = viewer.cursor(ROOM).to_owned();
    for (index, later) in ["later-kind", "later-version", "later-lane"]
        .iter()
        .enumerate()
    {
        say(&system, later);
        readable.push(say(&system, &format!("k{}", index + 1)));
    }
    // Live, replayed and in history: what can be read, in order, without a reset.
    let mut live: Vec<String> = Vec::new();
    while live.last() != readable.last() {
        let frame = viewer.frame().expect("the socket stays");
        assert_ne!(frame["type"], "reset", "{frame}");
        live.extend(ids(&taken(&frame)));
    }
    let known = |ids: &[String]| -> Vec<String> {
        let is_known = |id: &&String| readable.contains(id);
        ids.iter().filter(is_known).cloned().collect()
    };
    assert_eq!(known(&live), readable[1..]);

    let mut back = Viewer::connect(&system.socket(0)).expect("the node takes sockets");
    let ticket = system.ticket(ROOM, "ben");
    let first = back
        .subscribe(ROOM, &ticket, Some(&cursor))
        .expect("an answer");
    assert_eq!(first["type"], "batch", "{first}");
    let mut replayed = ids(&taken(&first));
    while replayed.last() != readable.last() {
        let frame = back.frame().expect("the socket stays");
        assert_ne!(frame["type"], "reset", "{frame}");
        replayed.extend(ids(&taken(&frame)));
    }
    assert_eq!(known(&replayed), readable[1..]);
    assert_eq!(replayed, live, "the same to everybody");

    let path = format!("/v1/rooms/{ROOM}/messages?limit=50");
    let page = system.edge.call("GET", &path, "", &Value::Null).expect(200);
    assert_eq!(known(&ids(&taken(&page.json()))), readable);
    assert!(system.metric(0, "tidegate_fanout_tail_unreadable_total ") >= 1.0);
}

#[test]
fn a_room_with_fields_of_a_later_version_or_without_those_of_this_one_is_a_room() {
    let system = System::start(1);
    let mut redis = system.redis();
    system.room(ROOM);
    let key = keys().room(&ROOM.parse().expect("a room"));
    let stamp = format!("{}.local", now_ms() + 1_000);
    let () = redis
        .hset(&key, "mood", format!("{stamp} calm"))
        .expect("HSET");
    for earlier in [
        "moderators",
        "chat_budget",
        "history_chat",
        "history_keep",
        "gift_only",
        "followers_only",
    ] {
        let () = redis.hdel(&key, earlier).expect("HDEL");
    }
    let path = format!("/v1/rooms/{ROOM}");
    let ann = token("ann", "publish");
    let room = system
        .edge
        .call("GET", &path, &ann, &Value::Null)
        .expect(200)
        .json();
    assert_eq!(
        (&room["moderators"], &room["gift_only"]),
        (&json!([]), &json!(false)),
        "{room}"
    );
    assert!(room.get("mood").is_none());
    let mut viewer = system.viewer(0, ROOM, "ben");
    let sent = say(&system, "k1");
    assert_eq!(ids(&viewer.messages(ROOM, &Value::Null, 1)), [sent]);
    // A change writes its own fields and leaves the later one alone.
    let owner = token("backend", "service rooms:write");
    system
        .edge
        .call("PATCH", &path, &owner, &json!({"title": "new"}))
        .expect(200);
    let mood: String = redis.hget(&key, "mood").expect("HGET");
    assert_eq!(mood, format!("{stamp} calm"));
    // An access that is not known is the stricter of the two that are.
    let () = redis
        .hset(&key, "access", format!("{stamp} invited"))
        .expect("HSET");
    system
        .edge
        .call("GET", &path, "", &Value::Null)
        .problem(401);
    system
        .edge
        .call("GET", &path, &ann, &Value::Null)
        .expect(200);
}

#[test]
fn records_of_nodes_and_regions_may_say_more_than_is_known_here() {
    let system = System::start(1);
    let mut redis = system.redis();
    system.room(ROOM);
    let later = json!({
        "url": "ws://later.example:1", "connections": 3, "load": 0.99, "until_ms": now_ms() + 600_000, "zone": {"name": "a"},
    });
    let () = redis
        .hset("tg:nodes:local", "later", later.to_string())
        .expect("HSET");
    let () = redis
        .hset("tg:nodes:local", "other", r#"{"sort":"of another form"}"#)
        .expect("HSET");
    let far = json!({"state": "parked", "stamp": format!("{}.mars", now_ms()), "edge": "http://mars.example", "moons": 2});
    let () = redis
        .hset("tg:regions", "mars", far.to_string())
        .expect("HSET");
    let joined = soon("join hands the later node out", || {
        let joined = system.edge.join(ROOM, &token("ben", "")).expect(200).json();
        joined
            .to_string()
            .contains("later.example")
            .then_some(joined)
    });
    assert!(!joined.to_string().contains("mars"), "{joined}");
    let mut viewer = system.viewer(0, ROOM, "ben");
    let sent = say(&system, "k1");
    assert_eq!(ids(&viewer.messages(ROOM, &Value::Null, 1)), [sent]);
    system
        .edge
        .call("GET", "/readyz", "", &Value::Null)
        .expect(200);
}
