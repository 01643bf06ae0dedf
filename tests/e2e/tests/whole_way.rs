//! The main job: what is published at the edge reaches every viewer, once and in order, whatever happens to a node.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use e2e::token::token;
use e2e::viewer::{self, Viewer};
use e2e::{Edge, System, soon, within};
use rustix::process::Signal;
use serde_json::{Value, json};

const ROOMS: usize = 20;
const VIEWERS: usize = 200;
const USERS: usize = 20;
const MESSAGES: usize = 2_000;
const EACH: usize = MESSAGES / USERS;

/// What a viewer of this test does besides reading.
#[derive(Clone, Copy)]
enum Habit {
    /// Comes back to the same node when the socket dies.
    Stays,
    /// Goes to the other node when the socket dies.
    Moves,
    /// Leaves and comes back, to the other node each time, while messages flow.
    Wanders,
}

struct Journey {
    nodes: [String; 2],
    at: usize,
    room: String,
    ticket: String,
    habit: Habit,
}

impl Journey {
    /// Reads until `EACH` messages have come; gives their ids in the order of arrival.
    fn read(mut self, started: &AtomicUsize) -> Vec<String> {
        let mut ids: Vec<String> = Vec::new();
        let mut cursor: Option<String> = None;
        let end = Instant::now() + Duration::from_secs(120);
        while ids.len() < EACH {
            assert!(
                Instant::now() < end,
                "{} has {} of {EACH}",
                self.room,
                ids.len()
            );
            let leave_at = match self.habit {
                Habit::Wanders => ids.len() + 20,
                _ => usize::MAX,
            };
            self.visit(&mut ids, &mut cursor, leave_at, started);
            if !matches!(self.habit, Habit::Stays) {
                self.at = 1 - self.at;
            }
        }
        ids
    }

    /// One connection, until all is there, it is time to leave, or the socket dies.
    fn visit(
        &self,
        ids: &mut Vec<String>,
        cursor: &mut Option<String>,
        leave_at: usize,
        started: &AtomicUsize,
    ) {
        let Ok(mut viewer) = Viewer::connect(&self.nodes[self.at]) else {
            std::thread::park_timeout(Duration::from_millis(50));
            return;
        };
        let first_time = cursor.is_none();
        let Ok(mut frame) = viewer.subscribe(&self.room, &self.ticket, cursor.as_deref()) else {
            return;
        };
        loop {
            if frame["room"] == self.room.as_str() {
                if frame["code"] == "try_again" {
                    std::thread::park_timeout(Duration::from_millis(100));
                    return;
                }
                assert_eq!(frame["type"], "batch", "{frame}");
                assert!(frame.get("left_out").is_none(), "{frame}");
                let messages = viewer::taken(&frame);
                ids.extend(
                    messages
                        .iter()
                        .filter(|message| message["kind"] == "chat")
                        .map(|message| message["id"].as_str().expect("an id").to_owned()),
                );
                let reached = frame["cursor"].as_str().expect("a cursor").to_owned();
                if cursor.replace(reached).is_none() && first_time {
                    started.fetch_add(1, Ordering::SeqCst);
                }
            }
            if ids.len() >= EACH.min(leave_at) {
                return;
            }
            match viewer.frame_within(Duration::from_secs(30)) {
                Ok(Some(next)) => frame = next,
                Ok(None) => panic!("{}: nothing for 30 s at {} of {EACH}", self.room, ids.len()),
                Err(_) => return,
            }
        }
    }
}

fn publish_all(edge: &Edge, room: &str, user: &str, published: &AtomicUsize) -> Vec<String> {
    let token = token(user, "publish");
    (0..EACH)
        .map(|number| {
            let body = json!({"kind":"chat","data":{"text":format!("{number} from {user}")}});
            let reply = edge
                .publish(room, &token, &format!("{user}-{number}"), &body)
                .expect(202);
            published.fetch_add(1, Ordering::SeqCst);
            reply.str("id")
        })
        .collect()
}

#[test]
fn two_hundred_sockets_get_two_thousand_messages_exactly_once_while_a_node_is_killed() {
    let mut system = System::start(2);
    let rooms: Vec<String> = (0..ROOMS)
        .map(|index| format!("e2e.room-{index}"))
        .collect();
    for room in &rooms {
        system.room(room);
    }
    let nodes = [system.socket(0), system.socket(1)];
    let started = Arc::new(AtomicUsize::new(0));
    let published = Arc::new(AtomicUsize::new(0));
    let answers: Arc<Mutex<HashMap<String, Vec<String>>>> = Arc::default();

    let viewers: Vec<_> = (0..VIEWERS)
        .map(|index| {
            let room = rooms[index % ROOMS].clone();
            let habit = match index % 5 {
                0 => Habit::Wanders,
                1 | 2 => Habit::Moves,
                _ => Habit::Stays,
            };
            let ticket = system.ticket(&room, &format!("viewer-{index}"));
            let journey = Journey {
                nodes: nodes.clone(),
                at: (index / ROOMS) % 2,
                room: room.clone(),
                ticket,
                habit,
            };
            let started = Arc::clone(&started);
            (room, std::thread::spawn(move || journey.read(&started)))
        })
        .collect();
    within(Duration::from_secs(60), "all viewers subscribed", || {
        (started.load(Ordering::SeqCst) == VIEWERS).then_some(())
    });

    let users: Vec<_> = (0..USERS)
        .map(|index| {
            let (edge, room) = (system.edge.clone(), rooms[index % ROOMS].clone());
            let (published, answers) = (Arc::clone(&published), Arc::clone(&answers));
            std::thread::spawn(move || {
                let ids = publish_all(&edge, &room, &format!("user-{index}"), &published);
                answers.lock().expect("no panic yet").insert(room, ids);
            })
        })
        .collect();

    within(Duration::from_secs(60), "a third published", || {
        (published.load(Ordering::SeqCst) >= MESSAGES / 3).then_some(())
    });
    system.kill_node(0);
    within(Duration::from_secs(60), "half published", || {
        (published.load(Ordering::SeqCst) >= MESSAGES / 2).then_some(())
    });
    system.revive_node(0);

    for user in users {
        user.join().expect("every publish was answered with 202");
    }
    let answers = answers.lock().expect("no panic");
    for (room, viewer) in viewers {
        let got = viewer.join().expect("a viewer reads to the end");
        assert_eq!(
            &got, &answers[&room],
            "{room}: each once, in order, as answered"
        );
    }
}

#[test]
fn a_viewer_may_move_to_a_node_that_is_behind_and_to_one_that_is_ahead() {
    let mut system = System::start(2);
    system.room("e2e.moves");
    let token = token("alice", "publish");
    let ticket = system.ticket("e2e.moves", "bob");
    let say = |edge: &Edge, text: &str| {
        edge.publish(
            "e2e.moves",
            &token,
            "",
            &json!({"kind":"chat","data":{"text":text}}),
        )
        .expect(202)
        .str("id")
    };
    // Both nodes tail the shard before it begins.
    let mut on_first = system.viewer(0, "e2e.moves", "bob");
    let mut on_second = system.viewer(1, "e2e.moves", "carol");

    // The second node stands still while the first moves on.
    system.node_process(1).signal(Signal::STOP);
    let missed: Vec<String> = (0..30)
        .map(|number| say(&system.edge, &number.to_string()))
        .collect();
    let seen = on_first.messages("e2e.moves", &Value::Null, 30);
    assert_eq!(ids(&seen), missed);
    let ahead = on_first.cursor("e2e.moves").to_owned();

    // bob moves to the node that is behind: nothing that he has may come again.
    let (url, moved_ticket) = (system.socket(1), ticket.clone());
    let greeted = Arc::new(AtomicBool::new(false));
    let done = Arc::clone(&greeted);
    let mover = std::thread::spawn(move || {
        let mut viewer = Viewer::connect(&url).expect("the node takes sockets again");
        let first = viewer
            .subscribe("e2e.moves", &moved_ticket, Some(&ahead))
            .expect("an answer");
        done.store(true, Ordering::SeqCst);
        (viewer, first)
    });
    system.node_process(1).signal(Signal::CONT);
    soon("the mover is subscribed", || {
        greeted.load(Ordering::SeqCst).then_some(())
    });
    let (mut moved, first) = mover.join().expect("no panic");
    assert_eq!(first["type"], "batch", "{first}");
    assert_eq!(
        viewer::taken(&first),
        Vec::<Value>::new(),
        "nothing that he has"
    );
    let last = say(&system.edge, "after the move");
    assert_eq!(
        ids(&moved.messages("e2e.moves", &first, 1)),
        vec![last.clone()]
    );

    // carol stayed on the slow node: she gets all of it, once.
    let mut all = missed.clone();
    all.push(last.clone());
    assert_eq!(ids(&on_second.messages("e2e.moves", &Value::Null, 31)), all);

    // An old cursor, on the node that is ahead of it: exactly what was missed.
    let mut back = Viewer::connect(&system.socket(0)).expect("the node takes sockets");
    let from = cursor_after(&missed[9]);
    let first = back
        .subscribe("e2e.moves", &ticket, Some(&from))
        .expect("an answer");
    assert_eq!(ids(&back.messages("e2e.moves", &first, 21)), all[10..]);
}

/// The cursor that stands right at a message.
fn cursor_after(id: &str) -> String {
    let id: tidegate_stream::MessageId = id.parse().expect("a message id");
    tidegate_stream::Cursor::from_iter([(id.origin, id.id)]).to_string()
}

fn ids(messages: &[Value]) -> Vec<String> {
    messages
        .iter()
        .map(|message| message["id"].as_str().expect("an id").to_owned())
        .collect()
}
