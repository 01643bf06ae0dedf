//! Attacks on header and signature, whatever the algorithm.

use super::*;

#[test]
fn attacks_on_the_signature_are_refused() {
    let good = claims().to_string();
    let signature_of = |token: &str| token.rsplit_once('.').unwrap().1.to_owned();
    let good_signature = signature_of(&token(HEADER, &good));
    let part = |text: &str| BASE64URL.encode(text);
    let unsigned = |header: &str| format!("{}.{}.", part(header), part(&good));
    let malformed = |why: &str| TokenRefusal::Malformed(why.to_owned());
    let no_base64 = |name: &str| malformed(&format!("the {name} is not base64url without padding"));
    let own_key = r#"{"kty":"oct","kid":"mine","k":"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY"}"#;

    let cases: Vec<(&str, String, TokenRefusal)> = vec![
        (
            "nothing",
            String::new(),
            malformed("a token has three parts"),
        ),
        (
            "one part",
            "abc".into(),
            malformed("a token has three parts"),
        ),
        (
            "two parts",
            "a.b".into(),
            malformed("a token has three parts"),
        ),
        (
            "five parts, as JWE",
            "a.b.c.d.e".into(),
            malformed("a token has three parts"),
        ),
        (
            "alg none",
            unsigned(r#"{"alg":"none","kid":"k1"}"#),
            TokenRefusal::WrongAlgorithm,
        ),
        (
            "alg None",
            unsigned(r#"{"alg":"None","kid":"k1"}"#),
            TokenRefusal::WrongAlgorithm,
        ),
        (
            "alg hs256",
            token(r#"{"alg":"hs256","kid":"k1"}"#, &good),
            TokenRefusal::WrongAlgorithm,
        ),
        (
            "alg empty",
            token(r#"{"alg":"","kid":"k1"}"#, &good),
            TokenRefusal::WrongAlgorithm,
        ),
        (
            "alg of another length",
            token(r#"{"alg":"HS512","kid":"k1"}"#, &good),
            TokenRefusal::WrongAlgorithm,
        ),
        (
            "alg of another kind",
            token(r#"{"alg":"RS256","kid":"k1"}"#, &good),
            TokenRefusal::WrongAlgorithm,
        ),
        (
            "alg no text",
            token(r#"{"alg":["HS256"],"kid":"k1"}"#, &good),
            malformed("header: `alg` must be a string"),
        ),
        (
            "no alg",
            token(r#"{"kid":"k1"}"#, &good),
            malformed("header: `alg` is missing"),
        ),
        (
            "no kid",
            token(r#"{"alg":"HS256"}"#, &good),
            malformed("header: `kid` is missing"),
        ),
        (
            "kid of nobody",
            token(r#"{"alg":"HS256","kid":"k3"}"#, &good),
            TokenRefusal::UnknownKid,
        ),
        (
            "kid as a path",
            token(r#"{"alg":"HS256","kid":"../../dev/null"}"#, &good),
            TokenRefusal::UnknownKid,
        ),
        (
            "kid as SQL",
            token(r#"{"alg":"HS256","kid":"k1' OR '1'='1"}"#, &good),
            TokenRefusal::UnknownKid,
        ),
        (
            "kid with a zero byte",
            token(r#"{"alg":"HS256","kid":"k1\u0000"}"#, &good),
            TokenRefusal::UnknownKid,
        ),
        (
            "kid empty",
            token(r#"{"alg":"HS256","kid":""}"#, &good),
            TokenRefusal::UnknownKid,
        ),
        (
            "kid of another key",
            token(r#"{"alg":"HS256","kid":"k2"}"#, &good),
            TokenRefusal::BadSignature,
        ),
        (
            "key in the header",
            token(
                &format!(r#"{{"alg":"HS256","kid":"mine","jwk":{own_key}}}"#),
                &good,
            ),
            TokenRefusal::UnknownKid,
        ),
        (
            "keys fetched from the header",
            token(
                r#"{"alg":"HS256","kid":"x","jku":"https://evil.example/k"}"#,
                &good,
            ),
            TokenRefusal::UnknownKid,
        ),
        (
            "crit",
            token(r#"{"alg":"HS256","kid":"k1","crit":["exp"]}"#, &good),
            malformed("header: `crit` is not supported"),
        ),
        (
            "b64",
            token(
                r#"{"alg":"HS256","kid":"k1","crit":["b64"],"b64":false}"#,
                &good,
            ),
            malformed("header: `crit` is not supported"),
        ),
        (
            "two kids",
            token(r#"{"alg":"HS256","kid":"k1","kid":"k2"}"#, &good),
            malformed("header: a member stands there twice"),
        ),
        (
            "two algs",
            token(r#"{"alg":"none","alg":"HS256","kid":"k1"}"#, &good),
            malformed("header: a member stands there twice"),
        ),
        (
            "another typ",
            token(r#"{"alg":"HS256","kid":"k1","typ":"dpop+jwt"}"#, &good),
            malformed("header: `typ` must be JWT or at+jwt where it is given"),
        ),
        (
            "header no object",
            token("[]", &good),
            malformed("header: not a JSON object"),
        ),
        (
            "no signature",
            format!("{}.{}.", part(HEADER), part(&good)),
            TokenRefusal::BadSignature,
        ),
        (
            "a short signature",
            format!("{}.{}.{}", part(HEADER), part(&good), &good_signature[..40]),
            TokenRefusal::BadSignature,
        ),
        (
            "another payload",
            format!(
                "{}.{}.{good_signature}",
                part(HEADER),
                part(&with("sub", json!("bob")))
            ),
            TokenRefusal::BadSignature,
        ),
        (
            "another header",
            format!(
                "{}.{}.{good_signature}",
                part(r#"{"kid":"k1","alg":"HS256"}"#),
                part(&good)
            ),
            TokenRefusal::BadSignature,
        ),
        (
            "padding",
            format!("{}=", token(HEADER, &good)),
            no_base64("signature"),
        ),
        (
            "bits after the end",
            format!(
                "{}5",
                &token(HEADER, &good)[..token(HEADER, &good).len() - 1]
            ),
            no_base64("signature"),
        ),
        (
            "spaces",
            format!(" {}", token(HEADER, &good)),
            no_base64("header"),
        ),
        (
            "standard alphabet",
            format!("+/{}", token(HEADER, &good)),
            no_base64("header"),
        ),
        (
            "too large",
            token(HEADER, &with("x", json!("x".repeat(8_192)))),
            TokenRefusal::TooLarge,
        ),
    ];
    for (attack, token, refusal) in cases {
        assert_eq!(judge(&token), Err(refusal), "{attack}");
    }
}
