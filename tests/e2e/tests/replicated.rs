//! A region whose Redis is three, with Sentinels and HAProxy before them: the primary dies, another is promoted, the dead one
//! comes back.

use std::collections::BTreeSet;
use std::time::Duration;

use e2e::replicated::Replicated;
use e2e::token::token;
use e2e::viewer;
use e2e::{Edge, Options, System, soon, within};
use serde_json::{Value, json};

const ROOM: &str = "e2e.replicated";
/// Messages before the primary dies, and after.
const EACH: usize = 20;
/// A death is seen after 2 s, a promotion takes another second or two, on a machine that is not busy.
const PROMOTED: Duration = Duration::from_secs(60);

/// Publishes a message until it is taken.
fn say(edge: &Edge, number: usize) {
    let body = json!({"kind": "gift", "data": {"number": number}, "as": {"sub": "shop"}});
    let (token, key) = (token("backend", "service"), format!("gift-{number}"));
    within(PROMOTED, "the message is taken", || {
        let reply = edge.publish(ROOM, &token, &key, &body);
        match reply.status {
            503 => None,
            _ => Some(reply.expect(202)),
        }
    });
}

#[test]
fn a_primary_that_dies_is_replaced_and_nobody_gets_anything_twice() {
    let mut redis = Replicated::start();
    let mut system = System::with(
        0,
        Options {
            redis_url: Some(redis.url()),
            variables: vec![("redis_auth", redis.auth())],
            ..Options::default()
        },
    );
    system.add_node(&["--redis-auth", "tidegate:PASSWORD"]);
    system.room(ROOM);
    let mut viewer = system.viewer(0, ROOM, "bob");
    let mut numbers = BTreeSet::new();
    let mut read = |viewer: &mut e2e::Viewer, until: usize| {
        while numbers.len() < until {
            let frame = viewer.frame().expect("the socket stays open");
            assert!(frame["type"] != "reset", "{frame}");
            for message in viewer::taken(&frame) {
                let number = message["data"]["number"].as_u64().expect("a number");
                assert!(numbers.insert(number), "{number} came twice");
            }
        }
        assert!(numbers.iter().copied().eq(0..until as u64), "{numbers:?}");
    };
    for number in 0..EACH {
        say(&system.edge, number);
    }
    read(&mut viewer, EACH);

    let old = redis.primary().expect("there is one");
    redis.kill(&old);
    for number in EACH..2 * EACH {
        say(&system.edge, number);
    }
    let new = redis.primary().expect("publishing works, so there is one");
    assert_ne!(new, old);
    read(&mut viewer, 2 * EACH);
    let admin = Edge::new(&system.nodes[0].admin);
    soon("the node is ready, and the region", || {
        let of = |edge: &Edge| edge.call("GET", "/readyz", "", &Value::Null).status;
        (of(&admin) == 200 && of(&system.edge) == 200).then_some(())
    });
    let listed = || -> Option<Value> {
        let line: String = redis.ask(&["HGET", "tg:nodes:local", "n1"])?;
        serde_json::from_str(&line).ok()
    };
    let before = soon("the node is in the list", listed);
    soon("the node writes itself into the list again", || {
        (listed()?["until_ms"].as_u64() > before["until_ms"].as_u64()).then_some(())
    });
    let joined = system.edge.join(ROOM, &token("carol", "")).expect(200);
    assert_eq!(joined.json()["endpoints"].as_array().map(Vec::len), Some(1));

    // It still thinks that it is the primary; HAProxy must not, before Sentinels tell it.
    redis.revive(&old);
    let mut asked = 0;
    within(PROMOTED, "the old primary follows the new one", || {
        if let Some(primary) = redis.primary() {
            assert_eq!(primary, new);
            asked += 1;
        }
        let follows = redis.says(&old, "master_link_status")? == "up";
        (follows && redis.says(&old, "role")? == "slave").then_some(())
    });
    assert!(asked > 0, "HAProxy led to nobody");
    say(&system.edge, 2 * EACH);
    read(&mut viewer, 2 * EACH + 1);
}
