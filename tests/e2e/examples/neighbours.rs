//! Upgrades a running region from an earlier version to this one, part by part and in every order, and back again.
//!
//!     cargo run -p e2e --example neighbours -- ../earlier
//!
//! `../earlier` is a checkout of the earlier version with its components and `fanout` built into its `target`, and nodes of
//! this checkout are built as for the tests. After each step a message is published, the one before is published again with its
//! key, a viewer who resumes by cursor must have seen each once and in order, and a ban must end a subscription.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use e2e::library::Source;
use e2e::token::token;
use e2e::viewer::taken;
use e2e::{Options, System, Viewer, soon};
use serde_json::{Value, json};

const ROOM: &str = "upgrade.neighbours";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Edge,
    Node,
    Library,
}

const ORDERS: [[Part; 3]; 6] = [
    [Part::Edge, Part::Node, Part::Library],
    [Part::Edge, Part::Library, Part::Node],
    [Part::Node, Part::Edge, Part::Library],
    [Part::Node, Part::Library, Part::Edge],
    [Part::Library, Part::Edge, Part::Node],
    [Part::Library, Part::Node, Part::Edge],
];

struct Drill {
    system: System,
    earlier: PathBuf,
    said: Vec<String>,
    seen: Vec<String>,
    cursor: String,
    viewer: Viewer,
}

impl Drill {
    fn start(earlier: &Path) -> Self {
        let system = System::with(
            1,
            Options {
                manifest: Some(earlier.join("spin.toml")),
                fanout: Some(earlier.join("target/debug/fanout")),
                ..Options::default()
            },
        );
        system.room(ROOM);
        let viewer = system.viewer(0, ROOM, "ben");
        let cursor = viewer.cursor(ROOM).to_owned();
        Self {
            system,
            earlier: earlier.to_owned(),
            said: Vec::new(),
            seen: Vec::new(),
            cursor,
            viewer,
        }
    }

    /// Brings one part to this version, or back to the earlier one. The library is never set back: that is promised.
    fn change(&mut self, part: Part, back: bool) {
        let of = |path: &str| back.then(|| self.earlier.join(path));
        match part {
            Part::Edge => self.system.change_edge(of("spin.toml")),
            Part::Library if back => {}
            Part::Library => Source::today().load(&mut self.system.redis()),
            Part::Node => {
                self.system.set_fanout(of("target/debug/fanout"));
                self.system.crash_node(0);
                self.resume();
            }
        }
    }

    fn resume(&mut self) {
        let mut viewer = Viewer::connect(&self.system.socket(0)).expect("the node takes sockets");
        let ticket = self.system.ticket(ROOM, "ben");
        let first = viewer.subscribe(ROOM, &ticket, Some(&self.cursor));
        let first = first.expect("an answer");
        assert_eq!(first["type"], "batch", "{first}");
        self.viewer = viewer;
        self.take(&first);
    }

    fn take(&mut self, frame: &Value) {
        assert_ne!(frame["type"], "reset", "{frame}");
        let of_this = frame["room"] == ROOM;
        let chat = taken(frame)
            .into_iter()
            .filter(|message| of_this && message["kind"] == "chat");
        self.seen
            .extend(chat.map(|message| message["id"].as_str().expect("an id").to_owned()));
        self.cursor = self.viewer.cursor(ROOM).to_owned();
    }

    fn say(&self, key: &str) -> String {
        let body = json!({"kind": "chat", "data": {"text": key}});
        let ann = token("ann", "publish");
        soon("the publish is answered", || {
            let reply = self.system.edge.publish(ROOM, &ann, key, &body);
            // An edge that was just started may find Redis' functions being replaced.
            (reply.status != 503).then(|| reply.expect(202).str("id"))
        })
    }

    fn check(&mut self) {
        if let Some(last) = self.said.last() {
            let again = self.say(&format!("k{}", self.said.len() - 1));
            assert_eq!(&again, last, "a repeat is answered as before");
        }
        let id = self.say(&format!("k{}", self.said.len()));
        self.said.push(id);
        while self.seen.len() < self.said.len() {
            let frame = self.viewer.frame().expect("the socket stays");
            self.take(&frame);
        }
        assert_eq!(self.seen, self.said, "each once and in order");
        let path = format!("/v1/rooms/{ROOM}/messages?limit=100");
        let page = self
            .system
            .edge
            .call("GET", &path, "", &Value::Null)
            .expect(200);
        let page: BTreeSet<String> = taken(&page.json())
            .iter()
            .map(|message| message["id"].as_str().expect("an id").to_owned())
            .collect();
        assert!(
            self.said.iter().all(|id| page.contains(id)),
            "history has all"
        );
        self.ban();
    }

    fn ban(&self) {
        let user = format!("eve{}", self.said.len());
        let mut viewer = self.system.viewer(0, ROOM, &user);
        let path = format!("/v1/rooms/{ROOM}/bans/{user}");
        let service = token("backend", "service");
        self.system
            .edge
            .call("PUT", &path, &service, &json!({}))
            .expect(204);
        soon("the ban ends the subscription", || {
            let frame = viewer.frame().expect("the socket stays");
            (frame["type"] == "error" && frame["code"] == "banned").then_some(())
        });
    }
}

fn main() -> ExitCode {
    let Some(earlier) = std::env::args_os().nth(1).map(PathBuf::from) else {
        eprintln!(
            "name a checkout of the earlier version, built: cargo run -p e2e --example neighbours -- ../earlier"
        );
        return ExitCode::from(64);
    };
    for needed in [
        "spin.toml",
        "target/debug/fanout",
        "target/wasm32-wasip2/release/component_router.wasm",
    ] {
        if !earlier.join(needed).exists() {
            eprintln!(
                "{} has no {needed}: build it there first",
                earlier.display()
            );
            return ExitCode::from(64);
        }
    }
    for order in ORDERS {
        let mut drill = Drill::start(&earlier);
        drill.check();
        for part in order {
            drill.change(part, false);
            drill.check();
        }
        for part in order.into_iter().rev() {
            drill.change(part, true);
            drill.check();
        }
        println!(
            "{order:?} and back: {} messages, each once and in order",
            drill.said.len()
        );
    }
    ExitCode::SUCCESS
}
