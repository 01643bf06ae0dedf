//! What a component's variables come to while the app runs: providers are asked each time, as in Spin.

use anyhow::{Context, Result};

use crate::template::Template;
use crate::variables::Variables;
use crate::vault::Vault;

/// Providers in the order in which they are asked, and behind them what was there at the start.
pub struct Providers {
    vaults: Vec<Vault>,
    fixed: Variables,
}

impl Providers {
    /// Asks `vaults` first.
    pub fn new(vaults: Vec<Vault>, fixed: Variables) -> Self {
        Self { vaults, fixed }
    }

    /// All variables of the app, one after the other, each with the value that it has now.
    pub async fn all(&self, names: impl Iterator<Item = &String>) -> Result<Variables> {
        let mut values = Vec::new();
        for name in names {
            values.push((name.clone(), self.value(name).await?));
        }
        Ok(values.into_iter().collect())
    }

    /// Puts the values of now into a template of the manifest.
    pub async fn fill(&self, text: &str) -> Result<String> {
        let template = Template::parse(text)?;
        let mut values = Vec::new();
        for name in template.names() {
            values.push((name.to_owned(), self.value(name).await?));
        }
        Variables::from_iter(values).fill(&template)
    }

    async fn value(&self, name: &str) -> Result<String> {
        for vault in &self.vaults {
            let found = vault.get(name).await;
            if let Some(value) = found.with_context(|| format!("the variable {name:?}"))? {
                return Ok(value);
            }
        }
        self.fixed.value(name).map(str::to_owned)
    }
}
