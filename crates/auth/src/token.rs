//! Tokens: JWTs (RFC 7519), verified along RFC 8725, and signed for development, back ends of the demo, and tests.

use crate::claims::{self, Claims, Identity};
use crate::jws;
use crate::keys::KeySet;

/// Why a token was refused. No text quotes the token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenRefusal {
    /// Not a compact JWS, or a header that is not taken.
    #[error("the token is malformed: {0}")]
    Malformed(String),
    /// Over 8 KiB.
    #[error("the token is too large")]
    TooLarge,
    /// No key of ours has its `kid`.
    #[error("the token's key is not known")]
    UnknownKid,
    /// Its `alg` is not that of its key.
    #[error("the token's algorithm is not its key's")]
    WrongAlgorithm,
    /// Not signed by its key.
    #[error("the token's signature is not good")]
    BadSignature,
    /// From another issuer.
    #[error("the token is from another issuer")]
    WrongIssuer,
    /// For another audience.
    #[error("the token is for another audience")]
    WrongAudience,
    /// Lapsed.
    #[error("the token has lapsed")]
    Expired,
    /// Good only later.
    #[error("the token is not good yet")]
    NotYetValid,
    /// A claim that is missing or not taken.
    #[error("the token's claims are not taken: {0}")]
    BadClaims(String),
}

/// What a token must say to be ours.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// Its `iss`, exactly.
    pub issuer: &'a str,
    /// In its `aud`.
    pub audience: &'a str,
}

/// Verifies a token with the keys of several sets, of which the first that has its `kid` counts.
///
/// # Errors
/// [`TokenRefusal`], the signature being judged before any claim.
pub fn verify(
    token: &str,
    sets: &[&KeySet],
    expected: &Expected<'_>,
    now_ms: u64,
) -> Result<Identity, TokenRefusal> {
    let payload = jws::verified_payload(token, sets)?;
    claims::read(&payload, expected, now_ms)
}

/// Why claims were not signed.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// `info` cannot be written as JSON.
    #[error("the claims cannot be written as JSON: {0}")]
    Claims(#[from] serde_json::Error),
    /// The first key can only verify.
    #[error(
        "the first key of the set can only verify: put one with a private part (`d`, `k`) first"
    )]
    PublicKey,
}

/// Signs claims with the first key.
///
/// # Errors
/// [`SignError`].
pub fn sign(keys: &KeySet, claims: &Claims) -> Result<String, SignError> {
    jws::signed(keys.first(), &serde_json::to_vec(claims)?).ok_or(SignError::PublicKey)
}

#[cfg(test)]
#[path = "token_tests/mod.rs"]
mod tests;
