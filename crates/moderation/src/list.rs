//! The words of a namespace, ready to be looked for.

use crate::rules::{self, Act, RulesError};
use crate::text::{Folded, fold};

/// A sorted list of words without case, each with what to do about it.
#[derive(Debug, Clone, Default)]
pub struct WordList(Vec<Word>);

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Word {
    signs: Box<[char]>,
    act: Act,
}

/// What was found in one text.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Found {
    /// The weightiest act of the words that stand in it.
    pub act: Option<Act>,
    /// The text with what is to be replaced blotted out, if there is anything.
    pub replaced: Option<String>,
}

impl WordList {
    /// Reads rules (see [`crate::rules`]).
    ///
    /// # Errors
    /// [`RulesError`].
    pub fn parse(rules: &[u8]) -> Result<Self, RulesError> {
        let fold_word = |word: &str| word.chars().flat_map(fold).collect();
        let mut words: Vec<Word> = rules::parse(rules)?
            .into_iter()
            .map(|rule| Word {
                signs: fold_word(&rule.word),
                act: rule.act,
            })
            .collect();
        // Of one word that stands there twice the weightier act counts, which comes last.
        words.sort_unstable_by(|a, b| b.cmp(a));
        words.dedup_by(|later, kept| later.signs == kept.signs);
        words.reverse();
        Ok(Self(words))
    }

    /// How many words there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no word.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Looks for all words in a text.
    pub fn find(&self, text: &str) -> Found {
        let mut found = Found::default();
        let folded = Folded::of(text);
        let mut blots: Vec<(usize, usize)> = Vec::new();
        for start in 0..folded.signs.len() {
            if !folded.is_boundary(start) || !folded.is_whole(start) {
                continue;
            }
            self.find_at(&folded, start, |end, act| {
                found.act = found.act.max(Some(act));
                if act == Act::Replace {
                    blots.push((folded.origins[start], folded.origins[end - 1]));
                }
            });
        }
        if !blots.is_empty() {
            found.replaced = Some(blotted(text, &blots));
        }
        found
    }

    /// Tells of each word that begins at `start`, by narrowing the sorted list down sign by sign.
    fn find_at(&self, folded: &Folded, start: usize, mut tell: impl FnMut(usize, Act)) {
        let mut candidates = &self.0[..];
        for (depth, sign) in folded.signs[start..].iter().enumerate() {
            let from = candidates
                .partition_point(|word| word.signs.get(depth).is_none_or(|own| own < sign));
            let to = candidates
                .partition_point(|word| word.signs.get(depth).is_none_or(|own| own <= sign));
            candidates = &candidates[from..to];
            // The shortest comes first, and no two are equal.
            let Some(shortest) = candidates.first() else {
                return;
            };
            let end = start + depth + 1;
            if shortest.signs.len() == depth + 1 && folded.is_boundary(end) && folded.is_whole(end)
            {
                tell(end, shortest.act);
            }
        }
    }
}

fn blotted(text: &str, blots: &[(usize, usize)]) -> String {
    let mut blots = blots.iter().peekable();
    let mut until = None;
    text.chars()
        .enumerate()
        .map(|(index, sign)| {
            while let Some((_, last)) = blots.next_if(|(first, _)| *first <= index) {
                until = until.max(Some(*last));
            }
            if until.is_some_and(|last| index <= last) {
                '*'
            } else {
                sign
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn list(words: &[(&str, &str)]) -> WordList {
        let rules: Vec<_> = words
            .iter()
            .map(|(word, act)| serde_json::json!({"word": word, "do": act}))
            .collect();
        WordList::parse(serde_json::json!({"words": rules}).to_string().as_bytes()).unwrap()
    }

    fn replaced(words: &[&str], text: &str) -> String {
        let words: Vec<_> = words.iter().map(|word| (*word, "replace")).collect();
        list(&words)
            .find(text)
            .replaced
            .unwrap_or_else(|| text.to_owned())
    }

    #[test]
    fn whole_words_are_found_without_case() {
        assert_eq!(
            replaced(&["ass"], "Ass, assess bass ASS."),
            "***, assess bass ***."
        );
        assert_eq!(
            replaced(&["bad word"], "a BAD WORD here, bad words not"),
            "a ******** here, bad words not"
        );
        assert_eq!(
            replaced(&["spam"], "spam1 spam_1 (spam)"),
            "spam1 ****_1 (****)"
        );
        assert_eq!(replaced(&["$$$"], "a$$$b"), "a***b");
    }

    #[test]
    fn scripts_without_spaces_are_searched_through() {
        assert_eq!(replaced(&["垃圾"], "这是垃圾吗"), "这是**吗");
        assert_eq!(replaced(&["spam"], "你spam吗"), "你****吗");
        assert_eq!(replaced(&["바보"], "바보야"), "**야");
        assert_eq!(replaced(&["ばか"], "おばかさん"), "お**さん");
    }

    #[test]
    fn overlapping_words_are_blotted_out_together() {
        assert_eq!(
            replaced(&["一二三", "三四", "二"], "零一二三四五"),
            "零****五"
        );
        assert_eq!(replaced(&["a", "a b", "a b c d"], "a b c"), "*** c");
        assert_eq!(replaced(&["a b c d", "c"], "a b c d e"), "******* e");
    }

    #[test]
    fn a_sign_that_folds_to_two_is_never_cut() {
        assert_eq!(replaced(&["strasse"], "die Straße dort"), "die ****** dort");
        assert_eq!(replaced(&["s"], "ß"), "ß");
    }

    #[test]
    fn the_weightiest_act_counts() {
        let list = list(&[
            ("a", "replace"),
            ("b", "shadow"),
            ("c", "reject"),
            ("c", "replace"),
            ("C", "shadow"),
        ]);
        assert_eq!(list.len(), 3);
        assert_eq!(list.find("a").act, Some(Act::Replace));
        assert_eq!(list.find("b a").act, Some(Act::Shadow));
        assert_eq!(list.find("a c b").act, Some(Act::Reject));
        assert_eq!(list.find("d"), Found::default());
        assert_eq!(WordList::default().find("a"), Found::default());
    }

    proptest! {
        /// Against the plainest search there is, over a small alphabet so that words are found often.
        #[test]
        fn it_finds_what_a_plain_search_finds(words in prop::collection::vec("[abß你好 ]{0,3}[ab你]", 1..8), text in "[abAB你好 ß.]{0,20}") {
            let words: Vec<_> = words.iter().map(|word| word.trim()).collect();
            let rules: Vec<_> = words.iter().map(|word| (*word, "replace")).collect();
            let found = list(&rules).find(&text).replaced.unwrap_or_else(|| text.clone());

            let folded = Folded::of(&text);
            let mut expected: Vec<char> = text.chars().collect();
            for word in &words {
                let word = Folded::of(word).signs;
                for (start, window) in folded.signs.windows(word.len()).enumerate() {
                    let end = start + word.len();
                    let whole = [start, end].iter().all(|at| folded.is_boundary(*at) && folded.is_whole(*at));
                    if window == word && whole {
                        expected[folded.origins[start]..=folded.origins[end - 1]].fill('*');
                    }
                }
            }
            prop_assert_eq!(found, expected.into_iter().collect::<String>());
        }

        #[test]
        fn a_replaced_text_has_as_many_signs(text in "\\PC{0,60}") {
            let found = list(&[("a", "replace"), ("the", "replace"), ("的", "replace")]).find(&text);
            if let Some(replaced) = found.replaced {
                prop_assert_eq!(replaced.chars().count(), text.chars().count());
                prop_assert!(replaced.len() <= text.len());
            }
        }
    }
}
