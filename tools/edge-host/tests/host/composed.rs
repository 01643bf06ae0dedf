//! `edge-host compose`: what it writes runs by itself.

use std::path::Path;
use std::process::{Command, Output};

use crate::support::{Redis, Start, manifest};

fn compose(manifest: &Path, out: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_edge-host"))
        .args(["compose", "--manifest"])
        .arg(manifest)
        .arg("--out")
        .arg(out)
        .output()
        .unwrap()
}

#[test]
fn a_composed_app_runs_without_its_dependencies() {
    let redis = Redis::start();
    let folder = tempfile::tempdir().unwrap();
    let whole = folder.path().join("spin.toml");
    std::fs::write(&whole, manifest("['allowed_outbound_hosts']")).unwrap();
    let out = folder.path().join("out/composed");
    let said = compose(&whole, &out);
    assert!(said.status.success(), "{said:?}");
    let logged = String::from_utf8(said.stderr).unwrap();
    assert!(
        logged.contains("deny:variables/variables@3.0.0"),
        "{logged}"
    );

    let written = std::fs::read_to_string(out.join("spin.toml")).unwrap();
    assert!(!written.contains("gate"), "{written}");
    let source = format!("source = {:?}", out.join("front.wasm"));
    let host = Start {
        manifest: written.replace("source = \"front.wasm\"", &source),
        redis: redis.url.clone(),
        ..Start::new()
    }
    .run();
    assert_eq!(host.text("/add"), "42");
    assert_eq!(host.text("/variable/greeting"), "hello world");
    let ping = host.text(&format!("/gate/ping?{}", redis.url));
    assert_eq!(ping, "Ok([RedisResult::Status(\"PONG\")])");
    let variable = host.text("/gate/variable/greeting");
    assert_eq!(
        variable, "Error::Undefined(\"greeting\")",
        "what is not inherited stays so"
    );
}

#[test]
fn what_cannot_be_composed_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("spin.toml");
    std::fs::write(&path, manifest("true")).unwrap();
    let itself = compose(&path, folder.path());
    assert_eq!(itself.status.code(), Some(64));
    assert!(
        String::from_utf8_lossy(&itself.stderr).contains("--out"),
        "{itself:?}"
    );
    let kept = std::fs::read_to_string(&path).unwrap();
    assert_eq!(kept, manifest("true"), "the manifest is as it was");

    let missing = manifest("true").replace("guest_gate.wasm", "nothing.wasm");
    std::fs::write(&path, missing).unwrap();
    let refused = compose(&path, &folder.path().join("out"));
    assert_eq!(refused.status.code(), Some(64));
    assert!(
        String::from_utf8_lossy(&refused.stderr).contains("nothing.wasm"),
        "{refused:?}"
    );
}
