//! What `docs/deploy.md` says, held to what runs.

use e2e::process::root;
use e2e::token::token;
use e2e::{Options, System, soon};
use serde_json::{Value, json};

const ROOM: &str = "deploy.room";

fn page() -> String {
    std::fs::read_to_string(root().join("docs/deploy.md")).unwrap()
}

#[test]
fn the_two_users_of_redis_are_enough() {
    let mut system = System::with(
        0,
        Options {
            variables: vec![("redis_auth", "edge:secret".to_owned())],
            ..Options::default()
        },
    );
    let mut redis = system.redis();
    let page = page();
    let users: Vec<&str> = page
        .lines()
        .filter_map(|line| line.strip_prefix("    ACL SETUSER "))
        .collect();
    assert_eq!(users.len(), 2, "the page names two users");
    for user in users {
        let mut command = redis::cmd("ACL");
        command.arg("SETUSER");
        for word in user.replace(">…", ">secret").split_whitespace() {
            command.arg(word);
        }
        command.exec(&mut redis).unwrap();
    }
    let url = system
        .redis
        .url()
        .replace("redis://", "redis://fanout:secret@");
    system.add_node(&["--redis-url", url.leak()]);

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
    let denied: Vec<redis::Value> = redis::cmd("ACL").arg("LOG").query(&mut redis).unwrap();
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
