//! An app that is ready to serve: its routes, and each component composed, compiled and linked.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};

use crate::args::Args;
use crate::compose::compose;
use crate::engine::Engine;
use crate::handler::{Components, Handler, Limits};
use crate::hosts::AllowedHosts;
use crate::http_pool::Pool;
use crate::manifest::Manifest;
use crate::providers::Providers;
use crate::redis::Connections;
use crate::routes::Routes;
use crate::runtime_config;
use crate::tls::Trust;
use crate::variables::{Variables, read_env_file};
use crate::vault::Vault;

/// What the manifest gives a component.
pub struct ComponentConfig {
    /// Its id.
    pub id: String,
    /// Where it may connect.
    pub hosts: AllowedHosts,
    /// Its variables: names and templates.
    pub variables: BTreeMap<String, String>,
    /// What the templates are filled with.
    pub providers: Arc<Providers>,
}

/// An app that is ready to serve.
pub struct App {
    /// Its routes; each leads to a component of [`App::components`].
    pub routes: Routes,
    /// Its components with a route, by id.
    pub components: Components,
}

impl App {
    /// Reads, checks, composes and compiles everything. Any error is one of configuration.
    pub async fn load(args: &Args) -> Result<Self> {
        let manifest = Manifest::read(&args.manifest)?;
        let file = read_env_file(args.env_file.as_deref(), &args.manifest)?;
        let vaults = runtime_config::read(args.runtime_config_file.as_deref())?;
        let environment = |key: &str| std::env::var(key).ok();
        let fixed = match vaults.is_empty() {
            true => Variables::resolve(&manifest.variables, environment, &file)?,
            false => Variables::known(&manifest.variables, environment, &file),
        };
        let routes = Routes::build(&manifest.routes)?;
        let cache = cache_folder(args.cache_dir.as_deref())?;
        let engine = Engine::new(&cache, args.perf_map)?;
        let trust = Trust::read(args.ca_file.as_deref())?;
        let connections = Connections::new(trust.clone());
        let pool = Pool::new(trust);
        let vaults = vaults
            .into_iter()
            .map(|vault| Vault::new(vault, pool.clone()))
            .collect::<Result<Vec<_>>>()?;
        let providers = Arc::new(Providers::new(vaults, fixed));
        let variables = providers.all(manifest.variables.keys()).await?;
        let limits = Limits {
            max_memory_bytes: args.max_memory_bytes,
            request_timeout: Duration::from_millis(args.request_timeout_ms),
        };
        let mut components = BTreeMap::new();
        for (id, component) in &manifest.components {
            let started = Instant::now();
            let config = ComponentConfig {
                id: id.clone(),
                hosts: AllowedHosts::parse(&component.allowed_outbound_hosts, &variables)
                    .with_context(|| format!("`component.{id}.allowed_outbound_hosts`"))?,
                variables: component.variables.clone(),
                providers: providers.clone(),
            };
            let loaded = engine
                .load(&compose(id, component)?)
                .with_context(|| format!("component {id:?}"))?;
            components.insert(
                id.clone(),
                Handler::new(
                    loaded.service,
                    Arc::new(config),
                    connections.clone(),
                    pool.clone(),
                    limits,
                ),
            );
            tracing::info!(
                component = id,
                compiled = loaded.compiled,
                took_ms = started.elapsed().as_millis(),
                "component is ready"
            );
        }
        engine.start_epochs()?;
        Ok(Self { routes, components })
    }
}

fn cache_folder(named: Option<&Path>) -> Result<std::path::PathBuf> {
    let folder = match named {
        Some(folder) => folder.to_owned(),
        None => std::env::var_os("XDG_CACHE_HOME")
            .filter(|folder| !folder.is_empty())
            .map(Into::into)
            .or_else(|| std::env::home_dir().map(|home| home.join(".cache")))
            .ok_or_else(|| anyhow!("there is no home folder to keep compiled components in: name one with --cache-dir"))?
            .join("edge-host"),
    };
    std::fs::create_dir_all(&folder)
        .with_context(|| format!("cannot make the cache folder {}", folder.display()))?;
    std::path::absolute(&folder).with_context(|| format!("{}", folder.display()))
}
