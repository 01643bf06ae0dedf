use super::*;

const K: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY";

fn refusal(text: &str) -> String {
    KeySet::parse(text).unwrap_err().to_string()
}

#[test]
fn the_first_signs_and_all_are_found() {
    let set = KeySet::parse(&format!(
        r#"{{"keys":[{{"kty":"oct","kid":"b","k":"{K}","alg":"HS256","use":"sig"}},{{"kty":"oct","kid":"a","k":"{K}","x":1}}]}}"#
    ))
    .unwrap();
    assert_eq!(set.first().kid().as_str(), "b");
    assert_eq!(set.find("a").unwrap().kid().as_str(), "a");
    assert!(set.find("c").is_none());
    assert!(!set.is_example());
}

#[test]
fn a_set_that_is_not_taken_says_why() {
    let key = |members: &str| format!(r#"{{"keys":[{{{members}}}]}}"#);
    let cases = [
        ("".to_owned(), "not JSON"),
        ("{}".to_owned(), "`keys` must be a list"),
        (r#"{"keys":[]}"#.to_owned(), "there is no key"),
        (
            r#"{"keys":[1]}"#.to_owned(),
            "key 1 of the set: a key is a JSON object",
        ),
        (
            key(&format!(r#""kty":"oct","k":"{K}""#)),
            "`kid` is missing",
        ),
        (
            key(&format!(r#""kty":"oct","kid":"","k":"{K}""#)),
            "`kid` must be 1 to 128",
        ),
        (
            key(&format!(r#""kty":"oct","kid":"a b","k":"{K}""#)),
            "`kid` must be 1 to 128",
        ),
        (
            key(r#""kty":"RSA","kid":"r","n":"x","e":"AQAB""#),
            r#"(kid "r"): `n` must be base64url"#,
        ),
        (key(r#""kty":"EC","kid":"e""#), "`crv` is missing"),
        (key(r#""kid":"e""#), "`kty` is missing"),
        (
            key(&format!(r#""kty":"oct","kid":"a","k":"{K}","alg":"HS512""#)),
            r#"`alg` "HS512" is not supported"#,
        ),
        (
            key(&format!(r#""kty":"oct","kid":"a","k":"{K}","alg":"none""#)),
            r#"`alg` "none" is not supported"#,
        ),
        (
            key(&format!(r#""kty":"oct","kid":"a","k":"{K}","use":"enc""#)),
            "`use` must be",
        ),
        (
            key(r#""kty":"oct","kid":"a","k":"c2hvcnQ""#),
            "the secret has 5 bytes; HS256 takes 32 to 512",
        ),
        (
            key(r#""kty":"oct","kid":"a","k":"c2hvcnQ=""#),
            "`k` must be base64url",
        ),
        (
            key(r#""kty":"oct","kid":"a""#),
            "`k`, the secret, is missing",
        ),
        (
            key(&format!(r#""kty":"oct","kid":7,"k":"{K}""#)),
            "`kid` must be a string",
        ),
        (
            format!(
                r#"{{"keys":[{{"kty":"oct","kid":"a","k":"{K}"}},{{"kty":"oct","kid":"a","k":"{K}"}}]}}"#
            ),
            "key 2 of the set (kid \"a\"): another key has this `kid`",
        ),
        (
            format!(r#"{{"keys":[{}]}}"#, vec!["{}"; 17].join(",")),
            "there are 17 keys",
        ),
    ];
    for (text, expected) in cases {
        let said = refusal(&text);
        assert!(
            said.contains(expected),
            "{text}\nsaid {said}\nnot {expected}"
        );
    }
    assert_eq!(
        KeySet::parse(&" ".repeat(KEY_SET_BYTES + 1)).unwrap_err(),
        KeySetError::TooLarge
    );
}

#[test]
fn example_keys_are_known_by_their_names() {
    let set = |kid: &str| {
        KeySet::parse(&format!(
            r#"{{"keys":[{{"kty":"oct","kid":"{kid}","k":"{K}"}}]}}"#
        ))
        .unwrap()
    };
    assert!(set("example").is_example());
    assert!(set("example-auth-1").is_example());
    assert!(!set("live-1").is_example());
}

#[test]
fn a_secret_is_never_shown() {
    let set = KeySet::parse(&format!(
        r#"{{"keys":[{{"kty":"oct","kid":"a","k":"{K}"}}]}}"#
    ))
    .unwrap();
    insta::assert_snapshot!(
        format!("{set:?}"),
        @r#"KeySet { first: Key { kid: "a", alg: "HS256", .. }, rest: [] }"#
    );
}
