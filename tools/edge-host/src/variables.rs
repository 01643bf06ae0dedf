//! Values of the app's variables, from the environment, an env file and the manifest's defaults, in this order.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

use crate::manifest::Variable;
use crate::template::Template;

const PREFIX: &str = "SPIN_VARIABLE_";

/// The application's variables, each with a value. Values may be secret and are never shown, not even by `Debug`.
pub struct Variables(BTreeMap<String, String>);

impl std::fmt::Debug for Variables {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl FromIterator<(String, String)> for Variables {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(values: I) -> Self {
        Self(values.into_iter().collect())
    }
}

impl Variables {
    /// Gives every declared variable its value; those that have none are all named in the error.
    pub fn resolve(
        declared: &BTreeMap<String, Variable>,
        environment: impl Fn(&str) -> Option<String>,
        file: &HashMap<String, String>,
    ) -> Result<Self> {
        let values = Self::known(declared, environment, file);
        let missing: Vec<String> = declared
            .keys()
            .filter(|name| !values.0.contains_key(*name))
            .map(|name| key(name))
            .collect();
        ensure!(
            missing.is_empty(),
            "required variables have no value: set {} in the environment or the env file",
            missing.join(", ")
        );
        Ok(values)
    }

    /// Gives declared variables the values that are here; a provider may have those of others.
    pub fn known(
        declared: &BTreeMap<String, Variable>,
        environment: impl Fn(&str) -> Option<String>,
        file: &HashMap<String, String>,
    ) -> Self {
        let values = declared.iter().filter_map(|(name, variable)| {
            let key = key(name);
            let value = environment(&key)
                .or_else(|| file.get(&key).cloned())
                .or_else(|| variable.default.clone());
            Some((name.clone(), value?))
        });
        values.collect()
    }

    /// What is known before anybody gives a value: the defaults.
    pub fn defaults(declared: &BTreeMap<String, Variable>) -> Self {
        let values = declared
            .iter()
            .filter_map(|(name, variable)| Some((name.clone(), variable.default.clone()?)));
        values.collect()
    }

    /// The value of a variable.
    pub fn value(&self, name: &str) -> Result<&str> {
        match self.0.get(name) {
            Some(value) => Ok(value),
            None => bail!("the variable {name:?} has no value"),
        }
    }

    /// Puts values into a template.
    pub fn fill(&self, template: &Template<'_>) -> Result<String> {
        template.resolve(|name| self.value(name))
    }
}

/// What a variable is called in the environment.
fn key(name: &str) -> String {
    format!("{PREFIX}{}", name.to_ascii_uppercase())
}

/// Reads the env file: the one named, which must be there, or `.env` beside the manifest, which need not.
pub fn read_env_file(named: Option<&Path>, manifest: &Path) -> Result<HashMap<String, String>> {
    let path: PathBuf = match named {
        Some(path) => path.to_owned(),
        None => manifest.with_file_name(".env"),
    };
    if named.is_none() && !path.exists() {
        return Ok(HashMap::new());
    }
    let lines = dotenvy::from_path_iter(&path)
        .with_context(|| format!("cannot read the env file {}", path.display()))?;
    lines
        .map(|line| match line {
            Ok(pair) => Ok(pair),
            // The error of a line quotes it, and it may hold a secret.
            Err(dotenvy::Error::LineParse(_, at)) => {
                bail!(
                    "{}: a line is not NAME=VALUE (at its byte {at})",
                    path.display()
                )
            }
            Err(error) => bail!("{}: {error}", path.display()),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn declared(list: &[(&str, Option<&str>)]) -> BTreeMap<String, Variable> {
        list.iter()
            .map(|(name, default)| {
                (
                    (*name).into(),
                    Variable {
                        default: default.map(Into::into),
                    },
                )
            })
            .collect()
    }

    #[test]
    fn the_environment_wins_over_the_file_and_the_file_over_the_default() {
        let file = [("SPIN_VARIABLE_A", "file"), ("SPIN_VARIABLE_B", "file")]
            .map(|(k, v)| (k.into(), v.into()))
            .into();
        let environment = |key: &str| (key == "SPIN_VARIABLE_A").then(|| "env".to_owned());
        let list = declared(&[
            ("a", Some("default")),
            ("b", Some("default")),
            ("c", Some("default")),
        ]);
        let values = Variables::resolve(&list, environment, &file).unwrap();
        assert_eq!(
            ["a", "b", "c"].map(|name| values.value(name).unwrap()),
            ["env", "file", "default"]
        );
    }

    #[test]
    fn every_required_variable_without_a_value_is_named() {
        let list = declared(&[("one_key", None), ("two", None), ("three", Some(""))]);
        let said = Variables::resolve(&list, |_| None, &HashMap::new())
            .unwrap_err()
            .to_string();
        assert!(
            said.contains("SPIN_VARIABLE_ONE_KEY, SPIN_VARIABLE_TWO in"),
            "{said}"
        );
    }

    #[test]
    fn values_are_never_shown() {
        let list = declared(&[("key", Some("s3cret"))]);
        let shown = format!(
            "{:?}",
            Variables::resolve(&list, |_| None, &HashMap::new()).unwrap()
        );
        assert_eq!(shown, "{\"key\"}");
    }

    #[test]
    fn a_bad_line_of_the_env_file_is_not_quoted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".env");
        std::fs::write(
            &path,
            "# keys\nSPIN_VARIABLE_A='x y'\nexport SPIN_VARIABLE_B=z\n",
        )
        .unwrap();
        let values = read_env_file(None, &folder.path().join("spin.toml")).unwrap();
        assert_eq!(
            (
                values["SPIN_VARIABLE_A"].as_str(),
                values["SPIN_VARIABLE_B"].as_str()
            ),
            ("x y", "z")
        );
        std::fs::write(&path, "SPIN_VARIABLE_A=s3cret 'unfinished\n").unwrap();
        let said = format!(
            "{:#}",
            read_env_file(Some(&path), Path::new("spin.toml")).unwrap_err()
        );
        assert!(said.contains(".env") && !said.contains("s3cret"), "{said}");
        assert!(read_env_file(Some(Path::new("/nowhere/env")), Path::new("spin.toml")).is_err());
    }
}
