//! A manifest as it is written, before what its parts say of each other is checked. [`crate::schema`] has refused what does
//! not belong there.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use serde::Deserialize;

/// The whole.
#[derive(Deserialize)]
pub struct RawManifest {
    pub spin_manifest_version: i64,
    pub application: RawApplication,
    #[serde(default)]
    pub variables: BTreeMap<String, RawVariable>,
    pub trigger: RawTriggers,
    #[serde(default)]
    pub component: BTreeMap<String, RawComponent>,
}

/// `[application]`. To Spin, any text is a name and a version.
#[derive(Deserialize)]
pub struct RawApplication {
    pub name: String,
    #[serde(default, rename = "version")]
    _version: String,
    #[serde(default, rename = "description")]
    _description: String,
    #[serde(default, rename = "authors")]
    _authors: Vec<String>,
    #[serde(default, rename = "targets")]
    _targets: Vec<RawTarget>,
    #[serde(default, rename = "tool")]
    _tool: BTreeMap<String, toml::Table>,
}

/// An environment that the app is meant for: by name, by address or by file.
#[derive(Deserialize, Clone)]
#[serde(untagged)]
#[expect(
    dead_code,
    reason = "read to be checked; only `spin build` looks at it"
)]
pub enum RawTarget {
    Name(String),
    Url(RawTargetUrl),
    File(RawTargetFile),
}

/// `{ url = "…" }`.
#[derive(Deserialize, Clone)]
#[serde(deny_unknown_fields)]
pub struct RawTargetUrl {
    #[serde(rename = "url")]
    _url: String,
}

/// `{ path = "…" }`.
#[derive(Deserialize, Clone)]
#[serde(deny_unknown_fields)]
pub struct RawTargetFile {
    #[serde(rename = "path")]
    _path: String,
}

/// `[variables.NAME]`.
#[derive(Deserialize)]
pub struct RawVariable {
    pub default: Option<String>,
    #[serde(default)]
    pub required: bool,
    #[serde(default, rename = "secret")]
    _secret: bool,
    #[serde(default, rename = "description")]
    _description: Option<String>,
}

/// `[trigger]`.
#[derive(Deserialize)]
pub struct RawTriggers {
    pub http: Vec<RawTrigger>,
}

/// `[[trigger.http]]`.
#[derive(Deserialize)]
pub struct RawTrigger {
    #[serde(default, rename = "id")]
    _id: String,
    pub route: String,
    pub component: String,
}

/// `[component.ID]`.
#[derive(Deserialize, Clone)]
pub struct RawComponent {
    pub source: String,
    #[serde(default, rename = "description")]
    _description: String,
    #[serde(default)]
    pub allowed_outbound_hosts: Vec<String>,
    #[serde(default)]
    pub variables: BTreeMap<String, String>,
    #[serde(default, rename = "build")]
    _build: Option<RawBuild>,
    #[serde(default, rename = "targets")]
    _targets: Vec<RawTarget>,
    #[serde(default, rename = "tool")]
    _tool: BTreeMap<String, toml::Table>,
    pub dependencies_inherit_configuration: Option<bool>,
    #[serde(default)]
    pub dependencies: IndexMap<String, RawDependency>,
}

/// `[component.ID.build]`.
#[derive(Deserialize, Clone)]
pub struct RawBuild {
    #[serde(rename = "command")]
    _command: OneOrMany,
    #[serde(rename = "workdir")]
    _workdir: Option<String>,
    #[serde(default, rename = "watch")]
    _watch: Vec<String>,
}

/// One command, or several in their order.
#[derive(Deserialize, Clone)]
#[serde(untagged)]
#[expect(dead_code, reason = "read to be checked; only `spin build` runs it")]
pub enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

/// `[component.ID.dependencies]`, one entry.
#[derive(Deserialize, Clone)]
pub struct RawDependency {
    pub component: Option<String>,
    pub path: Option<String>,
    pub export: Option<String>,
    pub inherit_configuration: Option<RawInherit>,
}

/// All or nothing, or what is named.
#[derive(Deserialize, Clone)]
#[serde(untagged)]
pub enum RawInherit {
    All(bool),
    Some(Vec<String>),
}
