//! One key of a set (RFC 7517, section 4).

use std::fmt;

use serde_json::Value;

use crate::algorithm::Algorithm;
use crate::ec::P256;
use crate::kid::Kid;
use crate::members::{Members, shown};
use crate::oct::Secret;
use crate::okp::Ed25519;
use crate::rsa::Rsa;

/// One key: a name, and what only it can make or check. Its secret is never shown.
#[derive(Clone)]
pub struct Key {
    kid: Kid,
    may_sign: bool,
    material: Material,
}

#[derive(Clone)]
enum Material {
    Hs256(Secret),
    Es256(P256),
    EdDsa(Ed25519),
    Rs256(Rsa),
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key")
            .field("kid", &self.kid)
            .field("alg", &self.algorithm().name())
            .finish_non_exhaustive()
    }
}

impl Key {
    /// Its name.
    pub fn kid(&self) -> &Kid {
        &self.kid
    }

    /// The one algorithm that it is for.
    pub fn algorithm(&self) -> Algorithm {
        match self.material {
            Material::Hs256(_) => Algorithm::Hs256,
            Material::Es256(_) => Algorithm::Es256,
            Material::EdDsa(_) => Algorithm::EdDsa,
            Material::Rs256(_) => Algorithm::Rs256,
        }
    }

    /// Signs, if the key has what that takes: a secret or private part, and no `key_ops` without `sign`.
    pub(crate) fn sign(&self, signed: &[u8]) -> Option<Vec<u8>> {
        if !self.may_sign {
            return None;
        }
        match &self.material {
            Material::Hs256(secret) => Some(secret.sign(signed)),
            Material::Es256(key) => key.sign(signed),
            Material::EdDsa(key) => key.sign(signed),
            Material::Rs256(_) => None,
        }
    }

    /// Whether `signature` is this key's.
    pub(crate) fn verifies(&self, signed: &[u8], signature: &[u8]) -> bool {
        match &self.material {
            Material::Hs256(secret) => secret.verifies(signed, signature),
            Material::Es256(key) => key.verifies(signed, signature),
            Material::EdDsa(key) => key.verifies(signed, signature),
            Material::Rs256(key) => key.verifies(signed, signature),
        }
    }

    /// Reads what a JWK says beside its `kid`. `kty` and `crv` decide the algorithm, and `alg`, `use` and `key_ops` must not
    /// say otherwise where they are given.
    pub(crate) fn read(mut members: Members, kid: Kid) -> Result<Self, String> {
        let kind = members.text("kty")?.ok_or("`kty` is missing")?;
        let algorithm = match kind.as_str() {
            "oct" => Algorithm::Hs256,
            "EC" => Algorithm::Es256,
            "OKP" => Algorithm::EdDsa,
            "RSA" => Algorithm::Rs256,
            other => {
                return Err(format!(
                    "`kty` {} is not supported; use oct, EC, OKP or RSA",
                    shown(other)
                ));
            }
        };
        if let Some(alg) = members.text("alg")?
            && !algorithm.is_named(&alg)
        {
            return Err(format!(
                "`alg` {} is not supported for `kty` {kind}; use {}",
                shown(&alg),
                algorithm.name()
            ));
        }
        match members.text("use")?.as_deref() {
            None | Some("sig") => {}
            Some(_) => return Err("`use` must be \"sig\" where it is given".to_owned()),
        }
        let may_sign = match operations(&mut members)? {
            None => true,
            Some(list) if list.iter().any(|one| one == "verify") => {
                list.iter().any(|one| one == "sign")
            }
            Some(_) => return Err("`key_ops` must hold \"verify\" where it is given".to_owned()),
        };
        let material = match algorithm {
            Algorithm::Hs256 => Material::Hs256(Secret::read(&mut members)?),
            Algorithm::Es256 => Material::Es256(P256::read(&mut members)?),
            Algorithm::EdDsa => Material::EdDsa(Ed25519::read(&mut members)?),
            Algorithm::Rs256 => Material::Rs256(Rsa::read(&mut members)?),
        };
        Ok(Self {
            kid,
            may_sign,
            material,
        })
    }
}

fn operations(members: &mut Members) -> Result<Option<Vec<String>>, String> {
    let wrong = || "`key_ops` must be a list of strings".to_owned();
    match members.take("key_ops") {
        None => Ok(None),
        Some(Value::Array(list)) => list
            .into_iter()
            .map(|one| one.as_str().map(str::to_owned).ok_or_else(wrong))
            .collect::<Result<_, _>>()
            .map(Some),
        Some(_) => Err(wrong()),
    }
}
