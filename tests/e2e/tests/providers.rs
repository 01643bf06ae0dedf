//! Variables that come from a provider elsewhere: changes are seen, and what was read last serves while it is away.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use e2e::token::{AUTH_SECRETS, TICKET_SECRET, claims, header, key_set, sign, signed, token};
use e2e::{Options, Reply, System, within};
use serde_json::{Value, json};
use tempfile::TempDir;

const ROOM: &str = "e2e.provider";
const MINUTE: Duration = Duration::from_secs(60);
/// By then an instance has read its keys again, or tried to: it keeps them for five seconds.
const READ_AGAIN: Duration = Duration::from_secs(6);

/// How a Vault is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Mood {
    Open,
    Sealed,
    /// It takes connections, and says nothing.
    Silent,
}

/// A Vault's key-value store, over a real socket. What it does not have comes from the environment.
struct Vault {
    state: Arc<Mutex<(Mood, BTreeMap<&'static str, String>)>>,
    file: PathBuf,
    _folder: TempDir,
}

impl Vault {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let folder = TempDir::new().expect("a folder");
        let file = folder.path().join("runtime.toml");
        let text = format!(
            "[[variables_provider]]\ntype = 'vault'\nurl = 'http://{}'\ntoken = 'opens'\nmount = 'secret'\nprefix = 'tidegate'\n",
            listener.local_addr().expect("an address")
        );
        std::fs::write(&file, text).expect("a file");
        let secrets = [
            ("auth_keys", key_set(&AUTH_SECRETS[..1])),
            ("ticket_keys", key_set(&[TICKET_SECRET])),
        ];
        let state = Arc::new(Mutex::new((Mood::Open, BTreeMap::from(secrets))));
        let shared = state.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let shared = shared.clone();
                std::thread::spawn(move || answer(stream, &shared));
            }
        });
        Self {
            state,
            file,
            _folder: folder,
        }
    }

    fn is(&self, mood: Mood) {
        self.state.lock().expect("it is not poisoned").0 = mood;
    }

    fn has(&self, name: &'static str, value: String) {
        let mut state = self.state.lock().expect("it is not poisoned");
        state.1.insert(name, value);
    }

    fn system(&self) -> System {
        let system = System::with(
            0,
            Options {
                runtime_config: Some(self.file.clone()),
                ..Options::default()
            },
        );
        system.room(ROOM);
        system
    }
}

fn answer(mut stream: TcpStream, state: &Mutex<(Mood, BTreeMap<&'static str, String>)>) {
    let mut reader = BufReader::new(stream.try_clone().expect("a socket"));
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        match reader.read_line(&mut line) {
            Ok(0) | Err(_) => return,
            Ok(_) if line.trim().is_empty() => break,
            Ok(_) => lines.push(line.trim().to_owned()),
        }
    }
    let opens = lines
        .iter()
        .any(|line| line.eq_ignore_ascii_case("x-vault-token: opens"));
    let target = lines[0].split(' ').nth(1).unwrap_or_default();
    // Spin's client sends an empty query.
    let path = target.trim_end_matches('?');
    let name = path.strip_prefix("/v1/secret/data/tidegate/");
    let (mood, value) = {
        let state = state.lock().expect("it is not poisoned");
        let value = name.and_then(|name| state.1.get(name).cloned());
        (state.0, value)
    };
    let (status, body) = match (mood, opens, value) {
        (Mood::Silent, ..) => {
            // Until the other side has had enough of it.
            let _ = reader.read(&mut [0]);
            return;
        }
        (Mood::Sealed, ..) => (
            "503 Service Unavailable",
            json!({"errors": ["Vault is sealed"]}),
        ),
        (_, false, _) => ("403 Forbidden", json!({"errors": ["permission denied"]})),
        (_, _, None) => ("404 Not Found", json!({"errors": []})),
        (_, _, Some(value)) => (
            "200 OK",
            json!({"request_id": "", "lease_id": "", "renewable": false, "lease_duration": 0, "data": {
                "data": {"value": value},
                "metadata": {"created_time": "2026-01-01T00:00:00Z", "deletion_time": "", "custom_metadata": null, "destroyed": false, "version": 1}
            }}),
        ),
    };
    let body = body.to_string();
    let _ = write!(
        stream,
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
}

fn publish(system: &System, token: &str) -> Reply {
    let chat = json!({"kind":"chat","data":{"text":"hi"}});
    system.edge.publish(ROOM, token, "", &chat)
}

#[test]
fn a_change_in_the_provider_is_seen_within_seconds() {
    let vault = Vault::start();
    let system = vault.system();
    let by = |secret: (&str, &[u8])| {
        let mut head = header();
        head["kid"] = json!(secret.0);
        sign(
            &head.to_string(),
            &claims("alice", "publish").to_string(),
            secret.1,
        )
    };
    publish(&system, &by(AUTH_SECRETS[0])).expect(202);
    publish(&system, &by(AUTH_SECRETS[1])).expect(401);
    vault.has("auth_keys", key_set(&AUTH_SECRETS[1..]));
    within(MINUTE, "the new keys", || {
        (publish(&system, &by(AUTH_SECRETS[1])).status == 202).then_some(())
    });
    within(MINUTE, "the old key is refused", || {
        (publish(&system, &by(AUTH_SECRETS[0])).status == 401).then_some(())
    });
    // A set that does not hold is not taken.
    let begun = Instant::now();
    vault.has("auth_keys", "no set".to_owned());
    at_a_pace("an answer by keys that were read before", || {
        let status = publish(&system, &by(AUTH_SECRETS[1])).status;
        // A fresh instance has nothing to go on with.
        assert!(matches!(status, 202 | 500), "{status}");
        (begun.elapsed() > READ_AGAIN && status == 202).then_some(())
    });
}

/// Asks three times a second: an instance serves 128 requests, and goes when it has been idle for one.
fn at_a_pace(what: &str, mut ask: impl FnMut() -> Option<()>) {
    let mut next = Instant::now();
    within(MINUTE, what, || {
        if Instant::now() < next {
            return None;
        }
        next = Instant::now() + Duration::from_millis(300);
        ask()
    });
}

#[test]
fn what_was_read_last_serves_while_the_provider_is_away() {
    let vault = Vault::start();
    let system = vault.system();
    for mood in [Mood::Sealed, Mood::Silent] {
        let (alice, begun) = (token("alice", "publish"), Instant::now());
        publish(&system, &alice).expect(202);
        system.edge.join(ROOM, &token("alice", "")).expect(200);
        vault.is(mood);
        // Whoever answers by then has read its keys before, and tried to read them again.
        at_a_pace("tokens and tickets by keys that were read before", || {
            let published = publish(&system, &alice);
            let joined = system.edge.join(ROOM, &token("alice", ""));
            let both = [&published, &joined].map(|reply| reply.status);
            for reply in [published.clone(), joined.clone()] {
                if !matches!(reply.status, 200 | 202) {
                    // A fresh instance has nothing to go on with.
                    assert_eq!(reply.problem(503).str("code"), "settings_unavailable");
                }
            }
            (begun.elapsed() > READ_AGAIN && both == [202, 200]).then_some(())
        });
        vault.is(Mood::Open);
        within(MINUTE, "all is as before", || {
            (publish(&system, &alice).status == 202).then_some(())
        });
    }
}

#[test]
fn an_instance_that_never_read_any_says_when_to_come_back() {
    let vault = Vault::start();
    let mut system = vault.system();
    let alice = token("alice", "publish");
    publish(&system, &alice).expect(202);
    vault.is(Mood::Sealed);
    // An instance serves so many requests; the next one begins with nothing.
    let refused = within(MINUTE, "a fresh instance answers", || {
        let reply = publish(&system, &alice);
        (reply.status != 202).then_some(reply)
    });
    let refused = refused.problem(503);
    assert_eq!(refused.str("code"), "settings_unavailable");
    assert!(refused.header("retry-after").is_some(), "{refused:?}");
    let log = system.edge_process().log();
    assert!(log.contains("the variable `"), "{log}");
    assert!(!log.contains("opens"), "the provider's token is not logged");
    let health = system.edge.call("GET", "/healthz", "", &Value::Null);
    assert_eq!(health.status, 200);
    vault.is(Mood::Open);
    publish(&system, &signed(&claims("alice", "publish"))).expect(202);
}
