//! `spin.toml`, manifest version 2, as far as this host runs it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;

use crate::names::{DependencyName, component_id, variable_name};
use crate::{limits, schema};

/// A manifest whose references all resolve within itself. Paths are joined to its folder.
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

/// `[component.ID]` of a component with a route.
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

#[derive(Deserialize)]
struct RawManifest {
    spin_manifest_version: i64,
    application: RawApplication,
    #[serde(default)]
    variables: BTreeMap<String, RawVariable>,
    trigger: RawTriggers,
    #[serde(default)]
    component: BTreeMap<String, RawComponent>,
}

#[derive(Deserialize)]
struct RawApplication {
    name: String,
    #[serde(default, rename = "version")]
    _version: String,
    #[serde(default, rename = "description")]
    _description: String,
    #[serde(default, rename = "authors")]
    _authors: Vec<String>,
}

#[derive(Deserialize)]
struct RawVariable {
    default: Option<String>,
    #[serde(default)]
    required: bool,
    #[serde(default, rename = "secret")]
    _secret: bool,
    #[serde(default, rename = "description")]
    _description: Option<String>,
}

#[derive(Deserialize)]
struct RawTriggers {
    http: Vec<RawTrigger>,
}

#[derive(Deserialize)]
struct RawTrigger {
    #[serde(default, rename = "id")]
    _id: String,
    route: String,
    component: String,
}

#[derive(Deserialize, Clone)]
struct RawComponent {
    source: String,
    #[serde(default, rename = "description")]
    _description: String,
    #[serde(default)]
    allowed_outbound_hosts: Vec<String>,
    #[serde(default)]
    variables: BTreeMap<String, String>,
    #[serde(default, rename = "build")]
    _build: Option<RawBuild>,
    dependencies_inherit_configuration: Option<bool>,
    #[serde(default)]
    dependencies: indexmap::IndexMap<String, RawDependency>,
}

#[derive(Deserialize, Clone)]
struct RawBuild {
    #[serde(rename = "command")]
    _command: OneOrMany,
    #[serde(rename = "workdir")]
    _workdir: Option<String>,
    #[serde(default, rename = "watch")]
    _watch: Vec<String>,
}

#[derive(Deserialize, Clone)]
#[serde(untagged)]
#[expect(dead_code, reason = "read to be checked; only `spin build` runs it")]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

#[derive(Deserialize, Clone)]
struct RawDependency {
    component: Option<String>,
    path: Option<String>,
    export: Option<String>,
    inherit_configuration: Option<RawInherit>,
}

#[derive(Deserialize, Clone)]
#[serde(untagged)]
enum RawInherit {
    All(bool),
    Some(Vec<String>),
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
        for id in raw.component.keys() {
            component_id(id).with_context(|| format!("`component.{id}`"))?;
        }
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
            let Some(declared) = raw.component.get(&component) else {
                bail!(
                    "the route {route:?} names the component {component:?}: there is no `[component.{component}]`"
                );
            };
            if !components.contains_key(&component) {
                let read = Component::from_raw(&component, declared, &raw.component, folder)?;
                components.insert(component.clone(), read);
            }
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
        let dependencies = raw
            .dependencies
            .iter()
            .map(|(name, dependency)| {
                Dependency::from_raw(name, dependency, all_inherit, all, folder)
                    .with_context(|| format!("`component.{id}.dependencies.\"{name}\"`"))
            })
            .collect::<Result<_>>()?;
        Ok(Self {
            source: folder.join(&raw.source),
            variables: raw.variables.clone(),
            allowed_outbound_hosts: raw.allowed_outbound_hosts.clone(),
            dependencies,
        })
    }
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
        Ok(Self {
            name: name.parse()?,
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
