//! Which way dependencies point: `crates <- components, services <- tools, tests`.

use house::{Dependency, Member, Metadata};

/// The layers that a layer's members may name in their manifests, in dependencies of every kind.
fn may_use(layer: &str) -> &'static [&'static str] {
    match layer {
        "crates" => &["crates"],
        "components" => &["crates", "components"],
        // Written as somebody else would write it, so it stands on `wit/` and on crates that decide.
        "examples" => &["crates"],
        "services" => &["crates", "services"],
        "tools" => &["crates", "services", "tools"],
        "tests" => &["crates", "components", "services", "tools", "tests"],
        _ => &[],
    }
}

/// Whether tests of a layer may stand on fixtures below `tests/`, such as a Redis of their own. Decisions need none.
fn may_use_fixtures(layer: &str, dependency: &Dependency) -> bool {
    matches!(layer, "services" | "tools") && dependency.kind.as_deref() == Some("dev")
}

/// What brings I/O, a clock, randomness or a runtime with it, and so has no place under a decision.
const NEVER_IN_CRATES: [&str; 10] = [
    "tokio",
    "redis",
    "spin-sdk",
    "wasmtime",
    "mio",
    "axum",
    "hyper",
    "ureq",
    "rand",
    "getrandom",
];

fn layer_of(metadata: &Metadata, path: &str) -> String {
    metadata
        .below_root(path)
        .split('/')
        .next()
        .unwrap_or_default()
        .to_owned()
}

fn in_layer(metadata: &Metadata, layer: &str) -> Vec<Member> {
    metadata
        .members()
        .into_iter()
        .filter(|member| member.layer() == layer)
        .collect()
}

#[test]
fn members_lie_in_known_folders_only() {
    for member in Metadata::read().members() {
        assert!(
            !may_use(member.layer()).is_empty(),
            "{} lies in {}",
            member.name,
            member.folder
        );
    }
}

#[test]
fn dependencies_point_one_way() {
    let metadata = Metadata::read();
    let mut edges = 0;
    for member in metadata.members() {
        for dependency in &member.dependencies {
            let Some(path) = &dependency.path else {
                continue;
            };
            let layer = layer_of(&metadata, path);
            assert!(
                may_use(member.layer()).contains(&layer.as_str())
                    || (layer == "tests" && may_use_fixtures(member.layer(), dependency)),
                "{} ({}) may not depend on {} ({layer})",
                member.name,
                member.folder,
                dependency.name,
            );
            edges += 1;
        }
    }
    assert!(
        edges > 0,
        "the workspace's members use each other, so metadata was misread"
    );
}

#[test]
fn decisions_stand_on_nothing_that_acts() {
    let metadata = Metadata::read();
    let crates = in_layer(&metadata, "crates");
    assert!(
        crates.len() >= 5,
        "crates/ has more members than {}",
        crates.len()
    );
    for member in crates {
        let below = metadata.everything_below(&member);
        for name in NEVER_IN_CRATES {
            assert!(!below.contains(name), "{} stands on {name}", member.name);
        }
    }
}

#[test]
fn xtask_stays_quick_to_build() {
    let metadata = Metadata::read();
    let tools = in_layer(&metadata, "tools");
    let xtask = tools
        .iter()
        .find(|member| member.name == "xtask")
        .expect("tools/xtask is a member");
    let below = metadata.everything_below(xtask);
    for name in ["tokio", "wasmtime", "rustls", "ring", "openssl-sys"] {
        assert!(!below.contains(name), "xtask stands on {name}");
    }
    for dependency in xtask
        .dependencies
        .iter()
        .filter_map(|dependency| dependency.path.as_deref())
    {
        assert_eq!(
            layer_of(&metadata, dependency),
            "crates",
            "xtask uses {dependency}"
        );
    }
}

/// Members that no host command builds.
fn is_for_wasm(member: &Member) -> bool {
    matches!(member.layer(), "components" | "examples")
        || member.folder.starts_with("tests/guests/")
}

#[test]
fn only_what_is_built_for_wasm_stays_out_of_host_commands() {
    for member in Metadata::read().members() {
        let wasm = is_for_wasm(&member);
        assert_eq!(
            member.is_default, !wasm,
            "{} in default-members",
            member.name
        );
    }
}

#[test]
fn every_member_takes_the_workspaces_lints_and_licence() {
    for member in Metadata::read().members() {
        let manifest =
            std::fs::read_to_string(house::root().join(&member.folder).join("Cargo.toml")).unwrap();
        // Bindings that are generated for a component hold unsafe code, which the workspace's lints forbid.
        let lints = ["[lints]\nworkspace = true", "[lints.clippy]"];
        let lints = if is_for_wasm(&member) {
            &lints[..]
        } else {
            &lints[..1]
        };
        assert!(
            lints.iter().any(|one| manifest.contains(one)),
            "{}/Cargo.toml lacks {:?}",
            member.folder,
            lints[0]
        );
        for line in ["license.workspace = true", "publish.workspace = true"] {
            assert!(
                manifest.contains(line),
                "{}/Cargo.toml lacks {line:?}",
                member.folder
            );
        }
    }
}
