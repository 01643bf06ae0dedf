use proptest::prelude::*;

use super::*;

const NOW_MS: u64 = 1_732_400_000_000;

fn keys() -> TicketKeys {
    TicketKeys::parse(
        r#"{"keys":[
            {"kty":"oct","kid":"t-2","k":"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY"},
            {"kty":"oct","kid":"t-1","k":"ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA"}
        ]}"#,
    )
    .unwrap()
}

fn lobby() -> RoomId {
    "demo.lobby".parse().unwrap()
}

fn grant() -> Grant {
    Grant {
        room: lobby(),
        subject: "alice".parse().unwrap(),
        token: Some(TokenHash::of("abc")),
        moderator: true,
        expires_ms: NOW_MS + 1,
    }
}

/// A ticket over any payload, signed with the first key.
fn ticket(payload: &str) -> String {
    let keys = keys();
    let signed = format!("t1.t-2.{}", URL_SAFE_NO_PAD.encode(payload));
    format!(
        "{signed}.{}",
        URL_SAFE_NO_PAD.encode(keys.0.first().sign(signed.as_bytes()).unwrap())
    )
}

fn judge(ticket: &str) -> Result<Grant, TicketRefusal> {
    keys().verify(ticket, &lobby(), NOW_MS)
}

#[test]
fn a_ticket_is_as_the_protocol_writes_it() {
    let full = keys().sign(&grant());
    insta::assert_snapshot!(full, @"t1.t-2.eyJyIjoiZGVtby5sb2JieSIsInMiOiJhbGljZSIsImoiOiJiYTc4MTZiZjhmMDFjZmVhNDE0MTQwZGU1ZGFlMjIyMyIsIm0iOnRydWUsImUiOjE3MzI0MDAwMDAwMDF9.dU_faOpn7foyJWt7-3r2q9WhEJnZw65BYM0BvDDKGiE");
    let payload = full.split('.').nth(2).unwrap();
    insta::assert_snapshot!(String::from_utf8(URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap(), @r#"{"r":"demo.lobby","s":"alice","j":"ba7816bf8f01cfea414140de5dae2223","m":true,"e":1732400000001}"#);
    assert_eq!(judge(&full), Ok(grant()));

    let least = Grant {
        token: None,
        moderator: false,
        ..grant()
    };
    let text = keys().sign(&least);
    let payload = text.split('.').nth(2).unwrap();
    insta::assert_snapshot!(String::from_utf8(URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap(), @r#"{"r":"demo.lobby","s":"alice","e":1732400000001}"#);
    assert_eq!(judge(&text), Ok(least));
}

#[test]
fn the_longest_ticket_fits() {
    let set = |kid: &str| {
        TicketKeys::parse(&format!(
            r#"{{"keys":[{{"kty":"oct","kid":"{kid}","k":"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY"}}]}}"#
        ))
    };
    let keys = set(&"k".repeat(TICKET_KID_BYTES)).unwrap();
    let room: RoomId = "r".repeat(64).parse().unwrap();
    let longest = Grant {
        room: room.clone(),
        subject: "s".repeat(63).parse().unwrap(),
        expires_ms: u64::MAX,
        ..grant()
    };
    let ticket = keys.sign(&longest);
    assert!(ticket.len() <= TICKET_BYTES / 2 + 16, "{}", ticket.len());
    assert_eq!(keys.verify(&ticket, &room, NOW_MS), Ok(longest));
    for kid in ["k".repeat(33), "a.b".to_owned(), "a/b".to_owned()] {
        assert!(
            set(&kid)
                .unwrap_err()
                .to_string()
                .contains("of a ticket key is 1 to 32"),
            "{kid}"
        );
    }
}

#[test]
fn every_refusal_has_its_name() {
    let good = keys().sign(&grant());
    let (signed, mac) = good.rsplit_once('.').unwrap();
    let payload = good.split('.').nth(2).unwrap();
    let json = |members: &str| ticket(&format!("{{{members}}}"));
    let cases: Vec<(&str, String, TicketRefusal)> = vec![
        ("nothing", String::new(), TicketRefusal::Malformed),
        ("dots", "...".into(), TicketRefusal::Malformed),
        (
            "another version",
            good.replacen("t1", "t2", 1),
            TicketRefusal::Malformed,
        ),
        (
            "a part too many",
            format!("{good}.{mac}"),
            TicketRefusal::Malformed,
        ),
        (
            "a part too few",
            format!("t1.t-2.{mac}"),
            TicketRefusal::Malformed,
        ),
        (
            "a token",
            "eyJhbGciOiJIUzI1NiJ9.e30.abc".into(),
            TicketRefusal::Malformed,
        ),
        (
            "too long",
            format!("t1.t-2.{}.{mac}", "A".repeat(TICKET_BYTES)),
            TicketRefusal::Malformed,
        ),
        (
            "unknown key",
            good.replacen("t-2", "t-3", 1),
            TicketRefusal::UnknownKid,
        ),
        (
            "another key's name",
            good.replacen("t-2", "t-1", 1),
            TicketRefusal::BadMac,
        ),
        ("no MAC", format!("{signed}."), TicketRefusal::BadMac),
        (
            "half a MAC",
            format!("{signed}.{}", &mac[..40]),
            TicketRefusal::BadMac,
        ),
        (
            "a MAC that is no base64",
            format!("{signed}.{}=", &mac[..42]),
            TicketRefusal::Malformed,
        ),
        (
            "a foreign MAC",
            format!("{signed}.{}", "A".repeat(43)),
            TicketRefusal::BadMac,
        ),
        (
            "another payload",
            format!("t1.t-2.{}.{mac}", payload.replacen('e', "f", 1)),
            TicketRefusal::BadMac,
        ),
        (
            "payload not JSON",
            ticket("r=demo.lobby"),
            TicketRefusal::Malformed,
        ),
        (
            "no room",
            json(r#""s":"alice","e":1732400000001"#),
            TicketRefusal::Malformed,
        ),
        (
            "no expiry",
            json(r#""r":"demo.lobby","s":"alice""#),
            TicketRefusal::Malformed,
        ),
        (
            "a subject twice",
            json(r#""r":"demo.lobby","s":"alice","s":"bob","e":1732400000001"#),
            TicketRefusal::Malformed,
        ),
        (
            "a bad subject",
            json(r#""r":"demo.lobby","s":"a b","e":1732400000001"#),
            TicketRefusal::Malformed,
        ),
        (
            "a bad hash",
            json(r#""r":"demo.lobby","s":"alice","j":"abc","e":1732400000001"#),
            TicketRefusal::Malformed,
        ),
        (
            "a negative expiry",
            json(r#""r":"demo.lobby","s":"alice","e":-1"#),
            TicketRefusal::Malformed,
        ),
        (
            "lapsed",
            json(r#""r":"demo.lobby","s":"alice","e":1732400000000"#),
            TicketRefusal::Expired,
        ),
        (
            "another room",
            json(r#""r":"demo.lobby2","s":"alice","e":1732400000001"#),
            TicketRefusal::WrongRoom,
        ),
    ];
    for (case, ticket, refusal) in cases {
        assert_eq!(judge(&ticket), Err(refusal), "{case}");
    }
    assert!(
        judge(&json(
            r#""r":"demo.lobby","s":"alice","e":1732400000001,"new":{"x":[1]}"#
        ))
        .is_ok()
    );
}

#[test]
fn a_ticket_lapses_in_an_hour_and_never_after_the_token() {
    assert_eq!(lapses_ms(NOW_MS, None), NOW_MS + 3_600_000);
    assert_eq!(lapses_ms(NOW_MS, Some(NOW_MS + 5)), NOW_MS + 5);
    assert_eq!(
        lapses_ms(NOW_MS, Some(NOW_MS + 7_200_000)),
        NOW_MS + 3_600_000
    );
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,100}") {
        prop_assert!(judge(&text).is_err());
        prop_assert!(judge(&ticket(&text)).is_err());
        let parts = format!("t1.t-2.{}.{}", text, text);
        prop_assert!(judge(&parts).is_err());
    }

    #[test]
    fn no_changed_byte_passes(at in any::<prop::sample::Index>(), to in "[A-Za-z0-9_.-]") {
        let mut ticket = keys().sign(&grant());
        let at = at.index(ticket.len());
        prop_assume!(ticket[at..=at] != to);
        ticket.replace_range(at..=at, &to);
        prop_assert!(judge(&ticket).is_err());
    }

    #[test]
    fn what_is_signed_is_read_back(room in "[A-Za-z0-9._-]{1,64}", subject in "[A-Za-z0-9._-]{1,63}", moderator: bool, jti in prop::option::of("\\PC{1,20}"), life_ms in 1_u64..4_000_000) {
        let room: RoomId = room.parse().unwrap();
        let grant = Grant {
            room: room.clone(),
            subject: subject.parse().unwrap(),
            token: jti.as_deref().map(TokenHash::of),
            moderator,
            expires_ms: NOW_MS + life_ms,
        };
        prop_assert_eq!(keys().verify(&keys().sign(&grant), &room, NOW_MS), Ok(grant));
    }
}
