//! Keys for EdDSA: JWKs of `kty` `OKP` on the curve Ed25519 (RFC 8037).

use ed25519_compact::{KeyPair, PublicKey, SecretKey, Seed, Signature};

use crate::members::Members;

/// A public key, and its private part where the set has it.
#[derive(Clone)]
pub(crate) struct Ed25519 {
    public: PublicKey,
    private: Option<Box<SecretKey>>,
}

impl Ed25519 {
    pub(crate) fn read(members: &mut Members) -> Result<Self, String> {
        members.must_say("crv", "Ed25519")?;
        let x = members.base64url("x")?.ok_or("`x` is missing")?;
        let public = PublicKey::from_slice(&x).map_err(|_| "`x` must be 32 bytes in base64url")?;
        public
            .validate()
            .map_err(|_| "`x` is no public key of Ed25519")?;
        let private = match members.base64url("d")? {
            None => None,
            Some(d) => {
                let seed = Seed::from_slice(&d).map_err(|_| "`d` must be 32 bytes in base64url")?;
                let pair = KeyPair::try_from_seed(seed).map_err(|_| "`d` is no private key")?;
                if pair.pk != public {
                    return Err("`d` is not the private part of `x`".to_owned());
                }
                Some(Box::new(pair.sk))
            }
        };
        Ok(Self { public, private })
    }

    pub(crate) fn sign(&self, signed: &[u8]) -> Option<Vec<u8>> {
        let private = self.private.as_ref()?;
        Some(private.sign(signed, None).to_vec())
    }

    pub(crate) fn verifies(&self, signed: &[u8], signature: &[u8]) -> bool {
        Signature::from_slice(signature)
            .is_ok_and(|signature| self.public.verify(signed, &signature).is_ok())
    }
}
