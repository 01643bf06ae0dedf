//! Likes and viewers, counted over nodes.

use e2e::token::token;
use e2e::{System, soon};
use serde_json::{Value, json};

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
