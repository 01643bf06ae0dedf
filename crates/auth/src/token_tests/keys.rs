//! Keys that are not taken, and sets that were fetched.

use super::algorithms::{EC, OKP, rsa_key};
use super::*;

fn refusal(key: &str) -> String {
    KeySet::parse(&format!(r#"{{"keys":[{key}]}}"#))
        .unwrap_err()
        .to_string()
}

#[test]
fn keys_of_the_wrong_kind_say_why() {
    let rsa = rsa_key("r", rsa::N_2048);
    let even = format!("{}A", &rsa::N_2048[..rsa::N_2048.len() - 1]);
    let cases = [
        (EC.replace("P-256", "P-384"), r#"`crv` "P-384" is not supported; use P-256"#),
        (EC.replace("P-256", "secp256k1"), r#"`crv` "secp256k1" is not supported"#),
        (EC.replace(r#""crv":"P-256","#, ""), "`crv` is missing; it must be P-256"),
        (EC.replace("f83OJ", "g83OJ"), "are no point of the curve"),
        (
            r#"{"kty":"EC","kid":"e","crv":"P-256","x":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","y":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}"#.to_owned(),
            "are no point of the curve",
        ),
        (EC.replace("f83OJ", ""), "`x`"),
        (EC.replace("jpsQn", "kpsQn"), "`d` is not the private part"),
        (EC.replacen('{', r#"{"alg":"HS256","#, 1), r#"`alg` "HS256" is not supported for `kty` EC; use ES256"#),
        (EC.replacen('{', r#"{"alg":"ES384","#, 1), r#"`alg` "ES384""#),
        (EC.replacen('{', r#"{"use":"enc","#, 1), "`use` must be"),
        (EC.replacen('{', r#"{"key_ops":["sign"],"#, 1), "`key_ops` must hold"),
        (EC.replacen('{', r#"{"key_ops":"verify","#, 1), "`key_ops` must be a list"),
        (OKP.replace("Ed25519", "Ed448"), r#"`crv` "Ed448" is not supported; use Ed25519"#),
        (OKP.replace("Ed25519", "X25519"), r#"`crv` "X25519" is not supported"#),
        (OKP.replace("nWGxn", "oWGxn"), "`d` is not the private part"),
        // The neutral point, for which every signature holds that says nothing.
        (
            r#"{"kty":"OKP","kid":"o","crv":"Ed25519","x":"AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}"#.to_owned(),
            "`x` is no public key of Ed25519",
        ),
        (rsa_key("r", rsa::N_1024), "the modulus has 1024 bits; RS256 takes 2048 to 4096"),
        (rsa_key("r", &BASE64URL.encode([0xff; 513])), "the modulus has 4104 bits"),
        (rsa_key("r", &format!("AAAA{}", rsa::N_2048)), "must not begin with a zero byte"),
        (rsa_key("r", &even), "the modulus is even"),
        (rsa.replace("AQAB", "AQ"), "the exponent must be odd, 65537 at least"),
        (rsa.replace("AQAB", "Aw"), "the exponent must be odd, 65537 at least"),
        (rsa.replace("AQAB", "AQAC"), "the exponent must be odd"),
        (rsa.replace("AQAB", "AQAAAAE"), "4 bytes at most"),
        (rsa.replace(r#""e""#, r#""d":"AQ","e""#), "RS256 is verified only"),
        (rsa.replacen('{', r#"{"alg":"PS256","#, 1), r#"`alg` "PS256" is not supported for `kty` RSA; use RS256"#),
        (rsa.replacen('{', r#"{"alg":"HS256","#, 1), r#"`alg` "HS256" is not supported for `kty` RSA"#),
        (
            format!(r#"{{"kty":"oct","kid":"k","k":"{}"}}"#, BASE64URL.encode(rsa::PEM_2048)),
            "the secret is a PEM file",
        ),
    ];
    for (key, expected) in cases {
        let said = refusal(&key);
        assert!(
            said.contains(expected),
            "{key}\nsaid {said}\nnot {expected}"
        );
    }
}

#[test]
fn private_parts_are_never_shown() {
    for key in [EC, OKP] {
        let set = KeySet::parse(&format!(r#"{{"keys":[{key}]}}"#)).unwrap();
        assert!(!format!("{set:?}").contains("private"), "{set:?}");
    }
    let said = refusal(&EC.replace("jpsQn", "kpsQn"));
    assert!(!said.contains("psQn"), "{said}");
}

#[test]
fn a_fetched_set_is_taken_for_what_can_be_used() {
    let public = |key: &str, member: &str| key.replace(r#""d":""#, &format!(r#""{member}":""#));
    let text = format!(
        r#"{{"keys":[1,{{}},{{"kty":"oct","kid":"secret","k":"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY"}},{OKP},{{"kty":"EC","crv":"P-384","kid":"p"}},{},{},{}],"more":1}}"#,
        public(EC, "x5c"),
        rsa_key("e1", rsa::N_2048),
        rsa_key("weak", rsa::N_1024),
    );
    let set = KeySet::parse_fetched(&text).unwrap();
    let kids: Vec<_> = set.iter().map(|key| key.kid().as_str()).collect();
    assert_eq!(
        kids,
        ["e1"],
        "a secret, a private part, a weak key and a second `e1` are passed over"
    );
    assert_eq!(set.first().algorithm().name(), "ES256");
    assert!(set.first().sign(b"x").is_none());

    let many: Vec<_> = (0..40)
        .map(|n| public(EC, "x5c").replace("\"e1\"", &format!("\"e{n}\"")))
        .collect();
    let many = KeySet::parse_fetched(&format!(r#"{{"keys":[{}]}}"#, many.join(","))).unwrap();
    assert_eq!(many.iter().count(), 16);

    for bad in [
        "",
        "<html>",
        "{}",
        r#"{"keys":{}}"#,
        r#"{"keys":[]}"#,
        &format!(r#"{{"keys":[{OKP}]}}"#),
    ] {
        assert!(KeySet::parse_fetched(bad).is_err(), "{bad}");
    }
    let long = format!("{text}{}", " ".repeat(64 * 1_024));
    assert!(
        KeySet::parse_fetched(&long)
            .unwrap_err()
            .to_string()
            .contains("longer than 65536")
    );
}

proptest! {
    #[test]
    fn no_key_makes_it_panic(kty in "oct|EC|OKP|RSA", crv in "P-256|Ed25519", x in prop::collection::vec(any::<u8>(), 0..300), y in prop::collection::vec(any::<u8>(), 0..40)) {
        let (x, y) = (BASE64URL.encode(x), BASE64URL.encode(y));
        let key = json!({"kty": kty, "kid": "a", "crv": crv, "x": x, "y": y, "n": x, "e": y, "k": x});
        let text = json!({"keys": [key]}).to_string();
        if let Ok(set) = KeySet::parse(&text) {
            prop_assert!(!set.first().verifies(b"text", &[0; 64]));
        }
    }
}
