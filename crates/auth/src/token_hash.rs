//! A token's id as tickets and bans name it, so that the id itself stays with its holder.

use std::fmt;
use std::str::FromStr;

use tidegate_stream::digest;

/// The first 32 hex digits of SHA-256 of a token's `jti`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TokenHash(String);

/// A text that is not 32 lower-case hex digits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a token's hash is 32 lower-case hex digits")]
pub struct TokenHashError;

impl TokenHash {
    /// The hash of a `jti`.
    pub fn of(jti: &str) -> Self {
        Self(digest::token(jti))
    }

    /// The 32 digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The user under which the token is banned in `!all`: `jti:` and the digits.
    pub fn banned_as(&self) -> String {
        format!("jti:{}", self.0)
    }
}

impl FromStr for TokenHash {
    type Err = TokenHashError;

    fn from_str(text: &str) -> Result<Self, TokenHashError> {
        let digit = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        if text.len() == digest::HASH_DIGITS && text.bytes().all(digit) {
            Ok(Self(text.to_owned()))
        } else {
            Err(TokenHashError)
        }
    }
}

impl fmt::Display for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_32_digits_of_sha_256() {
        let hash = TokenHash::of("abc");
        assert_eq!(hash.as_str(), "ba7816bf8f01cfea414140de5dae2223");
        assert_eq!(hash.banned_as(), "jti:ba7816bf8f01cfea414140de5dae2223");
        assert_eq!(hash.as_str().parse(), Ok(hash));
        for bad in [
            "",
            "BA7816BF8F01CFEA414140DE5DAE2223",
            "ba7816bf8f01cfea414140de5dae222",
            "ga7816bf8f01cfea414140de5dae2223",
        ] {
            assert_eq!(bad.parse::<TokenHash>(), Err(TokenHashError));
        }
    }
}
