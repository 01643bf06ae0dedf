use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::keys::Key;

mod algorithms;
mod attacks;
mod claims;
mod keys;
mod rsa;
mod signature;

const NOW_S: u64 = 1_732_400_000;
const NOW_MS: u64 = NOW_S * 1_000;
const OURS: Expected<'static> = Expected {
    issuer: "https://id.example",
    audience: "tidegate",
};
const HEADER: &str = r#"{"alg":"HS256","kid":"k1","typ":"JWT"}"#;

fn keys() -> KeySet {
    KeySet::parse(
        r#"{"keys":[
            {"kty":"oct","kid":"k1","alg":"HS256","k":"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY"},
            {"kty":"oct","kid":"k2","k":"ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA"}
        ]}"#,
    )
    .unwrap()
}

fn claims() -> Value {
    json!({
        "iss": "https://id.example", "aud": "tidegate", "sub": "alice",
        "iat": NOW_S, "exp": NOW_S + 600, "jti": "abc",
        "scope": "publish moderate", "rooms": ["demo.*"], "info": {"name": "Alice"},
    })
}

fn with(name: &str, value: Value) -> String {
    let mut claims = claims();
    claims[name] = value;
    claims.to_string()
}

fn without(name: &str) -> String {
    let mut claims = claims();
    claims.as_object_mut().unwrap().remove(name);
    claims.to_string()
}

/// A token over any header and payload, signed with `k1`.
fn token(header: &str, payload: &str) -> String {
    token_by(keys().find("k1").unwrap(), header, payload)
}

/// A token over any header and payload, signed with any key.
fn token_by(key: &Key, header: &str, payload: &str) -> String {
    let signed = format!("{}.{}", BASE64URL.encode(header), BASE64URL.encode(payload));
    let signature = key.sign(signed.as_bytes()).unwrap();
    format!("{signed}.{}", BASE64URL.encode(signature))
}

fn judge(token: &str) -> Result<Identity, TokenRefusal> {
    verify(token, &[&keys()], &OURS, NOW_MS)
}

#[test]
fn a_set_that_comes_later_is_asked_too() {
    let other = KeySet::parse(
        r#"{"keys":[{"kty":"oct","kid":"o","k":"b3RoZXJvdGhlcm90aGVyb3RoZXJvdGhlcm90aGVyb3Q"}]}"#,
    )
    .unwrap();
    let token = token(HEADER, &claims().to_string());
    assert!(verify(&token, &[&other, &keys()], &OURS, NOW_MS).is_ok());
    assert_eq!(
        verify(&token, &[&other], &OURS, NOW_MS),
        Err(TokenRefusal::UnknownKid)
    );
    assert_eq!(
        verify(&token, &[], &OURS, NOW_MS),
        Err(TokenRefusal::UnknownKid)
    );
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,200}", bytes in prop::collection::vec(any::<u8>(), 0..100)) {
        prop_assert!(judge(&text).is_err());
        let part = BASE64URL.encode(bytes);
        let parts = format!("{part}.{part}.{part}");
        prop_assert!(judge(&parts).is_err());
        prop_assert!(judge(&token(&text, &text)).is_err());
        prop_assert!(judge(&token(HEADER, &text)).is_err());
    }

    #[test]
    fn no_changed_byte_passes(at in any::<prop::sample::Index>(), to in "[A-Za-z0-9_.-]") {
        let mut token = token(HEADER, &claims().to_string());
        let at = at.index(token.len());
        prop_assume!(token[at..=at] != to);
        token.replace_range(at..=at, &to);
        prop_assert!(judge(&token).is_err());
    }
}
