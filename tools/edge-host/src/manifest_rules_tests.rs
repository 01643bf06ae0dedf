//! Spin's rules, each with manifests that break it, and those of this repository, which keep them all.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::Manifest;

const HEAD: &str = "spin_manifest_version = 2\n[application]\nname = 'x'\n";
const ROUTE: &str = "[[trigger.http]]\nroute = '/...'\ncomponent = 'a'\n";
const A: &str = "[component.a]\nsource = 'a.wasm'\n";

fn parse(text: &str) -> anyhow::Result<Manifest> {
    Manifest::parse(text, Path::new("/app"))
}

/// `refused` breaks a rule, for the reason `expected`, where `accepted` keeps it.
#[track_caller]
fn rule(refused: &str, expected: &str, accepted: &str) {
    let said = match parse(refused) {
        Ok(_) => panic!("it was taken: {refused}"),
        Err(error) => format!("{error:#}"),
    };
    assert!(said.contains(expected), "{said}");
    parse(accepted).unwrap();
}

/// The same for what follows a head with a route to the component `a`.
#[track_caller]
fn rest(refused: &str, expected: &str, accepted: &str) {
    let whole = |rest: &str| format!("{HEAD}{ROUTE}{rest}");
    rule(&whole(refused), expected, &whole(accepted));
}

/// The same for a table of dependencies of `a`, beside a component `b`.
#[track_caller]
fn dependencies(refused: &str, expected: &str, accepted: &str) {
    let table = |text: &str| {
        format!("{A}[component.a.dependencies]\n{text}\n[component.b]\nsource = 'b.wasm'\n")
    };
    rest(&table(refused), expected, &table(accepted));
}

#[test]
fn the_version_is_the_number_two() {
    let whole = format!("{HEAD}{ROUTE}{A}");
    for (version, expected) in [("1", "is 1"), ("3", "is 3"), ("'2'", "expected i64")] {
        let other = whole.replace(
            "spin_manifest_version = 2",
            &format!("spin_manifest_version = {version}"),
        );
        rule(&other, expected, &whole);
    }
    let without = whole.replace("spin_manifest_version = 2\n", "");
    rule(&without, "spin_manifest_version", &whole);
}

#[test]
fn an_application_has_a_name() {
    let whole = format!("{HEAD}{ROUTE}{A}");
    rule(
        &whole.replace("name = 'x'\n", ""),
        "missing field `name`",
        &whole,
    );
    rule(
        &whole.replace("name = 'x'", "name = 1"),
        "expected a string",
        &whole,
    );
    // What the reference calls a version by semver is any text to Spin, and so is a name.
    let free = whole.replace(
        "name = 'x'",
        "name = 'My app'\nversion = 'next'\nauthors = ['a']",
    );
    rule(
        &whole.replace("name = 'x'", "name = 'x'\nversion = 1"),
        "expected a string",
        &free,
    );
    rule(
        &whole.replace("name = 'x'", "name = 'x'\nauthors = 'a'"),
        "expected a sequence",
        &free,
    );
}

#[test]
fn targets_and_tools_have_their_form() {
    let with = |text: &str| format!("{HEAD}{text}\n{ROUTE}{A}");
    let good = with(
        "targets = ['spin-up:4.1', { url = 'https://h/t.toml' }, { path = 't.toml' }]\ntool.lint = { level = 1 }",
    );
    rule(
        &with("targets = 'spin-up:4.1'"),
        "expected a sequence",
        &good,
    );
    rule(
        &with("targets = [{ file = 't.toml' }]"),
        "did not match",
        &good,
    );
    rule(&with("tool.lint = 1"), "expected a map", &good);
}

#[test]
fn names_of_variables_are_words_that_begin_with_a_letter() {
    for name in [
        "upstream_1",
        "1st",
        "a__b",
        "_a",
        "a_",
        "aB",
        "A",
        "a-b",
        "'a b'",
        "''",
    ] {
        let (declared, own) = (
            format!("{A}[variables]\n{name} = {{ default = '' }}"),
            format!("{A}variables = {{ {name} = '' }}"),
        );
        rest(
            &declared,
            "is not a variable's name",
            &format!("{A}[variables]\nupstream_a1 = {{ default = '' }}"),
        );
        rest(
            &own,
            "is not a variable's name",
            &format!("{A}variables = {{ upstream_a1 = '' }}"),
        );
    }
}

#[test]
fn a_variable_is_required_or_has_a_default() {
    let variable = |form: &str| format!("{A}[variables]\nv = {form}");
    let good = variable("{ default = 'x', secret = true, description = 'd' }");
    for (form, expected) in [
        ("{}", "`variables.v` needs either"),
        ("{ required = false }", "`variables.v` needs either"),
        (
            "{ required = true, default = '' }",
            "`variables.v` needs either",
        ),
        ("{ default = 1 }", "expected a string"),
        ("{ default = 'x', secret = 'yes' }", "expected a boolean"),
        ("'x'", "must be a table"),
    ] {
        rest(&variable(form), expected, &good);
    }
    rest(
        &variable("{ required = 1 }"),
        "expected a boolean",
        &variable("{ required = true }"),
    );
}

#[test]
fn ids_of_components_are_kebab_case() {
    for id in ["a_b", "a-1", "1a", "aB", "a--b", "-a", "a-", "'a b'", "''"] {
        let other = format!("{A}[component.{id}]\nsource = 'x.wasm'");
        rest(
            &other,
            "is not kebab-case",
            &format!("{A}[component.a-B2]\nsource = 'x.wasm'"),
        );
    }
}

#[test]
fn a_route_leads_to_a_component_that_is_there() {
    let routes = |text: &str| format!("{HEAD}{text}{A}");
    let good = routes(ROUTE);
    for (text, expected) in [
        ("", "missing field `trigger`"),
        ("[trigger]\nhttp = []\n", "no route"),
        (
            "[trigger.http]\nroute = '/'\ncomponent = 'a'\n",
            "expected a sequence",
        ),
        (
            "[[trigger.http]]\nroute = '/'\n",
            "missing field `component`",
        ),
        (
            "[[trigger.http]]\ncomponent = 'a'\n",
            "missing field `route`",
        ),
        (
            "[[trigger.http]]\nroute = '/'\ncomponent = 'c'\n",
            "no `[component.c]`",
        ),
        (
            "[[trigger.http]]\nid = 1\nroute = '/'\ncomponent = 'a'\n",
            "expected a string",
        ),
        (
            "[[trigger.http]]\nroute = '/:'\ncomponent = 'a'\n",
            "needs a name",
        ),
        (
            "[[trigger.http]]\nroute = '/*x'\ncomponent = 'a'\n",
            "neither plain text nor",
        ),
    ] {
        rule(&routes(text), expected, &good);
    }
}

#[test]
fn unknown_keys_are_refused_at_every_level() {
    let good = format!("{HEAD}{ROUTE}{A}");
    for (from, to, key) in [
        (
            HEAD,
            format!("{HEAD}colour = 'red'\n"),
            "application.colour",
        ),
        (HEAD, format!("colour = 'red'\n{HEAD}"), "colour"),
        (
            "route =",
            "colour = 'red'\nroute =".into(),
            "trigger.http[0].colour",
        ),
        (A, format!("{A}colour = 'red'\n"), "component.a.colour"),
        (
            A,
            format!("{A}build = {{ command = 'x', colour = 'red' }}\n"),
            "component.a.build.colour",
        ),
        (
            A,
            format!("{A}[variables]\nv = {{ default = '', colour = 'red' }}\n"),
            "variables.v.colour",
        ),
        (
            A,
            format!(
                "{A}[component.a.dependencies]\n'n:p/i' = {{ path = 'b.wasm', colour = 'red' }}\n"
            ),
            "component.a.dependencies.\"n:p/i\".colour",
        ),
    ] {
        rule(
            &good.replace(from, &to),
            &format!("`{key}`: unknown key"),
            &good,
        );
    }
}

#[test]
fn a_component_has_a_source_and_builds_by_commands() {
    rest("[component.a]\n", "missing field `source`", A);
    rest("[component.a]\nsource = 1\n", "expected a string", A);
    let good = format!("{A}build = {{ command = ['x', 'y'], workdir = 'z', watch = ['src'] }}");
    for (build, expected) in [
        ("{}", "missing field `command`"),
        ("{ command = 1 }", "did not match"),
        ("{ command = 'x', watch = 'src' }", "expected a sequence"),
        ("{ command = 'x', workdir = 1 }", "expected a string"),
    ] {
        rest(&format!("{A}build = {build}"), expected, &good);
    }
}

#[test]
fn templates_name_variables_that_are_there() {
    let with = |text: &str| {
        format!(
            "{A}variables = {{ v = '{text}' }}\n[variables]\nname = {{ default = '{{{{ none }}}}' }}"
        )
    };
    let good = with("x {{ name }} {{name}} }} { name }");
    rest(&with("{{ other }}"), "no variable \"other\"", &good);
    rest(&with("{{ }}"), "no variable \"\"", &good);
    rest(&with("{{ Name }}"), "no variable \"Name\"", &good);
    rest(&with("x {{ name"), "without `}}`", &good);
    // In components without a route, too.
    let other =
        |text: &str| format!("{A}[component.b]\nsource = 'b.wasm'\nvariables = {{ v = '{text}' }}");
    rest(
        &other("{{ other }}"),
        "`component.b.variables.v`",
        &other("x"),
    );
}

#[test]
fn allowed_hosts_hold_whatever_their_variables_come_to() {
    let with = |entry: &str, default: &str| {
        format!(
            "{A}allowed_outbound_hosts = ['{entry}']\n[variables]\nurl = {{ {default} }}\n\
             [component.b]\nsource = 'b.wasm'\nallowed_outbound_hosts = ['redis://h']"
        )
    };
    let good = with("{{ url }}", "default = 'redis://h:1'");
    for (entry, expected) in [
        ("redis://h:1/0", "path"),
        ("redis://u:p@h:1", "credentials"),
        ("redis://*/", "`*`"),
        ("spdy://h", "no usual one"),
        ("h:1", "form"),
        ("{{ other }}", "no variable \"other\""),
        ("{{ url", "without `}}`"),
    ] {
        rest(&with(entry, "default = 'redis://h:1'"), expected, &good);
    }
    let optional = with("{{ url }}", "default = ''");
    let defaults = with("{{ url }}", "default = 'h:1'");
    rest(&defaults, "by its variables' defaults", &optional);
    let required = with("{{ url }}", "required = true");
    rest(
        &good.replace("redis://h']", "nowhere']"),
        "`component.b.allowed_outbound_hosts`",
        &required,
    );
    let good = format!("{A}allowed_outbound_hosts = []");
    rest(
        &format!("{A}allowed_outbound_hosts = 'redis://h'"),
        "expected a sequence",
        &good,
    );
}

#[test]
fn dependencies_are_named_as_imports_are() {
    let good = "'n:p/i@0.1.0' = { component = 'b' }\nplain-name = { path = 'c.wasm' }";
    for name in [
        "n:p/i@1",
        "n:p/i@",
        "n:p/i_j",
        "n:p/i/j",
        "N:p/i",
        "n:P/i",
        "n:p-1/i",
        "n/i",
        ":p/i",
        "n:/i",
        "plain_name",
        "",
    ] {
        dependencies(&format!("'{name}' = {{ component = 'b' }}"), "", good);
    }
}

#[test]
fn a_dependency_comes_from_one_place() {
    let good =
        "'n:p/i' = { path = 'c.wasm', export = 'n:p/j', inherit_configuration = ['variables'] }";
    for (form, expected) in [
        ("{}", "needs one of"),
        ("{ component = 'b', path = 'c.wasm' }", "needs one of"),
        ("{ component = 'c' }", "no `[component.c]`"),
        ("{ component = 'a' }", "its `dependencies` has no effect"),
        (
            "{ path = 'c.wasm', inherit_configuration = 'all' }",
            "did not match",
        ),
    ] {
        dependencies(&format!("'n:p/i' = {form}"), expected, good);
    }
    dependencies(
        "'n:p' = { path = 'c.wasm', export = 'n:p/j' }",
        "names a whole package",
        good,
    );
    dependencies(
        "'n:p@0.1.0' = { component = 'b', export = 'n:p/j' }",
        "names a whole package",
        good,
    );
}

#[test]
fn two_dependencies_do_not_mean_the_same_import() {
    let two = |one: &str, other: &str| {
        format!("'{one}' = {{ component = 'b' }}\n'{other}' = {{ component = 'b' }}")
    };
    let good = two("n:p/i@0.1.0", "n:p/j@0.1.0");
    dependencies(&two("n:p/i", "n:p/i@0.1.0"), "the same import", &good);
    dependencies(&two("n:p", "n:p/i"), "the same import", &good);
    dependencies(
        &two("n:p@0.1.0", "n:p@0.1.1"),
        "the same import",
        &two("n:p@0.1.0", "n:p@0.2.0"),
    );
}

#[test]
fn a_component_without_a_route_is_held_to_the_rules_too() {
    let b = |text: &str| format!("{A}[component.b]\nsource = 'b.wasm'\n{text}");
    let good = b("[component.b.dependencies]\n'n:p/i' = { path = 'c.wasm' }");
    rest(
        &b("[component.b.dependencies]\n'n:p/i' = { component = 'c' }"),
        "no `[component.c]`",
        &good,
    );
    rest(
        &b("[component.b.dependencies]\n'n_p' = { path = 'c.wasm' }"),
        "`component.b.dependencies",
        &good,
    );
}

#[test]
fn every_manifest_of_the_repository_keeps_them() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let list = Command::new("git")
        .args([
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
            "--",
            "*.toml",
        ])
        .current_dir(&root)
        .output()
        .unwrap();
    assert!(list.status.success(), "{list:?}");
    let manifests: Vec<PathBuf> = String::from_utf8(list.stdout)
        .unwrap()
        .split_terminator('\0')
        .map(|name| root.join(name))
        .filter(|path| {
            std::fs::read_to_string(path).is_ok_and(|text| text.contains("spin_manifest_version"))
        })
        .collect();
    for one in ["spin.toml", "examples/own-handler/spin.toml"] {
        assert!(
            manifests.contains(&root.join(one)),
            "{one} is not among {manifests:?}"
        );
    }
    for manifest in manifests {
        Manifest::read(&manifest).unwrap();
    }
}
