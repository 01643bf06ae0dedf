//! `spin.toml`, manifest version 2, as far as this host runs it, held to the rules of
//! [Spin's manifest reference](https://spinframework.dev/v3/manifest-reference) and to those that Spin 4.1 has beside it,
//! whether Spin looks when it reads a manifest, when it loads the app or when it starts.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

use crate::hosts::AllowedHosts;
use crate::names::{DependencyName, kebab, variable_name};
use crate::pattern::Pattern;
use crate::raw::{RawComponent, RawDependency, RawInherit, RawManifest, RawTrigger};
use crate::template::Template;
use crate::variables::Variables;
use crate::{limits, schema};

/// A manifest that holds by itself, whatever values its variables get. Paths are joined to its folder.
#[derive(Debug)]
pub struct Manifest {
    /// Variables of the application by name.
    pub variables: BTreeMap<String, Variable>,
    /// Routes in the order of the manifest; each names a component of [`Manifest::components`].
    pub routes: Vec<Route>,
    /// The components that have a route, by id.
    pub components: BTreeMap<String, Component>,
}

/// `[variables.NAME]`. Without a default it is required.
#[derive(Debug)]
pub struct Variable {
    /// The value when nobody gives one.
    pub default: Option<String>,
}

/// `[[trigger.http]]`.
#[derive(Debug, Clone)]
pub struct Route {
    /// The pattern as written.
    pub pattern: String,
    /// Id of the component that answers.
    pub component: String,
}

/// `[component.ID]`.
#[derive(Debug)]
pub struct Component {
    /// The component file.
    pub source: PathBuf,
    /// Variables of the component: name and template.
    pub variables: BTreeMap<String, String>,
    /// Where it may connect: templates.
    pub allowed_outbound_hosts: Vec<String>,
    /// What satisfies its imports, in the order of the manifest.
    pub dependencies: Vec<Dependency>,
}

/// `[component.ID.dependencies]`, one entry.
#[derive(Debug, Clone)]
pub struct Dependency {
    /// Which imports it satisfies.
    pub name: DependencyName,
    /// The component file.
    pub source: PathBuf,
    /// The export to use, when it is called differently from the import.
    pub export: Option<String>,
    /// What it inherits.
    pub inherit: Inherit,
}

/// The capabilities of its parent that a dependency may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Inherit {
    /// Outbound connections, to the parent's allowed hosts.
    pub allowed_outbound_hosts: bool,
    /// The parent's variables.
    pub variables: bool,
}

impl Manifest {
    /// Reads the manifest at `path`; errors say the key and what to do.
    pub fn read(path: &Path) -> Result<Self> {
        let size = std::fs::metadata(path)
            .with_context(|| format!("no manifest at {}: name it with --manifest", path.display()))?
            .len();
        ensure!(
            size <= limits::MAX_MANIFEST_BYTES,
            "{} is too large for a manifest",
            path.display()
        );
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read {}", path.display()))?;
        let folder = path.parent().unwrap_or(Path::new(""));
        Self::parse(&text, folder).with_context(|| format!("{} is refused", path.display()))
    }

    /// Reads a manifest's text; `folder` is what its paths are relative to.
    pub fn parse(text: &str, folder: &Path) -> Result<Self> {
        schema::check(&toml::from_str(text)?)?;
        let raw: RawManifest = toml::from_str(text)?;
        ensure!(
            raw.spin_manifest_version == 2,
            "`spin_manifest_version` is {}, and 2 is needed",
            raw.spin_manifest_version
        );
        ensure!(
            !raw.application.name.is_empty(),
            "`application.name` must not be empty"
        );
        let mut variables = BTreeMap::new();
        for (name, variable) in raw.variables {
            variable_name(&name).with_context(|| format!("`variables.{name}`"))?;
            ensure!(
                variable.required != variable.default.is_some(),
                "`variables.{name}` needs either `required = true` or a `default`, and not both"
            );
            variables.insert(
                name,
                Variable {
                    default: variable.default,
                },
            );
        }
        // Those that serve as dependencies, or nobody, are held to the rules too, and not run.
        let mut read = BTreeMap::new();
        for (id, component) in &raw.component {
            kebab(id).with_context(|| format!("`component.{id}`"))?;
            let component = Component::from_raw(id, component, &raw.component, folder)?;
            component.check_templates(id, &variables)?;
            read.insert(id.clone(), component);
        }
        ensure!(
            !raw.trigger.http.is_empty(),
            "`trigger.http` is empty: the app has no route"
        );
        let mut components = BTreeMap::new();
        let mut routes = Vec::new();
        for RawTrigger {
            route, component, ..
        } in raw.trigger.http
        {
            if let Some(found) = read.remove(&component) {
                components.insert(component.clone(), found);
            }
            ensure!(
                components.contains_key(&component),
                "the route {route:?} names the component {component:?}: there is no `[component.{component}]`"
            );
            Pattern::parse(&route)
                .with_context(|| format!("the route {route:?} of component {component:?}"))?;
            routes.push(Route {
                pattern: route,
                component,
            });
        }
        Ok(Self {
            variables,
            routes,
            components,
        })
    }
}

impl Component {
    fn from_raw(
        id: &str,
        raw: &RawComponent,
        all: &BTreeMap<String, RawComponent>,
        folder: &Path,
    ) -> Result<Self> {
        for name in raw.variables.keys() {
            variable_name(name).with_context(|| format!("`component.{id}.variables.{name}`"))?;
        }
        let each = raw
            .dependencies
            .values()
            .any(|dependency| dependency.inherit_configuration.is_some());
        ensure!(
            !each || raw.dependencies_inherit_configuration.is_none(),
            "`component.{id}` has both `dependencies_inherit_configuration` and an `inherit_configuration`: use one"
        );
        let all_inherit = raw.dependencies_inherit_configuration == Some(true);
        let dependencies: Vec<Dependency> = raw
            .dependencies
            .iter()
            .map(|(name, dependency)| {
                Dependency::from_raw(name, dependency, all_inherit, all, folder)
                    .with_context(|| format!("`component.{id}.dependencies.\"{name}\"`"))
            })
            .collect::<Result<_>>()?;
        for (index, one) in dependencies.iter().enumerate() {
            if let Some(other) = dependencies[..index]
                .iter()
                .find(|other| other.name.overlaps(&one.name))
            {
                bail!(
                    "`component.{id}.dependencies`: {:?} and {:?} could mean the same import: name interfaces, or versions \
                     that are not compatible",
                    other.name,
                    one.name
                );
            }
        }
        Ok(Self {
            source: folder.join(&raw.source),
            variables: raw.variables.clone(),
            allowed_outbound_hosts: raw.allowed_outbound_hosts.clone(),
            dependencies,
        })
    }

    /// Refuses templates that cannot be filled, and hosts that cannot be read: those that are written out, and those that the
    /// variables' defaults make, even where a value will take a default's place. So does Spin.
    fn check_templates(&self, id: &str, variables: &BTreeMap<String, Variable>) -> Result<()> {
        for (name, text) in &self.variables {
            names_of(text, variables)
                .with_context(|| format!("`component.{id}.variables.{name}`"))?;
        }
        let defaults = Variables::defaults(variables);
        for entry in &self.allowed_outbound_hosts {
            names_of(entry, variables)
                .and_then(|names| {
                    let is_known = names.iter().all(|name| variables[*name].default.is_some());
                    let read = || AllowedHosts::parse(std::slice::from_ref(entry), &defaults);
                    match (names.is_empty(), is_known) {
                        (true, _) => read().map(drop),
                        (_, true) => read().map(drop).context("by its variables' defaults"),
                        _ => Ok(()),
                    }
                })
                .with_context(|| format!("`component.{id}.allowed_outbound_hosts`"))?;
        }
        Ok(())
    }
}

/// The variables that a template names.
fn names_of<'t>(text: &'t str, variables: &BTreeMap<String, Variable>) -> Result<Vec<&'t str>> {
    let names: Vec<&str> = Template::parse(text)?.names().collect();
    for name in &names {
        ensure!(
            variables.contains_key(*name),
            "there is no variable {name:?} in the manifest's `[variables]`"
        );
    }
    Ok(names)
}

impl Dependency {
    fn from_raw(
        name: &str,
        raw: &RawDependency,
        all_inherit: bool,
        all: &BTreeMap<String, RawComponent>,
        folder: &Path,
    ) -> Result<Self> {
        let source = match (&raw.component, &raw.path) {
            (Some(id), None) => {
                let component = all
                    .get(id)
                    .with_context(|| format!("there is no `[component.{id}]`"))?;
                // What a dependency's own table says would be without effect, so Spin refuses it, and so does this host.
                let surprise = [
                    ("variables", !component.variables.is_empty()),
                    (
                        "allowed_outbound_hosts",
                        !component.allowed_outbound_hosts.is_empty(),
                    ),
                    ("dependencies", !component.dependencies.is_empty()),
                ];
                if let Some((key, _)) = surprise.iter().find(|(_, present)| *present) {
                    bail!(
                        "`component.{id}` is used as a dependency, where its `{key}` has no effect: take it out there"
                    );
                }
                &component.source
            }
            (None, Some(path)) => path,
            _ => bail!("needs one of `component` and `path`"),
        };
        let inherit = match &raw.inherit_configuration {
            None => Inherit::all(all_inherit),
            Some(RawInherit::All(all)) => Inherit::all(*all),
            Some(RawInherit::Some(names)) => Inherit::named(names)?,
        };
        let name: DependencyName = name.parse()?;
        ensure!(
            raw.export.is_none() || !name.is_package(),
            "names a whole package, which no single `export` can satisfy: name an interface, `namespace:package/interface`"
        );
        Ok(Self {
            name,
            source: folder.join(source),
            export: raw.export.clone(),
            inherit,
        })
    }
}

impl Inherit {
    fn all(all: bool) -> Self {
        Self {
            allowed_outbound_hosts: all,
            variables: all,
        }
    }

    fn named(names: &[String]) -> Result<Self> {
        let mut inherit = Self::all(false);
        for name in names {
            match name.as_str() {
                "allowed_outbound_hosts" => inherit.allowed_outbound_hosts = true,
                "variables" => inherit.variables = true,
                // Nothing can be configured for these here, so that there is nothing to inherit.
                "ai_models" | "environment" | "files" | "key_value_stores" | "sqlite_databases" => {
                }
                _ => bail!(
                    "`inherit_configuration` has the unknown name {name:?}. Known: ai_models, allowed_outbound_hosts, \
                     environment, files, key_value_stores, sqlite_databases, variables"
                ),
            }
        }
        Ok(inherit)
    }
}

#[cfg(test)]
#[path = "manifest_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "manifest_rules_tests.rs"]
mod rules_tests;
