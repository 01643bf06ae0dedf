//! What files may hold, and which must be there.

use house::{files, root};

/// A file longer than this is two files.
const MOST_LINES: usize = 450;

#[test]
fn what_everybody_looks_for_is_there() {
    let paths = [
        "Cargo.toml",
        "spin.toml",
        "README.md",
        "ARCHITECTURE.md",
        "CHANGELOG.md",
        "LICENSE",
        ".env.example",
        "crates",
        "components",
        "wit",
        "services",
        "examples",
        "tools",
        "infra",
        "tests",
        "clients",
    ];
    for path in paths {
        assert!(root().join(path).exists(), "{path} is missing");
    }
}

#[test]
fn sources_are_short() {
    let sources: Vec<_> = files()
        .into_iter()
        .filter(|(name, _)| {
            name.ends_with(".rs")
                && ["crates/", "components/", "examples/", "services/", "tools/"]
                    .iter()
                    .any(|layer| name.starts_with(layer))
        })
        .collect();
    assert!(
        sources.len() > 20,
        "git lists only {} sources",
        sources.len()
    );
    for (name, text) in sources {
        let lines = text.lines().count();
        assert!(
            lines <= MOST_LINES,
            "{name} has {lines} lines; {MOST_LINES} at most"
        );
    }
}

#[test]
fn documents_show_configurations_as_they_are_tested() {
    let read = |path: &str| std::fs::read_to_string(root().join(path)).expect(path);
    for (document, file) in [
        ("docs/deploy.md", "infra/haproxy/fanout.cfg"),
        ("docs/deploy.md", "infra/nginx/fanout.conf"),
    ] {
        let shown = format!("\n```\n{}```\n", read(file));
        assert!(
            read(document).contains(&shown),
            "{document} does not show {file} as it is"
        );
    }
}

#[test]
fn no_module_is_a_drawer_for_the_rest() {
    for (name, _) in files() {
        let drawer = name.split('/').any(|part| {
            matches!(
                part.trim_end_matches(".rs"),
                "common" | "util" | "utils" | "helper" | "helpers" | "misc"
            )
        });
        assert!(!drawer, "{name}: name it after what it does");
    }
}

#[test]
fn nothing_names_one_machine_or_registry() {
    // Put together here, so that this file does not hold them.
    let machine = ["root", "work", "Users", "home"].map(|folder| format!("/{folder}/"));
    let registries = [
        ("index.", "crates.io"),
        ("static.", "crates.io"),
        ("registry.", "npmjs.org"),
        ("files.", "pythonhosted.org"),
        ("pypi.", "org/simple"),
        ("proxy.", "golang.org"),
        ("deb.", "debian.org"),
        ("arti", "factory"),
    ]
    .map(|(first, second)| format!("{first}{second}"));
    for (name, text) in files() {
        for (number, line) in text.lines().enumerate() {
            let place = format!("{name}:{}: {line}", number + 1);
            assert!(
                !machine.iter().any(|folder| names_path(line, folder)),
                "a path of one machine in {place}"
            );
            assert!(
                !registries.iter().any(|host| line.contains(host.as_str())),
                "a registry's host in {place}"
            );
        }
    }
}

/// Whether a path begins with `folder` in this line. `example.org/work/` and `.../home/` are other things.
fn names_path(line: &str, folder: &str) -> bool {
    line.match_indices(folder).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        before.is_none_or(|sign| {
            !(sign.is_alphanumeric() || matches!(sign, '.' | '-' | '_' | '/' | '}' | ')' | '*'))
        })
    })
}

#[test]
fn a_path_is_told_from_what_only_looks_like_one() {
    let folder = format!("/{}/", "work");
    assert!(names_path(&format!("cd {folder}main"), &folder));
    assert!(names_path(&folder, &folder));
    assert!(names_path(&format!("\"{folder}x\""), &folder));
    assert!(!names_path(
        &format!("https://example.org{folder}x"),
        &folder
    ));
}
