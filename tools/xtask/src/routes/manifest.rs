//! What `spin.toml` lets the router connect to.

use anyhow::{Context, Result};
use tidegate_upstream::Allowed;
use toml::{Table, Value};

use crate::settings::Settings;

/// The entries of the router, with variables as the settings and the manifest's defaults have them. An entry that they leave
/// empty allows nothing.
pub(super) fn allowed(manifest: &str, settings: &Settings) -> Result<Vec<Allowed>> {
    let manifest: Table = manifest.parse().context("it is not TOML")?;
    let entries = look(
        &manifest,
        &["component", "router", "allowed_outbound_hosts"],
    )
    .and_then(Value::as_array)
    .context("it has no `allowed_outbound_hosts` for the component `router`")?;
    let mut allowed = Vec::new();
    for entry in entries {
        let template = entry
            .as_str()
            .context("an entry of `allowed_outbound_hosts` is no text")?;
        let filled =
            fill(template, &manifest, settings).with_context(|| format!("`{template}`"))?;
        if !filled.is_empty() {
            allowed.push(Allowed::parse(&filled).with_context(|| format!("`{template}`"))?);
        }
    }
    Ok(allowed)
}

fn look<'t>(table: &'t Table, path: &[&str]) -> Option<&'t Value> {
    let (first, rest) = path.split_first()?;
    let value = table.get(*first)?;
    if rest.is_empty() {
        Some(value)
    } else {
        look(value.as_table()?, rest)
    }
}

fn fill(template: &str, manifest: &Table, settings: &Settings) -> Result<String> {
    let (mut filled, mut rest) = (String::new(), template);
    while let Some((before, after)) = rest.split_once("{{") {
        let (name, behind) = after.split_once("}}").context("it has `{{` without `}}`")?;
        let name = name.trim();
        let variable = look(manifest, &["variables", name])
            .with_context(|| format!("there is no variable `{name}`"))?;
        let value = match settings.get(name) {
            Some(value) => value,
            None => variable
                .get("default")
                .and_then(Value::as_str)
                .unwrap_or_default(),
        };
        filled.push_str(before);
        filled.push_str(value);
        rest = behind;
    }
    filled.push_str(rest);
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::Workspace;

    const MANIFEST: &str = r#"
        [variables]
        upstream_a = { default = "" }
        upstream_b = { default = "http://b.example" }
        [component.router]
        allowed_outbound_hosts = ["{{ upstream_a }}", "{{upstream_b}}", "https://*.example.org"]
    "#;

    #[test]
    fn templates_are_filled_and_empty_ones_allow_nothing() {
        let mut settings = Settings::load(&Workspace::find().unwrap()).unwrap();
        let may = |settings: &Settings, origin: &str| {
            let origin = origin.parse().unwrap();
            allowed(MANIFEST, settings)
                .unwrap()
                .iter()
                .any(|entry| entry.allows(&origin))
        };
        settings.set("upstream_a", "");
        assert!(!may(&settings, "http://a.example:8080"));
        assert!(may(&settings, "http://b.example"));
        assert!(may(&settings, "https://x.example.org"));
        settings.set("upstream_a", "http://a.example:8080");
        assert!(may(&settings, "http://a.example:8080"));
        settings.set("upstream_a", "a.example");
        let error = allowed(MANIFEST, &settings).unwrap_err();
        assert!(format!("{error:#}").contains("upstream_a"), "{error:#}");
    }

    #[test]
    fn the_real_manifest_has_a_place_for_upstreams() {
        let workspace = Workspace::find().unwrap();
        let mut settings = Settings::load(&workspace).unwrap();
        let text = std::fs::read_to_string(workspace.path("spin.toml")).unwrap();
        for letter in 'a'..='h' {
            settings.set(
                &format!("upstream_{letter}"),
                format!("http://{letter}.example:8080"),
            );
        }
        let entries = allowed(&text, &settings).unwrap();
        for letter in 'a'..='h' {
            let origin = format!("http://{letter}.example:8080").parse().unwrap();
            assert!(
                entries.iter().any(|entry| entry.allows(&origin)),
                "{letter}"
            );
        }
    }
}
