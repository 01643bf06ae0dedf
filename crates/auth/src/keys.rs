//! JWK Sets (RFC 7517): the first key signs, all verify.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use serde_json::Value;
use sha2::Sha256;

use crate::limits::{KEY_SET_BYTES, KEYS_MAX, KID_BYTES, SECRET_MAX_BYTES, SECRET_MIN_BYTES};
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

/// A key's name: 1 to 128 printable ASCII signs.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Kid(String);

impl Kid {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Kid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Kid {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.is_empty() || text.len() > KID_BYTES || !text.bytes().all(|b| b.is_ascii_graphic())
        {
            return Err(format!(
                "`kid` must be 1 to {KID_BYTES} printable ASCII signs"
            ));
        }
        Ok(Self(text.to_owned()))
    }
}

/// What a key may be used for. A key has one algorithm, and a token that names another is refused, so that no key can be
/// taken for one of another kind (RFC 8725, section 3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// HMAC with SHA-256 (RFC 7518, section 3.2).
    Hs256,
}

impl Algorithm {
    /// The name in `alg`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Hs256 => "HS256",
        }
    }
}

/// One key: a name, and what only it can make or check. Its secret is never shown.
#[derive(Clone)]
pub struct Key {
    kid: Kid,
    material: Material,
}

#[derive(Clone)]
enum Material {
    /// The state of HMAC after its key, so that no call hashes the key again.
    Hs256(Box<Hmac<Sha256>>),
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key")
            .field("kid", &self.kid)
            .field("alg", &self.algorithm().name())
            .finish_non_exhaustive()
    }
}

impl Key {
    /// Its name.
    pub fn kid(&self) -> &Kid {
        &self.kid
    }

    /// The one algorithm that it is for.
    pub fn algorithm(&self) -> Algorithm {
        match self.material {
            Material::Hs256(_) => Algorithm::Hs256,
        }
    }

    /// Signs.
    pub(crate) fn sign(&self, signed: &[u8]) -> Vec<u8> {
        match &self.material {
            Material::Hs256(keyed) => {
                let mut mac = Hmac::clone(keyed);
                mac.update(signed);
                mac.finalize().into_bytes().to_vec()
            }
        }
    }

    /// Whether `signature` is this key's, in constant time.
    pub(crate) fn verifies(&self, signed: &[u8], signature: &[u8]) -> bool {
        match &self.material {
            Material::Hs256(keyed) => {
                let mut mac = Hmac::clone(keyed);
                mac.update(signed);
                mac.verify_slice(signature).is_ok()
            }
        }
    }

    fn read(mut members: Members, kid: Kid) -> Result<Self, String> {
        let kind = members.text("kty")?.ok_or("`kty` is missing")?;
        if kind != "oct" {
            return Err(format!(
                "`kty` {} is not supported; use an `oct` key for HS256",
                shown(&kind)
            ));
        }
        match members.text("alg")?.as_deref() {
            None | Some("HS256") => {}
            Some(other) => {
                return Err(format!(
                    "`alg` {} is not supported for an `oct` key; use HS256",
                    shown(other)
                ));
            }
        }
        match members.text("use")?.as_deref() {
            None | Some("sig") => {}
            Some(_) => return Err("`use` must be \"sig\" where it is given".to_owned()),
        }
        let secret = members.text("k")?.ok_or("`k`, the secret, is missing")?;
        let secret = URL_SAFE_NO_PAD
            .decode(secret)
            .map_err(|_| "`k` must be base64url without padding")?;
        if !(SECRET_MIN_BYTES..=SECRET_MAX_BYTES).contains(&secret.len()) {
            return Err(format!(
                "the secret has {} bytes; HS256 takes {SECRET_MIN_BYTES} to {SECRET_MAX_BYTES}",
                secret.len()
            ));
        }
        let keyed = Hmac::new_from_slice(&secret).map_err(|error| error.to_string())?;
        Ok(Self {
            kid,
            material: Material::Hs256(Box::new(keyed)),
        })
    }
}

fn shown(text: &str) -> String {
    format!("{:?}", text.chars().take(16).collect::<String>())
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
        let mut set = Members::read(text.as_bytes()).map_err(KeySetError::Form)?;
        let Some(Value::Array(values)) = set.take("keys") else {
            return Err(KeySetError::Form("`keys` must be a list".to_owned()));
        };
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
            let Value::Object(object) = value else {
                return Err(refused(None, "a key is a JSON object".to_owned()));
            };
            let mut members = Members::from(object);
            let kid: Kid = match members.text("kid") {
                Ok(Some(kid)) => kid.parse().map_err(|reason| refused(None, reason))?,
                Ok(None) => {
                    return Err(refused(
                        None,
                        "`kid` is missing: every key needs a name of its own".to_owned(),
                    ));
                }
                Err(reason) => return Err(refused(None, reason)),
            };
            if keys.iter().any(|key| key.kid == kid) {
                return Err(refused(Some(kid), "another key has this `kid`".to_owned()));
            }
            keys.push(
                Key::read(members, kid.clone()).map_err(|reason| refused(Some(kid), reason))?,
            );
        }
        let mut keys = keys.into_iter();
        match keys.next() {
            Some(first) => Ok(Self {
                first,
                rest: keys.collect(),
            }),
            None => Err(KeySetError::Form("there is no key".to_owned())),
        }
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
        self.iter().find(|key| key.kid.as_str() == kid)
    }

    /// Whether any key is one of the published examples, which anybody may know: its `kid` begins with `example`.
    pub fn is_example(&self) -> bool {
        self.iter()
            .any(|key| key.kid.as_str().starts_with("example"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const K: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY";

    fn refusal(text: &str) -> String {
        KeySet::parse(text).unwrap_err().to_string()
    }

    #[test]
    fn the_first_signs_and_all_are_found() {
        let set = KeySet::parse(&format!(
            r#"{{"keys":[{{"kty":"oct","kid":"b","k":"{K}","alg":"HS256","use":"sig"}},{{"kty":"oct","kid":"a","k":"{K}","x":1}}]}}"#
        ))
        .unwrap();
        assert_eq!(set.first().kid().as_str(), "b");
        assert_eq!(set.find("a").unwrap().kid().as_str(), "a");
        assert!(set.find("c").is_none());
        assert!(!set.is_example());
    }

    #[test]
    fn a_set_that_is_not_taken_says_why() {
        let key = |members: &str| format!(r#"{{"keys":[{{{members}}}]}}"#);
        let cases = [
            ("".to_owned(), "not JSON"),
            ("{}".to_owned(), "`keys` must be a list"),
            (r#"{"keys":[]}"#.to_owned(), "there is no key"),
            (
                r#"{"keys":[1]}"#.to_owned(),
                "key 1 of the set: a key is a JSON object",
            ),
            (
                key(&format!(r#""kty":"oct","k":"{K}""#)),
                "`kid` is missing",
            ),
            (
                key(&format!(r#""kty":"oct","kid":"","k":"{K}""#)),
                "`kid` must be 1 to 128",
            ),
            (
                key(&format!(r#""kty":"oct","kid":"a b","k":"{K}""#)),
                "`kid` must be 1 to 128",
            ),
            (
                key(r#""kty":"RSA","kid":"r","n":"x","e":"AQAB""#),
                r#"(kid "r"): `kty` "RSA" is not supported"#,
            ),
            (
                key(r#""kty":"EC","kid":"e""#),
                r#"`kty` "EC" is not supported"#,
            ),
            (key(r#""kid":"e""#), "`kty` is missing"),
            (
                key(&format!(r#""kty":"oct","kid":"a","k":"{K}","alg":"HS512""#)),
                r#"`alg` "HS512" is not supported"#,
            ),
            (
                key(&format!(r#""kty":"oct","kid":"a","k":"{K}","alg":"none""#)),
                r#"`alg` "none" is not supported"#,
            ),
            (
                key(&format!(r#""kty":"oct","kid":"a","k":"{K}","use":"enc""#)),
                "`use` must be",
            ),
            (
                key(r#""kty":"oct","kid":"a","k":"c2hvcnQ""#),
                "the secret has 5 bytes; HS256 takes 32 to 512",
            ),
            (
                key(r#""kty":"oct","kid":"a","k":"c2hvcnQ=""#),
                "`k` must be base64url",
            ),
            (
                key(r#""kty":"oct","kid":"a""#),
                "`k`, the secret, is missing",
            ),
            (
                key(&format!(r#""kty":"oct","kid":7,"k":"{K}""#)),
                "`kid` must be a string",
            ),
            (
                format!(
                    r#"{{"keys":[{{"kty":"oct","kid":"a","k":"{K}"}},{{"kty":"oct","kid":"a","k":"{K}"}}]}}"#
                ),
                "key 2 of the set (kid \"a\"): another key has this `kid`",
            ),
            (
                format!(r#"{{"keys":[{}]}}"#, vec!["{}"; 17].join(",")),
                "there are 17 keys",
            ),
        ];
        for (text, expected) in cases {
            let said = refusal(&text);
            assert!(
                said.contains(expected),
                "{text}\nsaid {said}\nnot {expected}"
            );
        }
        assert_eq!(
            KeySet::parse(&" ".repeat(KEY_SET_BYTES + 1)).unwrap_err(),
            KeySetError::TooLarge
        );
    }

    #[test]
    fn example_keys_are_known_by_their_names() {
        let set = |kid: &str| {
            KeySet::parse(&format!(
                r#"{{"keys":[{{"kty":"oct","kid":"{kid}","k":"{K}"}}]}}"#
            ))
            .unwrap()
        };
        assert!(set("example").is_example());
        assert!(set("example-auth-1").is_example());
        assert!(!set("live-1").is_example());
    }

    #[test]
    fn a_secret_is_never_shown() {
        let set = KeySet::parse(&format!(
            r#"{{"keys":[{{"kty":"oct","kid":"a","k":"{K}"}}]}}"#
        ))
        .unwrap();
        insta::assert_snapshot!(
            format!("{set:?}"),
            @r#"KeySet { first: Key { kid: "a", alg: "HS256", .. }, rest: [] }"#
        );
    }
}
