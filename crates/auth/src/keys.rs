//! JWK Sets (RFC 7517): the first key signs, all verify. Keys of all kinds may stand in one set.

use serde_json::Value;

pub use crate::algorithm::Algorithm;
pub use crate::key::Key;
pub use crate::kid::Kid;
use crate::limits::{FETCHED_BYTES, FETCHED_KEYS_MAX, KEY_SET_BYTES, KEYS_MAX};
use crate::members::Members;

/// Why a key set was refused. No text quotes a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeySetError {
    /// Longer than 16 KiB.
    #[error("a key set is {KEY_SET_BYTES} bytes of JSON at most")]
    TooLarge,
    /// Not a JWK Set.
    #[error("a key set is a JWK Set, {{\"keys\":[…]}} with 1 to {KEYS_MAX} keys: {0}")]
    Form(String),
    /// A key that is not taken.
    #[error("key {number} of the set{named}: {reason}", named = kid.as_ref().map(|k| format!(" (kid {k:?})")).unwrap_or_default())]
    Key {
        /// Which key, from 1.
        number: usize,
        /// Its `kid`, if it has one that can be shown.
        kid: Option<Kid>,
        /// What is wrong and what would be right.
        reason: String,
    },
}

/// A JWK Set with at least one key; no two have the same `kid`.
#[derive(Debug, Clone)]
pub struct KeySet {
    first: Key,
    rest: Vec<Key>,
}

impl KeySet {
    /// Reads a configured set. Every key in it must be one that can be used.
    ///
    /// # Errors
    /// If the text is no JWK Set, has no key or too many, or a key is not taken; the error says which and why.
    pub fn parse(text: &str) -> Result<Self, KeySetError> {
        if text.len() > KEY_SET_BYTES {
            return Err(KeySetError::TooLarge);
        }
        let values = listed(text)?;
        if values.len() > KEYS_MAX {
            return Err(KeySetError::Form(format!(
                "there are {} keys",
                values.len()
            )));
        }
        let mut keys: Vec<Key> = Vec::with_capacity(values.len());
        for (index, value) in values.into_iter().enumerate() {
            let refused = |kid: Option<Kid>, reason: String| KeySetError::Key {
                number: index + 1,
                kid,
                reason,
            };
            let (kid, members) = named(value).map_err(|reason| refused(None, reason))?;
            if keys.iter().any(|key| *key.kid() == kid) {
                return Err(refused(Some(kid), "another key has this `kid`".to_owned()));
            }
            keys.push(
                Key::read(members, kid.clone()).map_err(|reason| refused(Some(kid), reason))?,
            );
        }
        Self::of(keys).ok_or_else(|| KeySetError::Form("there is no key".to_owned()))
    }

    /// Reads a set that was fetched from an address. What cannot be used is passed over, as RFC 7517, section 5, asks, and so is
    /// what must not be at such an address: secrets and private parts. Of two keys with one `kid` the first counts.
    ///
    /// # Errors
    /// If the text is longer than 64 KiB, is no JWK Set, or has no key that can be used.
    pub fn parse_fetched(text: &str) -> Result<Self, KeySetError> {
        if text.len() > FETCHED_BYTES {
            return Err(KeySetError::Form(format!(
                "it is longer than {FETCHED_BYTES} bytes"
            )));
        }
        let mut keys: Vec<Key> = Vec::new();
        for value in listed(text)?.into_iter().take(FETCHED_KEYS_MAX) {
            let Ok((kid, members)) = named(value) else {
                continue;
            };
            let is_public = !["k", "d"].iter().any(|secret| members.has(secret));
            if is_public
                && keys.len() < KEYS_MAX
                && keys.iter().all(|key| *key.kid() != kid)
                && let Ok(key) = Key::read(members, kid)
            {
                keys.push(key);
            }
        }
        Self::of(keys).ok_or_else(|| {
            KeySetError::Form(
                "there is no public key for ES256, EdDSA or RS256 with a `kid`".to_owned(),
            )
        })
    }

    fn of(keys: Vec<Key>) -> Option<Self> {
        let mut keys = keys.into_iter();
        Some(Self {
            first: keys.next()?,
            rest: keys.collect(),
        })
    }

    /// The key that signs.
    pub fn first(&self) -> &Key {
        &self.first
    }

    /// All keys, in their order.
    pub fn iter(&self) -> impl Iterator<Item = &Key> {
        std::iter::once(&self.first).chain(&self.rest)
    }

    /// The key of this name.
    pub fn find(&self, kid: &str) -> Option<&Key> {
        self.iter().find(|key| key.kid().as_str() == kid)
    }

    /// Whether any key is one of the published examples, which anybody may know: its `kid` begins with `example`.
    pub fn is_example(&self) -> bool {
        self.iter()
            .any(|key| key.kid().as_str().starts_with("example"))
    }
}

/// The `keys` of a set.
fn listed(text: &str) -> Result<Vec<Value>, KeySetError> {
    let mut set = Members::read(text.as_bytes()).map_err(KeySetError::Form)?;
    match set.take("keys") {
        Some(Value::Array(values)) => Ok(values),
        _ => Err(KeySetError::Form("`keys` must be a list".to_owned())),
    }
}

/// A key's name, and all its members.
fn named(value: Value) -> Result<(Kid, Members), String> {
    let Value::Object(object) = value else {
        return Err("a key is a JSON object".to_owned());
    };
    let mut members = Members::from(object);
    let kid = members
        .text("kid")?
        .ok_or("`kid` is missing: every key needs a name of its own")?;
    Ok((kid.parse()?, members))
}

#[cfg(test)]
#[path = "keys_tests.rs"]
mod tests;
