//! Key sets from an address (`jwks_uri` of an issuer), as they are kept between requests.

use serde_json::{Map, Value, json};

use crate::limits::{
    FETCHED_AHEAD_MS, FETCHED_BYTES, FETCHED_KEYS_MAX, FRESH_MS, KEY_SET_BYTES, KEYS_MAX, STALE_MS,
};
use crate::members::Members;

/// What is kept of a key: what names it and what makes it, no certificates.
const KEPT_MEMBERS: [&str; 10] = [
    "kty", "kid", "alg", "use", "key_ops", "crv", "x", "y", "n", "e",
];

/// Public keys from an address, and since when. As text it is a JWK Set with two members more, which readers skip.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    text: String,
    fetched_ms: u64,
}

impl Fetched {
    /// Reads what an address answered, and keeps what may be of use of it: at most 16 public keys that have a `kid`. Whether
    /// they are good keys is for [`crate::KeySet::parse_fetched`] to say.
    ///
    /// # Errors
    /// A text that says why, if there is no such key.
    pub fn read(body: &[u8], address: &str, now_ms: u64) -> Result<Self, String> {
        if body.len() > FETCHED_BYTES {
            return Err(format!("it is longer than {FETCHED_BYTES} bytes"));
        }
        let mut set = Members::read(body)?;
        let Some(Value::Array(keys)) = set.take("keys") else {
            return Err("it is no JWK Set: `keys` must be a list".to_owned());
        };
        let keys: Vec<Value> = keys
            .into_iter()
            .take(FETCHED_KEYS_MAX)
            .filter_map(kept)
            .take(KEYS_MAX)
            .collect();
        if keys.is_empty() {
            return Err("it has no public key of `kty` EC, OKP or RSA with a `kid`".to_owned());
        }
        let text = json!({"from": address, "fetched_ms": now_ms, "keys": keys}).to_string();
        if text.len() > KEY_SET_BYTES {
            return Err(format!("its keys are longer than {KEY_SET_BYTES} bytes"));
        }
        Ok(Self {
            text,
            fetched_ms: now_ms,
        })
    }

    /// Reads what was kept elsewhere; none if it is from another address, too old, or from a clock that is ahead.
    pub fn from_cache(text: &str, address: &str, now_ms: u64) -> Option<Self> {
        if text.len() > KEY_SET_BYTES {
            return None;
        }
        let mut members = Members::read(text.as_bytes()).ok()?;
        let fetched_ms = members.take("fetched_ms")?.as_u64()?;
        let is_ours = members.text("from").ok()?.as_deref() == Some(address);
        let fetched = Self {
            text: text.to_owned(),
            fetched_ms,
        };
        (is_ours && fetched.is_usable(now_ms)).then_some(fetched)
    }

    /// The JWK Set, and how it is kept.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// When it was fetched, in ms since the epoch.
    pub fn fetched_ms(&self) -> u64 {
        self.fetched_ms
    }

    /// Whether it need not be fetched again yet.
    pub fn is_fresh(&self, now_ms: u64) -> bool {
        now_ms.saturating_sub(self.fetched_ms) < FRESH_MS
    }

    /// Whether it may still be used, should the address not answer.
    pub fn is_usable(&self, now_ms: u64) -> bool {
        self.fetched_ms <= now_ms + FETCHED_AHEAD_MS
            && now_ms.saturating_sub(self.fetched_ms) < STALE_MS
    }
}

/// A public key without what nobody here reads.
fn kept(key: Value) -> Option<Value> {
    let Value::Object(mut key) = key else {
        return None;
    };
    let is_public = !key.contains_key("k") && !key.contains_key("d");
    let kind = key.get("kty")?.as_str()?;
    if !is_public || !matches!(kind, "EC" | "OKP" | "RSA") || !key.get("kid")?.is_string() {
        return None;
    }
    let members: Map<String, Value> = KEPT_MEMBERS
        .iter()
        .filter_map(|name| key.remove_entry(*name))
        .collect();
    Some(Value::Object(members))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::KeySet;

    const NOW_MS: u64 = 1_732_400_000_000;
    const FROM: &str = "https://id.example/keys";
    const KEY: &str = r#"{"kty":"OKP","crv":"Ed25519","kid":"a","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","x5c":["MIIB"],"alg":"EdDSA"}"#;

    fn read(keys: &str) -> Result<Fetched, String> {
        Fetched::read(format!(r#"{{"keys":[{keys}]}}"#).as_bytes(), FROM, NOW_MS)
    }

    #[test]
    fn only_what_is_of_use_is_kept() {
        let secret = r#"{"kty":"oct","kid":"s","k":"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY"}"#;
        let private = KEY.replacen('{', r#"{"d":"AA","#, 1);
        let nameless = KEY.replace("\"kid\"", "\"kin\"");
        let fetched = read(&format!("{secret},{private},{nameless},7,{KEY}")).unwrap();
        insta::assert_snapshot!(fetched.text(), @r#"{"fetched_ms":1732400000000,"from":"https://id.example/keys","keys":[{"alg":"EdDSA","crv":"Ed25519","kid":"a","kty":"OKP","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#);
        assert!(KeySet::parse_fetched(fetched.text()).is_ok());
        let many = vec![KEY; 100].join(",");
        assert_eq!(read(&many).unwrap().text().matches("kty").count(), KEYS_MAX);
    }

    #[test]
    fn what_is_no_key_set_is_refused() {
        for (keys, why) in [("", "no public key"), ("7", "no public key")] {
            assert!(read(keys).unwrap_err().contains(why));
        }
        for (body, why) in [
            ("<html>", "not JSON"),
            ("{}", "`keys` must be a list"),
            ("{\"keys\":[],\"keys\":[]}", "twice"),
        ] {
            let said = Fetched::read(body.as_bytes(), FROM, NOW_MS).unwrap_err();
            assert!(said.contains(why), "{said}");
        }
        let long = vec![b' '; FETCHED_BYTES + 1];
        assert!(Fetched::read(&long, FROM, NOW_MS).is_err());
        let heavy = KEY.replace("\"11q", &format!("\"{}", "A".repeat(2_000)));
        assert!(read(&vec![heavy.as_str(); 16].join(",")).is_err());
    }

    #[test]
    fn a_cache_is_believed_within_bounds() {
        let fetched = read(KEY).unwrap();
        let again = |now_ms: u64| Fetched::from_cache(fetched.text(), FROM, now_ms);
        assert_eq!(again(NOW_MS), Some(fetched.clone()));
        assert!(again(NOW_MS + STALE_MS - 1).is_some());
        assert!(again(NOW_MS + STALE_MS).is_none());
        assert!(again(NOW_MS - FETCHED_AHEAD_MS).is_some());
        assert!(again(NOW_MS - FETCHED_AHEAD_MS - 1).is_none());
        assert!(Fetched::from_cache(fetched.text(), "https://other.example/", NOW_MS).is_none());
        for text in ["", "{}", r#"{"fetched_ms":"1","from":"x"}"#] {
            assert!(Fetched::from_cache(text, FROM, NOW_MS).is_none());
        }
        assert!(fetched.is_fresh(NOW_MS + FRESH_MS - 1) && !fetched.is_fresh(NOW_MS + FRESH_MS));
    }
}
