//! `edge-host compose`: the app with each component's dependencies inside it, written to a folder.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use toml::{Table, Value};
use wasmparser::{Parser, Payload};

use crate::compose::compose;
use crate::deny;
use crate::manifest::Manifest;

/// Writes the components of the app at `path`, composed, and a manifest for them, to the folder `out`.
pub fn write(path: &Path, out: &Path) -> Result<()> {
    let manifest = Manifest::read(path)?;
    let text =
        fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let document = without_dependencies(text.parse()?, &manifest)?;
    fs::create_dir_all(out).with_context(|| format!("cannot make the folder {}", out.display()))?;
    let target = out.join("spin.toml");
    let same = fs::canonicalize(&target).ok() == fs::canonicalize(path).ok();
    ensure!(
        !same,
        "{} is the manifest itself: name another folder with --out",
        target.display()
    );
    for (id, component) in &manifest.components {
        let bytes = compose(id, component)?;
        for import in denied(&bytes)? {
            tracing::warn!(
                component = id,
                import,
                "a dependency does not inherit this import, and only edge-host answers it under its new name"
            );
        }
        let file = out.join(file_name(id));
        fs::write(&file, bytes).with_context(|| format!("cannot write {}", file.display()))?;
    }
    fs::write(&target, toml::to_string(&document)?)
        .with_context(|| format!("cannot write {}", target.display()))
}

/// Ids hold no sign that a path could be made of.
fn file_name(id: &str) -> String {
    format!("{id}.wasm")
}

/// The manifest with the components of routes only, each from its own file.
fn without_dependencies(mut document: Table, manifest: &Manifest) -> Result<Table> {
    let Some(Value::Table(components)) = document.get_mut("component") else {
        bail!("the manifest has no `component`");
    };
    components.retain(|id, _| manifest.components.contains_key(id));
    for (id, component) in components {
        if let Value::Table(component) = component {
            for gone in [
                "dependencies",
                "dependencies_inherit_configuration",
                "build",
            ] {
                component.remove(gone);
            }
            component.insert("source".into(), file_name(id).into());
        }
    }
    Ok(document)
}

/// The component's own imports that only this host answers.
fn denied(bytes: &[u8]) -> Result<Vec<String>> {
    let mut names = Vec::new();
    let mut nested = 0_usize;
    for payload in Parser::new(0).parse_all(bytes) {
        match payload? {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => nested += 1,
            Payload::End(_) => nested = nested.saturating_sub(1),
            Payload::ComponentImportSection(imports) if nested == 0 => {
                for import in imports {
                    let name = import?.name.name;
                    if name.starts_with(deny::PREFIX) {
                        names.push(name.to_owned());
                    }
                }
            }
            _ => {}
        }
    }
    Ok(names)
}
