//! Redis stopped, full, and back with a lost tail and an older clock.

use std::time::{Duration, Instant};

use e2e::token::token;
use e2e::viewer::Viewer;
use e2e::{Edge, System, soon};
use serde_json::{Value, json};

fn say(system: &System, text: &str) -> e2e::Reply {
    system.edge.publish(
        "e2e.away",
        &token("alice", "publish"),
        "",
        &json!({"kind":"chat","data":{"text":text}}),
    )
}

#[test]
fn with_redis_stopped_publishers_are_told_sockets_stay_open_and_all_goes_on_when_it_is_back() {
    let mut system = System::start(2);
    system.room("e2e.away");
    let mut viewers = [
        system.viewer(0, "e2e.away", "bob"),
        system.viewer(1, "e2e.away", "carol"),
    ];
    let first = say(&system, "before").expect(202).str("id");
    for viewer in &mut viewers {
        assert_eq!(
            viewer.messages("e2e.away", &Value::Null, 1)[0]["id"],
            json!(first)
        );
    }
    let ticket = system.ticket("e2e.away", "dan");

    system.redis.stop();
    for _ in 0..3 {
        let asked = Instant::now();
        let reply = say(&system, "into the void").problem(503);
        assert!(
            asked.elapsed() < Duration::from_secs(2),
            "{:?}",
            asked.elapsed()
        );
        let wait: u64 = reply
            .header("retry-after")
            .expect("Retry-After")
            .parse()
            .expect("seconds");
        assert!((1..=60).contains(&wait));
    }
    system
        .edge
        .call("GET", "/healthz", "", &Value::Null)
        .expect(200);
    soon("the region is not ready", || {
        let status = system.edge.call("GET", "/readyz", "", &Value::Null).status;
        (status == 503).then_some(())
    });
    let admin = Edge::new(&system.nodes[0].admin);
    soon("the node is not ready", || {
        (admin.call("GET", "/readyz", "", &Value::Null).status == 503).then_some(())
    });
    admin.call("GET", "/healthz", "", &Value::Null).expect(200);
    for viewer in &mut viewers {
        viewer
            .send(&json!({"type":"ping"}))
            .expect("the socket is open");
        assert_eq!(viewer.frame().expect("the socket is open")["type"], "pong");
    }
    // Whoever comes now is told to try again, and keeps the socket.
    let mut newcomer = Viewer::connect(&system.socket(0)).expect("the node takes sockets");
    let answer = newcomer
        .subscribe("e2e.away", &ticket, None)
        .expect("an answer");
    assert_eq!(
        (&answer["type"], &answer["code"]),
        (&json!("error"), &json!("try_again")),
        "{answer}"
    );

    system.redis.restart();
    soon("publishing works again", || {
        (say(&system, "after").status == 202).then_some(())
    });
    for viewer in &mut viewers {
        let messages = viewer.messages("e2e.away", &Value::Null, 1);
        assert_eq!(messages[0]["data"]["text"], "after", "{messages:?}");
    }
    soon("the newcomer gets in", || {
        let answer = newcomer
            .subscribe("e2e.away", &ticket, None)
            .expect("the socket is open");
        (answer["type"] == "batch").then_some(())
    });
    soon("the region is ready", || {
        (system.edge.call("GET", "/readyz", "", &Value::Null).status == 200).then_some(())
    });
}

#[test]
fn a_full_redis_is_503_and_nothing_is_half_written() {
    let system = System::start(1);
    system.room("e2e.away");
    let mut viewer = system.viewer(0, "e2e.away", "bob");
    let mut redis = system.redis();
    let config = |redis: &mut redis::Connection, value: &str| {
        let () = redis::cmd("CONFIG")
            .arg("SET")
            .arg("maxmemory")
            .arg(value)
            .query(redis)
            .expect("CONFIG SET");
    };
    let state = |redis: &mut redis::Connection| {
        let keys: Vec<String> = redis::cmd("KEYS")
            .arg("tg:{*}:*e2e.away*")
            .query(redis)
            .expect("KEYS");
        let mut state: Vec<(String, Vec<u8>)> = keys
            .into_iter()
            .filter(|key| !key.ends_with(":online"))
            .map(|key| {
                let dump = redis::cmd("DUMP").arg(&key).query(redis).expect("DUMP");
                (key, dump)
            })
            .collect();
        state.sort();
        state
    };
    say(&system, "before").expect(202);
    let before = state(&mut redis);
    config(&mut redis, "1");
    let body = json!({"kind":"chat","data":{"text":"no room for it"}});
    let reply = system
        .edge
        .publish("e2e.away", &token("alice", "publish"), "full-1", &body)
        .problem(503);
    assert!(reply.header("retry-after").is_some());
    for ((key, now), (_, then)) in state(&mut redis).iter().zip(&before) {
        assert_eq!(now, then, "{key} changed");
    }
    assert_eq!(state(&mut redis).len(), before.len());

    config(&mut redis, "0");
    let id = soon("publishing works again", || {
        let reply = system
            .edge
            .publish("e2e.away", &token("alice", "publish"), "full-1", &body);
        (reply.status == 202).then(|| reply.str("id"))
    });
    let messages = viewer.messages("e2e.away", &Value::Null, 2);
    assert_eq!(messages[0]["data"]["text"], "before");
    assert_eq!(messages[1]["id"], json!(id));
}

#[test]
fn a_redis_that_hangs_is_503_in_time_too() {
    let system = System::start(1);
    system.room("e2e.away");
    let mut viewer = system.viewer(0, "e2e.away", "bob");
    say(&system, "before").expect(202);
    let mut redis = system.redis();
    let asleep = std::thread::spawn(move || {
        let _: Result<(), _> = redis::cmd("DEBUG").arg("SLEEP").arg(5).query(&mut redis);
    });
    let asked = Instant::now();
    let refused = soon("a publish is refused", || {
        let asked = Instant::now();
        let reply = say(&system, "meanwhile");
        assert!(
            asked.elapsed() < Duration::from_secs(2),
            "{:?}",
            asked.elapsed()
        );
        (reply.status == 503).then_some(reply)
    });
    assert!(
        asked.elapsed() < Duration::from_secs(5),
        "it was refused only after Redis woke up"
    );
    refused.problem(503);
    asleep.join().expect("no panic");
    soon("publishing works again", || {
        (say(&system, "after").status == 202).then_some(())
    });
    soon("the viewer has it", || {
        let frame = viewer.frame().expect("the socket stays open");
        frame.to_string().contains("after").then_some(())
    });
}
