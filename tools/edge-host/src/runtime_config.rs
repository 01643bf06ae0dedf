//! The file of `--runtime-config-file`: which providers variables come from, as Spin's
//! [runtime configuration](https://spinframework.dev/v3/dynamic-configuration#application-variables-runtime-configuration)
//! has it.

use std::path::Path;

use anyhow::{Context, Result, anyhow, ensure};
use serde::Deserialize;

use crate::limits;
use crate::vault::VaultSettings;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    #[serde(default)]
    variables_provider: Vec<Provider>,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Provider {
    Vault(VaultSettings),
}

/// The providers of a file, in the order in which they are asked; none without a file.
///
/// # Errors
/// When it cannot be read, or holds something else. What it holds is not quoted: it may be secret.
pub fn read(file: Option<&Path>) -> Result<Vec<VaultSettings>> {
    let Some(path) = file else {
        return Ok(Vec::new());
    };
    let refused = || format!("--runtime-config-file {}", path.display());
    let size = std::fs::metadata(path).with_context(refused)?.len();
    ensure!(
        size <= limits::MAX_MANIFEST_BYTES,
        "{} is too large",
        refused()
    );
    let text = std::fs::read_to_string(path).with_context(refused)?;
    parse(&text).with_context(refused)
}

fn parse(text: &str) -> Result<Vec<VaultSettings>> {
    let raw: Raw = toml::from_str(text).map_err(|error| {
        anyhow!(
            "{}; edge-host takes `[[variables_provider]]` with `type = \"vault\"`, `url`, `token`, `mount` and `prefix`",
            error.message()
        )
    })?;
    let providers = raw.variables_provider.into_iter();
    Ok(providers.map(|Provider::Vault(vault)| vault).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn providers_are_read_in_their_order() {
        let one = "[[variables_provider]]\ntype = 'vault'\nurl = 'http://a'\ntoken = 't'\nmount = 'secret'\n";
        assert_eq!(
            parse(&format!("{one}prefix = 'p'\n{one}")).unwrap().len(),
            2
        );
        assert!(parse("").unwrap().is_empty());
    }

    #[test]
    fn what_is_not_run_is_refused_and_never_quoted() {
        for (text, expected) in [
            (
                "[[variables_provider]]\ntype = 'azure_key_vault'\nvault_url = 's3cret'",
                "azure_key_vault",
            ),
            (
                "[[variables_provider]]\ntype = 'vault'\nurl = 'http://a'\ntoken = 's3cret'",
                "missing field `mount`",
            ),
            (
                "[[variables_provider]]\ntype = 'vault'\nurl = 'http://a'\nmount = 'm'\ntoken = ['s3cret']",
                "expected a string",
            ),
            (
                "[[variables_provider]]\ntype = 'vault'\nurl = 'http://a'\nmount = 'm'\ntoken = 't'\ntokens = 's3cret'",
                "unknown field `tokens`",
            ),
            (
                "[key_value_store.default]\ntype = 's3cret'",
                "key_value_store",
            ),
        ] {
            let said = format!("{:#}", parse(text).map(|_| ()).unwrap_err());
            assert!(said.contains(expected), "{text}: {said}");
            assert!(!said.contains("s3cret"), "{said}");
        }
    }
}
