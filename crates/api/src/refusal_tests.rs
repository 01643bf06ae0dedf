use super::*;

#[test]
fn every_refusal_is_told_in_one_form() {
    let lines: Vec<String> = every()
        .iter()
        .map(|refusal| {
            let answer = refusal.answer();
            let (media_type, body) = answer.body.unwrap();
            assert_eq!(media_type, "application/problem+json");
            let headers: Vec<String> = answer
                .headers
                .iter()
                .map(|(name, value)| format!("{name}: {value}"))
                .collect();
            format!("{} {}", body, headers.join("; "))
        })
        .collect();
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn what_is_for_the_log_is_not_told() {
    for refusal in [
        Refusal::NotConfigured("secret".into()),
        Refusal::Fault("secret".into()),
        Refusal::Away("secret".into()),
    ] {
        let (_, body) = refusal.answer().body.unwrap();
        assert!(!body.contains("secret"));
        assert_eq!(refusal.log_detail(), Some("secret"));
    }
}

#[test]
fn a_detail_is_bounded() {
    let (_, body) = Refusal::NotAllowed("x".repeat(10_000))
        .answer()
        .body
        .unwrap();
    assert!(body.len() < 700);
}

#[test]
fn every_503_and_429_says_when_to_come_back() {
    for refusal in every() {
        let answer = refusal.answer();
        let waits = matches!(answer.status, 429 | 503);
        assert_eq!(answer.header("retry-after").is_some(), waits, "{refusal:?}");
    }
}
