//! Tokens and tickets, signed by hand: independent of the code that verifies them.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use hmac::{Hmac, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

/// `iss` of these tests.
pub const ISSUER: &str = "https://issuer.example";
/// `aud` of these tests.
pub const AUDIENCE: &str = "tidegate";
/// The first signs in these tests; both verify.
pub const AUTH_SECRETS: [(&str, &[u8]); 2] = [
    (
        "e2e-1",
        b"the key that signs tokens in the end-to-end tests",
    ),
    (
        "e2e-0",
        b"an older key that still verifies tokens of the tests",
    ),
];
/// The ticket key of these tests.
pub const TICKET_SECRET: (&str, &[u8]) = (
    "e2e-t",
    b"the key that signs tickets in the end-to-end tests",
);

/// A JWK Set (RFC 7517) of symmetric keys.
pub fn key_set(secrets: &[(&str, &[u8])]) -> String {
    let keys: Vec<Value> = secrets
        .iter()
        .map(|(kid, secret)| json!({"kty":"oct","alg":"HS256","kid":kid,"k":BASE64.encode(secret)}))
        .collect();
    json!({ "keys": keys }).to_string()
}

/// The time, in ms since the epoch.
pub fn now_ms() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or(Duration::ZERO);
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

fn mac(secret: &[u8], signed: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("any length will do");
    mac.update(signed.as_bytes());
    BASE64.encode(mac.finalize().into_bytes())
}

/// A compact JWS (RFC 7515) over exactly these texts.
pub fn sign(header: &str, claims: &str, secret: &[u8]) -> String {
    let signed = format!("{}.{}", BASE64.encode(header), BASE64.encode(claims));
    format!("{signed}.{}", mac(secret, &signed))
}

/// The header of a good token.
pub fn header() -> Value {
    json!({"alg":"HS256","typ":"JWT","kid":AUTH_SECRETS[0].0})
}

/// The claims of a token that is good for ten minutes.
pub fn claims(subject: &str, scope: &str) -> Value {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let jti = format!("e2e-{}", NEXT.fetch_add(1, Ordering::Relaxed));
    let exp = now_ms() / 1000 + 600;
    json!({"iss": ISSUER, "aud": AUDIENCE, "sub": subject, "scope": scope, "jti": jti, "exp": exp})
}

/// A token with these claims.
pub fn signed(claims: &Value) -> String {
    sign(
        &header().to_string(),
        &claims.to_string(),
        AUTH_SECRETS[0].1,
    )
}

/// A token that is good for ten minutes.
pub fn token(subject: &str, scope: &str) -> String {
    signed(&claims(subject, scope))
}

/// A ticket as `docs/protocol.md` describes it, under any key.
pub fn ticket(room: &str, subject: &str, expires_ms: u64, key: (&str, &[u8])) -> String {
    let payload = json!({"r":room,"s":subject,"e":expires_ms}).to_string();
    let signed = format!("t1.{}.{}", key.0, BASE64.encode(payload));
    format!("{signed}.{}", mac(key.1, &signed))
}
