//! Tokens that attack, over the running edge: all of them fail closed.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use e2e::signer::{BY_RSA, RSA_N, RSA_PEM, Signer, rsa};
use e2e::token::{AUTH_SECRETS, claims, header, now_ms, sign, signed, token};
use e2e::{Options, System};
use serde_json::{Value, json};

fn chat() -> Value {
    json!({"kind":"chat","data":{"text":"hi"}})
}

/// An edge with a key of every kind.
fn start() -> System {
    let (kid, secret) = AUTH_SECRETS[0];
    let keys = json!({"keys": [
        {"kty":"oct","alg":"HS256","kid":kid,"k":BASE64.encode(secret)},
        Signer::es256("ec", 1).public(),
        Signer::eddsa("ed", 2).public(),
        rsa(),
    ]});
    let system = System::with(
        0,
        Options {
            variables: vec![("auth_keys", keys.to_string())],
            ..Options::default()
        },
    );
    system.room("e2e.attack");
    system
}

/// A token of which header and signature are ours to choose.
fn raw(header: &Value, signature: &[u8]) -> String {
    let claims = claims("eve", "publish service").to_string();
    format!(
        "{}.{}.{}",
        BASE64.encode(header.to_string()),
        BASE64.encode(claims),
        BASE64.encode(signature)
    )
}

/// A token signed by HMAC, whatever its header says.
fn by_mac(header: &Value, secret: &[u8]) -> String {
    sign(
        &header.to_string(),
        &claims("eve", "publish service").to_string(),
        secret,
    )
}

fn attacks() -> Vec<(String, String)> {
    let secret = AUTH_SECRETS[0].1;
    let kid = AUTH_SECRETS[0].0;
    let mut attacks: Vec<(String, String)> = Vec::new();
    let mut add = |what: String, token: String| attacks.push((what, token));
    for alg in ["none", "None", "NONE", "nOnE", ""] {
        for kid in [kid, "ec", "ed", "rsa"] {
            add(
                format!("alg {alg:?} for {kid}"),
                raw(&json!({"alg":alg,"kid":kid}), b""),
            );
        }
    }
    let n = BASE64.decode(RSA_N).expect("it is base64url");
    let public = rsa().to_string();
    for (what, known) in [
        ("PEM", RSA_PEM.as_bytes()),
        ("PEM without its end", RSA_PEM.trim_end().as_bytes()),
        ("modulus", &n),
        ("modulus as text", RSA_N.as_bytes()),
        ("JWK", public.as_bytes()),
        ("nothing", b""),
    ] {
        for kid in ["rsa", "ec", "ed"] {
            add(
                format!("HMAC by the {what} of {kid}"),
                by_mac(&json!({"alg":"HS256","kid":kid}), known),
            );
        }
        add(
            format!("RS256 by HMAC of the {what}"),
            by_mac(&json!({"alg":"RS256","kid":"rsa"}), known),
        );
    }
    for (alg, kid, length) in [
        ("ES256", "ec", 64),
        ("EdDSA", "ed", 64),
        ("RS256", "rsa", 256),
    ] {
        for byte in [0, 0xff] {
            add(
                format!("{alg} of {byte}s"),
                raw(&json!({"alg":alg,"kid":kid}), &vec![byte; length]),
            );
        }
        add(format!("{alg} of 1"), {
            let mut one = vec![0; length];
            one[length - 1] = 1;
            raw(&json!({"alg":alg,"kid":kid}), &one)
        });
        add(
            format!("{alg} without a signature"),
            raw(&json!({"alg":alg,"kid":kid}), b""),
        );
    }
    add(
        "another's ES256 key".to_owned(),
        Signer::es256("ec", 7).token("eve", "publish"),
    );
    add(
        "another's EdDSA key".to_owned(),
        Signer::eddsa("ed", 7).token("eve", "publish"),
    );
    add(
        "an ES256 key under an EdDSA name".to_owned(),
        Signer::es256("ed", 1).token("eve", "publish"),
    );
    add(
        "the curve P-384".to_owned(),
        raw(&json!({"alg":"ES384","kid":"ec"}), &[1; 96]),
    );
    add(
        "the curve secp256k1".to_owned(),
        raw(&json!({"alg":"ES256K","kid":"ec"}), &[1; 64]),
    );
    for member in [
        json!({"jwk":{"kty":"oct","kid":"mine","k":BASE64.encode([7; 32])}}),
        json!({"jku":"http://127.0.0.1:9/keys"}),
        json!({"x5u":"http://127.0.0.1:9/cert"}),
        json!({"x5c":["MIIB"]}),
        json!({"crit":["b64"],"b64":false}),
    ] {
        for kid in ["mine", "ec", "rsa"] {
            let mut header = json!({"alg":"HS256","kid":kid});
            let members = member.as_object().expect("an object").clone();
            header.as_object_mut().expect("an object").extend(members);
            add(format!("header {header}"), by_mac(&header, &[7; 32]));
        }
    }
    for kid in [
        "../../../dev/null",
        "/proc/self/environ",
        "' UNION SELECT 'AA",
        "e2e-1\u{0}",
        "e2e-1 ",
        "E2E-1",
        "*",
        "tg:jwks",
        "",
        &"k".repeat(4_000),
    ] {
        add(
            format!("kid {:?}", &kid[..kid.len().min(30)]),
            by_mac(&json!({"alg":"HS256","kid":kid}), secret),
        );
        add(
            format!("kid {:?} without a key", &kid[..kid.len().min(30)]),
            by_mac(&json!({"alg":"HS256","kid":kid}), b""),
        );
    }
    let good = claims("eve", "publish");
    let changed = |change: &dyn Fn(&mut Value)| {
        let mut claims = good.clone();
        change(&mut claims);
        signed(&claims)
    };
    add(
        "expired".to_owned(),
        changed(&|claims| claims["exp"] = json!(now_ms() / 1000 - 1)),
    );
    add(
        "of tomorrow".to_owned(),
        changed(&|claims| claims["nbf"] = json!(now_ms() / 1000 + 86_400)),
    );
    add(
        "another audience".to_owned(),
        changed(&|claims| claims["aud"] = json!("tidegate.evil")),
    );
    add(
        "another issuer".to_owned(),
        changed(&|claims| claims["iss"] = json!("https://issuer.example.evil")),
    );
    add(
        "oversized".to_owned(),
        changed(&|claims| claims["x"] = json!("x".repeat(9_000))),
    );
    add(
        "a guest's subject".to_owned(),
        changed(&|claims| claims["sub"] = json!("guest-0000000000000000")),
    );
    let twice = good.to_string().replacen('{', r#"{"sub":"root","#, 1);
    add(
        "a claim twice".to_owned(),
        sign(&header().to_string(), &twice, secret),
    );
    let twice = header().to_string().replacen('{', r#"{"alg":"none","#, 1);
    add(
        "a header member twice".to_owned(),
        sign(&twice, &good.to_string(), secret),
    );
    let (head, _) = BY_RSA.rsplit_once('.').expect("three parts");
    add("half an RS256 token".to_owned(), head.to_owned());
    add("a ticket".to_owned(), "t1.e2e-t.e30.AAAA".to_owned());
    attacks
}

#[test]
fn tokens_that_attack_fail_closed() {
    let mut system = start();
    for good in [
        token("alice", "publish"),
        Signer::es256("ec", 1).token("alice", "publish"),
        Signer::eddsa("ed", 2).token("alice", "publish"),
        BY_RSA.to_owned(),
    ] {
        system
            .edge
            .publish("e2e.attack", &good, "", &chat())
            .expect(202);
    }
    let attacks = attacks();
    for (what, token) in &attacks {
        // Also where a guest would be let in: a token that does not hold is never taken for none.
        for reply in [
            system.edge.publish("e2e.attack", token, "", &chat()),
            system.edge.join("e2e.attack", token),
            system
                .edge
                .call("GET", "/v1/rooms/e2e.attack", token, &Value::Null),
            system
                .edge
                .call("PUT", "/v1/rooms/!all/bans/alice", token, &json!({})),
        ] {
            let status = reply.status;
            assert!(
                status == 401 || (status == 431 && token.len() > 8_192),
                "{what}: {reply:?}"
            );
            let reply = reply.problem(status);
            assert!(
                !reply.text.contains(&token[token.len() / 2..]) || token.len() < 8,
                "{what}: {reply:?}"
            );
        }
    }
    let log = system.edge_process().log();
    for (what, token) in &attacks {
        assert!(
            token.len() < 40 || !log.contains(&token[..40]),
            "{what} is in the log"
        );
    }
    system.edge.join("e2e.attack", "").expect(200);
}
