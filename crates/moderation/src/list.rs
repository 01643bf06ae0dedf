//! The words of a namespace, ready to be looked for.

use crate::limits::MATCHES_MAX;
use crate::rules::{self, Act, RulesError};
use crate::text::Folded;

/// A sorted list of folded words, each with what to do about it.
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
    /// The weightiest act of the words that stand in it, if that is more than to allow it.
    pub act: Option<Act>,
    /// The text with what is to be replaced blotted out, if there is anything.
    pub replaced: Option<String>,
}

/// Where a word stands, by the signs of the text as it was written, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Match {
    first: usize,
    last: usize,
    act: Act,
}

impl WordList {
    /// Reads rules (see [`crate::rules`]).
    ///
    /// # Errors
    /// [`RulesError`].
    pub fn parse(rules: &[u8]) -> Result<Self, RulesError> {
        let mut words = Vec::new();
        for (index, rule) in rules::parse(rules)?.into_iter().enumerate() {
            let signs = Folded::of(&rule.word).signs;
            if signs.is_empty() {
                return Err(RulesError::Unseen(index + 1));
            }
            words.push(Word {
                signs: signs.into(),
                act: rule.act,
            });
        }
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

    /// Looks for all words in a text: as it stands, and with digits read as letters, where `1` may be an `i` or an `l`.
    pub fn find(&self, text: &str) -> Found {
        if self.is_empty() {
            return Found::default();
        }
        let plain = Folded::of(text);
        let mut matches = Vec::new();
        self.find_in(&plain, &mut matches);
        if let Some(read) = plain.without_digits('i') {
            self.find_in(&read, &mut matches);
            if plain.signs.contains(&'1')
                && let Some(read) = plain.without_digits('l')
            {
                self.find_in(&read, &mut matches);
            }
        }
        let allowed: Vec<Match> = matches
            .extract_if(.., |found| found.act == Act::Allow)
            .collect();
        matches.retain(|found| {
            !allowed
                .iter()
                .any(|all| all.first <= found.first && found.last <= all.last)
        });
        let blots: Vec<Match> = matches
            .iter()
            .filter(|found| found.act == Act::Replace)
            .copied()
            .collect();
        Found {
            act: matches.iter().map(|found| found.act).max(),
            replaced: (!blots.is_empty()).then(|| blotted(text, blots)),
        }
    }

    fn find_in(&self, folded: &Folded, matches: &mut Vec<Match>) {
        for start in 0..folded.signs.len() {
            if folded.is_boundary(start) && folded.is_whole(start) {
                self.find_at(folded, start, |end, act| {
                    let found = Match {
                        first: folded.origins[start].0,
                        last: folded.origins[end - 1].1,
                        act,
                    };
                    // Further ones could not make it worse than to be refused as a whole.
                    match matches.len() < MATCHES_MAX {
                        true => matches.push(found),
                        false => {
                            matches[MATCHES_MAX - 1] = Match {
                                act: Act::Reject,
                                ..found
                            }
                        }
                    }
                });
            }
        }
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

fn blotted(text: &str, mut blots: Vec<Match>) -> String {
    blots.sort_unstable_by_key(|blot| blot.first);
    let mut blots = blots.iter().peekable();
    let mut until = None;
    text.chars()
        .enumerate()
        .map(|(index, sign)| {
            while let Some(blot) = blots.next_if(|blot| blot.first <= index) {
                until = until.max(Some(blot.last));
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
        assert_eq!(replaced(&["spam"], "hi@spam"), "hi@****");
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
    fn disguises_do_not_help() {
        for text in [
            "ＳＰＡＭ",
            "ѕрам",
            "s\u{200B}p\u{200D}a\u{AD}m",
            "s\u{336}p\u{336}a\u{336}m\u{336}",
            "5P4M",
            "𝕤𝕡𝕒𝕞",
            "ꜱᴘᴀᴍ",
            "🆂🅿🅰🅼",
        ] {
            let stars = "*".repeat(text.chars().count());
            assert_eq!(replaced(&["spam"], text), stars, "{text}");
        }
        assert_eq!(replaced(&["kill"], "k1ll ki11 kil1"), "**** **** ****");
        assert_eq!(replaced(&["ass"], "455 of them, a55"), "455 of them, ***");
        assert_eq!(replaced(&["4chan"], "4chan 4CHAN"), "***** *****");
        assert_eq!(replaced(&["хрен"], "xpeн"), "****", "Latin in Cyrillic");
        assert_eq!(replaced(&["垃圾"], "垃\u{200B}圾吗"), "***吗");
        assert_eq!(replaced(&["ano"], "un año"), "un año");
    }

    #[test]
    fn what_is_allowed_covers_what_stands_in_it() {
        let list = list(&[
            ("大陆", "reject"),
            ("大陆架", "allow"),
            ("ass", "replace"),
            ("kick ass", "allow"),
        ]);
        assert_eq!(list.find("东海大陆架").act, None);
        assert_eq!(list.find("大陆架和大陆").act, Some(Act::Reject));
        let found = list.find("Kick ass, ass!");
        assert_eq!(found.replaced.as_deref(), Some("Kick ass, ***!"));
    }

    #[test]
    fn a_word_that_nobody_sees_is_refused() {
        let rules = br#"{"words":[{"word":"ok","do":"shadow"},{"word":"\u200b","do":"reject"}]}"#;
        assert_eq!(WordList::parse(rules).unwrap_err(), RulesError::Unseen(2));
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
        fn it_finds_what_a_plain_search_finds(words in prop::collection::vec("[abß你好 ]{0,3}[abа你]", 1..8), text in "[abABа你好 ß.\u{200B}\u{336}]{0,20}") {
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
                        expected[folded.origins[start].0..=folded.origins[end - 1].1].fill('*');
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
                prop_assert_eq!(list(&[("a", "replace"), ("the", "replace"), ("的", "replace")]).find(&replaced), Found::default());
            }
        }
    }
}
