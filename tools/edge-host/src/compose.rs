//! Puts a component and its dependencies together into one, as Spin composes them.
//!
//! Each dependency gets an instance of its own. Its imports that are not inherited get other names ([`crate::deny`]),
//! behind which the host refuses; the rest it shares with the component that it serves.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use wac_graph::types::{Package, SubtypeChecker, WorldId};
use wac_graph::{CompositionGraph, NodeId};

use crate::manifest::{Component, Dependency};
use crate::{deny, limits};

/// Reads the component `id` and its dependencies, and gives the bytes of the whole.
pub fn compose(id: &str, component: &Component) -> Result<Vec<u8>> {
    let source = read(&component.source).with_context(|| format!("component {id:?}"))?;
    if component.dependencies.is_empty() {
        return Ok(source);
    }
    Composer {
        graph: CompositionGraph::new(),
    }
    .compose(id, source, &component.dependencies)
    .with_context(|| format!("component {id:?} and its dependencies"))
}

fn read(path: &Path) -> Result<Vec<u8>> {
    let size = std::fs::metadata(path)
        .with_context(|| {
            format!(
                "there is no {}: run its build command, as `spin build` does",
                path.display()
            )
        })?
        .len();
    ensure!(
        size <= limits::MAX_COMPONENT_BYTES,
        "{} is larger than {} bytes",
        path.display(),
        limits::MAX_COMPONENT_BYTES
    );
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    // The second half of the preamble tells a component from a core module.
    ensure!(
        bytes.starts_with(b"\0asm\x0d\0\x01\0"),
        "{} is not a WebAssembly component: build it for wasm32-wasip2",
        path.display()
    );
    Ok(bytes)
}

struct Composer {
    graph: CompositionGraph,
}

impl Composer {
    fn compose(
        mut self,
        id: &str,
        source: Vec<u8>,
        dependencies: &[Dependency],
    ) -> Result<Vec<u8>> {
        let (world, root) = self.instantiate(id, source)?;
        let imports: Vec<String> = self.graph.types()[world].imports.keys().cloned().collect();
        let mut taken: BTreeMap<&str, &Dependency> = BTreeMap::new();
        for dependency in dependencies {
            let matching: Vec<&str> = imports
                .iter()
                .map(String::as_str)
                .filter(|import| dependency.name.matches(import))
                .collect();
            ensure!(
                !matching.is_empty(),
                "the dependency {:?} matches no import",
                dependency.name
            );
            let mut bytes = read(&dependency.source)?;
            deny::deny(&mut bytes, dependency.inherit)?;
            let (its_world, instance) = self.instantiate(dependency.name.package(), bytes)?;
            for import in matching {
                if let Some(other) = taken.insert(import, dependency) {
                    bail!(
                        "the import {import:?} is satisfied by two dependencies, {:?} and {:?}",
                        other.name,
                        dependency.name
                    );
                }
                self.connect((world, root), import, (its_world, instance), dependency)?;
            }
        }
        let exports: Vec<String> = self.graph.types()[world].exports.keys().cloned().collect();
        for export in exports {
            let alias = self.graph.alias_instance_export(root, &export)?;
            self.graph.export(alias, &export)?;
        }
        self.graph
            .encode(Default::default())
            .context("the composition cannot be encoded")
    }

    fn instantiate(&mut self, name: &str, bytes: Vec<u8>) -> Result<(WorldId, NodeId)> {
        let package = Package::from_bytes(name, None, bytes, self.graph.types_mut())?;
        let world = package.ty();
        let package = self.graph.register_package(package)?;
        Ok((world, self.graph.instantiate(package)))
    }

    fn connect(
        &mut self,
        (world, root): (WorldId, NodeId),
        import: &str,
        (its_world, instance): (WorldId, NodeId),
        dependency: &Dependency,
    ) -> Result<()> {
        let export = dependency.export.as_deref().unwrap_or(import);
        let types = self.graph.types();
        let Some(offered) = types[its_world].exports.get(export) else {
            bail!("{} does not export {export:?}", dependency.source.display());
        };
        let wanted = types[world].imports[import];
        SubtypeChecker::new(&mut Default::default())
            .is_subtype(*offered, types, wanted, types)
            .with_context(|| {
                format!(
                    "the export {export:?} of {} is of another type",
                    dependency.source.display()
                )
            })?;
        let alias = self.graph.alias_instance_export(instance, export)?;
        self.graph.set_instantiation_argument(root, import, alias)?;
        Ok(())
    }
}
