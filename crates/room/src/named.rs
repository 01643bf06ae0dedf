//! Ids that the server makes.

use std::str::FromStr;

use tidegate_stream::{Region, RoomId};

use crate::json::BodyError;
use crate::limits::NAMESPACE_BYTES;

/// What precedes the first dot of a room's id: 1 to 32 of `[A-Za-z0-9_-]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Namespace(String);

impl Namespace {
    /// The namespace as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for Namespace {
    fn default() -> Self {
        Self("default".to_owned())
    }
}

impl FromStr for Namespace {
    type Err = BodyError;

    fn from_str(text: &str) -> Result<Self, BodyError> {
        let sign = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        if (1..=NAMESPACE_BYTES).contains(&text.len()) && text.bytes().all(sign) {
            Ok(Self(text.to_owned()))
        } else {
            Err(BodyError::field(format!(
                "`namespace` is 1 to {NAMESPACE_BYTES} of A-Z a-z 0-9 _ -"
            )))
        }
    }
}

/// `NS.REGION-RANDOM`: the region keeps two regions from making one id at once.
pub fn server_made(namespace: &Namespace, region: &Region, random: u64) -> RoomId {
    let id = format!("{}.{region}-{}", namespace.0, base32(random));
    match id.parse() {
        Ok(id) => id,
        Err(_) => unreachable!("a namespace, a region and 13 signs of base 32 make an id: {id}"),
    }
}

/// Crockford's base 32 in lower case: no i, l, o, u, so that an id can be read out.
fn base32(number: u64) -> String {
    const SIGNS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
    (0..13)
        .rev()
        .map(|place| char::from(SIGNS[(number >> (place * 5) & 31) as usize]))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_parts_still_make_an_id() {
        let namespace: Namespace = "n".repeat(NAMESPACE_BYTES).parse().unwrap();
        let region: Region = "r".repeat(16).parse().unwrap();
        let id = server_made(&namespace, &region, u64::MAX);
        assert!(id.as_str().ends_with("-fzzzzzzzzzzzz"), "{id}");
        assert_eq!(id.as_str().len(), 63);
    }

    #[test]
    fn different_numbers_make_different_ids() {
        assert_ne!(base32(1 << 63), base32(0));
        assert_eq!(base32(33), "0000000000011");
    }
}
