//! Keys for ES256: JWKs of `kty` `EC` on the curve P-256 (RFC 7518, section 6.2).

use p256::ecdsa::signature::{Signer, Verifier};
use p256::ecdsa::{Signature, SigningKey, VerifyingKey};

use crate::members::Members;

/// Bytes of a coordinate, and of a private key.
const FIELD_BYTES: usize = 32;

/// A public key that lies on the curve, and its private part where the set has it.
#[derive(Clone)]
pub(crate) struct P256 {
    public: VerifyingKey,
    private: Option<Box<SigningKey>>,
}

impl P256 {
    pub(crate) fn read(members: &mut Members) -> Result<Self, String> {
        members.must_say("crv", "P-256")?;
        let mut point = vec![4];
        for name in ["x", "y"] {
            let coordinate = members
                .base64url(name)?
                .filter(|bytes| bytes.len() == FIELD_BYTES)
                .ok_or_else(|| format!("`{name}` must be {FIELD_BYTES} bytes in base64url"))?;
            point.extend(coordinate);
        }
        let public = VerifyingKey::from_sec1_bytes(&point)
            .map_err(|_| "`x` and `y` are no point of the curve P-256")?;
        let private = match members.base64url("d")? {
            None => None,
            Some(d) => {
                let private =
                    SigningKey::from_slice(&d).map_err(|_| "`d` is no private key of P-256")?;
                if *private.verifying_key() != public {
                    return Err("`d` is not the private part of `x` and `y`".to_owned());
                }
                Some(Box::new(private))
            }
        };
        Ok(Self { public, private })
    }

    /// A signature of 64 bytes; its nonce is made from key and text (RFC 6979), so that no weak chance can give the key away.
    pub(crate) fn sign(&self, signed: &[u8]) -> Option<Vec<u8>> {
        let private = self.private.as_ref()?;
        let signature: Signature = private.sign(signed);
        Some(signature.to_bytes().to_vec())
    }

    /// A signature whose `r` or `s` is 0 or not below the order is none.
    pub(crate) fn verifies(&self, signed: &[u8], signature: &[u8]) -> bool {
        Signature::from_slice(signature)
            .is_ok_and(|signature| self.public.verify(signed, &signature).is_ok())
    }
}
