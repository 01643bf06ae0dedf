//! Starts: from the cache, and such as must be refused.

use std::path::Path;

use crate::support::{Host, Start, guests, manifest, until};

#[test]
fn a_second_start_takes_its_components_from_the_cache() {
    let folder = tempfile::tempdir().unwrap();
    let start = || {
        let start = Start {
            cache: folder.path().to_owned(),
            ..Start::new()
        };
        start.flags(&["--log-json"])
    };
    let cold = start().run();
    assert_eq!(cold.text("/add"), "42");
    until("a component was compiled", || compiled(&cold) == Some(true));
    let warm = start().run();
    assert_eq!(warm.text("/add"), "42");
    until("a component was taken from the cache", || {
        compiled(&warm) == Some(false)
    });
}

/// What the host logged of its component.
fn compiled(host: &Host) -> Option<bool> {
    let log = host.log();
    let line = log
        .lines()
        .find(|line| line.contains("component is ready"))?;
    let (_, value) = line.split_once("\"compiled\":")?;
    value.split([',', '}']).next()?.parse().ok()
}

#[test]
fn a_broken_cache_does_no_harm() {
    let folder = tempfile::tempdir().unwrap();
    let start = || Start {
        cache: folder.path().to_owned(),
        ..Start::new()
    };
    assert_eq!(start().run().text("/add"), "42");
    let mut folders = vec![folder.path().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in folder.read_dir().unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path)
            } else {
                std::fs::write(path, b"not what it was").unwrap()
            }
        }
    }
    assert_eq!(start().run().text("/add"), "42");
}

#[track_caller]
fn refused(start: Start, expected: &[&str]) {
    let (code, said) = start.refused();
    assert_eq!(code, Some(64), "{said}");
    for text in expected {
        assert!(said.contains(text), "{text:?} is not in: {said}");
    }
    assert!(!said.contains("s3cret"), "{said}");
}

#[test]
fn wrong_flags_are_refused() {
    refused(
        Start::new().flags(&["--max-concurrent", "0"]),
        &["--max-concurrent"],
    );
    refused(Start::new().flags(&["--no-such-flag"]), &["--no-such-flag"]);
    refused(
        Start::new().flags(&["--env-file", "/nowhere/.env"]),
        &["/nowhere/.env"],
    );
    refused(
        Start::new().flags(&["--ca-file", "Cargo.toml"]),
        &["--ca-file Cargo.toml", "-----BEGIN CERTIFICATE-----"],
    );
}

#[test]
fn a_manifest_that_is_not_run_is_refused_by_name() {
    for (from, to, expected) in [
        (
            "[component.gate]",
            "[component.gate]\nkey_value_stores = ['default']",
            "component.gate.key_value_stores",
        ),
        ("[application]", "[application", "spin.toml"),
        (
            "allowed_outbound_hosts = [",
            "allowed_outbound_hosts = ['redis://h/1', ",
            "redis://h/1",
        ),
        (
            "allowed_outbound_hosts = [",
            "allowed_outbound_hosts = ['{{ nobody }}', ",
            "nobody",
        ),
        (
            "{{ word }}",
            "{{ nobody }}",
            "component.front.variables.greeting",
        ),
        (
            "inherit_configuration = false",
            "inherit_configuration = ['everything']",
            "everything",
        ),
        ("guest_gate.wasm", "nothing.wasm", "nothing.wasm"),
        (
            "guest_gate.wasm",
            "guest_front.wasm",
            "does not export \"fixture:gate/gate@0.1.0\"",
        ),
        ("guest_front.wasm", "guest_gate.wasm", "matches no import"),
        (
            "fixture:gate/gate@0.1.0",
            "fixture:gate/gate@0.2.0",
            "matches no import",
        ),
        ("route = \"/...\"", "route = \"/:\"", "route"),
    ] {
        let text = manifest("false");
        assert!(text.contains(from), "{from}");
        refused(
            Start {
                manifest: text.replace(from, to),
                ..Start::new()
            },
            &[expected],
        );
    }
}

#[test]
fn an_unset_required_variable_refuses_the_start() {
    let with = manifest("false").replace(
        "word = {",
        "port = { required = true }\nname = { required = true }\nword = {",
    );
    let expected = ["SPIN_VARIABLE_NAME, SPIN_VARIABLE_PORT"];
    refused(
        Start {
            manifest: with,
            ..Start::new()
        },
        &expected,
    );
}

#[test]
fn what_is_no_http_component_is_refused() {
    let without = |source: &Path| {
        let text = manifest("false");
        let (head, _) = text.split_once("[component.front.dependencies]").unwrap();
        let front = guests().join("guest_front.wasm");
        Start {
            manifest: head.replace(front.to_str().unwrap(), source.to_str().unwrap()),
            ..Start::new()
        }
    };
    refused(
        without(&guests().join("guest_gate.wasm")),
        &["\"front\"", "wasi:http/handler"],
    );
    refused(
        without(&guests().join("guest_front.wasm")),
        &["\"front\"", "fixture:gate/gate"],
    );
    let folder = tempfile::tempdir().unwrap();
    let module = folder.path().join("module.wasm");
    std::fs::write(&module, b"\0asm\x01\0\0\0").unwrap();
    refused(without(&module), &["not a WebAssembly component"]);
    std::fs::write(&module, b"\0asm\x0d\0\x01\0garbage").unwrap();
    refused(without(&module), &["\"front\""]);
}

#[test]
fn a_busy_port_is_told_apart_from_wrong_configuration() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let (code, said) = Start {
        listen: address.clone(),
        ..Start::new()
    }
    .refused();
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.contains(&address) && said.contains("--listen"),
        "{said}"
    );
}
