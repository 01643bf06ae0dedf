//! Each algorithm against the vectors of its standard, and all of them in one set.

use super::*;
use crate::keys::Algorithm;

/// P-256, with its private part (RFC 7515, appendix A.3).
pub(super) const EC: &str = r#"{"kty":"EC","kid":"e1","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0","d":"jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"}"#;
/// Ed25519, with its private part (RFC 8037, appendix A.1).
pub(super) const OKP: &str = r#"{"kty":"OKP","kid":"o1","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"}"#;

pub(super) fn set(key: &str) -> KeySet {
    KeySet::parse(&format!(r#"{{"keys":[{key}]}}"#)).unwrap()
}

pub(super) fn rsa_key(kid: &str, n: &str) -> String {
    format!(
        r#"{{"kty":"RSA","kid":"{kid}","n":"{n}","e":"AQAB","use":"sig","key_ops":["verify"]}}"#
    )
}

/// Every kind of key in one set.
pub(super) fn mixed() -> KeySet {
    set(&[
        EC.to_owned(),
        OKP.to_owned(),
        rsa_key("r1", rsa::N_2048),
        rsa_key("r2", rsa::N_4096),
        r#"{"kty":"oct","kid":"k1","k":"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY"}"#.to_owned(),
    ]
    .join(","))
}

pub(super) fn bytes(base64url: &str) -> Vec<u8> {
    BASE64URL.decode(base64url).unwrap()
}

/// The example of RFC 7515, appendix A.1, whose key and signature are known.
#[test]
fn hmac_is_that_of_the_standard() {
    let set = KeySet::parse(
        r#"{"keys":[{"kty":"oct","kid":"a1","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"}]}"#,
    )
    .unwrap();
    let signed = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
    let signature = BASE64URL
        .decode("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")
        .unwrap();
    assert!(set.first().verifies(signed.as_bytes(), &signature));
    assert!(!set.first().verifies(signed.as_bytes(), &signature[..31]));
    assert!(!set.first().verifies(signed.as_bytes(), b""));
}

/// RFC 7515, appendix A.2.
#[test]
fn rsa_is_that_of_the_standard() {
    let set = set(
        r#"{"kty":"RSA","kid":"a2","e":"AQAB","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"}"#,
    );
    let signed = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
    let signature = bytes(
        "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw",
    );
    assert!(set.first().verifies(signed.as_bytes(), &signature));
    assert!(!set.first().verifies(&signed.as_bytes()[1..], &signature));
    assert_eq!(set.first().sign(signed.as_bytes()), None);
}

/// RFC 7515, appendix A.3.
#[test]
fn ecdsa_is_that_of_the_standard() {
    let set = set(EC);
    let signed = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
    let signature = bytes(
        "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
    );
    assert!(set.first().verifies(signed.as_bytes(), &signature));
    assert!(!set.first().verifies(&signed.as_bytes()[1..], &signature));
    let own = set.first().sign(signed.as_bytes()).unwrap();
    assert!(set.first().verifies(signed.as_bytes(), &own));
}

/// RFC 8037, appendix A.4; signing gives its very signature, since EdDSA has no choice.
#[test]
fn eddsa_is_that_of_the_standard() {
    let set = set(OKP);
    let signed = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
    let signature = bytes(
        "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg",
    );
    assert!(set.first().verifies(signed.as_bytes(), &signature));
    assert!(!set.first().verifies(&signed.as_bytes()[1..], &signature));
    assert_eq!(set.first().sign(signed.as_bytes()), Some(signature));
}

#[test]
fn keys_of_all_kinds_stand_in_one_set() {
    let set = mixed();
    let claims = claims().to_string();
    for (kid, alg) in [
        ("e1", "ES256"),
        ("o1", "EdDSA"),
        ("o1", "Ed25519"),
        ("k1", "HS256"),
    ] {
        let header = format!(r#"{{"alg":"{alg}","kid":"{kid}"}}"#);
        let token = token_by(set.find(kid).unwrap(), &header, &claims);
        let identity = verify(&token, &[&set], &OURS, NOW_MS).unwrap();
        assert_eq!(identity.subject.as_str(), "alice", "{alg}");
    }
    for token in [rsa::BY_2048, rsa::BY_4096] {
        let identity = verify(token, &[&set], &OURS, NOW_MS).unwrap();
        assert_eq!(identity.subject.as_str(), "alice");
    }
}

#[test]
fn a_set_signs_with_its_first_key_if_that_can() {
    let claims = Claims {
        iss: OURS.issuer.to_owned(),
        aud: OURS.audience.to_owned(),
        sub: "alice".to_owned(),
        iat: NOW_S,
        exp: NOW_S + 60,
        nbf: None,
        jti: None,
        scope: String::new(),
        rooms: None,
        follows: None,
        info: None,
    };
    for (key, algorithm) in [(EC, Algorithm::Es256), (OKP, Algorithm::EdDsa)] {
        let set = set(key);
        assert_eq!(set.first().algorithm(), algorithm);
        let token = sign(&set, &claims).unwrap();
        assert!(verify(&token, &[&set], &OURS, NOW_MS).is_ok());
    }
    let without_d = EC.replace(r#","d":""#, r#","other":""#);
    let forbidden = EC.replacen('{', r#"{"key_ops":["verify"],"#, 1);
    for key in [without_d, forbidden, rsa_key("r1", rsa::N_2048)] {
        assert!(
            matches!(sign(&set(&key), &claims), Err(SignError::PublicKey)),
            "{key}"
        );
    }
}
