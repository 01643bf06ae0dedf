//! Secrets for HS256: JWKs of `kty` `oct` (RFC 7518, section 6.4).

use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::limits::{SECRET_MAX_BYTES, SECRET_MIN_BYTES};
use crate::members::Members;

/// A secret, as the state of HMAC after it, so that no call hashes the key again.
#[derive(Clone)]
pub(crate) struct Secret(Box<Hmac<Sha256>>);

impl Secret {
    pub(crate) fn read(members: &mut Members) -> Result<Self, String> {
        let secret = members
            .base64url("k")?
            .ok_or("`k`, the secret, is missing")?;
        if !(SECRET_MIN_BYTES..=SECRET_MAX_BYTES).contains(&secret.len()) {
            return Err(format!(
                "the secret has {} bytes; HS256 takes {SECRET_MIN_BYTES} to {SECRET_MAX_BYTES}",
                secret.len()
            ));
        }
        if secret.starts_with(b"-----BEGIN ") {
            // What everybody may read would sign for everybody (RFC 8725, section 2.1).
            return Err(
                "the secret is a PEM file; a public key goes into a key of its own `kty`, and a secret is random"
                    .to_owned(),
            );
        }
        let keyed = Hmac::new_from_slice(&secret).map_err(|error| error.to_string())?;
        Ok(Self(Box::new(keyed)))
    }

    pub(crate) fn sign(&self, signed: &[u8]) -> Vec<u8> {
        let mut mac = Hmac::clone(&self.0);
        mac.update(signed);
        mac.finalize().into_bytes().to_vec()
    }

    /// In constant time.
    pub(crate) fn verifies(&self, signed: &[u8], signature: &[u8]) -> bool {
        let mut mac = Hmac::clone(&self.0);
        mac.update(signed);
        mac.verify_slice(signature).is_ok()
    }
}
