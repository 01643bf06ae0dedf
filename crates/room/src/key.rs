//! Idempotency keys, which a publisher chooses.

use std::fmt;
use std::str::FromStr;

use crate::limits::KEY_BYTES;

/// 1 to 64 visible ASCII signs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey(String);

/// A key outside its grammar: 400.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Idempotency-Key is 1 to {KEY_BYTES} visible ASCII signs")]
pub struct KeyError;

impl IdempotencyKey {
    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for IdempotencyKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let fits = (1..=KEY_BYTES).contains(&text.len());
        if fits && text.bytes().all(|byte| byte.is_ascii_graphic()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(KeyError)
        }
    }
}

impl fmt::Display for IdempotencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_keep_to_their_grammar() {
        for good in ["a", "\"quoted\"", "~!{}", &"k".repeat(64)] {
            assert!(good.parse::<IdempotencyKey>().is_ok(), "{good}");
        }
        for bad in ["", "a b", "\u{e9}", "a\n", "a\u{7f}", &"k".repeat(65)] {
            assert_eq!(bad.parse::<IdempotencyKey>(), Err(KeyError), "{bad:?}");
        }
    }
}
