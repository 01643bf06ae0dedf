//! `cargo xtask routes`: routes to upstreams, checked and put into a region's Redis.

mod manifest;
mod store;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use tidegate_upstream::limits::CONFIG_BYTES;
use tidegate_upstream::{Allowed, Config};

use crate::region::Place;
use crate::settings::Settings;
use crate::workspace::Workspace;

/// What `routes` may be told.
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    act: Act,
}

#[derive(clap::Subcommand)]
enum Act {
    /// Check a file of routes and pools, and that `spin.toml` allows every upstream in it.
    Check {
        /// JSON, as docs/routing.md describes it.
        file: PathBuf,
    },
    /// Check it, and write it into the Redis of one region. Edges have it within 5 s.
    Put {
        /// JSON, as docs/routing.md describes it.
        file: PathBuf,
        #[command(flatten)]
        place: Place,
    },
}

/// Checks, or checks and writes.
///
/// # Errors
/// When the file is refused, an upstream is not allowed, or Redis does not take it.
pub fn run(workspace: &Workspace, args: &Args) -> Result<()> {
    let settings = Settings::load(workspace)?;
    let manifest = workspace.path("spin.toml");
    match &args.act {
        Act::Check { file } => println!("{}", check(file, &manifest, &settings)?.1),
        Act::Put { file, place } => {
            println!("{}", put(file, &manifest, place, &settings)?);
        }
    }
    Ok(())
}

/// Checks a file and writes it; a sentence about it.
///
/// # Errors
/// As [`run`].
pub fn put(file: &Path, manifest: &Path, place: &Place, settings: &Settings) -> Result<String> {
    let (body, said) = check(file, manifest, settings)?;
    let version = store::put(place, settings, &body)?;
    Ok(format!("{said}; written as version {version}"))
}

/// The file's text, and a sentence about it.
fn check(file: &Path, manifest: &Path, settings: &Settings) -> Result<(String, String)> {
    let size = fs::metadata(file)
        .with_context(|| format!("{} cannot be read", file.display()))?
        .len();
    if size > CONFIG_BYTES as u64 {
        bail!("{} is longer than {CONFIG_BYTES} bytes", file.display());
    }
    let body =
        fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
    let config = Config::parse(&body).with_context(|| format!("{} is refused", file.display()))?;
    let text = fs::read_to_string(manifest)
        .with_context(|| format!("{} cannot be read", manifest.display()))?;
    let entries = manifest::allowed(&text, settings)
        .with_context(|| format!("{} is refused", manifest.display()))?;
    check_allowed(&config, &entries)?;
    let (routes, pools) = (config.routes().len(), config.pools.len());
    Ok((
        body,
        format!(
            "{}: {routes} routes to {pools} pools are good",
            file.display()
        ),
    ))
}

/// A new host needs a deployment: only what the manifest allows can be connected to, whatever stands in Redis.
fn check_allowed(config: &Config, entries: &[Allowed]) -> Result<()> {
    for (pool, origin) in config.origins() {
        if !entries.iter().any(|entry| entry.allows(origin)) {
            bail!(
                "{origin}, in the pool `{pool}`, is not allowed by `allowed_outbound_hosts` of the router in spin.toml: set \
                 one of SPIN_VARIABLE_UPSTREAM_A to _H to it, or write it there, and deploy that first"
            );
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(url: &str) -> Config {
        Config::parse(&format!(
            r#"{{"pools":{{"shop":{{"upstreams":[{{"url":"{url}"}}]}}}}}}"#
        ))
        .unwrap()
    }

    #[test]
    fn only_what_the_manifest_allows_may_be_led_to() {
        let entries = [Allowed::parse("https://*.example.org").unwrap()];
        assert!(check_allowed(&config("https://a.example.org"), &entries).is_ok());
        let error = check_allowed(&config("http://a.example.org"), &entries)
            .unwrap_err()
            .to_string();
        assert!(
            error.starts_with("http://a.example.org, in the pool `shop`, is not allowed"),
            "{error}"
        );
        assert!(error.contains("UPSTREAM_A"), "{error}");
    }

    #[test]
    fn the_example_in_the_document_is_good() {
        let document = include_str!("../../../../docs/routing.md");
        let (_, after) = document.split_once("```json\n").unwrap();
        let (example, _) = after.split_once("```").unwrap();
        let config = Config::parse(example).unwrap();
        assert!(!config.routes().is_empty() && !config.pools.is_empty());
    }
}
