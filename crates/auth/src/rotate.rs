//! Making keys, and the three steps of changing them: add to the end, where a key verifies; move to the front, where it
//! signs; remove, when nothing that the old one signed is in use any more.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_compact::{KeyPair, Seed};
use p256::ecdsa::SigningKey;
use serde_json::{Value, json};

use crate::keys::{Algorithm, KeySet, Kid};

/// Makes a JWK from 32 random bytes, its secret or private part in it.
///
/// # Errors
/// For RS256, whose keys are made elsewhere; or if the bytes are no key, which of random ones are one in 2^32.
pub fn make(algorithm: Algorithm, kid: &Kid, random: &[u8; 32]) -> Result<Value, String> {
    let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let (kid, alg) = (kid.as_str(), algorithm.name());
    match algorithm {
        Algorithm::Hs256 => Ok(json!({"kty": "oct", "alg": alg, "kid": kid, "k": text(random)})),
        Algorithm::Es256 => {
            let private = SigningKey::from_slice(random)
                .map_err(|_| "these bytes are no key of P-256; try again")?;
            let point = private.verifying_key().to_sec1_point(false);
            // 0x04, x, y (SEC 1, section 2.3.3).
            let (x, y) = point.as_bytes()[1..].split_at(32);
            Ok(
                json!({"kty": "EC", "crv": "P-256", "alg": alg, "kid": kid, "x": text(x), "y": text(y), "d": text(random)}),
            )
        }
        Algorithm::EdDsa => {
            let pair = KeyPair::try_from_seed(Seed::new(*random))
                .map_err(|_| "these bytes are no key of Ed25519; try again")?;
            Ok(
                json!({"kty": "OKP", "crv": "Ed25519", "alg": alg, "kid": kid, "x": text(&*pair.pk), "d": text(random)}),
            )
        }
        Algorithm::Rs256 => Err("RS256 is verified only; make ES256 or EdDSA keys".to_owned()),
    }
}

/// A key without its private part; none for a secret, which has no public one.
pub fn public(key: &Value) -> Option<Value> {
    let mut key = key.as_object()?.clone();
    key.remove("d")?;
    Some(Value::Object(key))
}

/// Adds a key to the end of a set, or makes a set of it.
///
/// # Errors
/// A text that says what is wrong with the set as it would be.
pub fn add(set: Option<&str>, key: Value) -> Result<String, String> {
    let mut keys = match set {
        Some(text) => listed(text)?,
        None => Vec::new(),
    };
    keys.push(key);
    checked(keys)
}

/// Moves the last key to the front, from where it signs. Gives the set and the key's name.
///
/// # Errors
/// If there is no second key.
pub fn promote(set: &str) -> Result<(String, String), String> {
    let mut keys = listed(set)?;
    if keys.len() < 2 {
        return Err("there is one key only: make a new one first".to_owned());
    }
    keys.rotate_right(1);
    let kid = name(&keys[0]).to_owned();
    Ok((checked(keys)?, kid))
}

/// Removes a key that does not sign.
///
/// # Errors
/// If there is none of that name, or it is the first.
pub fn remove(set: &str, kid: &str) -> Result<String, String> {
    let mut keys = listed(set)?;
    match keys.iter().position(|key| name(key) == kid) {
        None => Err(format!("no key has the `kid` {kid:?}")),
        Some(0) => Err(format!(
            "{kid:?} is the key that signs: move another to the front first"
        )),
        Some(at) => {
            keys.remove(at);
            checked(keys)
        }
    }
}

fn name(key: &Value) -> &str {
    key["kid"].as_str().unwrap_or_default()
}

/// The keys of a set that is good.
fn listed(set: &str) -> Result<Vec<Value>, String> {
    KeySet::parse(set).map_err(|error| error.to_string())?;
    match serde_json::from_str::<Value>(set).map(|mut set| set["keys"].take()) {
        Ok(Value::Array(keys)) => Ok(keys),
        _ => Err("`keys` must be a list".to_owned()),
    }
}

fn checked(keys: Vec<Value>) -> Result<String, String> {
    let text = json!({ "keys": keys }).to_string();
    KeySet::parse(&text).map_err(|error| error.to_string())?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Claims, Expected, token};

    fn made(algorithm: Algorithm, kid: &str, byte: u8) -> Value {
        make(algorithm, &kid.parse().unwrap(), &[byte; 32]).unwrap()
    }

    fn kids(set: &str) -> Vec<String> {
        let set = KeySet::parse(set).unwrap();
        set.iter()
            .map(|key| key.kid().as_str().to_owned())
            .collect()
    }

    fn signed_by(set: &str) -> String {
        let claims = Claims {
            iss: "me".to_owned(),
            aud: "us".to_owned(),
            sub: "alice".to_owned(),
            iat: 0,
            exp: 60,
            nbf: None,
            jti: None,
            scope: String::new(),
            rooms: None,
            follows: None,
            info: None,
        };
        token::sign(&KeySet::parse(set).unwrap(), &claims).unwrap()
    }

    fn is_good(set: &str, signed: &str) -> bool {
        let expected = Expected {
            issuer: "me",
            audience: "us",
        };
        token::verify(signed, &[&KeySet::parse(set).unwrap()], &expected, 1_000).is_ok()
    }

    #[test]
    fn no_step_of_a_rotation_refuses_a_token_in_use() {
        for algorithm in [Algorithm::Hs256, Algorithm::Es256, Algorithm::EdDsa] {
            let first = add(None, made(algorithm, "old", 1)).unwrap();
            let added = add(Some(&first), made(algorithm, "new", 2)).unwrap();
            let (moved, kid) = promote(&added).unwrap();
            let last = remove(&moved, "old").unwrap();
            assert_eq!(
                (kids(&added), kid),
                (vec!["old".to_owned(), "new".to_owned()], "new".to_owned())
            );
            assert_eq!(kids(&moved), ["new", "old"]);
            assert_eq!(kids(&last), ["new"]);
            // Neighbours are one step apart at most, and each takes what the other signs.
            for (one, other) in [(&first, &added), (&added, &moved), (&moved, &last)] {
                assert!(is_good(other, &signed_by(one)), "{algorithm:?}");
                assert!(is_good(one, &signed_by(other)), "{algorithm:?}");
            }
            assert!(!is_good(&last, &signed_by(&first)));
        }
    }

    #[test]
    fn what_would_break_is_refused() {
        let one = add(None, made(Algorithm::Hs256, "a", 1)).unwrap();
        assert!(promote(&one).unwrap_err().contains("one key only"));
        assert!(
            remove(&one, "a")
                .unwrap_err()
                .contains("the key that signs")
        );
        assert!(remove(&one, "b").unwrap_err().contains("no key has"));
        assert!(
            add(Some(&one), made(Algorithm::EdDsa, "a", 2))
                .unwrap_err()
                .contains("another key")
        );
        assert!(add(Some("{}"), made(Algorithm::EdDsa, "b", 2)).is_err());
        assert!(make(Algorithm::Rs256, &"a".parse().unwrap(), &[1; 32]).is_err());
        for algorithm in [Algorithm::Es256, Algorithm::EdDsa] {
            assert!(make(algorithm, &"a".parse().unwrap(), &[0; 32]).is_err());
        }
    }

    #[test]
    fn the_public_part_verifies_and_does_not_sign() {
        assert_eq!(public(&made(Algorithm::Hs256, "a", 1)), None);
        for algorithm in [Algorithm::Es256, Algorithm::EdDsa] {
            let key = made(algorithm, "a", 1);
            let signed = signed_by(&add(None, key.clone()).unwrap());
            let public = add(None, public(&key).unwrap()).unwrap();
            assert!(!public.contains("\"d\"") && is_good(&public, &signed));
        }
    }
}
