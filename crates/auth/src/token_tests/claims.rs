//! What a token may say.

use super::*;
use crate::coverage::Rooms;
use crate::scope::{Scope, Scopes};
use crate::token_hash::TokenHash;

#[test]
fn a_good_token_says_who_it_is() {
    let identity = judge(&token(HEADER, &claims().to_string())).unwrap();
    assert_eq!(
        identity,
        Identity {
            subject: "alice".parse().unwrap(),
            info: r#"{"name":"Alice"}"#.to_owned(),
            scopes: [Scope::Publish, Scope::Moderate].into_iter().collect(),
            rooms: Rooms::from_patterns(Some(&["demo.*"])).unwrap(),
            follows: Rooms::none(),
            token: Some(TokenHash::of("abc")),
            expires_ms: NOW_MS + 600_000,
        }
    );
}

#[test]
fn the_least_token_has_no_scopes_and_every_room() {
    let payload =
        json!({"iss": OURS.issuer, "aud": ["other", "tidegate"], "sub": "a", "exp": NOW_S + 1});
    let identity = judge(&token(
        r#"{"alg":"HS256","kid":"k1"}"#,
        &payload.to_string(),
    ))
    .unwrap();
    assert_eq!(identity.scopes, Scopes::default());
    assert_eq!(identity.rooms, Rooms::Every);
    assert_eq!(identity.follows, Rooms::none());
    assert_eq!((identity.info.as_str(), identity.token), ("", None));
}

#[test]
fn a_token_says_which_rooms_its_holder_follows() {
    let mut followed = claims();
    followed["follows"] = json!(["demo.lobby", "fans.*"]);
    let identity = judge(&token(HEADER, &followed.to_string())).unwrap();
    let patterns = Rooms::from_patterns(Some(&["demo.lobby", "fans.*"])).unwrap();
    assert_eq!(identity.follows, patterns);
    for bad in [json!("demo.*"), json!([7]), json!(["a b"]), json!(null)] {
        followed["follows"] = bad;
        let refusal = judge(&token(HEADER, &followed.to_string())).unwrap_err();
        assert!(
            matches!(&refusal, TokenRefusal::BadClaims(why) if why.contains("`follows`")),
            "{refusal:?}"
        );
    }
}

#[test]
fn what_is_signed_here_is_verified_here() {
    let claims = Claims {
        iss: OURS.issuer.to_owned(),
        aud: OURS.audience.to_owned(),
        sub: "alice".to_owned(),
        iat: NOW_S,
        exp: NOW_S + 60,
        nbf: None,
        jti: Some("one".to_owned()),
        scope: "publish".to_owned(),
        rooms: Some(vec!["demo.*".to_owned()]),
        follows: None,
        info: Some(json!({"level": 3})),
    };
    let token = sign(&keys(), &claims).unwrap();
    insta::assert_snapshot!(token, @"eyJhbGciOiJIUzI1NiIsImtpZCI6ImsxIiwidHlwIjoiSldUIn0.eyJpc3MiOiJodHRwczovL2lkLmV4YW1wbGUiLCJhdWQiOiJ0aWRlZ2F0ZSIsInN1YiI6ImFsaWNlIiwiaWF0IjoxNzMyNDAwMDAwLCJleHAiOjE3MzI0MDAwNjAsImp0aSI6Im9uZSIsInNjb3BlIjoicHVibGlzaCIsInJvb21zIjpbImRlbW8uKiJdLCJpbmZvIjp7ImxldmVsIjozfX0.3GZyIiUKv4_rR259iCWG-EblN9V7BqyvjuuGSPdAtXc");
    assert_eq!(judge(&token).unwrap().subject.as_str(), "alice");
}

#[test]
fn claims_that_are_not_taken_are_refused() {
    let bad = |why: &str| TokenRefusal::BadClaims(why.to_owned());
    let date = |name: &str| bad(&format!("`{name}` must be a number of seconds since 1970"));
    let audience = bad("`aud` must be a string or a list of strings");
    let rooms = bad("`rooms` must be a list of strings");
    let twice = claims().to_string().replacen('{', r#"{"sub":"root","#, 1);

    let cases: Vec<(&str, String, TokenRefusal)> = vec![
        ("no object", "[]".into(), bad("not a JSON object")),
        ("not JSON", "sub=alice".into(), bad("not JSON, at column 1")),
        ("a claim twice", twice, bad("a member stands there twice")),
        ("no issuer", without("iss"), TokenRefusal::WrongIssuer),
        (
            "another issuer",
            with("iss", json!("https://id.example/")),
            TokenRefusal::WrongIssuer,
        ),
        (
            "issuer no text",
            with("iss", json!(["https://id.example"])),
            bad("`iss` must be a string"),
        ),
        ("no audience", without("aud"), TokenRefusal::WrongAudience),
        (
            "another audience",
            with("aud", json!("tidegate2")),
            TokenRefusal::WrongAudience,
        ),
        (
            "other audiences",
            with("aud", json!(["a", "b"])),
            TokenRefusal::WrongAudience,
        ),
        (
            "an empty list",
            with("aud", json!([])),
            TokenRefusal::WrongAudience,
        ),
        ("audience no text", with("aud", json!(7)), audience.clone()),
        (
            "audience with no text",
            with("aud", json!(["tidegate", 7])),
            audience,
        ),
        ("no expiry", without("exp"), bad("`exp` is missing")),
        ("expired", with("exp", json!(NOW_S)), TokenRefusal::Expired),
        (
            "expired long ago",
            with("exp", json!(0)),
            TokenRefusal::Expired,
        ),
        (
            "expiry as text",
            with("exp", json!("9999999999")),
            date("exp"),
        ),
        ("expiry below 0", with("exp", json!(-1)), date("exp")),
        (
            "expiry after all time",
            with("exp", json!(1e300)),
            date("exp"),
        ),
        ("expiry null", with("exp", Value::Null), date("exp")),
        (
            "not yet good",
            with("nbf", json!(NOW_S + 31)),
            TokenRefusal::NotYetValid,
        ),
        (
            "signed tomorrow",
            with("iat", json!(NOW_S + 86_400)),
            TokenRefusal::NotYetValid,
        ),
        ("nbf as text", with("nbf", json!("0")), date("nbf")),
        ("no subject", without("sub"), bad("`sub` is missing")),
        (
            "subject empty",
            with("sub", json!("")),
            bad("`sub` must be 1 to 63 of A-Z a-z 0-9 . _ -"),
        ),
        (
            "subject too long",
            with("sub", json!("a".repeat(64))),
            bad("`sub` must be 1 to 63 of A-Z a-z 0-9 . _ -"),
        ),
        (
            "subject with a bar",
            with("sub", json!("auth0|7")),
            bad("`sub` must be 1 to 63 of A-Z a-z 0-9 . _ -"),
        ),
        (
            "subject reserved",
            with("sub", json!("~alice")),
            bad("`sub` must be 1 to 63 of A-Z a-z 0-9 . _ -"),
        ),
        (
            "subject with a line",
            with("sub", json!("a\n")),
            bad("`sub` must be 1 to 63 of A-Z a-z 0-9 . _ -"),
        ),
        (
            "subject of a guest",
            with("sub", json!("guest-1")),
            bad("`sub` must not begin with \"guest-\", which is for callers without a token"),
        ),
        (
            "subject no text",
            with("sub", json!(7)),
            bad("`sub` must be a string"),
        ),
        (
            "scope as a list",
            with("scope", json!(["service"])),
            bad("`scope` must be a string"),
        ),
        ("rooms no list", with("rooms", json!("*")), rooms.clone()),
        (
            "rooms with no text",
            with("rooms", json!([1])),
            rooms.clone(),
        ),
        ("rooms null", with("rooms", Value::Null), rooms),
        (
            "a bad pattern",
            with("rooms", json!(["a*b"])),
            bad("`rooms`: a room pattern is a room id, or the beginning of one followed by `*`"),
        ),
        (
            "too many rooms",
            with("rooms", json!(vec!["a"; 65])),
            bad("`rooms`: a token names 64 rooms at most; use prefixes that end in `*`"),
        ),
        (
            "info too large",
            with("info", json!("x".repeat(511))),
            bad("`info` has 513 bytes; 512 at most"),
        ),
        (
            "jti empty",
            with("jti", json!("")),
            bad("`jti` must be 1 to 128 bytes"),
        ),
        (
            "jti too long",
            with("jti", json!("x".repeat(129))),
            bad("`jti` must be 1 to 128 bytes"),
        ),
        (
            "jti no text",
            with("jti", json!(1)),
            bad("`jti` must be a string"),
        ),
    ];
    for (case, payload, refusal) in cases {
        assert_eq!(judge(&token(HEADER, &payload)), Err(refusal), "{case}");
    }
}

#[test]
fn bounds_are_where_they_are_said_to_be() {
    for payload in [
        with("sub", json!("a".repeat(63))),
        with("info", json!("x".repeat(510))),
        with("info", Value::Null),
        with("jti", json!("x".repeat(128))),
        with("nbf", json!(NOW_S + 30)),
        with("iat", json!(NOW_S + 30)),
        with("exp", json!(NOW_S as f64 + 0.001)),
        with("rooms", json!([])),
    ] {
        assert!(judge(&token(HEADER, &payload)).is_ok(), "{payload}");
    }
    for header in [
        r#"{"alg":"HS256","kid":"k1","typ":"at+jwt"}"#,
        r#"{"alg":"HS256","kid":"k1","typ":"application/at+JWT"}"#,
        r#"{"alg":"HS256","kid":"k1","cty":"x"}"#,
    ] {
        assert!(
            judge(&token(header, &claims().to_string())).is_ok(),
            "{header}"
        );
    }
}
