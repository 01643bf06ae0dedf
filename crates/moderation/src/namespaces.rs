//! The rules of all namespaces that one instance has been told of.

use std::collections::BTreeMap;

use crate::limits::{NAMESPACES_MAX, WORDS_TOTAL_MAX};
use crate::list::WordList;
use crate::rules::RulesError;
use crate::verdict::{self, Verdict};

/// Word lists by namespace, each with the version of its rules.
#[derive(Debug, Clone, Default)]
pub struct Namespaces(BTreeMap<String, (String, WordList)>);

/// Why new rules were not taken. The ones before stay in force.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigureError {
    /// The rules themselves.
    #[error(transparent)]
    Rules(#[from] RulesError),
    /// More than one instance keeps.
    #[error(
        "rules of {NAMESPACES_MAX} namespaces with {WORDS_TOTAL_MAX} words in all are kept at most; shorten the lists"
    )]
    Full,
}

impl Namespaces {
    /// No rules at all.
    pub const fn new() -> Self {
        Self(BTreeMap::new())
    }

    /// Takes the rules of a namespace; no bytes at all mean none. A version that is in force already is not read again.
    ///
    /// # Errors
    /// If the rules are not taken; those before stay in force.
    pub fn configure(
        &mut self,
        namespace: &str,
        version: &str,
        rules: &[u8],
    ) -> Result<(), ConfigureError> {
        if self
            .0
            .get(namespace)
            .is_some_and(|(known, _)| known == version)
        {
            return Ok(());
        }
        if rules.is_empty() {
            self.0.remove(namespace);
            return Ok(());
        }
        let list = WordList::parse(rules)?;
        let others = self.0.iter().filter(|(name, _)| *name != namespace);
        let (count, words) = others.fold((0, 0), |(count, words), (_, (_, list))| {
            (count + 1, words + list.len())
        });
        if count >= NAMESPACES_MAX || words + list.len() > WORDS_TOTAL_MAX {
            return Err(ConfigureError::Full);
        }
        self.0
            .insert(namespace.to_owned(), (version.to_owned(), list));
        Ok(())
    }

    /// Judges the data of a message in a namespace. Without rules everything is allowed.
    pub fn judge(&self, namespace: &str, data: &str) -> Verdict {
        match self.0.get(namespace) {
            Some((_, list)) => verdict::judge(list, data),
            None => Verdict::Allow,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DATA: &str = r#"{"text":"casino"}"#;

    fn rules(words: &[&str]) -> Vec<u8> {
        let words: Vec<_> = words
            .iter()
            .map(|word| serde_json::json!({"word": word, "do": "shadow"}))
            .collect();
        serde_json::json!({"words": words}).to_string().into_bytes()
    }

    #[test]
    fn each_namespace_has_its_own_rules() {
        let mut all = Namespaces::new();
        all.configure("demo", "1", &rules(&["casino"])).unwrap();
        assert_eq!(all.judge("demo", DATA), Verdict::Shadow);
        assert_eq!(all.judge("other", DATA), Verdict::Allow);
        all.configure("demo", "2", &rules(&["poker"])).unwrap();
        assert_eq!(all.judge("demo", DATA), Verdict::Allow);
        all.configure("demo", "3", b"").unwrap();
        assert_eq!(all.judge("demo", r#""poker""#), Verdict::Allow);
    }

    #[test]
    fn rules_that_are_not_taken_leave_the_old_ones_in_force() {
        let mut all = Namespaces::new();
        all.configure("demo", "1", &rules(&["casino"])).unwrap();
        assert!(matches!(
            all.configure("demo", "2", b"{"),
            Err(ConfigureError::Rules(_))
        ));
        assert_eq!(all.judge("demo", DATA), Verdict::Shadow);
        // The refused version was not noted, so it is read when it comes again.
        assert!(all.configure("demo", "2", b"{").is_err());
    }

    #[test]
    fn an_instance_keeps_so_much_and_no_more() {
        let words: Vec<String> = (0..10_000).map(|n| format!("w{n}")).collect();
        let full = rules(&words.iter().map(String::as_str).collect::<Vec<_>>());
        let mut all = Namespaces::new();
        for namespace in 0..10 {
            all.configure(&namespace.to_string(), "1", &full)
                .map_err(|error| error.to_string())
                .unwrap();
        }
        assert_eq!(
            all.configure("10", "1", &rules(&["one"])),
            Err(ConfigureError::Full)
        );
        all.configure("9", "2", &rules(&["one"])).unwrap();
        all.configure("10", "1", &rules(&["one"])).unwrap();
    }
}
