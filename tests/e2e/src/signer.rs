//! Keys with a public part: made for a test, or with OpenSSL, which nothing here can sign with.

use serde_json::{Value, json};
use tidegate_auth::{Algorithm, KeySet, rotate, token};

use crate::token::{AUDIENCE, ISSUER, now_ms};

/// An RSA modulus of 2,048 bits, key `rsa`.
pub const RSA_N: &str = "04ac2hHZdei5WIxz82Ip6Mkes3QudeXS6AVNVX8-cMjW6Gl1OD4tqo_5XtOzuhoIFyqvGtN63TFnZPbbZF1CRldgYfoEHzFV73aD7p84d8R58FeOqrnyiS9RPeiS6404LjgISoL6CB97JLU_8rfoObF24axaxizktwWJ1bhgzZuF0kB8k8btPrlpzb5Rt_0wQqNt_yzVBmcN4i0neggveHfJy08aowXSXhUmRcjqLuAE3SUrqlEJTwl9a1RDRiMLnKCjZ9P3aNWCs50irlwfYNKpEjr1h1KUAnaaP3EW0GbMTnk9x6XTZQQrh-_w0JD3579HZN0vG1EYtYYqR-ATHQ";
/// The same key in PEM.
pub const RSA_PEM: &str = "-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA04ac2hHZdei5WIxz82Ip\n6Mkes3QudeXS6AVNVX8+cMjW6Gl1OD4tqo/5XtOzuhoIFyqvGtN63TFnZPbbZF1C\nRldgYfoEHzFV73aD7p84d8R58FeOqrnyiS9RPeiS6404LjgISoL6CB97JLU/8rfo\nObF24axaxizktwWJ1bhgzZuF0kB8k8btPrlpzb5Rt/0wQqNt/yzVBmcN4i0neggv\neHfJy08aowXSXhUmRcjqLuAE3SUrqlEJTwl9a1RDRiMLnKCjZ9P3aNWCs50irlwf\nYNKpEjr1h1KUAnaaP3EW0GbMTnk9x6XTZQQrh+/w0JD3579HZN0vG1EYtYYqR+AT\nHQIDAQAB\n-----END PUBLIC KEY-----\n";
/// `rosa` may publish until the year 2100, signed by `rsa`.
pub const BY_RSA: &str = "eyJhbGciOiJSUzI1NiIsImtpZCI6InJzYSIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJodHRwczovL2lzc3Vlci5leGFtcGxlIiwiYXVkIjoidGlkZWdhdGUiLCJzdWIiOiJyb3NhIiwic2NvcGUiOiJwdWJsaXNoIiwiZXhwIjo0MTAyNDQ0ODAwfQ.UYbj4ExODRoueqK3H3-Q7OC4w_8RA60iEkvKFq0EeI1-Cx8INvvGULjAR1JMou92QdXd3tSthkZ9n6QO18_F2TRa1aLniP0pPQztPmDeQtImvJSs0fwRQFwgPAL2Ck6yoAW-41-oC19uJ00pXGqnSC9BYKizmv0iwdhab_EZV2FiFtGNCnueo8nFSlfnpnpM-HVJ0XAJvN_ENwCXpIz_ziCav7Pbf2JY-J15JbMqNOOUSOopUJlpPx8V3Z2nJHMRGqF9O-sZti9QbSjbbOYAOAnJpFB8i-s_pUX7MgYUbpdKtCpGoRAdiY9vqRdHhCbCMZBAs3Wwi9Dcb2Yd8RVajQ";

/// The public JWK of `rsa`.
pub fn rsa() -> Value {
    json!({"kty":"RSA","alg":"RS256","use":"sig","kid":"rsa","n":RSA_N,"e":"AQAB"})
}

/// A key that signs tokens in a test.
pub struct Signer(Value);

impl Signer {
    /// One for ES256.
    pub fn es256(kid: &str, byte: u8) -> Self {
        Self::made(Algorithm::Es256, kid, byte)
    }

    /// One for EdDSA.
    pub fn eddsa(kid: &str, byte: u8) -> Self {
        Self::made(Algorithm::EdDsa, kid, byte)
    }

    fn made(algorithm: Algorithm, kid: &str, byte: u8) -> Self {
        let kid = kid.parse().expect("a name");
        Self(rotate::make(algorithm, &kid, &[byte; 32]).expect("a key"))
    }

    /// What others may know of it.
    pub fn public(&self) -> Value {
        rotate::public(&self.0).expect("a public part")
    }

    /// A token that is good for ten minutes.
    pub fn token(&self, subject: &str, scope: &str) -> String {
        let set = json!({"keys": [self.0]}).to_string();
        let claims = tidegate_auth::Claims {
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            sub: subject.to_owned(),
            iat: now_ms() / 1000,
            exp: now_ms() / 1000 + 600,
            nbf: None,
            jti: None,
            scope: scope.to_owned(),
            rooms: None,
            follows: None,
            info: None,
        };
        token::sign(&KeySet::parse(&set).expect("a set"), &claims).expect("it signs")
    }
}
