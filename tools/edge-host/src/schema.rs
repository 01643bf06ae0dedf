//! Which keys of a Spin manifest this host runs, and a refusal by name for every other.

use anyhow::{Result, bail};
use toml::{Table, Value};

/// One kind of table: the keys that are run here, and those that Spin has and this host has not.
struct Keys {
    here: &'static [&'static str],
    spin: &'static [&'static str],
}

const ROOT: Keys = Keys {
    here: &[
        "spin_manifest_version",
        "application",
        "variables",
        "trigger",
        "component",
    ],
    spin: &[],
};
// `targets` and `tool` mean nothing at run time, to Spin either.
const APPLICATION: Keys = Keys {
    here: &[
        "name",
        "version",
        "description",
        "authors",
        "targets",
        "tool",
    ],
    spin: &["trigger"],
};
const VARIABLE: Keys = Keys {
    here: &["default", "required", "secret", "description"],
    spin: &[],
};
const TRIGGERS: Keys = Keys {
    here: &["http"],
    spin: &["redis", "command", "sqs", "mqtt", "cron", "grpc"],
};
const TRIGGER: Keys = Keys {
    here: &["id", "route", "component"],
    spin: &["executor", "static_response", "components", "dependencies"],
};
const COMPONENT: Keys = Keys {
    here: &[
        "source",
        "description",
        "allowed_outbound_hosts",
        "variables",
        "build",
        "dependencies",
        "dependencies_inherit_configuration",
        "targets",
        "tool",
    ],
    spin: &[
        "environment",
        "files",
        "exclude_files",
        "allowed_http_hosts",
        "key_value_stores",
        "sqlite_databases",
        "ai_models",
        "profile",
    ],
};
const BUILD: Keys = Keys {
    here: &["command", "workdir", "watch"],
    spin: &[],
};
const DEPENDENCY: Keys = Keys {
    here: &["component", "path", "export", "inherit_configuration"],
    spin: &["version", "registry", "package", "url", "digest"],
};

impl Keys {
    fn check(&self, place: &str, value: &Value) -> Result<()> {
        let Value::Table(table) = value else {
            bail!("`{place}` must be a table")
        };
        for key in table.keys().map(String::as_str) {
            let path = if place.is_empty() {
                key.to_owned()
            } else {
                format!("{place}.{key}")
            };
            if self.spin.contains(&key) {
                bail!(
                    "`{path}`: Spin knows this key, edge-host does not run it. Take it out, or run the app with `spin up`"
                );
            }
            if !self.here.contains(&key) {
                bail!(
                    "`{path}`: unknown key. Here belong: {}",
                    self.here.join(", ")
                );
            }
        }
        Ok(())
    }
}

/// Refuses the first key that this host does not run, with its path and what to do about it.
pub fn check(manifest: &Table) -> Result<()> {
    let whole = Value::Table(manifest.clone());
    ROOT.check("", &whole)?;
    if let Some(application) = manifest.get("application") {
        APPLICATION.check("application", application)?;
    }
    for (name, variable) in tables(manifest.get("variables")) {
        VARIABLE.check(&format!("variables.{name}"), variable)?;
    }
    if let Some(triggers) = manifest.get("trigger") {
        TRIGGERS.check("trigger", triggers)?;
        if let Some(Value::Array(http)) = triggers.get("http") {
            for (index, trigger) in http.iter().enumerate() {
                let place = format!("trigger.http[{index}]");
                TRIGGER.check(&place, trigger)?;
                for (key, instead) in [
                    ("component", "the id of a component"),
                    ("route", "a route that is open"),
                ] {
                    only_text(&place, key, instead, trigger)?;
                }
            }
        }
    }
    for (id, component) in tables(manifest.get("component")) {
        let place = format!("component.{id}");
        COMPONENT.check(&place, component)?;
        only_text(&place, "source", "the path of a file", component)?;
        if let Some(build) = component.get("build") {
            BUILD.check(&format!("{place}.build"), build)?;
        }
        for (name, dependency) in tables(component.get("dependencies")) {
            let place = format!("{place}.dependencies.\"{name}\"");
            if dependency.is_str() {
                bail!(
                    "`{place}`: edge-host takes no packages from registries. Name a component of this manifest, \
                     {{ component = \"…\" }}, or a file, {{ path = \"…\" }}"
                );
            }
            DEPENDENCY.check(&place, dependency)?;
        }
    }
    Ok(())
}

/// Refuses a table where Spin takes a table or a text, and this host the text only.
fn only_text(place: &str, key: &str, instead: &str, table: &Value) -> Result<()> {
    if table.get(key).is_some_and(Value::is_table) {
        bail!(
            "`{place}.{key}`: Spin takes a table here, edge-host does not. Name {instead}, or run the app with `spin up`"
        );
    }
    Ok(())
}

fn tables(value: Option<&Value>) -> impl Iterator<Item = (&String, &Value)> {
    value.and_then(Value::as_table).into_iter().flatten()
}

#[cfg(test)]
mod tests {
    fn refusal(text: &str) -> String {
        super::check(&text.parse().unwrap())
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn what_is_not_run_is_refused_by_name() {
        for (text, path) in [
            (
                "[component.a]\nkey_value_stores = ['default']",
                "component.a.key_value_stores",
            ),
            (
                "[component.a]\nsqlite_databases = ['default']",
                "component.a.sqlite_databases",
            ),
            ("[component.a]\nai_models = []", "component.a.ai_models"),
            ("[component.a]\nfiles = []", "component.a.files"),
            ("[component.a]\nenvironment = {}", "component.a.environment"),
            (
                "[component.a.build]\ncommand = 'x'\nshell = 'y'",
                "component.a.build.shell",
            ),
            (
                "[component.a.dependencies]\n'a:b/c' = { url = 'http://x' }",
                "component.a.dependencies.\"a:b/c\".url",
            ),
            (
                "[component.a.dependencies]\n'a:b/c' = '1.0'",
                "component.a.dependencies.\"a:b/c\"",
            ),
            (
                "[[trigger.http]]\nroute='/'\nexecutor = {}",
                "trigger.http[0].executor",
            ),
            (
                "[[trigger.http]]\nroute={ private = true }",
                "trigger.http[0].route",
            ),
            (
                "[[trigger.http]]\ncomponent={ source = 'x' }",
                "trigger.http[0].component",
            ),
            (
                "[component.a]\nsource = { url = 'http://x', digest = 'sha256:x' }",
                "component.a.source",
            ),
            ("[[trigger.redis]]\nchannel='x'", "trigger.redis"),
            (
                "[application.trigger.http]\nbase='/'",
                "application.trigger",
            ),
            ("[variables]\nv = { defualt = 'x' }", "variables.v.defualt"),
            ("surprise = 1", "surprise"),
        ] {
            let said = refusal(text);
            assert!(said.starts_with(&format!("`{path}`")), "{text}: {said}");
        }
    }

    #[test]
    fn a_key_of_spin_and_an_unknown_key_read_differently() {
        assert!(refusal("[component.a]\nfiles = []").contains("spin up"));
        assert!(refusal("[component.a]\nflies = []").contains("unknown key"));
    }
}
