//! Text as words are compared with it: without width, case and look-alikes, and with the boundaries of words known.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use crate::lookalike::{leet, skeleton};

/// A text as it is compared, and where each of its signs came from.
pub(crate) struct Folded {
    /// Signs without width, case and look-alikes.
    pub(crate) signs: Vec<char>,
    /// For each of them, the first and the last sign of the text that it came from.
    pub(crate) origins: Vec<(usize, usize)>,
}

impl Folded {
    /// Folds a text: compatibility composition (NFKC, UAX #15), which also makes full-width and styled letters plain;
    /// signs that nobody sees are left out; case; then look-alikes.
    pub(crate) fn of(text: &str) -> Self {
        let mut folded = Self {
            signs: Vec::with_capacity(text.len()),
            origins: Vec::with_capacity(text.len()),
        };
        let mut signs = text.chars().enumerate().peekable();
        let mut piece = String::new();
        while let Some((first, sign)) = signs.next() {
            if sign.is_ascii() && !signs.peek().is_some_and(|(_, next)| joins(*next)) {
                // Most signs of most messages, which are their own composition and no look-alikes.
                folded.signs.push(sign.to_ascii_lowercase());
                folded.origins.push((first, first));
                continue;
            }
            piece.clear();
            piece.push(sign);
            let mut last = first;
            while let Some((at, mark)) = signs.next_if(|(_, next)| joins(*next)) {
                piece.push(mark);
                last = at;
            }
            for plain in piece.nfkc().flat_map(without_case) {
                if !is_unseen(plain) {
                    folded.signs.push(skeleton(plain));
                    folded.origins.push((first, last));
                }
            }
        }
        folded
    }

    /// The same with digits and signs that stand for letters read as letters, `1` as `one`; none when there are none.
    /// A number stays a number: only what has letters beside it, without a space between, is read so.
    pub(crate) fn without_digits(&self, one: char) -> Option<Self> {
        let mut signs = self.signs.clone();
        let mut changed = false;
        let mut start = 0;
        for run in self.signs.chunk_by(|a, b| is_run(*a) && is_run(*b)) {
            let end = start + run.len();
            if run.iter().any(|sign| sign.is_alphabetic()) {
                for sign in &mut signs[start..end] {
                    if let Some(letter) = leet(*sign, one) {
                        *sign = letter;
                        changed = true;
                    }
                }
            }
            start = end;
        }
        changed.then(|| Self {
            signs,
            origins: self.origins.clone(),
        })
    }

    /// Whether a word may begin or end before the sign at `at`: not in the midst of letters of a script that puts spaces
    /// between words.
    pub(crate) fn is_boundary(&self, at: usize) -> bool {
        let sign = |index: usize| self.signs.get(index).is_some_and(|sign| is_spaced(*sign));
        at == 0 || !(sign(at - 1) && sign(at))
    }

    /// Whether the sign at `at` is the first that came from its origin.
    pub(crate) fn is_whole(&self, at: usize) -> bool {
        at == 0 || self.origins.get(at) != self.origins.get(at - 1)
    }
}

/// A sign that belongs to the one before it: a mark, a vowel or an ending of Hangul, a half-width sound mark.
fn joins(sign: char) -> bool {
    !sign.is_ascii()
        && (is_combining_mark(sign)
            || matches!(u32::from(sign), 0x1160..=0x11FF | 0xD7B0..=0xD7FB | 0xFF9E | 0xFF9F))
}

/// One sign without case. By way of upper case, so that signs with two lower-case forms (`σ`, `ς`) become one.
fn without_case(sign: char) -> impl Iterator<Item = char> {
    sign.to_uppercase().flat_map(char::to_lowercase)
}

/// A sign that shows nothing (the default-ignorable ones), or a mark that makes no letter of its own with what it stands
/// on: strokes and dots laid over Latin, Greek and Cyrillic, points of Hebrew, vowels and tatweel of Arabic.
fn is_unseen(sign: char) -> bool {
    matches!(
        u32::from(sign),
        0x00AD
            | 0x0300..=0x036F
            | 0x0483..=0x0489
            | 0x0591..=0x05BD
            | 0x05BF
            | 0x05C1..=0x05C2
            | 0x05C4..=0x05C5
            | 0x05C7
            | 0x061C
            | 0x0640
            | 0x064B..=0x065F
            | 0x0670
            | 0x115F..=0x1160
            | 0x17B4..=0x17B5
            | 0x180B..=0x180F
            | 0x1AB0..=0x1AFF
            | 0x1DC0..=0x1DFF
            | 0x200B..=0x200F
            | 0x202A..=0x202E
            | 0x2060..=0x206F
            | 0x20D0..=0x20FF
            | 0x3164
            | 0xFE00..=0xFE0F
            | 0xFE20..=0xFE2F
            | 0xFEFF
            | 0xFFA0
            | 0xFFF0..=0xFFF8
            | 0x1BCA0..=0x1BCA3
            | 0x1D173..=0x1D17A
            | 0xE0000..=0xE0FFF
    )
}

fn is_run(sign: char) -> bool {
    is_spaced(sign) || leet(sign, 'i').is_some()
}

/// A letter or digit of a script that puts spaces between words, or a mark on one.
fn is_spaced(sign: char) -> bool {
    (sign.is_alphanumeric() || is_combining_mark(sign)) && !is_unspaced_script(sign)
}

/// Scripts in which words stand side by side, or take endings that are no words: Thai to Myanmar, Khmer, kana, Han, and
/// Hangul, by their Unicode blocks.
fn is_unspaced_script(sign: char) -> bool {
    matches!(
        u32::from(sign),
        0x0E00..=0x0EFF
            | 0x1000..=0x109F
            | 0x1100..=0x11FF
            | 0x1780..=0x17FF
            | 0x2E80..=0x2FDF
            | 0x3005..=0x3007
            | 0x3040..=0x31FF
            | 0x3400..=0x4DBF
            | 0x4E00..=0x9FFF
            | 0xA960..=0xA97F
            | 0xAC00..=0xD7FF
            | 0xF900..=0xFAFF
            | 0xFF66..=0xFFDC
            | 0x20000..=0x3FFFF
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folded(text: &str) -> String {
        Folded::of(text).signs.into_iter().collect()
    }

    #[test]
    fn case_and_width_are_gone() {
        assert_eq!(folded("SpÄm"), "späm");
        assert_eq!(folded("STRASSE"), folded("straße"));
        assert_eq!(folded("ΣΊΣΥΦΟΣ"), folded("σίσυφος"));
        assert_eq!(folded("ＳＰＡＭ！"), "spam!");
        assert_eq!(folded("𝓢𝖕ⓐ𝚖"), "spam");
        assert_eq!(folded("ｶﾞﾗｽ"), "ガラス");
        assert_eq!(folded("spa\u{308}m"), folded("späm"));
        assert_eq!(
            folded("\u{1107}\u{1161}\u{1107}\u{1169}"),
            "바보",
            "Hangul in pieces"
        );
    }

    #[test]
    fn ascii_folds_as_all_signs_do() {
        for sign in (0..0x80).map(char::from) {
            let all: String = std::iter::once(sign)
                .nfkc()
                .flat_map(without_case)
                .filter(|plain| !is_unseen(*plain))
                .map(skeleton)
                .collect();
            assert_eq!(folded(&sign.to_string()), all, "{sign:?}");
        }
    }

    #[test]
    fn what_nobody_sees_is_left_out() {
        assert_eq!(folded("s\u{200B}p\u{AD}a\u{FE0F}m\u{2060}"), "spam");
        assert_eq!(folded("s\u{336}p\u{336}a\u{336}m\u{336}"), "spam");
        assert_eq!(folded("\u{202E}spam"), "spam");
        assert_eq!(folded("كَلْـب"), "كلب");
        assert_eq!(folded("\u{200B}\u{200D}"), "");
        // A mark that makes another letter stays: these are two words in Spanish.
        assert_ne!(folded("año"), folded("ano"));
        assert_ne!(folded("か"), folded("が"));
        // Vowels of Devanagari are no decoration.
        assert_eq!(folded("हिन्दी"), "हिन्दी");
    }

    #[test]
    fn look_alikes_are_one_sign() {
        assert_eq!(folded("ѕраm"), "spam", "Cyrillic");
        assert_eq!(folded("ѕρаⅿ"), "spam", "Cyrillic, Greek, a Roman numeral");
        assert_eq!(folded("ꜱᴘᴀᴍ"), "spam", "small capitals");
        assert_eq!(folded("🅂🄿🅐🅼"), "spam", "squared and circled");
    }

    #[test]
    fn digits_are_letters_beside_letters_only() {
        let read = |text: &str, one| {
            let folded = Folded::of(text).without_digits(one)?;
            Some(folded.signs.into_iter().collect::<String>())
        };
        assert_eq!(read("5p4m", 'i').as_deref(), Some("spam"));
        assert_eq!(read("k1ll k111", 'l').as_deref(), Some("klll klll"));
        assert_eq!(read("b@$tion", 'i').as_deref(), Some("bastion"));
        assert_eq!(
            read("455 a55 455", 'i').as_deref(),
            Some("455 ass 455"),
            "numbers stay numbers"
        );
        assert_eq!(read("455 + 10", 'i'), None);
        assert_eq!(read("垃圾455", 'i'), None);
    }

    #[test]
    fn each_sign_knows_where_it_came_from() {
        assert_eq!(Folded::of("aßb").origins, [(0, 0), (1, 1), (1, 1), (2, 2)]);
        assert_eq!(Folded::of("a\u{336}\u{200B}b").origins, [(0, 1), (3, 3)]);
    }

    #[test]
    fn boundaries_are_those_of_the_script() {
        let boundaries = |text: &str| {
            let folded = Folded::of(text);
            (0..=folded.signs.len())
                .filter(|at| folded.is_boundary(*at))
                .collect::<Vec<_>>()
        };
        assert_eq!(boundaries("ab c"), [0, 2, 3, 4]);
        assert_eq!(boundaries("你好a1"), [0, 1, 2, 4]);
        assert_eq!(boundaries("カタ"), [0, 1, 2]);
        assert_eq!(boundaries("don't"), [0, 3, 4, 5]);
        assert_eq!(boundaries("नमस्ते"), [0, 6]);
    }
}
