//! The app as a registry takes it, dependencies inside, and as it starts a second time.

use std::path::{Path, PathBuf};
use std::process::Command;

use e2e::process::{binary, root};
use e2e::token::token;
use e2e::{Options, System, soon};
use serde_json::{Value, json};
use tempfile::TempDir;

fn compose(folder: &Path) -> PathBuf {
    let out = folder.join("composed");
    let said = Command::new(binary("edge-host"))
        .args(["compose", "--manifest"])
        .arg(root().join("spin.toml"))
        .arg("--out")
        .arg(&out)
        .output()
        .expect("edge-host is built");
    assert!(said.status.success(), "{said:?}");
    let warned = String::from_utf8_lossy(&said.stderr);
    assert!(
        !warned.contains("deny:"),
        "it would run on edge-host alone: {warned}"
    );
    out
}

#[test]
fn the_composed_app_publishes_by_itself() {
    let folder = TempDir::new().unwrap();
    let out = compose(folder.path());
    let mut files: Vec<_> = std::fs::read_dir(&out)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    files.sort();
    assert_eq!(files, ["router.wasm", "spin.toml"], "one component is left");
    let manifest = std::fs::read_to_string(out.join("spin.toml")).unwrap();
    for gone in ["dependencies", "component_auth", "component.rooms"] {
        assert!(!manifest.contains(gone), "{gone}: {manifest}");
    }

    let system = System::with(
        1,
        Options {
            manifest: Some(out.join("spin.toml")),
            ..Options::default()
        },
    );
    system.room("composed.room");
    let mut viewer = system.viewer(0, "composed.room", "ann");
    let sent = json!({"kind": "chat", "data": {"text": "from one component"}});
    let chatter = token("ben", "publish");
    let id = system
        .edge
        .publish("composed.room", &chatter, "k1", &sent)
        .expect(202)
        .str("id");
    let got = viewer.messages("composed.room", &Value::Null, 1);
    assert_eq!(got[0]["id"], id.as_str(), "{got:?}");
    assert_eq!(got[0]["data"], sent["data"], "{got:?}");
    let again = system
        .edge
        .publish("composed.room", &chatter, "k1", &sent)
        .expect(202);
    assert_eq!(again.str("id"), id, "the first answer again");
    system
        .edge
        .publish("composed.room", &token("cid", ""), "", &sent)
        .problem(403);
}

#[test]
fn a_second_start_compiles_nothing() {
    let folder = TempDir::new().unwrap();
    let start = || {
        System::with(
            0,
            Options {
                cache: Some(folder.path().join("components")),
                ..Options::default()
            },
        )
    };
    let ready = |mut system: System| {
        soon("the component is logged", || {
            let log = system.edge_process().log();
            log.lines()
                .find(|line| line.contains("component is ready"))
                .map(str::to_owned)
        })
    };
    let cold = ready(start());
    assert!(cold.contains("compiled=true"), "{cold}");
    let warm = ready(start());
    assert!(warm.contains("compiled=false"), "{warm}");
    let took = |line: &str| -> u64 {
        let (_, ms) = line.split_once("took_ms=").expect("the time is logged");
        ms.trim().parse().expect("it is the last field")
    };
    assert!(
        took(&warm) * 2 < took(&cold),
        "cold {cold}, warm {warm}: reading is far cheaper than compiling"
    );
}
