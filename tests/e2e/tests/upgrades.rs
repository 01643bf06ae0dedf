//! Two versions of the function library under the edge and the nodes of today: loaded, replaced, never set back.

use e2e::library::Source;
use e2e::token::token;
use e2e::viewer::taken;
use e2e::{System, Viewer, soon};
use serde_json::{Value, json};

const ROOM: &str = "upgrade.room";

fn version_there(redis: &mut redis::Connection) -> i64 {
    redis::cmd("FCALL_RO")
        .arg("tg_version")
        .arg(0)
        .query(redis)
        .unwrap()
}

fn say(system: &System, key: &str) -> String {
    let body = json!({"kind": "chat", "data": {"text": key}});
    let ann = token("ann", "publish");
    system
        .edge
        .publish(ROOM, &ann, key, &body)
        .expect(202)
        .str("id")
}

fn ids(messages: &[Value]) -> Vec<String> {
    let id = |message: &Value| message["id"].as_str().unwrap().to_owned();
    messages.iter().map(id).collect()
}

#[test]
fn a_later_library_is_taken_in_the_middle_and_not_set_back() {
    let mut system = System::start(2);
    let mut redis = system.redis();
    system.room(ROOM);
    let mut viewer = system.viewer(0, ROOM, "ben");
    let before = say(&system, "k1");

    let today = Source::today();
    let next = today.version + 1;
    today.with(next).with_a_further_field().load(&mut redis);
    let after = say(&system, "k2");
    let live = viewer.messages(ROOM, &Value::Null, 2);
    assert_eq!(ids(&live), [before.clone(), after.clone()]);
    assert_eq!(say(&system, "k1"), before, "the first answer again");

    // Whoever starts now finds the later version and leaves it.
    let cursor = viewer.cursor(ROOM).to_owned();
    system.crash_node(0);
    let missed = say(&system, "k3");
    assert_eq!(version_there(&mut redis), next);
    for node in 0..2 {
        let mut back = Viewer::connect(&system.socket(node)).expect("the node takes sockets");
        let ticket = system.ticket(ROOM, "ben");
        let first = back.subscribe(ROOM, &ticket, Some(&cursor)).unwrap();
        assert_eq!(first["type"], "batch", "{first}");
        assert_eq!(ids(&back.messages(ROOM, &first, 1)), [missed.as_str()]);
    }
    let path = format!("/v1/rooms/{ROOM}/messages?limit=9");
    let page = system.edge.call("GET", &path, "", &Value::Null).expect(200);
    let page = taken(&page.json());
    let chat: Vec<Value> = page
        .into_iter()
        .filter(|message| message["kind"] == "chat")
        .collect();
    assert_eq!(ids(&chat), [before, after, missed]);
}

#[test]
fn an_earlier_library_is_replaced_by_whoever_starts() {
    let mut system = System::start(1);
    let mut redis = system.redis();
    system.room(ROOM);
    let today = Source::today();
    let version = today.version;
    today.with(version - 1).load(&mut redis);
    assert_eq!(version_there(&mut redis), version - 1);
    let before = say(&system, "k1");
    system.crash_node(0);
    soon("the version of today is there", || {
        (version_there(&mut redis) == version).then_some(())
    });
    assert_eq!(say(&system, "k1"), before, "the first answer again");
}
