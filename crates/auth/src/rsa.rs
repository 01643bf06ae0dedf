//! Keys for RS256: JWKs of `kty` `RSA` (RFC 7518, section 6.3). Public ones only: nothing here signs with RSA.
//!
//! Verifying is one modular power of public numbers, compared with the one encoding that is right (RFC 8017, section 8.2.2):
//! nothing is parsed out of a signature, so there is no lenient parsing to be abused. A whole RSA library would bring private
//! keys, padding modes and ASN.1, none of which is wanted here.

use num_bigint::BigUint;
use sha2::{Digest, Sha256};

use crate::limits::{RSA_EXPONENT_MIN, RSA_MAX_BITS, RSA_MIN_BITS};
use crate::members::Members;

/// What precedes a SHA-256 hash in a signature: DER of its `DigestInfo` (RFC 8017, section 9.2, note 1).
const SHA256_PREFIX: [u8; 19] = [
    0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05,
    0x00, 0x04, 0x20,
];

/// A public key.
#[derive(Clone)]
pub(crate) struct Rsa {
    modulus: BigUint,
    exponent: BigUint,
    bytes: usize,
}

impl Rsa {
    pub(crate) fn read(members: &mut Members) -> Result<Self, String> {
        for name in ["d", "p", "q", "dp", "dq", "qi", "oth"] {
            if members.has(name) {
                return Err(
                    "RS256 is verified only: leave the private part of the key out".to_owned(),
                );
            }
        }
        let n = members
            .base64url("n")?
            .ok_or("`n`, the modulus, is missing")?;
        let e = members
            .base64url("e")?
            .ok_or("`e`, the exponent, is missing")?;
        if n.first() == Some(&0) || e.first() == Some(&0) {
            return Err("`n` and `e` must not begin with a zero byte".to_owned());
        }
        let modulus = BigUint::from_bytes_be(&n);
        let bits = modulus.bits();
        if !(RSA_MIN_BITS..=RSA_MAX_BITS).contains(&bits) {
            return Err(format!(
                "the modulus has {bits} bits; RS256 takes {RSA_MIN_BITS} to {RSA_MAX_BITS}"
            ));
        }
        let exponent = BigUint::from_bytes_be(&e);
        if e.len() > 4 || !exponent.bit(0) || exponent < BigUint::from(RSA_EXPONENT_MIN) {
            return Err(format!(
                "the exponent must be odd, {RSA_EXPONENT_MIN} at least, and 4 bytes at most"
            ));
        }
        if !modulus.bit(0) {
            return Err("the modulus is even, so it is none".to_owned());
        }
        Ok(Self {
            modulus,
            exponent,
            bytes: n.len(),
        })
    }

    pub(crate) fn verifies(&self, signed: &[u8], signature: &[u8]) -> bool {
        if signature.len() != self.bytes {
            return false;
        }
        let signature = BigUint::from_bytes_be(signature);
        if signature >= self.modulus {
            return false;
        }
        let power = signature.modpow(&self.exponent, &self.modulus);
        power == BigUint::from_bytes_be(&self.encoded(signed))
    }

    /// EMSA-PKCS1-v1_5 of a text (RFC 8017, section 9.2).
    fn encoded(&self, signed: &[u8]) -> Vec<u8> {
        let hash = Sha256::digest(signed);
        let mut encoded = vec![0xff; self.bytes];
        (encoded[0], encoded[1]) = (0x00, 0x01);
        let prefix_at = self.bytes - SHA256_PREFIX.len() - hash.len();
        let hash_at = self.bytes - hash.len();
        encoded[prefix_at - 1] = 0x00;
        encoded[prefix_at..hash_at].copy_from_slice(&SHA256_PREFIX);
        encoded[hash_at..].copy_from_slice(&hash);
        encoded
    }
}
