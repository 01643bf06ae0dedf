//! The grammar of the names in a manifest, as Spin has it.

use std::str::FromStr;

use anyhow::{Context, Error, Result, bail, ensure};
use semver::Version;

/// Checks a component id or a plain import name: words of letters and digits with `-` between them.
pub fn component_id(id: &str) -> Result<()> {
    let word = |word: &str| {
        word.starts_with(|sign: char| sign.is_ascii_alphabetic())
            && word.chars().all(|sign| sign.is_ascii_alphanumeric())
    };
    ensure!(
        id.split('-').all(word),
        "{id:?} is not kebab-case: words of letters and digits with single hyphens between"
    );
    Ok(())
}

/// Checks the name of a variable: lower-case letters, digits and single underscores, a letter first.
pub fn variable_name(name: &str) -> Result<()> {
    let signs = name
        .bytes()
        .all(|sign| sign.is_ascii_lowercase() || sign.is_ascii_digit() || sign == b'_');
    let first = name
        .bytes()
        .next()
        .is_some_and(|sign| sign.is_ascii_lowercase());
    ensure!(
        signs && first && !name.ends_with('_') && !name.contains("__"),
        "{name:?} is not a variable's name: lower-case letters, digits and single underscores, a letter first"
    );
    Ok(())
}

/// The name of a dependency: an import's name, or part of one that may match several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DependencyName {
    /// `name`: the import of just this name.
    Plain(String),
    /// `namespace:package`, with `/interface` and `@version` or without: what is left out matches any.
    Package {
        /// `namespace:package`.
        package: String,
        /// The interface, or every one.
        interface: Option<String>,
        /// The version, or every one.
        version: Option<Version>,
    },
}

impl FromStr for DependencyName {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        if !text.contains([':', '/']) {
            component_id(text)?;
            return Ok(Self::Plain(text.to_owned()));
        }
        let (name, version) = match text.split_once('@') {
            Some((name, version)) => (
                name,
                Some(
                    version
                        .parse()
                        .with_context(|| format!("{version:?} is not a version"))?,
                ),
            ),
            None => (text, None),
        };
        let (package, interface) = match name.split_once('/') {
            Some((package, interface)) => (package, Some(interface.to_owned())),
            None => (name, None),
        };
        match package.split_once(':') {
            Some((namespace, package)) => [namespace, package]
                .into_iter()
                .try_for_each(component_id)?,
            None => {
                bail!("{text:?} has no namespace: `namespace:package/interface@version` is needed")
            }
        }
        if let Some(interface) = &interface {
            component_id(interface)?;
        }
        Ok(Self::Package {
            package: package.to_owned(),
            interface,
            version,
        })
    }
}

impl DependencyName {
    /// Whether it means the import `import`.
    pub fn matches(&self, import: &str) -> bool {
        match self {
            Self::Plain(name) => name == import,
            Self::Package {
                package,
                interface,
                version,
            } => {
                let Some((its_package, rest)) = import.split_once('/') else {
                    return false;
                };
                let (its_interface, its_version) = match rest.split_once('@') {
                    Some((interface, version)) => (interface, version.parse().ok()),
                    None => (rest, None),
                };
                its_package == package
                    && interface
                        .as_ref()
                        .is_none_or(|interface| interface == its_interface)
                    && (version.is_none() || *version == its_version)
            }
        }
    }

    /// What the dependency is registered as in a composition: two of one WIT package exclude each other, as in Spin.
    pub fn package(&self) -> &str {
        match self {
            Self::Plain(name) => name,
            Self::Package { package, .. } => package,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dependency_name_matches_what_it_does_not_leave_out() {
        for (name, import, matches) in [
            ("a:b/c@0.1.0", "a:b/c@0.1.0", true),
            ("a:b/c", "a:b/c@0.1.0", true),
            ("a:b/c", "a:b/c", true),
            ("a:b@0.1.0", "a:b/c@0.1.0", true),
            ("a:b", "a:b/d@0.2.0", true),
            ("a-b", "a-b", true),
            ("a:b/c@0.1.0", "a:b/c", false),
            ("a:b/c@0.1.0", "a:b/c@0.1.1", false),
            ("a:b/c", "a:b/d", false),
            ("a:b", "a:bb/c", false),
            ("a:b", "a-b", false),
        ] {
            let parsed: DependencyName = name.parse().unwrap();
            assert_eq!(parsed.matches(import), matches, "{name} and {import}");
        }
    }

    #[test]
    fn names_outside_the_grammar_are_refused() {
        for name in ["", "A_b", "-a", "a--b", "a-", "1a", "a b"] {
            assert!(component_id(name).is_err(), "{name}");
        }
        for name in ["", "A", "a__b", "a_", "_a", "1a", "a-b"] {
            assert!(variable_name(name).is_err(), "{name}");
        }
        for name in ["a/b", ":b", "a:b/c@x", "a:b/C_d"] {
            assert!(name.parse::<DependencyName>().is_err(), "{name}");
        }
        assert!(variable_name("redis_url").is_ok() && component_id("a-b2").is_ok());
    }
}
