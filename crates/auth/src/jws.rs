//! Compact JWS (RFC 7515): three parts of base64url, the last over the first two.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::keys::{Key, KeySet};
use crate::limits::TOKEN_BYTES;
use crate::members::Members;
use crate::token::TokenRefusal;

/// The payload of a token whose signature is good.
pub(crate) fn verified_payload(token: &str, sets: &[&KeySet]) -> Result<Vec<u8>, TokenRefusal> {
    if token.len() > TOKEN_BYTES {
        return Err(TokenRefusal::TooLarge);
    }
    let malformed = |why: &str| TokenRefusal::Malformed(why.to_owned());
    let (signed, signature) = token
        .rsplit_once('.')
        .ok_or_else(|| malformed("a token has three parts"))?;
    let (header, payload) = match signed.split_once('.') {
        Some((header, payload)) if !payload.contains('.') => (header, payload),
        _ => return Err(malformed("a token has three parts")),
    };
    let decode = |part: &str, name: &str| {
        URL_SAFE_NO_PAD
            .decode(part)
            .map_err(|_| malformed(&format!("the {name} is not base64url without padding")))
    };
    let key = key_for(&decode(header, "header")?, sets)?;
    let signature = decode(signature, "signature")?;
    if !key.verifies(signed.as_bytes(), &signature) {
        return Err(TokenRefusal::BadSignature);
    }
    decode(payload, "payload")
}

/// The key that a header names. Keys are found by `kid` in our own sets and nowhere else: `jwk`, `jku`, `x5u` and `x5c`
/// are never looked at (RFC 8725, section 3.10).
fn key_for<'k>(header: &[u8], sets: &[&'k KeySet]) -> Result<&'k Key, TokenRefusal> {
    let in_header = |why: String| TokenRefusal::Malformed(format!("header: {why}"));
    let mut header = Members::read(header).map_err(in_header)?;
    if header.has("crit") {
        // An extension that must be understood, and none is (RFC 7515, section 4.1.11).
        return Err(in_header("`crit` is not supported".to_owned()));
    }
    if let Some(typ) = header.text("typ").map_err(in_header)? {
        let typ = typ.to_ascii_lowercase();
        if !matches!(
            typ.strip_prefix("application/").unwrap_or(&typ),
            "jwt" | "at+jwt"
        ) {
            return Err(in_header(
                "`typ` must be JWT or at+jwt where it is given".to_owned(),
            ));
        }
    }
    let alg = header
        .text("alg")
        .map_err(in_header)?
        .ok_or_else(|| in_header("`alg` is missing".to_owned()))?;
    let kid = header
        .text("kid")
        .map_err(in_header)?
        .ok_or_else(|| in_header("`kid` is missing".to_owned()))?;
    let key = sets
        .iter()
        .find_map(|set| set.find(&kid))
        .ok_or(TokenRefusal::UnknownKid)?;
    if !key.algorithm().is_named(&alg) {
        return Err(TokenRefusal::WrongAlgorithm);
    }
    Ok(key)
}

/// A compact JWS over a payload, signed with a key; none if the key cannot sign.
pub(crate) fn signed(key: &Key, payload: &[u8]) -> Option<String> {
    let header =
        serde_json::json!({"alg": key.algorithm().name(), "kid": key.kid().as_str(), "typ": "JWT"});
    let mut token = URL_SAFE_NO_PAD.encode(header.to_string());
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(payload, &mut token);
    let signature = key.sign(token.as_bytes())?;
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(signature, &mut token);
    Some(token)
}
