//! Every bound of this crate, and why it is what it is.

/// Longest rules of a namespace, in bytes of JSON: all words, at 52 bytes each with what stands around them.
pub const RULES_BYTES: usize = 512 * 1_024;
/// Most words of a namespace. With [`WORD_SIGNS`] at 4 bytes a sign, a list takes at most 2.5 MB, and far less in life.
pub const WORDS_MAX: usize = 10_000;
/// Longest word, in signs.
pub const WORD_SIGNS: usize = 64;
/// Longest data judged, in bytes: an entry's 4 KiB. A sign is folded into 18 at most, of 3 bytes each, so 24,576 are looked
/// at, thrice because of digits. At each [`WORD_SIGNS`] steps of some 14 comparisons are made before words of the list
/// run out, in life one or two; a text that repeats the beginning of the longest word takes some 10 million comparisons.
pub const DATA_BYTES: usize = 4 * 1_024;
/// Most places in one text at which words are found; what holds more is refused.
pub const MATCHES_MAX: usize = 1_024;
/// Most namespaces that one instance keeps rules of.
pub const NAMESPACES_MAX: usize = 1_000;
/// Most words of all namespaces together in one instance: ten full lists, 25 MB at the very most.
pub const WORDS_TOTAL_MAX: usize = 10 * WORDS_MAX;
