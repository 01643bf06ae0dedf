//! The hashes that stand in keys, entries, tickets and frames. All are SHA-256 (FIPS 180-4), in lower-case hex.

use sha2::{Digest, Sha256};

/// Hex digits of a body's hash in an entry, and of a token id's.
pub const HASH_DIGITS: usize = 32;
/// Hex digits of an idempotency key's hash in a frame.
pub const KEY_DIGITS: usize = 16;

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(bytes.len() * 2);
    for &byte in bytes {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    text
}

/// All 64 digits over the parts, joined by a zero byte (which no part may hold).
pub fn joined(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            hash.update([0]);
        }
        hash.update(part.as_bytes());
    }
    hex(&hash.finalize())
}

/// The `hash` field of an entry: what was posted under an idempotency key.
pub fn body(posted: &[u8]) -> String {
    hex(&Sha256::digest(posted)[..HASH_DIGITS / 2])
}

/// A token's id (`jti`) as tickets and the bans of `!all` name it.
pub fn token(jti: &str) -> String {
    body(jti.as_bytes())
}

/// An idempotency key as frames show it.
pub fn key(key: &str) -> String {
    hex(&Sha256::digest(key.as_bytes())[..KEY_DIGITS / 2])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_those_of_the_standard() {
        assert_eq!(
            joined(&["abc"]),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        assert_eq!(body(b"abc"), "ba7816bf8f01cfea414140de5dae2223");
        assert_eq!(key("abc"), "ba7816bf8f01cfea");
    }

    #[test]
    fn parts_do_not_run_together() {
        assert_ne!(joined(&["ab", "c"]), joined(&["a", "bc"]));
    }
}
