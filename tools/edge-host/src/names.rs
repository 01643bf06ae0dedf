//! The grammar of the names in a manifest, as [Spin has it](https://spinframework.dev/v3/manifest-reference).

use std::str::FromStr;

use anyhow::{Context, Error, Result, bail, ensure};
use semver::{BuildMetadata, Version};

/// Checks a component id, an interface or a plain import name: words with single hyphens between, each a letter, then letters
/// and digits, all in lower case or all in upper case.
pub fn kebab(text: &str) -> Result<()> {
    let word = |word: &str| {
        let of_one_case = |letter: fn(&char) -> bool| {
            word.starts_with(|sign| letter(&sign))
                && word
                    .chars()
                    .all(|sign| letter(&sign) || sign.is_ascii_digit())
        };
        of_one_case(char::is_ascii_lowercase) || of_one_case(char::is_ascii_uppercase)
    };
    ensure!(
        text.split('-').all(word),
        "{text:?} is not kebab-case: words with single hyphens between, each a letter, then letters and digits, all in lower \
         case or all in upper case"
    );
    Ok(())
}

/// Whether these are words with `between` between them, each a lower-case letter, then lower-case letters and digits.
fn are_lower_words(text: &str, between: char) -> bool {
    text.split(between).all(|word| {
        word.starts_with(|sign: char| sign.is_ascii_lowercase())
            && word
                .bytes()
                .all(|sign| sign.is_ascii_lowercase() || sign.is_ascii_digit())
    })
}

/// Checks the name of a variable in a manifest: words with single underscores between, each a lower-case letter, then
/// lower-case letters and digits. So `upstream_a` is one and `upstream_1` is none.
pub fn variable_name(name: &str) -> Result<()> {
    ensure!(
        are_lower_words(name, '_'),
        "{name:?} is not a variable's name: words with single underscores between, each a lower-case letter, then lower-case \
         letters and digits"
    );
    Ok(())
}

/// Checks the name by which a guest asks for a variable. A word may begin with a digit there: no manifest has such a
/// variable, so it is not defined, but the name is one.
pub fn variable_key(name: &str) -> Result<()> {
    let signs = name
        .bytes()
        .all(|sign| sign.is_ascii_lowercase() || sign.is_ascii_digit() || sign == b'_');
    let first = name.starts_with(|sign: char| sign.is_ascii_lowercase());
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
            kebab(text)?;
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
            Some((namespace, package)) => ensure!(
                are_lower_words(namespace, '-') && are_lower_words(package, '-'),
                "{text:?} has a namespace or package that is not kebab-case in lower case"
            ),
            None => {
                bail!("{text:?} has no namespace: `namespace:package/interface@version` is needed")
            }
        }
        if let Some(interface) = &interface {
            kebab(interface)?;
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

    /// Whether it means a whole package, not one import.
    pub fn is_package(&self) -> bool {
        matches!(
            self,
            Self::Package {
                interface: None,
                ..
            }
        )
    }

    /// Whether an import could be meant by both: of one package, with versions that go together and no two different
    /// interfaces.
    pub fn overlaps(&self, other: &Self) -> bool {
        let (
            Self::Package {
                package,
                interface,
                version,
            },
            Self::Package {
                package: other_package,
                interface: other_interface,
                version: other_version,
            },
        ) = (self, other)
        else {
            return false;
        };
        let versions_differ = version
            .as_ref()
            .zip(other_version.as_ref())
            .is_some_and(|(one, other)| series(one) != series(other));
        let interfaces_differ = interface
            .as_ref()
            .zip(other_interface.as_ref())
            .is_some_and(|(one, other)| one != other);
        package == other_package && !versions_differ && !interfaces_differ
    }

    /// What the dependency is registered as in a composition: two of one WIT package exclude each other, as in Spin.
    pub fn package(&self) -> &str {
        match self {
            Self::Plain(name) => name,
            Self::Package { package, .. } => package,
        }
    }
}

/// What versions that are compatible by semver have in common.
fn series(version: &Version) -> Version {
    let mut series = version.clone();
    series.build = BuildMetadata::EMPTY;
    if series.pre.is_empty() && (series.major > 0 || series.minor > 0) {
        series.patch = 0;
        if series.major > 0 {
            series.minor = 0;
        }
    }
    series
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
    fn two_dependencies_may_not_mean_one_import() {
        for (one, other, overlap) in [
            ("a:b@0.1.0", "a:b@0.1.1", true),
            ("a:b/c@0.1.0", "a:b@0.1.0", true),
            ("a:b/c", "a:b@0.1.0", true),
            ("a:b", "a:b@0.1.0", true),
            ("a:b@1.0.0", "a:b@1.9.3", true),
            ("a:b@1.0.0+x", "a:b@1.0.0+y", true),
            ("a:b@0.1.0-pre", "a:b@0.1.0-pre", true),
            ("a:b@0.1.0", "a:b@0.2.0", false),
            ("a:b@0.0.1", "a:b@0.0.2", false),
            ("a:b@1.0.0", "a:b@2.0.0", false),
            ("a:b@0.1.0-x", "a:b@0.1.0-y", false),
            ("a:b/c", "a:b/d", false),
            ("a:b/c@0.1.0", "a:b@0.2.0", false),
            ("a:b", "a:c", false),
            ("a-b", "a-c", false),
        ] {
            let (one, other): (DependencyName, DependencyName) =
                (one.parse().unwrap(), other.parse().unwrap());
            assert_eq!(one.overlaps(&other), overlap, "{one:?} and {other:?}");
            assert_eq!(other.overlaps(&one), overlap, "{other:?} and {one:?}");
        }
    }

    #[test]
    fn names_outside_the_grammar_are_refused() {
        for name in [
            "", "a_b", "-a", "a--b", "a-", "1a", "a b", "a-1", "aB", "Ab", "a-bC", "é",
        ] {
            assert!(kebab(name).is_err(), "{name}");
        }
        for name in ["a", "a-b2", "A-b", "ABC-d-E1"] {
            assert!(kebab(name).is_ok(), "{name}");
        }
        for name in [
            "", "A", "a__b", "a_", "_a", "1a", "a-b", "a_1", "a_B", "aB", "é",
        ] {
            assert!(variable_name(name).is_err(), "{name}");
        }
        for name in ["a", "redis_url", "a1_b2"] {
            assert!(
                variable_name(name).is_ok() && variable_key(name).is_ok(),
                "{name}"
            );
        }
        for name in ["", "A", "a__b", "a_", "_a", "1a", "a-b"] {
            assert!(variable_key(name).is_err(), "{name}");
        }
        assert!(variable_key("a_1").is_ok());
        for name in [
            "a/b",
            ":b",
            "a:b/c@x",
            "a:b/C_d",
            "A:b/c",
            "a:B",
            "a:b:c",
            "a:b/c/d",
            "a:b/c@1.0",
            "a:b-1",
        ] {
            assert!(name.parse::<DependencyName>().is_err(), "{name}");
        }
        assert!("a:b/C-d@1.0.0".parse::<DependencyName>().is_ok());
    }
}
