//! Text as words are compared with it: without case, and with the boundaries of words known.

/// A text without case, and where each of its signs came from.
pub(crate) struct Folded {
    /// Signs without case.
    pub(crate) signs: Vec<char>,
    /// For each of them, the index of the sign that it came from.
    pub(crate) origins: Vec<usize>,
}

impl Folded {
    /// Takes the case out of a text.
    pub(crate) fn of(text: &str) -> Self {
        let mut folded = Self {
            signs: Vec::with_capacity(text.len()),
            origins: Vec::with_capacity(text.len()),
        };
        for (origin, sign) in text.chars().enumerate() {
            for plain in fold(sign) {
                folded.signs.push(plain);
                folded.origins.push(origin);
            }
        }
        folded
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

/// One sign without case. By way of upper case, so that signs with two lower-case forms (`σ`, `ς`) become one.
pub(crate) fn fold(sign: char) -> impl Iterator<Item = char> {
    sign.to_uppercase().flat_map(char::to_lowercase)
}

/// A letter or digit of a script that puts spaces between words.
fn is_spaced(sign: char) -> bool {
    sign.is_alphanumeric() && !is_unspaced_script(sign)
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

    #[test]
    fn case_is_gone() {
        let folded = |text: &str| Folded::of(text).signs.into_iter().collect::<String>();
        assert_eq!(folded("SpÄm"), "späm");
        assert_eq!(folded("STRASSE"), folded("straße"));
        assert_eq!(folded("ΣΊΣΥΦΟΣ"), folded("σίσυφος"));
    }

    #[test]
    fn each_sign_knows_where_it_came_from() {
        assert_eq!(Folded::of("aßb").origins, [0, 1, 1, 2]);
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
    }
}
