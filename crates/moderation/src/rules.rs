//! Rules as they lie in Redis: `{"words":[{"word":"…","do":"allow|replace|shadow|reject"}]}`.

use serde::Deserialize;

use crate::limits::{RULES_BYTES, WORD_SIGNS, WORDS_MAX};

/// What to do with a message in which a word stands; the later weighs more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Act {
    /// Leave it, and whatever stands within it, alone.
    Allow,
    /// Put `*` for each of its signs.
    Replace,
    /// Show the message to its sender only.
    Shadow,
    /// Refuse the message.
    Reject,
}

/// One word and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// The word, or several words.
    pub word: String,
    /// What to do.
    #[serde(rename = "do")]
    pub act: Act,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    words: Vec<Rule>,
}

/// Why rules were not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RulesError {
    /// Too long.
    #[error("rules are {RULES_BYTES} bytes of JSON at most")]
    TooLarge,
    /// Not of their form.
    #[error(
        "rules are written {{\"words\":[{{\"word\":\"…\",\"do\":\"allow|replace|shadow|reject\"}}]}}: {0}"
    )]
    Form(String),
    /// Too many words.
    #[error("there are {0} words; {WORDS_MAX} at most")]
    TooMany(usize),
    /// A word that can match nothing or too much.
    #[error(
        "word {0} of the list must be 1 to {WORD_SIGNS} signs without control signs or spaces at its ends"
    )]
    Word(usize),
    /// A word of which nothing is left when it is folded.
    #[error("word {0} of the list holds nothing but signs that nobody sees")]
    Unseen(usize),
}

/// Reads rules.
///
/// # Errors
/// [`RulesError`], which says what and where.
pub fn parse(rules: &[u8]) -> Result<Vec<Rule>, RulesError> {
    if rules.len() > RULES_BYTES {
        return Err(RulesError::TooLarge);
    }
    let document: Document =
        serde_json::from_slice(rules).map_err(|error| RulesError::Form(error.to_string()))?;
    if document.words.len() > WORDS_MAX {
        return Err(RulesError::TooMany(document.words.len()));
    }
    for (index, rule) in document.words.iter().enumerate() {
        let word = &rule.word;
        let signs = word.chars().count();
        if !(1..=WORD_SIGNS).contains(&signs)
            || word.trim() != word
            || word.chars().any(char::is_control)
        {
            return Err(RulesError::Word(index + 1));
        }
    }
    Ok(document.words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_read() {
        let rules = parse(
            r#"{"words":[{"word":"spam","do":"reject"},{"word":"垃圾","do":"shadow"}]}"#.as_bytes(),
        )
        .unwrap();
        assert_eq!(
            rules[1],
            Rule {
                word: "垃圾".to_owned(),
                act: Act::Shadow
            }
        );
        assert_eq!(parse(br#"{"words":[]}"#), Ok(vec![]));
    }

    #[test]
    fn rules_that_are_not_taken_say_why() {
        let form = [
            "",
            "[]",
            "{}",
            r#"{"words":[{"word":"a"}]}"#,
            r#"{"words":[{"word":"a","do":"ban"}]}"#,
            r#"{"words":[],"x":1}"#,
            r#"{"words":[{"word":"a","do":"reject","also":1}]}"#,
        ];
        for text in form {
            assert!(
                matches!(parse(text.as_bytes()), Err(RulesError::Form(_))),
                "{text}"
            );
        }
        for word in ["", " ", " a", "a ", "a\\u0000b", &"x".repeat(65)] {
            let text = format!(
                r#"{{"words":[{{"word":"ok","do":"shadow"}},{{"word":"{word}","do":"reject"}}]}}"#
            );
            assert_eq!(parse(text.as_bytes()), Err(RulesError::Word(2)), "{word:?}");
        }
        let many = |count| {
            let words = vec![r#"{"word":"a","do":"shadow"}"#; count];
            format!(r#"{{"words":[{}]}}"#, words.join(","))
        };
        let parsed = |count| parse(many(count).as_bytes()).map(|rules| rules.len());
        assert_eq!(parsed(WORDS_MAX), Ok(WORDS_MAX));
        assert_eq!(
            parsed(WORDS_MAX + 1),
            Err(RulesError::TooMany(WORDS_MAX + 1))
        );
        assert_eq!(
            parse(&vec![b' '; RULES_BYTES + 1]),
            Err(RulesError::TooLarge)
        );
    }
}
