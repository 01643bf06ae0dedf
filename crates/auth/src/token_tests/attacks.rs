//! Attacks that play one algorithm against another, or a signature against its arithmetic (RFC 8725, section 2).

use hmac::{Hmac, Mac};
use sha2::Sha256;

use super::algorithms::{EC, OKP, bytes, mixed, rsa_key};
use super::*;

fn judge(token: &str) -> Result<Identity, TokenRefusal> {
    verify(token, &[&mixed()], &OURS, NOW_MS)
}

fn signed_part(header: &str) -> String {
    format!(
        "{}.{}",
        BASE64URL.encode(header),
        BASE64URL.encode(claims().to_string())
    )
}

fn with_signature(alg: &str, kid: &str, signature: &[u8]) -> String {
    let signed = signed_part(&format!(r#"{{"alg":"{alg}","kid":"{kid}"}}"#));
    format!("{signed}.{}", BASE64URL.encode(signature))
}

/// A public key is no secret: a token signed by HMAC with any writing of it must not pass, whatever `alg` says.
#[test]
fn a_public_key_is_never_taken_for_a_secret() {
    let n = bytes(rsa::N_2048);
    let jwk = rsa_key("r1", rsa::N_2048);
    let x = bytes("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");
    let secrets: [&[u8]; 7] = [
        rsa::PEM_2048.as_bytes(),
        rsa::PEM_2048.trim_end().as_bytes(),
        rsa::N_2048.as_bytes(),
        &n,
        jwk.as_bytes(),
        &x,
        b"",
    ];
    for secret in secrets {
        for kid in ["r1", "r2", "e1", "o1"] {
            for (alg, refusal) in [
                ("HS256", TokenRefusal::WrongAlgorithm),
                ("RS256", TokenRefusal::BadSignature),
            ] {
                if alg == "RS256" && !kid.starts_with('r') {
                    continue;
                }
                let header = format!(r#"{{"alg":"{alg}","kid":"{kid}"}}"#);
                let signed = signed_part(&header);
                let mut mac = Hmac::<Sha256>::new_from_slice(secret).unwrap();
                mac.update(signed.as_bytes());
                let signature = BASE64URL.encode(mac.finalize().into_bytes());
                assert_eq!(
                    judge(&format!("{signed}.{signature}")),
                    Err(refusal),
                    "{alg} {kid}"
                );
            }
        }
    }
}

#[test]
fn no_key_serves_another_algorithm() {
    let set = mixed();
    let names = [
        "none", "HS256", "HS384", "HS512", "ES256", "ES256K", "ES384", "EdDSA", "Ed448", "RS256",
        "RS384", "PS256",
    ];
    for (kid, own) in [
        ("k1", "HS256"),
        ("e1", "ES256"),
        ("o1", "EdDSA"),
        ("r1", "RS256"),
    ] {
        for alg in names.into_iter().filter(|alg| *alg != own) {
            let header = format!(r#"{{"alg":"{alg}","kid":"{kid}"}}"#);
            // As well signed as it can be: by the named key where it signs, else by every other.
            for signer in set.iter().filter(|key| key.sign(b"").is_some()) {
                let token = token_by(signer, &header, &claims().to_string());
                assert_eq!(
                    judge(&token),
                    Err(TokenRefusal::WrongAlgorithm),
                    "{kid} {alg}"
                );
            }
        }
    }
    for (kid, alg) in [
        ("k1", "HS256"),
        ("e1", "ES256"),
        ("o1", "EdDSA"),
        ("r1", "RS256"),
    ] {
        let header = format!(r#"{{"alg":"{alg}","kid":"{kid}"}}"#);
        for signer in set
            .iter()
            .filter(|key| key.sign(b"").is_some() && key.kid().as_str() != kid)
        {
            let token = token_by(signer, &header, &claims().to_string());
            assert_eq!(
                judge(&token),
                Err(TokenRefusal::BadSignature),
                "{kid} by {signer:?}"
            );
        }
    }
}

/// Signatures whose numbers are 0 or the order: good for every text where they are let through (CVE-2022-21449).
#[test]
fn psychic_signatures_are_refused() {
    let order = [
        0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xff, 0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63,
        0x25, 0x51,
    ];
    let zero = [0; 32];
    let mut one = [0; 32];
    one[31] = 1;
    for r in [zero, one, order, [0xff; 32]] {
        for s in [zero, one, order, [0xff; 32]] {
            let token = with_signature("ES256", "e1", &[r, s].concat());
            assert_eq!(
                judge(&token),
                Err(TokenRefusal::BadSignature),
                "{r:?} {s:?}"
            );
        }
    }
    for length in [0, 1, 63, 65, 70, 128] {
        let token = with_signature("ES256", "e1", &vec![0; length]);
        assert_eq!(judge(&token), Err(TokenRefusal::BadSignature), "{length}");
    }
}

#[test]
fn signatures_of_small_order_are_refused() {
    let set = mixed();
    // R is the neutral point, and S is 0.
    let mut neutral = [0; 64];
    neutral[0] = 1;
    for signature in [[0; 64], neutral, [0xff; 64]] {
        let token = with_signature("EdDSA", "o1", &signature);
        assert_eq!(judge(&token), Err(TokenRefusal::BadSignature));
    }
    // S plus the order of the group says the same to who does not look.
    let header = r#"{"alg":"EdDSA","kid":"o1"}"#;
    let mut signature = set
        .find("o1")
        .unwrap()
        .sign(signed_part(header).as_bytes())
        .unwrap();
    assert!(judge(&with_signature("EdDSA", "o1", &signature)).is_ok());
    let order = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde,
        0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let mut carry = 0_u16;
    for (digit, more) in signature[32..].iter_mut().zip(order) {
        let sum = u16::from(*digit) + more + carry;
        *digit = sum as u8;
        carry = sum >> 8;
    }
    assert_eq!(
        judge(&with_signature("EdDSA", "o1", &signature)),
        Err(TokenRefusal::BadSignature)
    );
}

#[test]
fn numbers_that_are_no_rsa_signature_are_refused() {
    let (signed, signature) = rsa::BY_2048.rsplit_once('.').unwrap();
    let signature = bytes(signature);
    let again = |signature: &[u8]| judge(&format!("{signed}.{}", BASE64URL.encode(signature)));
    assert!(again(&signature).is_ok());
    let mut one = vec![0; 256];
    one[255] = 1;
    let mut minus_one = bytes(rsa::N_2048);
    minus_one[255] -= 1;
    let longer = [&[0][..], &signature].concat();
    let mut other = signature.clone();
    other[255] ^= 1;
    // What the padding would look like to who signs with the exponent 1, or checks no modulus.
    let padded = [&[0, 1][..], &[0xff; 202], &[0], &[0; 51]].concat();
    for bad in [
        vec![0; 256],
        one,
        minus_one,
        bytes(rsa::N_2048),
        vec![0xff; 256],
        longer,
        other,
        padded,
        signature[..255].to_vec(),
        Vec::new(),
    ] {
        assert_eq!(again(&bad), Err(TokenRefusal::BadSignature), "{bad:?}");
    }
}

/// A key or an address that the token itself brings is never looked at (RFC 8725, section 3.10).
#[test]
fn a_token_brings_no_key_of_its_own() {
    let mine = KeySet::parse(&format!(r#"{{"keys":[{EC},{OKP}]}}"#).replace("\"e1\"", "\"mine\""))
        .unwrap();
    let public = EC.replace(r#","d":""#, r#","other":""#);
    let rsa = rsa_key("r1", rsa::N_2048);
    for (more, kid) in [
        (format!(r#""jwk":{public}"#), "mine"),
        (format!(r#""jwk":{rsa}"#), "mine"),
        (r#""jku":"https://evil.example/keys""#.to_owned(), "mine"),
        (r#""x5u":"https://evil.example/cert""#.to_owned(), "mine"),
        (r#""x5c":["MIIB"]"#.to_owned(), "mine"),
        (format!(r#""jwk":{public}"#), "r1"),
        (r#""jku":"https://evil.example/keys""#.to_owned(), "r1"),
    ] {
        let header = format!(r#"{{"alg":"ES256","kid":"{kid}",{more}}}"#);
        let token = token_by(mine.find("mine").unwrap(), &header, &claims().to_string());
        let refusal = match kid {
            "mine" => TokenRefusal::UnknownKid,
            _ => TokenRefusal::WrongAlgorithm,
        };
        assert_eq!(judge(&token), Err(refusal), "{header}");
    }
}
