use std::path::Path;

use super::{Inherit, Manifest};

const HEAD: &str = "spin_manifest_version = 2\n[application]\nname = 'x'\n[[trigger.http]]\nroute = '/...'\ncomponent = 'a'\n";

fn parse(rest: &str) -> anyhow::Result<Manifest> {
    Manifest::parse(&format!("{HEAD}{rest}"), Path::new("/app"))
}

fn refusal(rest: &str) -> String {
    format!("{:#}", parse(rest).unwrap_err())
}

#[test]
fn a_whole_manifest_is_read() {
    let manifest = parse(
        "[variables]\nurl = { required = true, secret = true }\nname = { default = 'n', description = 'd' }\n\
         [component.a]\nsource = 'a.wasm'\nallowed_outbound_hosts = ['{{ url }}']\nvariables = { u = '{{ url }}' }\n\
         [component.a.build]\ncommand = ['x', 'y']\nwatch = ['src']\nworkdir = 'z'\n\
         [component.a.dependencies]\n\
         'n:p/one@0.1.0' = { component = 'b', inherit_configuration = ['variables'] }\n\
         'n:q/two' = { path = 'c.wasm', inherit_configuration = true, export = 'n:q/zwei' }\n\
         'n:r' = { component = 'b' }\n\
         [component.b]\nsource = 'b.wasm'\n[component.b.build]\ncommand = 'x'",
    )
    .unwrap();
    let component = &manifest.components["a"];
    assert_eq!(component.source, Path::new("/app/a.wasm"));
    let inherit: Vec<_> = component
        .dependencies
        .iter()
        .map(|dependency| dependency.inherit)
        .collect();
    let expected =
        [(false, true), (true, true), (false, false)].map(|(allowed_outbound_hosts, variables)| {
            Inherit {
                allowed_outbound_hosts,
                variables,
            }
        });
    assert_eq!(inherit, expected);
    assert_eq!(component.dependencies[0].source, Path::new("/app/b.wasm"));
    assert_eq!(
        component.dependencies[1].export.as_deref(),
        Some("n:q/zwei")
    );
    assert!(manifest.variables["url"].default.is_none());
    assert!(
        !manifest.components.contains_key("b"),
        "a component without a route is not run"
    );
}

#[test]
fn all_dependencies_can_inherit_at_once() {
    let b = "[component.b]\nsource = 'b.wasm'\n[component.a]\nsource = 'a.wasm'\n";
    let manifest = parse(&format!(
        "{b}dependencies_inherit_configuration = true\n[component.a.dependencies]\n'n:p' = {{ component = 'b' }}"
    ))
    .unwrap();
    assert_eq!(
        manifest.components["a"].dependencies[0].inherit,
        Inherit::all(true)
    );
    let said = refusal(&format!(
        "{b}dependencies_inherit_configuration = false\n[component.a.dependencies]\n\
         'n:p' = {{ component = 'b', inherit_configuration = true }}"
    ));
    assert!(said.contains("use one"), "{said}");
}

#[test]
fn a_dependency_brings_nothing_of_its_own_and_inherits_what_is_known() {
    let with = |inherit: &str, own: &str| {
        format!(
            "[component.a]\nsource = 'a.wasm'\n[component.a.dependencies]\n\
             'n:p/i' = {{ component = 'b', inherit_configuration = [{inherit}] }}\n\
             [component.b]\nsource = 'b.wasm'\n{own}"
        )
    };
    parse(&with("'variables', 'key_value_stores'", "")).unwrap();
    let said = refusal(&with("'hosts'", ""));
    assert!(said.contains("unknown name \"hosts\""), "{said}");
    for (key, own) in [
        ("variables", "variables = { v = 'x' }"),
        (
            "allowed_outbound_hosts",
            "allowed_outbound_hosts = ['redis://h']",
        ),
        ("dependencies", "dependencies = { x = { path = 'c.wasm' } }"),
    ] {
        let said = refusal(&with("'variables'", own));
        assert!(
            said.contains(&format!("its `{key}` has no effect")),
            "{said}"
        );
    }
}
