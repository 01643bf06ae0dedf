//! The variables of `spin.toml`, gathered from `.env` and the environment, as every process of the system gets them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::workspace::Workspace;

/// What Spin puts in front of a variable's name, in upper case, to find it in the environment.
const SPIN: &str = "SPIN_VARIABLE_";

/// Variables of the manifest, by the environment's name for them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    values: BTreeMap<String, String>,
    source: PathBuf,
}

impl Settings {
    /// Reads `.env`, or `.env.example` where there is none. What the environment says wins, as it does in Spin.
    ///
    /// # Errors
    /// When neither file can be read, or a line of it is malformed.
    pub fn load(workspace: &Workspace) -> Result<Self> {
        let own = workspace.path(".env");
        let source = if own.is_file() {
            own
        } else {
            workspace.path(".env.example")
        };
        let file = read(&source)?;
        Ok(Self {
            values: merge(file, std::env::vars()),
            source,
        })
    }

    /// The file that was read.
    pub fn source(&self) -> &Path {
        &self.source
    }

    /// A variable by the manifest's name for it. Empty counts as absent.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.values
            .get(&environment_name(name))
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    /// A variable that must be there.
    ///
    /// # Errors
    /// Names the file and the line that is missing.
    pub fn required(&self, name: &str) -> Result<&str> {
        match self.get(name) {
            Some(value) => Ok(value),
            None => bail!(
                "{} has no {}: copy that line from .env.example and put your own value there",
                self.source.display(),
                environment_name(name)
            ),
        }
    }

    /// Sets a variable, whatever was there before.
    pub fn set(&mut self, name: &str, value: impl Into<String>) {
        self.values.insert(environment_name(name), value.into());
    }

    /// Adds to a comma-separated list what it lacks.
    pub fn add_to_list(&mut self, name: &str, items: &[String]) {
        let mut list: Vec<String> = self
            .get(name)
            .unwrap_or_default()
            .split(',')
            .map(|item| item.trim().to_owned())
            .collect();
        list.retain(|item| !item.is_empty());
        for item in items {
            if !list.contains(item) {
                list.push(item.clone());
            }
        }
        self.set(name, list.join(","));
    }

    /// All of them, for a process' environment.
    pub fn environment(&self) -> impl Iterator<Item = (&str, &str)> {
        self.values
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

fn environment_name(name: &str) -> String {
    format!("{SPIN}{}", name.to_ascii_uppercase())
}

/// The lines of an env file.
///
/// # Errors
/// When it cannot be read, or a line is malformed.
pub fn read(path: &Path) -> Result<Vec<(String, String)>> {
    let lines = dotenvy::from_path_iter(path)
        .with_context(|| format!("{} cannot be read", path.display()))?;
    lines.collect::<Result<_, _>>().with_context(|| {
        format!(
            "{} is malformed: one NAME=VALUE a line, JSON in single quotes",
            path.display()
        )
    })
}

fn merge(
    file: impl IntoIterator<Item = (String, String)>,
    environment: impl IntoIterator<Item = (String, String)>,
) -> BTreeMap<String, String> {
    file.into_iter()
        .chain(environment)
        .filter(|(name, _)| name.starts_with(SPIN))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
        list.iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    fn settings(list: &[(&str, &str)]) -> Settings {
        Settings {
            values: merge(pairs(list), []),
            source: PathBuf::from("example"),
        }
    }

    #[test]
    fn the_environment_wins_over_the_file_and_other_names_stay_out() {
        let merged = merge(
            pairs(&[
                ("SPIN_VARIABLE_REGION", "local"),
                ("SPIN_VARIABLE_PREFIX", "tg"),
                ("OTHER", "1"),
            ]),
            pairs(&[("SPIN_VARIABLE_REGION", "eu"), ("HOME", "/nowhere")]),
        );
        assert_eq!(
            merged.into_iter().collect::<Vec<_>>(),
            pairs(&[
                ("SPIN_VARIABLE_PREFIX", "tg"),
                ("SPIN_VARIABLE_REGION", "eu")
            ])
        );
    }

    #[test]
    fn a_missing_variable_is_named_as_the_file_writes_it() {
        let error = settings(&[("SPIN_VARIABLE_AUTH_KEYS", "")])
            .required("auth_keys")
            .unwrap_err()
            .to_string();
        assert!(
            error.starts_with("example has no SPIN_VARIABLE_AUTH_KEYS:"),
            "{error}"
        );
    }

    #[test]
    fn a_list_gets_only_what_it_lacks() {
        let mut settings = settings(&[("SPIN_VARIABLE_CORS_ORIGINS", "http://a, http://b")]);
        settings.add_to_list(
            "cors_origins",
            &["http://b".to_owned(), "http://c".to_owned()],
        );
        assert_eq!(
            settings.get("cors_origins"),
            Some("http://a,http://b,http://c")
        );
    }

    #[test]
    fn a_set_variable_replaces_the_files() {
        let mut settings = settings(&[("SPIN_VARIABLE_REDIS_URL", "redis://127.0.0.1:6379")]);
        settings.set("redis_url", "redis://127.0.0.1:6390");
        assert_eq!(
            settings.environment().collect::<Vec<_>>(),
            [("SPIN_VARIABLE_REDIS_URL", "redis://127.0.0.1:6390")]
        );
    }

    #[test]
    fn the_example_is_complete_and_its_json_is_json() {
        let workspace = Workspace::find().unwrap();
        let example = read(&workspace.path(".env.example")).unwrap();
        let settings = Settings {
            values: merge(example, []),
            source: PathBuf::from(".env.example"),
        };
        for name in ["regions", "auth_keys", "ticket_keys"] {
            serde_json::from_str::<serde_json::Value>(settings.required(name).unwrap()).unwrap();
        }
        for name in [
            "region",
            "redis_url",
            "prefix",
            "auth_issuer",
            "auth_audience",
            "cors_origins",
        ] {
            settings.required(name).unwrap();
        }
    }

    #[test]
    fn the_example_sets_what_the_manifest_has_and_all_that_has_no_default() {
        let workspace = Workspace::find().unwrap();
        let manifest = std::fs::read_to_string(workspace.path("spin.toml")).unwrap();
        let example = read(&workspace.path(".env.example")).unwrap();
        for (name, _) in &example {
            let name = name.strip_prefix(SPIN).unwrap().to_ascii_lowercase();
            assert!(
                manifest.contains(&format!("\n{name} = {{ ")),
                "{name} is not in spin.toml"
            );
        }
        let required = manifest
            .lines()
            .filter(|line| line.contains("required = true"));
        for name in required.filter_map(|line| line.split(' ').next()) {
            let name = environment_name(name);
            assert!(
                example.iter().any(|(one, _)| *one == name),
                "{name} is not in .env.example"
            );
        }
    }
}
