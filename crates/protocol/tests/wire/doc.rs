//! `docs/protocol.md` names every frame and every field, and no others.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// Frame types with their fields, from a table whose fields stand in backticks, a `?` after those that may be missing.
fn documented(section: &str) -> BTreeMap<String, BTreeSet<String>> {
    let doc = include_str!("../../../../docs/protocol.md");
    let (_, rest) = doc.split_once(&format!("## {section}\n")).unwrap();
    rest.lines()
        .skip_while(|line| !line.starts_with("| `"))
        .take_while(|line| line.starts_with("| `"))
        .map(|row| {
            let mut cells = row.trim_matches(['|', ' ']).splitn(2, " | ");
            let name = cells.next().unwrap().trim_matches('`').to_owned();
            // What stands in brackets is about a field, and none.
            let mut depth = 0;
            let fields: String = cells
                .next()
                .unwrap()
                .chars()
                .filter(|sign| {
                    depth += i32::from(*sign == '(') - i32::from(*sign == ')');
                    depth == 0
                })
                .collect();
            let fields = fields
                .split('`')
                .skip(1)
                .step_by(2)
                .map(|field| field.trim_end_matches('?').to_owned())
                .filter(|field| field.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'))
                .collect();
            (name, fields)
        })
        .collect()
}

/// Frame types with the fields that occur, from a snapshot of one frame a line.
fn written(snapshot: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut frames: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for line in snapshot
        .lines()
        .filter(|line| line.starts_with("{\"type\""))
    {
        let Value::Object(frame) = serde_json::from_str(line).unwrap() else {
            panic!("{line}");
        };
        let name = frame["type"].as_str().unwrap().to_owned();
        let fields = frame.keys().filter(|key| *key != "type").cloned();
        frames.entry(name).or_default().extend(fields);
    }
    frames
}

#[test]
fn server_frames_are_documented() {
    let snapshot = include_str!("snapshots/wire__frames__server_frames.snap");
    assert_eq!(documented("Server to client"), written(snapshot));
}

#[test]
fn client_frames_are_documented() {
    let snapshot = include_str!("snapshots/wire__frames__client_frames.snap");
    assert_eq!(documented("Client to server"), written(snapshot));
}
