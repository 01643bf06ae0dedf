//! Variables from a provider: asked each time, in front of the environment, and refused without harm.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tempfile::TempDir;

use crate::support::{Start, manifest, until};
use crate::upstream::{Act, Heard, Upstream, ok};

/// What it does at its first call, its second, and so on.
type Acts = fn(usize) -> Act;

/// A Vault that has the variable `word`, or whatever else is said, and not the others.
struct Vault {
    server: Upstream,
    says: Arc<Mutex<Acts>>,
    folder: TempDir,
}

fn word(n: usize) -> Act {
    ok(&format!(
        r#"{{"data":{{"data":{{"value":"w{n}"}},"metadata":{{}}}}}}"#
    ))
}

fn status(line: &str) -> Act {
    Act::Say(format!("HTTP/1.1 {line}\r\ncontent-length: 0\r\n\r\n").into())
}

impl Vault {
    fn start() -> Self {
        let says = Arc::new(Mutex::new(word as Acts));
        let (said, n) = (says.clone(), AtomicUsize::new(0));
        let server = Upstream::start(move |heard: &Heard| {
            if heard.line != "GET /v1/kv/data/app/eu/word HTTP/1.1" {
                return status("404 Not Found");
            }
            assert!(heard.has("x-vault-token: s3cret"), "{heard:?}");
            said.lock().unwrap()(n.fetch_add(1, Ordering::SeqCst))
        });
        Self {
            server,
            says,
            folder: TempDir::new().unwrap(),
        }
    }

    fn says(&self, says: Acts) {
        *self.says.lock().unwrap() = says;
    }

    fn file(&self, mount: &str) -> PathBuf {
        let file = self.folder.path().join("runtime.toml");
        let text = format!(
            "[[variables_provider]]\ntype = 'vault'\nurl = '{}'\ntoken = 's3cret'\nmount = '{mount}'\nprefix = 'app/eu'\n",
            self.server.url
        );
        std::fs::write(&file, text).unwrap();
        file
    }

    fn host(&self) -> Start {
        let file = self.file("kv");
        Start::new().flags(&["--runtime-config-file", file.to_str().unwrap()])
    }
}

#[test]
fn a_provider_is_asked_each_time_before_the_environment_and_it_may_fail() {
    let vault = Vault::start();
    let host = vault.host().run();
    // It was asked once at the start, for where the component may connect.
    assert_eq!(host.text("/variable/greeting"), "hello w1");
    assert_eq!(host.text("/variable/greeting"), "hello w2");
    assert_eq!(host.text("/variable/key"), "s3cret", "from the env file");
    let asked = vault.server.heard().len();
    assert_eq!(
        host.text("/variable/nobody"),
        "Error::Undefined(\"no variable \\\"nobody\\\" for the component \\\"front\\\"\")"
    );
    assert_eq!(vault.server.heard().len(), asked);

    let broken: [(Acts, &str); 5] = [
        (|_| status("503 Service Unavailable"), "it answers 503"),
        (|_| status("403 Forbidden"), "it answers 403"),
        (
            |_| ok(r#"{"data":{"data":{"secret":"s3cret"}}}"#),
            "`value`",
        ),
        (
            |_| Act::SayAndClose(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{".to_vec()),
            "broke off",
        ),
        (
            |_| {
                Act::Say(
                    format!(
                        "HTTP/1.1 200 OK\r\ncontent-length: 999999\r\n\r\n{}",
                        " ".repeat(999_999)
                    )
                    .into(),
                )
            },
            "too large",
        ),
    ];
    for (says, expected) in broken {
        vault.says(says);
        let said = host.text("/variable/greeting");
        assert!(
            said.starts_with("Error::Provider(") && said.contains(expected),
            "{said}"
        );
        assert!(!said.contains("s3cret"), "{said}");
    }
    vault.says(|_| status("404 Not Found"));
    assert_eq!(
        host.text("/variable/greeting"),
        "hello world",
        "the default"
    );
    vault.says(word);
    until("it is there again", || {
        host.text("/variable/greeting").starts_with("hello w")
    });
}

#[test]
fn a_host_starts_only_with_a_provider_that_answers() {
    let vault = Vault::start();
    vault.says(|_| status("503 Service Unavailable"));
    let (code, said) = vault.host().refused();
    assert_eq!(code, Some(64), "{said}");
    assert!(
        said.contains("the variable \"word\"") && said.contains("it answers 503"),
        "{said}"
    );
    // What nobody has is told by its name, in a provider, too.
    vault.says(word);
    let nobodys = manifest("false").replace("word = {", "own = { required = true }\nword = {");
    let (code, said) = Start {
        manifest: nobodys,
        ..vault.host()
    }
    .refused();
    assert_eq!(code, Some(64), "{said}");
    assert!(said.contains("\"own\" has no value"), "{said}");
    for (file, expected) in [
        (vault.file("two words"), "mount and prefix"),
        ("/nowhere/runtime.toml".into(), "/nowhere/runtime.toml"),
    ] {
        let flags = ["--runtime-config-file", file.to_str().unwrap()];
        let (code, said) = Start::new().flags(&flags).refused();
        assert_eq!(code, Some(64), "{said}");
        assert!(
            said.contains(expected) && !said.contains("s3cret"),
            "{said}"
        );
    }
}
