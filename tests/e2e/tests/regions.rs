//! Two regions, each with a Redis, an edge and nodes of its own: viewers go between them and miss nothing, see nothing twice.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use e2e::copier::Copier;
use e2e::token::token;
use e2e::viewer::{self, Viewer};
use e2e::{Edge, Options, System, soon, within};
use rustix::process::Signal;
use serde_json::{Value, json};

const ROOMS: usize = 4;
const VIEWERS: usize = 24;
/// Messages of one room in one region.
const EACH: usize = 100;

/// Two regions that know each other, and what copies between them.
struct World {
    eu: System,
    us: System,
    copier: Option<Copier>,
}

impl World {
    fn start() -> Self {
        let region = |name, nodes| {
            let options = Options {
                region: Some(name),
                ..Options::default()
            };
            System::with(nodes, options)
        };
        let (eu, us) = (region("eu", 2), region("us", 1));
        let world = Self {
            copier: Some(copier(&eu, &us)),
            eu,
            us,
        };
        for to in [&world.eu, &world.us] {
            for (name, system) in [("eu", &world.eu), ("us", &world.us)] {
                let socket = system.nodes[0].url.clone();
                let entry = json!({"state": "active", "edge": system.edge.base(), "socket": socket, "stamp": "1.eu"});
                let set = redis::cmd("HSET")
                    .arg("tg:regions")
                    .arg(name)
                    .arg(entry.to_string())
                    .query::<()>(&mut to.redis());
                set.expect("Redis takes it");
            }
        }
        for (system, index) in [(&world.eu, 0), (&world.eu, 1), (&world.us, 0)] {
            soon("the node knows both", || {
                (system.metric(index, "tidegate_fanout_origins") == 2.0).then_some(())
            });
        }
        world
    }

    /// A room that both regions have.
    fn room(&self, room: &str) {
        self.eu.room(room);
        soon("the other region has the room", || {
            let path = format!("/v1/rooms/{room}");
            (self.us.edge.call("GET", &path, "", &Value::Null).status == 200).then_some(())
        });
    }
}

fn copier(eu: &System, us: &System) -> Copier {
    Copier::between(("eu", eu.redis.url()), ("us", us.redis.url()))
}

/// Publishes until it is taken: an edge whose region was just started asks for a moment.
fn say(edge: &Edge, room: &str, user: &str, key: &str) -> String {
    let body = json!({"kind": "chat", "data": {"text": key}});
    let token = token(user, "publish");
    soon("the message is taken", || {
        let reply = edge.publish(room, &token, key, &body);
        match reply.status {
            503 => None,
            _ => Some(reply.expect(202).str("id")),
        }
    })
}

/// A viewer with a list of endpoints, as a client has it.
struct Traveller {
    room: String,
    ticket: String,
    endpoints: Vec<String>,
    at: usize,
    cursor: Option<String>,
    ids: Vec<String>,
    regions: Vec<String>,
}

impl Traveller {
    fn new(system: &System, room: &str, user: &str) -> Self {
        let joined = system.edge.join(room, &token(user, "")).expect(200);
        let list = joined.json();
        let endpoints = list["endpoints"].as_array().expect("a list");
        Self {
            room: room.to_owned(),
            ticket: joined.str("ticket"),
            endpoints: endpoints
                .iter()
                .map(|one| one["url"].as_str().expect("a URL").to_owned())
                .collect(),
            at: 0,
            cursor: Some(joined.str("cursor")),
            ids: Vec::new(),
            regions: Vec::new(),
        }
    }

    /// Takes the next endpoint that takes it, as often as it must.
    fn connect(&mut self) -> Viewer {
        let end = Instant::now() + Duration::from_secs(30);
        loop {
            assert!(Instant::now() < end, "nobody takes {}", self.room);
            let url = &self.endpoints[self.at % self.endpoints.len()];
            let Ok(mut viewer) = Viewer::connect(url) else {
                self.at += 1;
                std::thread::park_timeout(Duration::from_millis(20));
                continue;
            };
            match viewer.subscribe(&self.room, &self.ticket, self.cursor.as_deref()) {
                Ok(first) if first["code"] == "try_again" => {
                    std::thread::park_timeout(Duration::from_millis(100));
                }
                Ok(first) => {
                    let region = viewer.welcome["region"].as_str().expect("a region");
                    self.regions.push(region.to_owned());
                    self.take(&first);
                    return viewer;
                }
                Err(_) => self.at += 1,
            }
        }
    }

    fn take(&mut self, frame: &Value) {
        if frame["room"] != self.room.as_str() {
            return;
        }
        assert_eq!(frame["type"], "batch", "{frame}");
        assert!(frame.get("left_out").is_none(), "{frame}");
        let messages = viewer::taken(frame);
        let chat = messages.iter().filter(|message| message["kind"] == "chat");
        self.ids
            .extend(chat.map(|message| message["id"].as_str().expect("an id").to_owned()));
        self.cursor = frame["cursor"].as_str().map(str::to_owned);
    }

    /// Reads on a socket until there are so many messages, or it says `move` (whose endpoints it takes over), or ends.
    fn read(&mut self, viewer: &mut Viewer, until: usize) -> bool {
        while self.ids.len() < until {
            match viewer.frame_within(Duration::from_secs(30)) {
                Ok(Some(frame)) if frame["type"] == "move" => {
                    let list = frame["endpoints"].as_array().expect("a list");
                    self.endpoints = list
                        .iter()
                        .map(|one| one["url"].as_str().expect("a URL").to_owned())
                        .collect();
                    self.at = 0;
                    return false;
                }
                Ok(Some(frame)) => self.take(&frame),
                Ok(None) => panic!("{}: nothing for 30 s at {}", self.room, self.ids.len()),
                Err(_) => return false,
            }
        }
        true
    }
}

/// Each message once, those of one region in the order in which it took them.
fn assert_exactly_once(got: &[String], said: &[Vec<String>]) {
    for list in said {
        let region = list[0].split('-').next().expect("a region");
        let of_it: Vec<&String> = got.iter().filter(|id| id.starts_with(region)).collect();
        assert!(
            of_it.iter().copied().eq(list.iter()),
            "{region}: got {of_it:?}, said {list:?}"
        );
    }
    assert_eq!(got.len(), said.iter().map(Vec::len).sum::<usize>());
}

#[test]
fn viewers_wander_between_regions_and_get_each_message_once_and_in_order() {
    let world = World::start();
    let rooms: Vec<String> = (0..ROOMS).map(|n| format!("demo.{n}")).collect();
    for room in &rooms {
        world.room(room);
    }
    let started = AtomicUsize::new(0);
    let said: BTreeMap<&String, Vec<Vec<String>>> = std::thread::scope(|scope| {
        let viewers: Vec<_> = (0..VIEWERS)
            .map(|number| {
                let system = if number % 2 == 0 {
                    &world.eu
                } else {
                    &world.us
                };
                let mut one = Traveller::new(system, &rooms[number % ROOMS], &format!("v{number}"));
                // Each begins elsewhere.
                one.at = number;
                let started = &started;
                scope.spawn(move || {
                    let mut first = true;
                    while one.ids.len() < 2 * EACH {
                        let mut socket = one.connect();
                        if std::mem::take(&mut first) {
                            started.fetch_add(1, Ordering::SeqCst);
                        }
                        let stay = (one.ids.len() + 15 + number % 7).min(2 * EACH);
                        one.read(&mut socket, stay);
                        one.at += 1;
                    }
                    one
                })
            })
            .collect();
        within(Duration::from_secs(60), "everybody watches", || {
            (started.load(Ordering::SeqCst) == VIEWERS).then_some(())
        });
        let writers: Vec<_> = rooms
            .iter()
            .flat_map(|room| [(room, "eu", &world.eu.edge), (room, "us", &world.us.edge)])
            .map(|(room, region, edge)| {
                let user = format!("writer-{region}");
                let run = move || -> Vec<String> {
                    (0..EACH)
                        .map(|number| say(edge, room, &user, &format!("{region}-{number}")))
                        .collect()
                };
                (room, scope.spawn(run))
            })
            .collect();
        let mut said: BTreeMap<&String, Vec<Vec<String>>> = BTreeMap::new();
        for (room, writer) in writers {
            let ids = writer.join().expect("a writer");
            said.entry(room).or_default().push(ids);
        }
        for viewer in viewers {
            let one = viewer.join().expect("a viewer");
            let both = ["eu", "us"].map(|name| one.regions.iter().any(|region| region == name));
            assert_eq!(both, [true, true], "it was in both regions");
            assert_exactly_once(&one.ids, &said[&one.room]);
        }
        said
    });
    assert_eq!(said.len(), ROOMS);
}

#[test]
fn a_join_names_the_own_nodes_first_and_then_the_other_region() {
    let mut world = World::start();
    world.room("demo");
    let list = |system: &System| -> Vec<String> {
        let joined = system.edge.join("demo", &token("bob", "")).expect(200);
        let endpoints = joined.json()["endpoints"].clone();
        endpoints
            .as_array()
            .expect("a list")
            .iter()
            .map(|one| one["region"].as_str().expect("a region").to_owned())
            .collect()
    };
    soon("the lists of nodes have been copied", || {
        // Its own name is that of its one node.
        (list(&world.us) == ["us", "eu", "eu"] && list(&world.eu) == ["eu", "eu", "us"])
            .then_some(())
    });
    // A region that retires is named no more, whatever the others' nodes were told of its sockets.
    redis::cmd("HSET")
        .arg("tg:regions")
        .arg("us")
        .arg(r#"{"state":"retired","stamp":"2.us"}"#)
        .query::<()>(&mut world.eu.redis())
        .expect("Redis takes it");
    soon("it is named no more", || {
        (list(&world.eu) == ["eu", "eu"]).then_some(())
    });
    world.copier.take().expect("it runs").cut();
}

#[test]
fn without_its_redis_a_region_sends_its_viewers_to_the_other() {
    let mut world = World::start();
    world.room("demo");
    let mut said = vec![vec![], vec![]];
    let mut viewers: Vec<(Traveller, Viewer)> = (0..6)
        .map(|number| {
            let mut one = Traveller::new(&world.eu, "demo", &format!("v{number}"));
            let socket = one.connect();
            (one, socket)
        })
        .collect();
    for number in 0..10 {
        said[0].push(say(
            &world.eu.edge,
            "demo",
            "alice",
            &format!("eu-{number}"),
        ));
        said[1].push(say(
            &world.us.edge,
            "demo",
            "alice",
            &format!("us-{number}"),
        ));
    }
    for (one, socket) in &mut viewers {
        assert!(one.read(socket, 20));
        assert_eq!(one.regions, ["eu"]);
    }
    // What is said now and has not been copied comes when the region is back.
    world.copier.take().expect("it runs").cut();
    said[0].push(say(&world.eu.edge, "demo", "alice", "only-in-eu"));
    for (one, socket) in &mut viewers[..3] {
        assert!(one.read(socket, 21));
    }
    let stopped = Instant::now();
    world.eu.redis.stop();
    for (one, socket) in &mut viewers {
        // Silent for 5 s, sent away within 5 s, and the load of a test's machine.
        while one.regions.len() < 2 {
            assert!(!one.read(socket, usize::MAX), "it is sent away");
            *socket = one.connect();
        }
        assert_eq!(one.regions[1], "us", "{:?}", one.endpoints);
    }
    let moved = stopped.elapsed();
    assert!(moved < Duration::from_secs(18), "{moved:?}");
    said[1].push(say(&world.us.edge, "demo", "alice", "meanwhile"));
    for (index, (one, socket)) in viewers.iter_mut().enumerate() {
        let had = if index < 3 { 22 } else { 21 };
        assert!(one.read(socket, had));
    }
    world.eu.redis.restart();
    world.copier = Some(copier(&world.eu, &world.us));
    for (one, socket) in &mut viewers {
        assert!(one.read(socket, 22));
    }
    said[0].push(say(&world.eu.edge, "demo", "alice", "back"));
    for (one, socket) in &mut viewers {
        assert!(one.read(socket, 23));
        assert_exactly_once(&one.ids, &said);
    }
}

#[test]
fn viewers_of_a_region_that_dies_go_on_in_the_other_without_any_edge() {
    let mut world = World::start();
    world.room("demo");
    let mut viewers: Vec<(Traveller, Viewer)> = (0..10)
        .map(|number| {
            let mut one = Traveller::new(&world.eu, "demo", &format!("v{number}"));
            soon("the other region is on the list", || {
                (one.endpoints.len() >= 3).then_some(()).or_else(|| {
                    one = Traveller::new(&world.eu, "demo", &format!("v{number}"));
                    None
                })
            });
            let socket = one.connect();
            (one, socket)
        })
        .collect();
    let mut said = vec![
        vec![say(&world.eu.edge, "demo", "alice", "first")],
        vec![say(&world.us.edge, "demo", "alice", "second")],
    ];
    for (one, socket) in &mut viewers {
        assert!(one.read(socket, 2));
    }
    let arrived = format!("{:?}", said[0]);
    soon("the first has been copied", || {
        let seen = world
            .us
            .edge
            .call("GET", "/v1/rooms/demo/messages", "", &Value::Null);
        seen.text
            .contains(arrived.trim_matches(['[', ']']))
            .then_some(())
    });
    // Everything of the region at once.
    world.eu.edge_process().signal(Signal::KILL);
    world.eu.redis.kill();
    for index in 0..2 {
        world.eu.kill_node(index);
    }
    let died = Instant::now();
    let mut waits = Vec::new();
    std::thread::scope(|scope| {
        let threads: Vec<_> = viewers
            .iter_mut()
            .map(|(one, socket)| {
                scope.spawn(move || {
                    assert!(!one.read(socket, usize::MAX));
                    *socket = one.connect();
                    died.elapsed()
                })
            })
            .collect();
        for thread in threads {
            waits.push(thread.join().expect("a viewer"));
        }
    });
    let longest = waits.iter().max().expect("some");
    assert!(*longest < Duration::from_secs(1), "{waits:?}");
    said[1].push(say(&world.us.edge, "demo", "alice", "third"));
    for (one, socket) in &mut viewers {
        assert!(one.read(socket, 3));
        assert_eq!(one.regions, ["eu", "us"]);
        assert_exactly_once(&one.ids, &said);
    }
}
