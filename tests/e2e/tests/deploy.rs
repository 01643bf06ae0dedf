//! What `docs/deploy.md` says, held to what runs.

use e2e::process::root;
use e2e::relay::{Place, Relay};
use e2e::token::token;
use e2e::{Options, System, soon};
use serde_json::{Value, json};
use tempfile::TempDir;

const ROOM: &str = "deploy.room";

fn page() -> String {
    std::fs::read_to_string(root().join("docs/deploy.md")).unwrap()
}

/// The users that the page makes in Redis, each with the password `secret`; nobody else gets in any more.
fn make_users(redis: &mut redis::Connection) -> Vec<String> {
    redis::cmd("ACL")
        .arg(&["SETUSER", "default", "off"])
        .exec(redis)
        .unwrap();
    let page = page();
    let users = page
        .lines()
        .filter_map(|line| line.strip_prefix("    ACL SETUSER "));
    users
        .map(|user| {
            let mut command = redis::cmd("ACL");
            command.arg("SETUSER");
            for word in user.replace(">…", ">secret").split_whitespace() {
                command.arg(word);
            }
            command.exec(redis).unwrap();
            user.split(' ').next().unwrap_or_default().to_owned()
        })
        .collect()
}

/// What Redis refused since somebody looked last.
fn denied(redis: &mut redis::Connection) -> Vec<redis::Value> {
    redis::cmd("ACL").arg("LOG").query(redis).unwrap()
}

fn as_user(system: &System, user: &str) -> &'static str {
    let url = system.redis.url();
    url.replace("redis://", &format!("redis://{user}:secret@"))
        .leak()
}

fn with_auth(user: &str, manifest: Option<&str>) -> System {
    System::with(
        0,
        Options {
            variables: vec![("redis_auth", format!("{user}:secret"))],
            manifest: manifest.map(|path| root().join(path)),
            ..Options::default()
        },
    )
}

#[test]
fn no_user_of_redis_can_take_the_functions_away() {
    let system = System::start(0);
    system.room(ROOM);
    let mut redis = system.redis();
    let users = make_users(&mut redis);
    assert_eq!(users, ["edge", "fanout", "relay", "handler"]);
    for user in &users {
        let mut connection = redis::Client::open(as_user(&system, user))
            .and_then(|client| client.get_connection())
            .unwrap();
        for command in [
            "FUNCTION FLUSH",
            "FUNCTION DELETE tidegate",
            "FUNCTION RESTORE x REPLACE",
            "FUNCTION DUMP",
            "FUNCTION KILL",
            "SCRIPT FLUSH",
            "SCRIPT KILL",
            "FLUSHALL",
            "FLUSHDB",
            "CONFIG SET maxmemory 1",
            "ACL SETUSER x on nopass",
            "SHUTDOWN NOSAVE",
            "CLIENT KILL TYPE normal",
            "REPLICAOF NO ONE",
            "MONITOR",
            "SWAPDB 0 1",
            "GET other:key",
            "PUBLISH tg:x y",
        ] {
            let mut words = command.split(' ');
            let mut asked = redis::cmd(words.next().unwrap());
            let said = words
                .fold(&mut asked, |asked, word| asked.arg(word))
                .exec(&mut connection)
                .unwrap_err();
            assert_eq!(said.code(), Some("NOPERM"), "{user}: {command}: {said}");
        }
    }
    let library: Vec<redis::Value> = redis::cmd("FUNCTION")
        .arg("LIST")
        .query(&mut redis)
        .unwrap();
    assert_eq!(library.len(), 1, "it is still there");
}

#[test]
fn a_relay_works_as_its_user() {
    let dir = TempDir::new().unwrap();
    let system = System::start(0);
    system.room(ROOM);
    let mut redis = system.redis();
    make_users(&mut redis);
    let mut us = Place::start("us");
    us.create(ROOM, "owner");
    us.chat(ROOM, "hello");
    // As in a Redis that nobody has worked with yet: the relay brings layout and functions, too.
    for command in [vec!["FLUSHALL"], vec!["FUNCTION", "FLUSH"]] {
        redis::cmd(command[0])
            .arg(&command[1..])
            .exec(&mut redis)
            .unwrap();
    }
    let from = [("us", &*us.server.url())];
    let relay = Relay::start(dir.path(), "r1", "local", as_user(&system, "relay"), &from);
    let log = us.keys.log(us.shard(ROOM), &us.region);
    let expected: usize = us.ask(&["XLEN", &log]);
    assert!(expected > 0);
    soon("the other region's log is here", || {
        let length: usize = redis::cmd("XLEN").arg(&log).query(&mut redis).unwrap();
        (length == expected).then_some(())
    });
    soon("it is ready", || (relay.ready().0 == 200).then_some(()));
    let denied = denied(&mut redis);
    assert!(denied.is_empty(), "Redis denied: {denied:?}");
}

#[test]
fn a_handler_of_ones_own_works_as_its_user() {
    let app = with_auth("handler", Some("examples/own-handler/spin.toml"));
    let mut redis = app.redis();
    make_users(&mut redis);
    for choice in ["red", "blue"] {
        let body = json!({ "choice": choice });
        app.edge
            .call("PUT", "/polls/p1/vote", &token("ann", ""), &body)
            .expect(200);
    }
    let reply = app.edge.call("GET", "/polls/p1", "", &Value::Null);
    assert_eq!(reply.expect(200).json()["votes"]["blue"], 1);
    let denied = denied(&mut redis);
    assert!(denied.is_empty(), "Redis denied: {denied:?}");
}

#[test]
fn a_region_works_as_the_users_of_edge_and_node() {
    let mut system = with_auth("edge", None);
    let mut redis = system.redis();
    make_users(&mut redis);
    system.add_node(&["--redis-url", as_user(&system, "fanout")]);

    system.room(ROOM);
    let mut viewer = system.viewer(0, ROOM, "ann");
    let service = token("backend", "service");
    for (kind, key) in [("chat", "k1"), ("gift", "k2"), ("control", "k3")] {
        let body = json!({"kind": kind, "data": {"n": 1}, "as": {"sub": "shop"}});
        system.edge.publish(ROOM, &service, key, &body).expect(202);
    }
    assert_eq!(viewer.messages(ROOM, &Value::Null, 3).len(), 3);
    system
        .edge
        .publish(ROOM, &token("ben", "publish"), "", &json!({"kind": "like"}))
        .expect(202);
    let call = |method: &str, path: &str| {
        let path = format!("/v1/rooms/{ROOM}{path}");
        system.edge.call(method, &path, &service, &Value::Null)
    };
    let history = call("GET", "/messages?limit=9").expect(200).json();
    for kind in ["chat", "gift", "control"] {
        let messages = history["messages"].as_array().expect("a list");
        assert!(
            messages.iter().any(|message| message["kind"] == kind),
            "{kind}: {history}"
        );
    }
    call("PUT", "/bans/cid").expect(204);
    call("DELETE", "/bans/cid").expect(204);
    soon("the presence of the viewer arrives", || {
        (call("GET", "").expect(200).json()["online"] == 1).then_some(())
    });
    assert_eq!(
        system.edge.call("GET", "/readyz", "", &Value::Null).status,
        200
    );
    assert_eq!(
        system.metric(0, "tidegate_fanout_duty_failures_total "),
        0.0
    );
    let denied = denied(&mut redis);
    assert!(denied.is_empty(), "Redis denied: {denied:?}");
}

#[test]
fn every_variable_stands_in_the_table() {
    let manifest = std::fs::read_to_string(root().join("spin.toml")).unwrap();
    let (_, variables) = manifest.split_once("[variables]\n").unwrap();
    let names: Vec<&str> = variables
        .lines()
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.split_once(" = ").map(|(name, _)| name))
        .collect();
    assert!(names.len() > 15, "the manifest was misread: {names:?}");
    let page = page();
    let table: String = page
        .lines()
        .filter(|line| line.starts_with("| `"))
        .collect();
    for name in names {
        assert!(
            table.contains(&format!("`{name}`")),
            "docs/deploy.md has no row for the variable `{name}`"
        );
    }
}
