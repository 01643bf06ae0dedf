//! From a chosen name to a subject.

use tidegate_stream::{Subject, digest};

/// Longest name, in signs.
pub(super) const NAME_SIGNS: usize = 24;
/// Signs of the name that go into the subject.
const SLUG_SIGNS: usize = 16;
/// Digits that tell two names with one slug apart.
const DIGITS: usize = 8;

/// A name as it is shown: trimmed, on one line. `None` if nothing is left, or too much.
pub(super) fn shown(name: &str) -> Option<String> {
    let words: Vec<&str> = name
        .split(|sign: char| sign.is_whitespace() || sign.is_control())
        .filter(|word| !word.is_empty())
        .collect();
    let name = words.join(" ");
    (1..=NAME_SIGNS)
        .contains(&name.chars().count())
        .then_some(name)
}

/// The same subject for the same name, in any script: what of it fits a subject, and digits of its hash.
pub(super) fn subject(name: &str) -> Option<Subject> {
    let slug: String = name
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .take(SLUG_SIGNS)
        .collect();
    let digits = digest::joined(&[name]);
    let slug = if slug.is_empty() { "viewer" } else { &slug };
    format!("{}.{}", slug.to_ascii_lowercase(), &digits[..DIGITS])
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_has_a_subject_of_its_own() {
        let of = |name: &str| subject(&shown(name).unwrap()).unwrap();
        assert!(of("Alice").as_str().starts_with("alice."));
        assert!(of("小明").as_str().starts_with("viewer."));
        assert_ne!(of("小明"), of("小红"));
        assert_ne!(of("guest-1"), of("guest 1"));
        assert!(!of("guest-1").is_guest());
        assert_eq!(of(" a \n b "), of("a b"));
    }

    #[test]
    fn names_are_bounded() {
        assert_eq!(shown(" \t "), None);
        assert_eq!(shown(&"x".repeat(25)), None);
        assert!(shown(&"明".repeat(24)).is_some());
    }
}
